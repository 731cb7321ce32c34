"""All venues of this deployment: which one a new order goes to, and the adapter for an order that exists."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.clock import Clock
from chalicelib.domain.orders import Venue
from chalicelib.domain.ports import Exchange, OrderNotAcceptedError
from chalicelib.domain.strategies import Account
from chalicelib.exchanges.dialect import Dialect
from chalicelib.exchanges.exchange_clock import ExchangeClock
from chalicelib.exchanges.http_exchange import CredentialsSource, HttpExchange
from chalicelib.exchanges.mock import MockBook, MockExchange
from chalicelib.exchanges.rate_limits import RateLimiter
from chalicelib.exchanges.rules_book import RulesBook, RulesTable
from chalicelib.exchanges.transport import Transport

MOCK_HOST = "mock_exchange"

HOSTS: Mapping[tuple[str, str, bool], str] = {
    ("binance", "spot", False): "https://api.binance.com",
    ("binance", "spot", True): "https://testnet.binance.vision",
    ("binance", "futures", False): "https://fapi.binance.com",
    ("binance", "futures", True): "https://demo-fapi.binance.com",
    ("bybit", "spot", False): "https://api.bybit.com",
    ("bybit", "spot", True): "https://api-testnet.bybit.com",
    ("bybit", "futures", False): "https://api.bybit.com",
    ("bybit", "futures", True): "https://api-testnet.bybit.com",
    ("upbit", "spot", False): "https://api.upbit.com",
}

OVERRIDES: Mapping[tuple[str, str], str] = {
    ("binance", "spot"): "BINANCE_SPOT_URL",
    ("binance", "futures"): "BINANCE_FUTURES_URL",
    ("bybit", "spot"): "BYBIT_URL",
    ("bybit", "futures"): "BYBIT_URL",
    ("upbit", "spot"): "UPBIT_URL",
}

CredentialsOf = Callable[[Account], CredentialsSource]
OnBan = Callable[[str, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Market:
    """What all accounts at one market share."""

    dialect: Dialect
    rules: RulesBook
    clock: ExchangeClock


@dataclass(frozen=True, slots=True)
class _Session:
    exchange: HttpExchange
    limiter: RateLimiter


class Directory:
    """Implements the Exchanges port. Sessions live as long as the process: connections, limits, clock offsets."""

    def __init__(
        self,
        clock: Clock,
        mock_book: MockBook,
        rules: RulesTable,
        credentials_of: CredentialsOf,
        *,
        use_mock: bool,
        urls: Mapping[str, str],
        max_retries: int,
    ) -> None:
        self._clock = clock
        self._mock_book = mock_book
        self._rules = rules
        self._credentials_of = credentials_of
        self._use_mock = use_mock
        self._urls = urls
        self._max_retries = max_retries
        self._markets: dict[Venue, _Market] = {}
        self._sessions: dict[tuple[str, str | None, Venue], _Session] = {}
        self.on_ban: OnBan | None = None

    def venue_for(self, account: Account) -> Venue:
        """USE_MOCK_EXCHANGE sends every new order to the mock, whatever its account is."""
        if self._use_mock or account.exchange == "mock":
            return Venue("mock", account.market, account.testnet, MOCK_HOST)
        return Venue(account.exchange, account.market, account.testnet, self._host(account))

    async def session(self, account: Account, venue: Venue, blocked_until: datetime | None = None) -> Exchange:
        """Chosen by the order's own venue, not by today's settings."""
        if venue.exchange == "mock":
            return MockExchange(account, self._mock_book, self._clock)
        key = (account.account_id, account.secret_name, venue)
        known = self._sessions.get(key)
        if known is None:
            known = self._sessions[key] = self._open(account, venue)
        known.limiter.keep_away_until(blocked_until)
        return known.exchange

    def _host(self, account: Account) -> str:
        override = self._urls.get(OVERRIDES.get((account.exchange, account.market), ""))
        return override or HOSTS.get((account.exchange, account.market, account.testnet), "")

    def _open(self, account: Account, venue: Venue) -> _Session:
        market = self._market(venue)
        limiter = RateLimiter(market.dialect.budgets, self._clock)

        async def on_block(until: datetime) -> None:
            if self.on_ban is not None:
                await self.on_ban(account.account_id, until)

        exchange = HttpExchange(
            market.dialect,
            Transport(venue.host),
            self._credentials_of(account),
            market.rules,
            limiter,
            market.clock,
            self._clock,
            max_retries=self._max_retries,
            on_block=on_block,
        )
        return _Session(exchange, limiter)

    def _market(self, venue: Venue) -> _Market:
        if venue not in self._markets:
            name = f"{venue.exchange}-{venue.market}{'-testnet' if venue.testnet else ''}"
            rules = RulesBook(f"{name} {venue.host}", self._rules, self._clock)
            self._markets[venue] = _Market(dialect_of(venue), rules, ExchangeClock(self._clock))
        return self._markets[venue]


def dialect_of(venue: Venue) -> Dialect:
    """Imported when it is first needed: a cold start pays for the exchanges that it trades at only."""
    raise OrderNotAcceptedError(
        "EXCHANGE_NOT_AVAILABLE",
        f"trading at {venue.exchange} {venue.market} is not available in this version: set USE_MOCK_EXCHANGE=true",
    )
