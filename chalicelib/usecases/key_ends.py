"""Keys that end by themselves, as Upbit's do after a year: seldom asked for, told again with every orphan hunt."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.clock import Budget, seconds_between
from chalicelib.domain.metrics import Metric
from chalicelib.domain.strategies import Account, Ban, ban_name
from chalicelib.usecases.services import KeyEnd, Services

logger = logging.getLogger(__name__)

ASKED_EVERY = 6 * 3600.0
WARNED_FROM = 30.0
"""Days before the end: a new key has to be made by a person, and allowed for our address."""

_DAY = 86_400.0
_NEEDED = 1.0
"""Seconds without which nobody is asked."""


async def watch_key_ends(services: Services, accounts: Sequence[Account], budget: Budget) -> None:
    """Ask where it is time to, then tell of the key that ends first. Never raises: it hangs on more urgent work."""
    results = await asyncio.gather(*(_ask(services, account, budget) for account in accounts), return_exceptions=True)
    for account, result in zip(accounts, results, strict=True):
        if isinstance(result, BaseException):
            extra = {"account_id": account.account_id, "error": f"{type(result).__name__}: {result}"[:200]}
            logger.warning("the end of a key is not known", extra=extra)
    known = (services.key_ends.get(account.account_id) for account in accounts)
    days = [_days_left(services, end.ends_at) for end in known if end is not None and end.ends_at is not None]
    if days:
        services.meter.emit(Metric.UPBIT_KEY_DAYS_LEFT, min(days))


async def _ask(services: Services, account: Account, budget: Budget) -> None:
    """A failure is not remembered: the next hunt asks again."""
    now = services.clock.now()
    known = services.key_ends.get(account.account_id)
    of_this_key = known is not None and known.account_version == account.version
    fresh = known is not None and of_this_key and seconds_between(known.asked_at, now) < ASKED_EVERY
    if fresh or budget.remaining() < _NEEDED:
        return
    ban = await services.store.get(Ban, ban_name(account.account_id))
    venue = services.exchanges.venue_for(account)
    session = await services.exchanges.session(account, venue, ban.blocked_until if ban else None)
    async with asyncio.timeout(budget.remaining()):
        ends_at = await session.key_expires_at()
    services.key_ends[account.account_id] = KeyEnd(account.version, now, ends_at)
    if ends_at is not None and _days_left(services, ends_at) <= WARNED_FROM:
        extra = {"account_id": account.account_id, "ends_at": ends_at}
        logger.warning("a key ends soon: make a new one at the exchange and store it", extra=extra)


def _days_left(services: Services, ends_at: datetime) -> float:
    """0 once it is over."""
    return max(0.0, round(seconds_between(services.clock.now(), ends_at) / _DAY, 2))
