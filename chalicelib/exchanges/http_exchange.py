"""One account at one real venue: a dialect over HTTP, with its clock, limits, credentials and retries."""

import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Protocol, TypeVar

import httpx

from chalicelib.domain.clock import Clock
from chalicelib.domain.orders import Order, OrderRequest
from chalicelib.domain.outcomes import (
    Absent,
    CancelOutcome,
    ExchangeOrder,
    Found,
    Lookup,
    LookupFailed,
    NotPlaced,
    PlaceOutcome,
    Side,
    Throttled,
    Unknown,
)
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.exchanges.dialect import Answer, Call, Dialect, MarketRules
from chalicelib.exchanges.exchange_clock import ExchangeClock
from chalicelib.exchanges.rate_limits import RateLimiter
from chalicelib.exchanges.rounding import fit_order
from chalicelib.exchanges.sources import CredentialsSource, Sender

logger = logging.getLogger(__name__)

T = TypeVar("T")

READ_TIMEOUT = 10.0
TIME_TIMEOUT = 2.0
"""An answer that takes longer tells the time too inexactly."""

BACKGROUND_WINDOW = 5.0
_LONG_PAUSE = 2.0
"""Seconds; a read that would have to wait longer for a limit is given up."""

_KEY_REFUSED = (
    "the exchange refuses the key: wrong, expired, without the right to read, or not for this server's address"
)
_ADDRESS_REFUSED = "the exchange does not take this key from this server's address: add it to the key there"

_FIRST_PAUSE = 0.2
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class _Reply:
    answer: Answer
    passing: bool
    """A read that was answered so may well succeed when it is made again."""
    pause: float
    """Seconds for which the exchange wants to be left alone first."""


class RulesSource(Protocol):
    """Where market rules are remembered."""

    async def get(self, symbol: str, fetch: Callable[[], Awaitable[MarketRules]]) -> MarketRules:
        """The rules, fetched where they are not known or a day old."""


