"""The time at an exchange: our clock and the offset that was learned from its own (R2)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import httpx

from chalicelib.domain.clock import Clock, after, seconds_between

logger = logging.getLogger(__name__)

LONGEST_ANSWER = 5.0
"""Seconds; half of them is how wrong the offset can be."""

VALID_FOR = 1800.0
"""Seconds until the offset is learned again: a machine's clock drifts by milliseconds in that time."""


class ExchangeClock:
    """Shared by all accounts at one venue."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = timedelta()
        self._learned_at: datetime | None = None
        self._learning = asyncio.Lock()

    def now(self) -> datetime:
        """The exchange's time, as far as it is known."""
        return self._clock.now() + self._offset

    def forget(self) -> None:
        """The exchange refused our time: ask it before the next request."""
        self._learned_at = None

    async def learn(self, fetch: Callable[[], Awaitable[int | None]]) -> None:
        """Ask for the exchange's time where it is not known. Without an answer our own clock has to do."""
        if self._is_fresh():
            return
        async with self._learning:
            if self._is_fresh():
                return
            sent = self._clock.now()
            try:
                milliseconds = await fetch()
            except (httpx.HTTPError, ValueError) as error:
                logger.warning("the exchange's time could not be read: %s", type(error).__name__)
                return
            received = self._clock.now()
            if seconds_between(sent, received) > LONGEST_ANSWER:
                logger.warning("the exchange's time came too late to be of use")
                return
            if milliseconds is not None:
                middle = after(sent, seconds_between(sent, received) / 2)
                self._offset = datetime.fromtimestamp(milliseconds / 1000, middle.tzinfo) - middle
            self._learned_at = received

    def _is_fresh(self) -> bool:
        return self._learned_at is not None and seconds_between(self._learned_at, self._clock.now()) < VALID_FOR
