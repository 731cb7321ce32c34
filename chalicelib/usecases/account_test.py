"""Whether an account's exchange lets its key in: asked for the balance, which changes nothing there."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from chalicelib.domain.clock import Budget, seconds_between
from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.domain.strategies import Account, Ban, ban_name
from chalicelib.usecases.services import Services
from chalicelib.usecases.together import together

LONGEST = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The exchange answered."""

    exchange: str
    """Which one did: the mock, for every account, until this deployment trades at the real ones."""
    balances: Mapping[str, Decimal] = field(repr=False)
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReached:
    """It did not, or refused the key; the message is for the person who entered it."""

    exchange: str
    code: str
    message: str


async def try_account(services: Services, account_id: str, budget: Budget) -> Reached | NotReached:
    """Ask for the balance with the stored credentials. Raises NotFoundError where there is no such account."""
    account, ban = await together(
        services.store.get(Account, account_id), services.store.get(Ban, ban_name(account_id))
    )
    if account is None:
        raise NotFoundError("account", account_id)
    venue = services.exchanges.venue_for(account)
    started = services.clock.now()
    try:
        session = await services.exchanges.session(account, venue, ban.blocked_until if ban else None)
        async with asyncio.timeout(budget.remaining()):
            balances = await session.balances()
    except OrderNotAcceptedError as error:
        return NotReached(exchange=venue.exchange, code=error.code, message=error.message)
    except TimeoutError:
        message = "the exchange did not answer in time"
        return NotReached(exchange=venue.exchange, code="TIMEOUT", message=message)
    taken = round(seconds_between(started, services.clock.now()) * 1000, 1)
    return Reached(exchange=venue.exchange, balances=balances, latency_ms=taken)
