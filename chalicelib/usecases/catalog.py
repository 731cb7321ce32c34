"""Strategies, accounts and the switch: each change reaches every alert, whatever a warm process remembers (R23–R25)."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from chalicelib.domain.clock import first_version
from chalicelib.domain.errors import ConflictError, DatabaseUnavailableError, InvalidError, NotFoundError, StaleRowError
from chalicelib.domain.ports import Change, Check, Delete, Insert, Update
from chalicelib.domain.strategies import Account, AccountShare, Strategy, Switch, token_hash
from chalicelib.usecases.cancel_alerts import live_orders
from chalicelib.usecases.services import Services, read_orders
from chalicelib.usecases.together import all_together

_CONFLICTS = 20
_TOUCHED_AT_ONCE = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyInput:
    """What PUT gives of a strategy; `token` None keeps the present one, or makes one on creation."""

    name: str
    enabled: bool
    symbols: Sequence[str]
    accounts: Sequence[AccountShare]
    max_order_notional: Decimal | None
    token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInput:
    """What PUT gives of an account; credentials None keeps the present ones."""

    exchange: str
    market: str
    testnet: bool
    enabled: bool
    options: Mapping[str, Any]
    credentials: Mapping[str, str] | None = field(repr=False)


async def put_strategy(services: Services, strategy_id: str, given: StrategyInput) -> tuple[Strategy, bool, str | None]:
    """Create or replace. Returns the strategy, whether it is new, and its token where that is new.

    Raises InvalidError where an account does not exist.
    """
    await _check_accounts(services, given.accounts)
    token = given.token
    for _ in range(_CONFLICTS):
        now = services.clock.now()
        switch = await current_switch(services)
        old = await services.store.get(Strategy, strategy_id)
        if old is None and token is None:
            token = secrets.token_urlsafe(24)
        values: dict[str, Any] = {
            "name": given.name,
            "enabled": given.enabled,
            "symbols": tuple(given.symbols),
            "accounts": tuple(given.accounts),
            "max_order_notional": given.max_order_notional,
            "token_hash": token_hash(token) if token else (old.token_hash if old else ""),
            "halted": not switch.trading_enabled,
        }
        if old is None:
            new = Strategy(
                strategy_id=strategy_id, created_at=now, updated_at=now, version=first_version(now), **values
            )
            write: Change = Insert(new)
        else:
            new = old.changed(now, **values)
            write = Update(old, new)
        try:
            await services.store.commit(Check(switch), write)
        except StaleRowError:
            continue
        return new, old is None, token
    raise _too_busy()


async def delete_strategy(services: Services, strategy_id: str) -> None:
    """Raises NotFoundError, and ConflictError while it has live orders."""
    strategy = await services.store.get(Strategy, strategy_id)
    if strategy is None:
        raise NotFoundError("strategy", strategy_id)
    live = await live_orders(services, strategy_id)
    if live.ids:
        raise ConflictError("STRATEGY_HAS_LIVE_ORDERS", "cancel its live orders first", _named(live.ids))
    try:
        await services.store.commit(Delete(strategy))
    except StaleRowError:
        raise ConflictError("CHANGED", "the strategy changed at this very moment; look again") from None


async def put_account(services: Services, account_id: str, given: AccountInput) -> tuple[Account, bool]:
    """Create or replace. Returns the account and whether it is new.

    With live orders its exchange, market and test net stay as they are: ConflictError (R25). The versions of
    the strategies that use it are raised in the same transaction, so that no alert goes by the old one.
    """
    for _ in range(_CONFLICTS):
        old = await services.store.get(Account, account_id)
        try:
            if old is not None and _venue(old) != (given.exchange, given.market, given.testnet):
                old = await _without_live_orders(services, old)
            # Nothing refuses any more: only now may the key of live orders be replaced.
            secret = await services.secrets.put(account_id, dict(given.credentials)) if given.credentials else None
            return await _write_account(services, account_id, old, given, secret), old is None
        except StaleRowError:
            continue
    raise _too_busy()


async def delete_account(services: Services, account_id: str) -> None:
    """Raises NotFoundError, and ConflictError with live orders (R25). Strategies leave it out from then on."""
    for _ in range(_CONFLICTS):
        account = await services.store.get(Account, account_id)
        if account is None:
            raise NotFoundError("account", account_id)
        try:
            account = await _without_live_orders(services, account)
            await commit_touching(services, account_id, Delete(account))
        except StaleRowError:
            continue
        if account.secret_name:
            await services.secrets.delete(account.secret_name)
        return
    raise _too_busy()


async def _write_account(
    services: Services, account_id: str, old: Account | None, given: AccountInput, secret_name: str | None
) -> Account:
    now = services.clock.now()
    values: dict[str, Any] = {
        "exchange": given.exchange,
        "market": given.market,
        "testnet": given.testnet,
        "enabled": given.enabled,
        "options": dict(given.options),
    }
    if old is None:
        new = Account(
            account_id=account_id,
            secret_name=secret_name,
            created_at=now,
            updated_at=now,
            version=first_version(now),
            **values,
        )
        await commit_touching(services, account_id, Insert(new))  # a strategy may have named it all along
        return new
    kept = old.secret_name if old.exchange == given.exchange else None
    new = replace(old, version=old.version + 1, updated_at=now, secret_name=secret_name or kept, **values)
    await commit_touching(services, account_id, Update(old, new))
    return new


async def _without_live_orders(services: Services, account: Account) -> Account:
    """The account, taken out of trading, once it is sure that it has no live orders. Raises ConflictError.

    It is disabled, and its strategies' versions raised, before the look that counts: an alert that came in
    between would otherwise trade on it after that look (R25).
    """
    await _check_no_live_orders(services, account.account_id)
    now = services.clock.now()
    idle = replace(account, enabled=False, version=account.version + 1, updated_at=now)
    await commit_touching(services, account.account_id, Update(account, idle))
    try:
        await _check_no_live_orders(services, account.account_id)
    except ConflictError:
        back = replace(idle, enabled=account.enabled, version=idle.version + 1)
        await commit_touching(services, account.account_id, Update(idle, back))
        raise
    return idle


async def commit_touching(services: Services, account_id: str, change: Change) -> None:
    """The change and the new versions of the account's strategies in one transaction; what does not fit into
    one follows before the answer."""
    touched = await _touched_strategies(services, account_id)
    await services.store.commit(change, *touched[:_TOUCHED_AT_ONCE])
    for start in range(_TOUCHED_AT_ONCE, len(touched), _TOUCHED_AT_ONCE):
        await services.store.commit(*touched[start : start + _TOUCHED_AT_ONCE])


async def current_switch(services: Services) -> Switch:
    """The switch's row, made where this deployment has none yet."""
    for _ in range(_CONFLICTS):
        switch = await services.store.get(Switch, "switch")
        if switch is not None:
            return switch
        try:
            await services.store.commit(Insert(Switch(updated_at=services.clock.now())))
        except StaleRowError:
            continue
    raise _too_busy()


