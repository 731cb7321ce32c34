"""POST /api/v1/webhook: what TradingView calls."""

import hashlib
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib import runtime
from chalicelib.api.http import answer, read_object, route, validate
from chalicelib.api.presenters import show_answer
from chalicelib.domain.alerts import Alert, Sender
from chalicelib.domain.clock import Budget
from chalicelib.domain.errors import NotAuthenticatedError, RefusedError
from chalicelib.domain.metrics import Metric
from chalicelib.usecases.alerts import AlertAnswer, execute_alert
from chalicelib.usecases.services import Services

webhook = Blueprint(__name__)


@route(webhook, "/api/v1/webhook", "POST", public=True)
def receive_alert() -> Response:
    """Take an alert: 200 when it is carried out, 202 when its orders are placed after the answer."""
    request = webhook.current_request
    body = read_object(request.raw_body)
    services = runtime.services()
    budget = runtime.budget(request.lambda_context, services.policy.inline_work)
    accepted = runtime.run(_take(services, body, request.raw_body, budget))
    return answer(show_answer(accepted), 202 if accepted.deferred else 200)


async def _take(services: Services, body: dict[str, Any], raw: bytes | str, budget: Budget) -> AlertAnswer:
    """The alert, counted by what became of it."""
    result = "failed"
    try:
        accepted = await execute_alert(services, _sender(body, raw), _alert(body), budget)
        result = "duplicate" if accepted.duplicate else "accepted"
        return accepted
    except RefusedError:
        result = "refused"
        raise
    finally:
        services.meter.tally(Metric.ALERTS, result=result)


def _sender(body: dict[str, Any], raw: bytes | str) -> Sender:
    strategy, token = body.get("strategy"), body.get("token")
    if not isinstance(strategy, str) or not isinstance(token, str) or not strategy or len(strategy) > 64:
        raise NotAuthenticatedError("an alert needs strategy and token, both text")
    alert_id = body.get("alert_id")
    data = raw.encode() if isinstance(raw, str) else raw
    return Sender(
        strategy_id=strategy,
        token=token,
        alert_id=alert_id if isinstance(alert_id, str) and 0 < len(alert_id) <= 128 else None,
        body_hash=hashlib.sha256(data).hexdigest(),
    )


def _alert(body: dict[str, Any]) -> Alert | RefusedError:
    """Fields are judged last: who sent the alert, and whether it came before, is asked first."""
    from chalicelib.api.models import AlertBody

    try:
        return validate(AlertBody, body).to_alert()
    except RefusedError as error:
        return error
