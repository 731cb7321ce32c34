"""Real markets: what all accounts at one of them share, and an adapter for each account."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.clock import Clock
from chalicelib.domain.metrics import SilentMeter
from chalicelib.domain.orders import Venue
from chalicelib.domain.ports import Meter, OrderNotAcceptedError
from chalicelib.exchanges.dialect import Dialect
from chalicelib.exchanges.exchange_clock import ExchangeClock
from chalicelib.exchanges.http_exchange import HttpExchange
from chalicelib.exchanges.metered import MeteredSender
from chalicelib.exchanges.rate_limits import AddressLimits, RateLimiter
from chalicelib.exchanges.rules_book import RulesBook, RulesTable
from chalicelib.exchanges.sources import CredentialsSource, SenderTo
from chalicelib.exchanges.transport import Transport


@dataclass(frozen=True, slots=True)
class _Market:
    dialect: Dialect
    rules: RulesBook
    clock: ExchangeClock
    address_limits: AddressLimits


class Markets:
    """Opens adapters; rules, the exchange's clock and the address's limits are learned once for a market."""

    def __init__(
        self,
        clock: Clock,
        rules: RulesTable,
        max_retries: int,
        sender_to: SenderTo = Transport,
        meter: Meter | None = None,
    ) -> None:
        self._clock = clock
        self._rules = rules
        self._max_retries = max_retries
        self._sender_to = sender_to
        self._meter = meter or SilentMeter()
        self._known: dict[Venue, _Market] = {}

    def open(
        self, venue: Venue, credentials: CredentialsSource, on_block: Callable[[datetime], Awaitable[None]]
    ) -> tuple[HttpExchange, RateLimiter]:
        """An adapter with connections and limits of its own; those of the address are shared.

        Raises OrderNotAcceptedError for no known venue.
        """
        market = self._market(venue)
        limiter = RateLimiter(market.dialect.budgets, self._clock, market.address_limits)
        exchange = HttpExchange(
            market.dialect,
            MeteredSender(self._sender_to(venue.host), self._meter, venue.exchange, market.dialect, limiter),
            credentials,
            market.rules,
            limiter,
            market.clock,
            self._clock,
            max_retries=self._max_retries,
            on_block=on_block,
        )
        return exchange, limiter

    def _market(self, venue: Venue) -> _Market:
        if venue not in self._known:
            name = f"{venue.exchange}-{venue.market}{'-testnet' if venue.testnet else ''}"
            rules = RulesBook(f"{name} {venue.host}", self._rules, self._clock)
            dialect = dialect_of(venue)
            limits = self._address_limits(venue, dialect)
            self._known[venue] = _Market(dialect, rules, ExchangeClock(self._clock), limits)
        return self._known[venue]

    def _address_limits(self, venue: Venue, dialect: Dialect) -> AddressLimits:
        """Bybit's markets share their host, its limits and its bans; Binance's have one each."""
        for known, market in self._known.items():
            if (known.exchange, known.host) == ("bybit", venue.host) and venue.exchange == "bybit":
                return market.address_limits
        return AddressLimits(dialect.budgets, self._clock)


def dialect_of(venue: Venue) -> Dialect:
    """Imported when it is first needed: a cold start pays for the exchanges that it trades at only."""
    match venue.exchange, venue.market:
        case "binance", "spot":
            from chalicelib.exchanges.binance.spot import BinanceSpotDialect

            return BinanceSpotDialect()
        case "binance", "futures":
            from chalicelib.exchanges.binance.futures import BinanceFuturesDialect

            return BinanceFuturesDialect()
        case "bybit", "spot" | "futures":
            from chalicelib.exchanges.bybit.dialect import BybitDialect
            from chalicelib.exchanges.bybit.parsing import Category

            return BybitDialect(Category.SPOT if venue.market == "spot" else Category.LINEAR)
        case "upbit", "spot":
            from chalicelib.exchanges.upbit.dialect import UpbitDialect

            return UpbitDialect()
    raise OrderNotAcceptedError("EXCHANGE_NOT_AVAILABLE", f"there is no market {venue.exchange} {venue.market} here")