async def set_switch(services: Services, trading_enabled: bool) -> Switch:
    """Write the switch, then into every strategy's row; the answer comes after that (R24).

    Raises ConflictError where it was turned, and turned back, between our look and our write: whoever was held up
    must not undo what was decided since. Turning it to what it is writes nothing, so it stands in nobody's way.
    """
    new = await current_switch(services)
    if new.trading_enabled is not trading_enabled:
        old = new
        new = replace(old, trading_enabled=trading_enabled, version=old.version + 1, updated_at=services.clock.now())
        try:
            await services.store.commit(Update(old, new))
        except StaleRowError:
            new = await current_switch(services)
            if new.trading_enabled is not trading_enabled:
                raise ConflictError("CHANGED", "the switch was turned at this very moment; look again") from None
    for strategy in await services.store.strategies():
        await _set_halted(services, strategy)
    return new


async def _set_halted(services: Services, strategy: Strategy) -> None:
    """By the switch as it is at that moment: of two people who turn it at once, the last one wins everywhere."""
    row: Strategy | None = strategy
    for _ in range(_CONFLICTS):
        switch = await current_switch(services)
        halted = not switch.trading_enabled
        if row is None or row.halted is halted:
            return
        try:
            new = row.changed(services.clock.now(), halted=halted)
            await services.store.commit(Check(switch), Update(row, new))
            return
        except StaleRowError:
            row = await services.store.get(Strategy, strategy.strategy_id)
    raise _too_busy()


async def _check_accounts(services: Services, shares: Sequence[AccountShare]) -> None:
    known = await services.store.get_all(Account, [share.account_id for share in shares])
    missing = sorted({share.account_id for share in shares} - {account.account_id for account in known})
    if missing:
        message = f"there is no account {', '.join(missing)}; create it first with PUT /api/v1/accounts/…"
        raise InvalidError(message, [{"field": "accounts", "message": message}])


async def _touched_strategies(services: Services, account_id: str) -> list[Change]:
    """The changes that raise the versions of all strategies which use the account."""
    now = services.clock.now()
    users = [row for row in await services.store.strategies() if _uses(row, account_id)]
    return [Update(row, row.changed(now)) for row in users]


async def _check_no_live_orders(services: Services, account_id: str) -> None:
    """By the account's index and, as that may lag, by the recent orders of the strategies that use it."""
    users = [row.strategy_id for row in await services.store.strategies() if _uses(row, account_id)]
    indexed = await services.store.live_orders_of_account(account_id)
    recent = await all_together(live_orders(services, strategy_id) for strategy_id in users)
    rows, unreadable = await read_orders(services, indexed)
    rows += [row for live in recent for row in live.rows if row.account_id == account_id]
    unreadable += [order_id for live in recent for order_id in live.unreadable]
    names = [*(row.order_id for row in rows if not row.terminal), *unreadable]
    if names:
        message = f"account {account_id!r} has live orders; cancel them first"
        raise ConflictError("ACCOUNT_HAS_LIVE_ORDERS", message, _named(names))


def _named(order_ids: Sequence[str]) -> list[dict[str, str]]:
    return [{"order_id": name} for name in sorted(set(order_ids))[:20]]


def _uses(strategy: Strategy, account_id: str) -> bool:
    return any(share.account_id == account_id for share in strategy.accounts)


def _venue(account: Account) -> tuple[str, str, bool]:
    return account.exchange, account.market, account.testnet


def _too_busy() -> DatabaseUnavailableError:
    return DatabaseUnavailableError("the row changes faster than it can be written; try again shortly")
