"""What every use case is given: the ports, the policy, and the cache of strategies."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.clock import Clock
from chalicelib.domain.events import EventLog
from chalicelib.domain.ids import Ids
from chalicelib.domain.metrics import SilentMeter
from chalicelib.domain.orders import Order
from chalicelib.domain.policy import Policy
from chalicelib.domain.ports import Exchange, Exchanges, Meter, OrderNotAcceptedError, Secrets, Store, Waker
from chalicelib.domain.strategies import Account, Ban, Strategy, ban_name
from chalicelib.usecases.together import together

logger = logging.getLogger(__name__)

UNREADABLE = (ValueError, TypeError, KeyError, ArithmeticError)
"""What reading a row raises that newer code, or a person, wrote otherwise."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A strategy and the accounts that it names, as they were read together."""

    strategy: Strategy
    accounts: Mapping[str, Account]
    bans: Mapping[str, datetime]
    """Until when accounts are to keep away from their exchange; writing a ban raises the strategy's version."""


@dataclass(frozen=True, slots=True)
class KeyEnd:
    """When an account's key ends, as its exchange said when it was asked; None where it does not end."""

    account_version: int
    """Another key raises it."""
    asked_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Services:
    """The ports that the use cases work through, and what a warm process remembers."""

    store: Store
    exchanges: Exchanges
    clock: Clock
    ids: Ids
    policy: Policy
    waker: Waker
    secrets: Secrets
    meter: Meter = field(default_factory=SilentMeter)
    cache: dict[str, Setup] = field(default_factory=dict)
    recounts: dict[str, "asyncio.Future[EventLog | None]"] = field(default_factory=dict)
    """Log rows that are being recounted in this process, by event."""
    key_ends: dict[str, KeyEnd] = field(default_factory=dict)
    """What this process learned of keys that end by themselves, by account."""


async def load_setup(services: Services, strategy_id: str, *, fresh: bool) -> Setup | None:
    """The strategy with its accounts; from memory unless `fresh`.

    What memory says may be old. Nobody is refused on its word (R23), and every order's transaction checks
    the strategy's version, which each change of the strategy or of one of its accounts raises (R25).
    """
    if not fresh and (known := services.cache.get(strategy_id)):
        return known
    strategy = await services.store.get(Strategy, strategy_id)
    if strategy is None:
        services.cache.pop(strategy_id, None)
        return None
    names = [share.account_id for share in strategy.accounts]
    accounts, bans = await together(
        services.store.get_all(Account, names), services.store.get_all(Ban, [ban_name(name) for name in names])
    )
    until = {ban.name: ban.blocked_until for ban in bans}
    setup = Setup(
        strategy,
        {account.account_id: account for account in accounts},
        {name: until[ban_name(name)] for name in names if ban_name(name) in until},
    )
    services.cache[strategy_id] = setup
    return setup


async def readable_orders(services: Services, order_ids: Sequence[str]) -> list[Order]:
    """The rows that exist and can be read; one that cannot, such as one that newer code wrote, hides no other."""
    return (await read_orders(services, order_ids))[0]


async def read_orders(services: Services, order_ids: Sequence[str]) -> tuple[list[Order], list[str]]:
    """The same, and the ids of those that exist and cannot be read."""
    if not order_ids:
        return [], []
    try:
        return await services.store.get_all(Order, order_ids), []
    except UNREADABLE:
        rows, unreadable = [], []
        for order_id in order_ids:
            try:
                row = await services.store.get(Order, order_id)
            except UNREADABLE:
                logger.exception("an order's row cannot be read", extra={"order_id": order_id})
                unreadable.append(order_id)
                continue
            if row is not None:
                rows.append(row)
        return rows, unreadable


async def session_of(services: Services, order: Order) -> Exchange:
    """The adapter for an order that exists: its own venue, its account as it is now.

    Raises OrderNotAcceptedError where the account is gone or has no credentials.
    """
    account, ban = await together(
        services.store.get(Account, order.account_id), services.store.get(Ban, ban_name(order.account_id))
    )
    if account is None:
        raise OrderNotAcceptedError("ACCOUNT_GONE", f"account {order.account_id!r} does not exist any more")
    return await services.exchanges.session(account, order.venue, ban.blocked_until if ban else None)
