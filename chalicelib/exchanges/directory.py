"""All venues of this deployment: which one a new order goes to, and the adapter for an order that exists."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.domain.clock import Clock
from chalicelib.domain.metrics import SilentMeter
from chalicelib.domain.orders import Venue
from chalicelib.domain.ports import Exchange, Meter
from chalicelib.domain.strategies import Account
from chalicelib.exchanges.mock import MockBook, MockExchange
from chalicelib.exchanges.rules_book import RulesTable
from chalicelib.exchanges.sources import CredentialsSource, SenderTo

if TYPE_CHECKING:  # httpx costs 40 ms of a cold start: only who trades at a real exchange pays for it
    from chalicelib.exchanges.http_exchange import HttpExchange
    from chalicelib.exchanges.markets import Markets
    from chalicelib.exchanges.rate_limits import RateLimiter

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
class _Session:
    exchange: "HttpExchange"
    limiter: "RateLimiter"


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
        sender_to: SenderTo | None = None,
        meter: Meter | None = None,
    ) -> None:
        """`sender_to`: another way to the exchanges than HTTP; `meter`: told of requests, by exchange."""
        self._clock = clock
        self._mock_book = mock_book
        self._rules = rules
        self._credentials_of = credentials_of
        self._use_mock = use_mock
        self._urls = urls
        self._max_retries = max_retries
        self._sender_to = sender_to
        self._meter = meter or SilentMeter()
        self._markets: Markets | None = None
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
        from chalicelib.exchanges.markets import Markets

        async def on_block(until: datetime) -> None:
            if self.on_ban is not None:
                await self.on_ban(account.account_id, until)

        if self._markets is None:
            others = {} if self._sender_to is None else {"sender_to": self._sender_to}
            self._markets = Markets(self._clock, self._rules, self._max_retries, meter=self._meter, **others)
        return _Session(*self._markets.open(venue, self._credentials_of(account), on_block))
