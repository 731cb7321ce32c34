"""Market rules of one market: in memory, in the table that all processes share, or fetched; good for a day."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from chalicelib.domain.clock import Clock, seconds_between
from chalicelib.domain.errors import DatabaseUnavailableError
from chalicelib.domain.markets import KnownRules, MarketRules

logger = logging.getLogger(__name__)

GOOD_FOR = 86400.0


class RulesTable(Protocol):
    """Where processes share what they fetched."""

    async def get(self, exchange_market: str, symbol: str) -> KnownRules | None:
        """What is stored, however old."""

    async def put(self, exchange_market: str, known: KnownRules) -> None:
        """Store it; the last one wins."""


class RulesBook:
    """The rules of one market at one exchange, by symbol."""

    def __init__(self, exchange_market: str, table: RulesTable, clock: Clock) -> None:
        self._exchange_market = exchange_market
        self._table = table
        self._clock = clock
        self._known: dict[str, KnownRules] = {}
        self._fetching: dict[str, asyncio.Lock] = {}

    async def get(self, symbol: str, fetch: Callable[[], Awaitable[MarketRules]]) -> MarketRules:
        """Raises what `fetch` raises, where nothing good is known."""
        async with self._fetching.setdefault(symbol, asyncio.Lock()):
            known = self._known.get(symbol)
            if not self._is_good(known):
                known = await self._stored(symbol)
            if known is None or not self._is_good(known):
                known = KnownRules(await fetch(), self._clock.now())
                await self._store(known)
            self._known[symbol] = known
            return known.rules

    def _is_good(self, known: KnownRules | None) -> bool:
        return known is not None and seconds_between(known.fetched_at, self._clock.now()) < GOOD_FOR

    async def _stored(self, symbol: str) -> KnownRules | None:
        try:
            return await self._table.get(self._exchange_market, symbol)
        except DatabaseUnavailableError:
            return None

    async def _store(self, known: KnownRules) -> None:
        try:
            await self._table.put(self._exchange_market, known)
        except DatabaseUnavailableError:
            logger.warning("market rules were not shared", extra={"market": self._exchange_market})
