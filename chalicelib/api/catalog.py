"""Strategies, accounts and the global switch over HTTP.

These are rare calls: what only they need is imported when they come, not at every cold start.
"""

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib import runtime
from chalicelib.api.http import answer, read_object, route, validate
from chalicelib.api.presenters import show_account, show_account_test, show_strategy
from chalicelib.domain.clock import utc_text
from chalicelib.domain.errors import InvalidError, NotFoundError
from chalicelib.domain.strategies import Account, AccountShare, Strategy

catalog_routes = Blueprint(__name__)


@route(catalog_routes, "/api/v1/strategies", "GET")
def list_strategies() -> Response:
    """All of them; there are few."""
    rows = runtime.run(runtime.services().store.strategies())
    return answer({"items": [show_strategy(row) for row in rows]})


@route(catalog_routes, "/api/v1/strategies/{strategy_id}", "GET")
def get_strategy(strategy_id: str) -> Response:
    """One strategy."""
    row = runtime.run(runtime.services().store.get(Strategy, strategy_id))
    if row is None:
        raise NotFoundError("strategy", strategy_id)
    return answer(show_strategy(row))


@route(catalog_routes, "/api/v1/strategies/{strategy_id}", "PUT")
def put_strategy(strategy_id: str) -> Response:
    """201 created, 200 replaced; a new webhook token is shown here and never again."""
    from chalicelib.api.models import StrategyBody
    from chalicelib.usecases import catalog

    body = read_object(catalog_routes.current_request.raw_body)
    _check_same(body, "strategy_id", strategy_id)
    given = validate(StrategyBody, body)
    wanted = catalog.StrategyInput(
        name=given.name,
        enabled=given.enabled,
        symbols=list(dict.fromkeys(given.symbols)),
        accounts=[AccountShare(share.account_id, share.weight) for share in given.accounts],
        max_order_notional=given.limits.max_order_notional,
        token=given.token,
    )
    row, created, token = runtime.run(catalog.put_strategy(runtime.services(), strategy_id, wanted))
    return answer({**show_strategy(row), **({"token": token} if token else {})}, 201 if created else 200)


@route(catalog_routes, "/api/v1/strategies/{strategy_id}", "DELETE")
def delete_strategy(strategy_id: str) -> Response:
    """409 while it has live orders."""
    from chalicelib.usecases import catalog

    runtime.run(catalog.delete_strategy(runtime.services(), strategy_id))
    return answer(None, 204)


@route(catalog_routes, "/api/v1/accounts", "GET")
def list_accounts() -> Response:
    """All of them; there are few."""
    rows = runtime.run(runtime.services().store.accounts())
    return answer({"items": [show_account(row) for row in rows]})


@route(catalog_routes, "/api/v1/accounts/{account_id}", "GET")
def get_account(account_id: str) -> Response:
    """One account, never its credentials."""
    row = runtime.run(runtime.services().store.get(Account, account_id))
    if row is None:
        raise NotFoundError("account", account_id)
    return answer(show_account(row))


@route(catalog_routes, "/api/v1/accounts/{account_id}", "PUT")
def put_account(account_id: str) -> Response:
    """201 created, 200 replaced; credentials go to the secret store."""
    from chalicelib.api.models import AccountBody
    from chalicelib.usecases import catalog

    body = read_object(catalog_routes.current_request.raw_body)
    _check_same(body, "account_id", account_id)
    given = validate(AccountBody, body)
    wanted = catalog.AccountInput(
        exchange=given.exchange,
        market=given.market,
        testnet=given.testnet,
        enabled=given.enabled,
        options=given.options,
        credentials=given.credentials.model_dump() if given.credentials else None,
    )
    row, created = runtime.run(catalog.put_account(runtime.services(), account_id, wanted))
    return answer(show_account(row), 201 if created else 200)


@route(catalog_routes, "/api/v1/accounts/{account_id}", "DELETE")
def delete_account(account_id: str) -> Response:
    """409 while it has live orders."""
    from chalicelib.usecases import catalog

    runtime.run(catalog.delete_account(runtime.services(), account_id))
    return answer(None, 204)


@route(catalog_routes, "/api/v1/accounts/{account_id}/test", "POST")
def test_account(account_id: str) -> Response:
    """Asks the exchange for the account's balance with its stored credentials; 200 also where that fails."""
    from chalicelib.usecases import account_test

    budget = runtime.budget(catalog_routes.current_request.lambda_context, account_test.LONGEST)
    result = runtime.run(account_test.try_account(runtime.services(), account_id, budget))
    return answer(show_account_test(account_id, result))


@route(catalog_routes, "/api/v1/controls", "GET")
def get_controls() -> Response:
    """The global switch."""
    from chalicelib.usecases import catalog

    switch = runtime.run(catalog.current_switch(runtime.services()))
    return answer({"trading_enabled": switch.trading_enabled, "updated_at": utc_text(switch.updated_at)})


@route(catalog_routes, "/api/v1/controls", "PUT")
def put_controls() -> Response:
    """Off: no new orders; cancels and reconcile go on. In force everywhere when this answers."""
    from chalicelib.api.models import ControlsBody
    from chalicelib.usecases import catalog

    given = validate(ControlsBody, read_object(catalog_routes.current_request.raw_body))
    switch = runtime.run(catalog.set_switch(runtime.services(), given.trading_enabled))
    return answer({"trading_enabled": switch.trading_enabled, "updated_at": utc_text(switch.updated_at)})


def _check_same(body: Mapping[str, Any], name: str, in_path: str) -> None:
    if body.get(name, in_path) != in_path:
        message = f"must be {in_path!r}, as in the path"
        raise InvalidError(f"{name} {message}", [{"field": name, "message": message}])