class HttpExchange:
    """Implements the Exchange port for every dialect."""

    def __init__(
        self,
        dialect: Dialect,
        sender: Sender,
        credentials: CredentialsSource,
        rules: RulesSource,
        limiter: RateLimiter,
        exchange_clock: ExchangeClock,
        clock: Clock,
        *,
        max_retries: int,
        on_block: Callable[[datetime], Awaitable[None]],
    ) -> None:
        self._dialect = dialect
        self._sender = sender
        self._credentials = credentials
        self._rules = rules
        self._limiter = limiter
        self._exchange_clock = exchange_clock
        self._clock = clock
        self._max_retries = max_retries
        self._on_block = on_block

    async def prepare(self, order: Order) -> OrderRequest:
        """Loads everything that sending needs: rules, balance, credentials and the exchange's time (R1)."""
        self._dialect.check(order)
        try:
            await self._credentials.get()
            await self.now()
            rules = await self._rules.get(order.symbol, lambda: self._fetch_rules(order.symbol))
            request = await fit_order(
                order,
                rules,
                takes_quote_amount=self._dialect.takes_quote_amount(order),
                free_balance=self.free_balance,
            )
            if request.stop_price is not None and self._dialect.guesses_trigger_side:
                _check_side(request.side, request.stop_price, await self.last_price(order.symbol))
            return request
        except httpx.HTTPError as error:
            raise _unavailable(f"no answer to what sending needs: {type(error).__name__}") from None
        except ValueError as error:
            raise OrderNotAcceptedError("NOT_PREPARED", str(error)[:300]) from None

    async def now(self) -> datetime:
        await self._exchange_clock.learn(self._fetch_time)
        return self._exchange_clock.now()

    async def place(self, request: OrderRequest, timestamp: datetime, window: float) -> PlaceOutcome:
        """Once: whether it is sent again is not for an adapter to decide (R9)."""
        return await self._create(self._dialect.create(request), request, timestamp, window)

    async def use_up_id(self, order: Order) -> PlaceOutcome:
        call = self._dialect.use_up_id(order)
        if call is None or order.request is None:
            return Unknown("requests expire by themselves here")
        return await self._create(call, order.request, await self.now(), BACKGROUND_WINDOW)

    async def _create(self, call: Call, request: OrderRequest, timestamp: datetime, window: float) -> PlaceOutcome:
        wait = self._limiter.wait(call)
        if wait > 0:
            return NotPlaced(
                "RATE_LIMITED", "the exchange's rate limit leaves no room now", retry=True, retry_after=wait
            )
        try:
            reply = await self._send(call, timestamp, window, window + READ_TIMEOUT)
        except OrderNotAcceptedError as error:
            return NotPlaced(error.code, error.message, retry=error.passing)
        except _NOTHING_SENT as error:
            return NotPlaced("NOT_CONNECTED", f"no connection: {type(error).__name__}", retry=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unknown(f"the answer was lost: {type(error).__name__}")
        return self._dialect.read_create(reply.answer, request)

    async def cancel(self, order: Order) -> CancelOutcome:
        """Repeated while nothing is known, 5xx included: a cancel is idempotent."""
        for attempt in range(self._max_retries + 1):
            step: CancelOutcome | Call = self._dialect.cancel(order)
            while isinstance(step, Call):
                step = await self._cancel_once(step, order)
            if not isinstance(step, Unknown) or attempt == self._max_retries:
                return step
            await self._back_off(attempt)
        raise AssertionError("the last attempt returns")

    async def find(self, order: Order) -> Lookup:
        """Every book in turn; one book that could not be asked makes the absence unproven."""
        failed: LookupFailed | None = None
        calls = list(self._dialect.find(order))
        while calls:
            call = calls.pop(0)
            try:
                answer = await self._read(call)
            except (httpx.HTTPError, OrderNotAcceptedError) as error:
                failed = LookupFailed(f"the look-up broke: {error or type(error).__name__}"[:300])
                continue
            result = self._dialect.read_find(answer, order, call)
            if isinstance(result, Found):
                return result
            if isinstance(result, Call):
                calls.insert(0, result)
            elif isinstance(result, LookupFailed):
                failed = result
        return failed or Absent()

    async def open_orders(self) -> Sequence[ExchangeOrder]:
        """All books, all pages. Raises what reading raises: an incomplete list is no list."""
        found: list[ExchangeOrder] = []
        calls = list(self._dialect.open_orders())
        while calls:
            call = calls.pop(0)
            page = self._dialect.read_open_orders(await self._read(call), call)
            found += page.orders
            calls += [page.next_call] if page.next_call else []
        return found

    async def free_balance(self, asset: str) -> Decimal:
        return self._dialect.read_balance(await self._read(self._dialect.balance(asset)), asset)

    async def balances(self) -> Mapping[str, Decimal]:
        """The asset of the call is the one that is asked for; the answer has all of them."""
        try:
            answer = await self._read(self._dialect.balance("USDT"))
            if self._dialect.is_address_error(answer):
                raise OrderNotAcceptedError("ADDRESS_NOT_ALLOWED", _ADDRESS_REFUSED)
            if self._dialect.is_key_error(answer):
                raise OrderNotAcceptedError("KEY_REFUSED", _KEY_REFUSED)
            return self._dialect.read_balances(answer)
        except httpx.HTTPError as error:
            raise _unavailable(f"the exchange cannot be reached: {type(error).__name__}") from None
        except ValueError as error:
            raise OrderNotAcceptedError("NO_BALANCES", str(error)[:300]) from None

    async def last_price(self, symbol: str) -> Decimal:
        try:
            return self._dialect.read_last_price(await self._read(self._dialect.last_price(symbol)))
        except (httpx.HTTPError, ValueError) as error:
            raise _unavailable(f"the last price could not be read: {type(error).__name__}") from None

    async def key_expires_at(self) -> datetime | None:
        call = self._dialect.key_list()
        if call is None:
            return None
        answer = await self._read(call)
        return self._dialect.read_key_expiry(answer, (await self._credentials.get()).api_key)

    async def _cancel_once(self, call: Call, order: Order) -> CancelOutcome | Call:
        wait = self._limiter.wait(call)
        if wait > 0:
            return Throttled("the exchange's rate limit leaves no room now", wait)
        try:
            reply = await self._send(call, await self.now(), BACKGROUND_WINDOW, READ_TIMEOUT)
        except OrderNotAcceptedError as error:
            return Throttled(error.message)
        except httpx.HTTPError as error:
            return Unknown(f"the answer was lost: {type(error).__name__}")
        return self._dialect.read_cancel(reply.answer, order, call)

    async def _read(self, call: Call) -> Answer:
        """A read, repeated on transport errors, 5xx, limits, and once the clock or the key is put right.

        Raises httpx.TransportError; OrderNotAcceptedError where the exchange goes on to fail, or a limit is longer
        than a read may take.
        """
        for attempt in range(self._max_retries + 1):
            last = attempt == self._max_retries
            await self._wait_for_room(call)
            try:
                timestamp = await self.now() if call.signed else self._exchange_clock.now()
                reply = await self._send(call, timestamp, BACKGROUND_WINDOW, READ_TIMEOUT)
            except httpx.TransportError:
                if last:
                    raise
            else:
                if not reply.passing:
                    return reply.answer
                if last or reply.pause > _LONG_PAUSE:
                    raise _unavailable(f"the exchange goes on to answer with HTTP {reply.answer.status}")
            await self._back_off(attempt)
        raise AssertionError("the last attempt returns or raises")

    async def _wait_for_room(self, call: Call) -> None:
        waited = 0.0
        while (wait := self._limiter.wait(call)) > 0:
            waited += wait
            if waited > READ_TIMEOUT:
                message = f"the exchange's rate limit leaves no room for {wait:.0f} s"
                raise OrderNotAcceptedError("RATE_LIMITED", message, passing=True)
            await self._clock.sleep(wait)

    async def _send(self, call: Call, timestamp: datetime, window: float, seconds: float) -> _Reply:
        """One request, signed last with the time stamp given; what the answer says of limits, clock and key is
        remembered."""
        credentials = await self._credentials.get() if call.signed else None
        auth = None
        if credentials is not None:
            auth = self._dialect.auth(credentials, int(timestamp.timestamp() * 1000), int(window * 1000))
        answer = await self._sender.send(call, auth, seconds)
        news = self._dialect.limits(answer, call)
        if self._limiter.learn(news) and self._limiter.blocked_until is not None:
            await self._on_block(self._limiter.blocked_until)
        clock_error = self._dialect.is_clock_error(answer)
        if clock_error:
            self._exchange_clock.forget()
        other_key = False
        if credentials is not None and self._dialect.is_key_error(answer):
            other_key = await self._credentials.reload(credentials)
        unread = answer.body is None or answer.status >= 500 or answer.status == HTTPStatus.REQUEST_TIMEOUT
        passing = unread or self._dialect.is_passing(answer) or news.refused or clock_error or other_key
        return _Reply(answer, passing, news.stay_away)

    async def _fetch_rules(self, symbol: str) -> MarketRules:
        answers = [await self._read(call) for call in self._dialect.rules(symbol)]
        return self._dialect.read_rules(answers, symbol)

    async def _fetch_time(self) -> int | None:
        call = self._dialect.server_time()
        if call is None:
            return None
        if self._limiter.wait(call) > 0:
            raise ValueError("the exchange is to be left alone")
        answer = await self._sender.send(call, None, TIME_TIMEOUT)
        return self._dialect.read_server_time(answer)

    async def _back_off(self, attempt: int) -> None:
        await self._clock.sleep(random.uniform(0.5, 1.0) * _FIRST_PAUSE * 2**attempt)


def _check_side(side: Side, stop_price: Decimal, last_price: Decimal) -> None:
    """A stop buys on a rise and sells on a fall."""
    if stop_price > last_price if side is Side.BUY else stop_price < last_price:
        return
    where = "above" if side is Side.BUY else "below"
    message = f"the price is {last_price:f}: the stop_price of a {side.lower()} must be {where} it"
    raise OrderNotAcceptedError("STOP_ON_WRONG_SIDE", message)


def _unavailable(message: str) -> OrderNotAcceptedError:
    return OrderNotAcceptedError("EXCHANGE_UNAVAILABLE", message, passing=True)
