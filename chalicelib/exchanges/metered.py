"""The way to an exchange, with what goes over it counted: requests, those without a usable answer, use of limits."""

import logging
from typing import TYPE_CHECKING

from chalicelib.domain.metrics import Metric
from chalicelib.domain.ports import Meter
from chalicelib.exchanges.dialect import Answer, Call, Dialect, LimitNews
from chalicelib.exchanges.rate_limits import RateLimiter
from chalicelib.exchanges.sources import Sender

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)


class MeteredSender:
    """Implements Sender over another one, for one account."""

    def __init__(self, sender: Sender, meter: Meter, exchange: str, dialect: Dialect, limiter: RateLimiter) -> None:
        """`exchange`: the name that the figures stand under."""
        self._sender = sender
        self._meter = meter
        self._exchange = exchange
        self._dialect = dialect
        self._limiter = limiter

    async def send(self, call: Call, auth: "httpx.Auth | None", seconds: float) -> Answer:
        """Whatever becomes of it, it is counted: a caller that loses patience has no answer either."""
        answer = None
        try:
            answer = await self._sender.send(call, auth, seconds)
            return answer
        finally:
            self._count(call, answer)

    def _count(self, call: Call, answer: Answer | None) -> None:
        self._meter.tally(Metric.EXCHANGE_REQUESTS, exchange=self._exchange)
        try:
            failed = answer is None
            if answer is not None:
                news = self._dialect.limits(answer, call)
                failed = self._is_error(answer, news)
                self._meter.tally(Metric.RATE_LIMIT_USE, self._limiter.use(call, news), exchange=self._exchange)
        except Exception:
            logger.exception("an exchange's answer could not be counted")
            failed = True
        if failed:
            self._meter.tally(Metric.EXCHANGE_ERRORS, exchange=self._exchange)

    def _is_error(self, answer: Answer, news: LimitNews) -> bool:
        """The exchange failed, or turned us away: a limit, a ban, a key. That it refused an order is its business."""
        unusable = answer.body is None or answer.status >= 500 or self._dialect.is_passing(answer)
        return unusable or news.refused or self._dialect.is_key_error(answer)
