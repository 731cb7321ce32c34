"""Takes an alert in: who sent it, whether it came before, whether it may trade; then one transaction (R21–R24)."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.alerts import (
    Alert,
    CancelAlert,
    OrderAlert,
    Sender,
    allowed_symbol,
    check_age,
    check_allowed,
    check_limits,
    known_symbol,
)
from chalicelib.domain.clock import Budget, after
from chalicelib.domain.correlation import correlate
from chalicelib.domain.errors import (
    DatabaseUnavailableError,
    InvalidError,
    NotAuthenticatedError,
    RefusedError,
    StaleRowError,
)
from chalicelib.domain.events import AlertKey, EventLog, new_event
from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.policy import ALERT_ID_MEMORY
from chalicelib.domain.ports import Change, Check, Exchange, Insert
from chalicelib.usecases.alert_orders import Draft, draft_orders, share_list
from chalicelib.usecases.cancel_alerts import carry_out_targets, find_targets
from chalicelib.usecases.metering import tally_orders
from chalicelib.usecases.placing import send
from chalicelib.usecases.recording import order_keys, refresh_event
from chalicelib.usecases.services import Services, Setup, load_setup, readable_orders

logger = logging.getLogger(__name__)

_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class AlertAnswer:
    """An accepted alert. `deferred`: its orders are placed after the answer."""

    event: EventLog
    duplicate: bool

    @property
    def deferred(self) -> bool:
        return self.event.order_type not in (OrderType.MARKET.value, "CANCEL", "CANCEL_ALL")


async def execute_alert(services: Services, sender: Sender, alert: Alert | RefusedError, budget: Budget) -> AlertAnswer:
    """Accept the alert, or raise RefusedError with nothing stored.

    `alert` may be the error that reading its fields gave: it counts only after authentication, the check for
    a duplicate and the switch. What memory refuses is judged again by the rows (R23).
    """
    budget = budget.within(services.policy.inline_work)
    fresh = False
    for _ in range(_ROUNDS):
        setup = await load_setup(services, sender.strategy_id, fresh=fresh)
        try:
            known = _authenticated(setup, sender)
            plan = _judge(services, known, alert)
        except RefusedError as refusal:
            if not fresh:
                fresh = True
                continue
            if isinstance(refusal, NotAuthenticatedError):
                raise
            return await _first_of(services, sender, alert, refusal, budget)
        answer = await _accept(services, known, sender, plan, budget)
        if answer is not None:
            return answer
        fresh = True
    raise DatabaseUnavailableError("the strategy changes faster than the alert can be stored")


def _authenticated(setup: Setup | None, sender: Sender) -> Setup:
    """A wrong strategy and a wrong token look alike, and take alike."""
    if setup is None or not setup.strategy.knows_token(sender.token):
        raise NotAuthenticatedError("unknown strategy or wrong token")
    return setup


def _judge(services: Services, setup: Setup, alert: Alert | RefusedError) -> Alert:
    """The alert with its unified symbol, if it may be carried out now. Raises RefusedError."""
    wants_order = not isinstance(alert, CancelAlert)
    if wants_order:
        check_allowed(setup.strategy)
    if isinstance(alert, RefusedError):
        raise alert
    check_age(alert, services.clock.now(), services.policy.max_alert_age)
    if isinstance(alert, CancelAlert):
        # A symbol that the strategy trades no more may still have live orders.
        return replace(alert, symbol=known_symbol(alert.symbol, setup.strategy)) if alert.symbol else alert
    if isinstance(alert, OrderAlert):
        alert = replace(alert, symbol=allowed_symbol(alert.symbol, setup.strategy))
        shares = [share for share, _ in share_list(setup)]
        if not shares:
            raise InvalidError("the strategy has no enabled account", code="NO_ACCOUNTS")
        check_limits(alert, shares, setup.strategy.max_order_notional)
    return alert


async def _accept(services: Services, setup: Setup, sender: Sender, alert: Alert, budget: Budget) -> AlertAnswer | None:
    """The one transaction, and what follows it. None if the strategy had changed meanwhile."""
    now = services.clock.now()
    event_id = services.ids.event_id(now)
    correlate(event_id)
    drafts: Sequence[Draft] = []
    targets: Sequence[str] = []
    if isinstance(alert, OrderAlert):
        drafts = await draft_orders(services, setup, alert, event_id, now)
        kind, order_ids = alert.order_type.value, [draft.order.order_id for draft in drafts]
    else:
        targets = await find_targets(services, sender.strategy_id, alert)
        kind, order_ids = alert.kind, list(targets)
    orders = [draft.order for draft in drafts]
    event = new_event(sender.strategy_id, event_id, kind, alert.symbol, order_ids, now)
    event = event.with_orders(orders, now, services.policy.reconcile_interval)
    key = _alert_key(services, sender, alert, event_id, now)
    changes: list[Change] = [Check(setup.strategy), *([Insert(key, or_expired_at=now)] if key else []), Insert(event)]
    try:
        await services.store.commit(*changes, *(Insert(order) for order in orders))
    except StaleRowError as stale:
        correlate(None)  # that event was not stored
        if 0 in stale.failed:
            return None
        return await _duplicate_of(services, sender, key, budget)
    tally_orders(services, orders)  # those that were refused before they could be sent
    logger.info(
        "alert accepted",
        extra={"event_id": event_id, "strategy_id": sender.strategy_id, "order_type": kind, "orders": len(order_ids)},
    )
    if isinstance(alert, CancelAlert):
        return AlertAnswer(await carry_out_targets(services, event, budget), duplicate=False)
    return AlertAnswer(await _send_all(services, event, drafts, budget), duplicate=False)


async def _send_all(services: Services, event: EventLog, drafts: Sequence[Draft], budget: Budget) -> EventLog:
    """Place MARKET orders at once, each on its own; the others are left to the stream."""
    if all(draft.session is None for draft in drafts):
        return event
    orders = await asyncio.gather(*(_send_isolated(services, draft.order, draft.session, budget) for draft in drafts))
    try:
        written = await refresh_event(services, event.strategy_id, event.event_id, known=(event, orders))
    except DatabaseUnavailableError:
        logger.exception("log row left to reconcile", extra={"event_id": event.event_id})
        written = None
    return written or event.with_orders(orders, services.clock.now(), services.policy.reconcile_interval)


async def _send_isolated(services: Services, order: Order, session: Exchange | None, budget: Budget) -> Order:
    """One account's failure never touches another's order; the row says how far it got."""
    if session is None:
        return order
    try:
        return await send(services, order, session, "alert", budget)
    except Exception as error:
        logger.exception("order left to reconcile", extra={**order_keys(order), "error": type(error).__name__})
        return order


def _alert_key(services: Services, sender: Sender, alert: Alert, event_id: str, now: datetime) -> AlertKey | None:
    """CANCEL and CANCEL_ALL are deduplicated by alert_id only: twice in a minute is twice meant (R22)."""
    if isinstance(alert, CancelAlert) and sender.alert_id is None:
        return None
    memory = services.policy.alert_dedupe_seconds if sender.alert_id is None else ALERT_ID_MEMORY
    return AlertKey(
        dedupe_key=_dedupe_key(sender),
        strategy_id=sender.strategy_id,
        event_id=event_id,
        body_hash=sender.body_hash,
        expires_at=after(now, memory),
        created_at=now,
    )


def _dedupe_key(sender: Sender) -> str:
    if sender.alert_id is not None:
        return f"{sender.strategy_id}#id#{sender.alert_id}"
    return f"{sender.strategy_id}#body#{sender.body_hash}"


async def _duplicate_of(services: Services, sender: Sender, key: AlertKey | None, budget: Budget) -> AlertAnswer | None:
    """The first one's answer with its rows as they are now. Raises InvalidError `ALERT_ID_REUSED`.

    None if there is no first one after all: the caller starts again.
    """
    known = await services.store.get(AlertKey, key.dedupe_key if key else _dedupe_key(sender))
    if known is None or known.expires_at <= services.clock.now():
        return None
    if known.body_hash != sender.body_hash:
        message = f"alert_id {sender.alert_id!r} was used by another alert (event {known.event_id}) in the last 7 days"
        raise InvalidError(message, [{"field": "alert_id", "message": message}], code="ALERT_ID_REUSED")
    event = await services.store.get(EventLog, sender.strategy_id, known.event_id)
    if event is None:
        return None
    correlate(event.event_id)
    logger.info("duplicate alert", extra={"event_id": event.event_id, "strategy_id": event.strategy_id})
    if event.is_cancel:
        return AlertAnswer(await carry_out_targets(services, event, budget), duplicate=True)
    orders = await readable_orders(services, event.order_ids)
    return AlertAnswer(
        event.with_orders(orders, services.clock.now(), services.policy.reconcile_interval), duplicate=True
    )


async def _first_of(
    services: Services, sender: Sender, alert: Alert | RefusedError, refusal: RefusedError, budget: Budget
) -> AlertAnswer:
    """A resend of an accepted alert is a duplicate even where it would be refused by now; else the refusal."""
    by_body = not isinstance(alert, CancelAlert)
    if sender.alert_id is not None or by_body:
        first = await _duplicate_of(services, sender, None, budget)
        if first is not None:
            return first
    raise refusal
