"""Our adapters, wired as the product wires them: one Markets for the process, one HttpExchange for each account."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from chalicelib.aws.credentials import AccountCredentials
from chalicelib.domain.clock import SystemClock
from chalicelib.domain.markets import KnownRules, MarketRules
from chalicelib.domain.orders import Order, OrderType, Venue
from chalicelib.domain.outcomes import Acknowledged, Placed, Side
from chalicelib.domain.ports import Exchange
from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.exchange_clock import VALID_FOR
from chalicelib.exchanges.markets import Markets
from chalicelib.exchanges.rules_book import RulesTable
from chalicelib.exchanges.transport import ssl_context
from tests.benchmarks.clients.market import QUANTITY, SECRET, Market, key_of, new_client_id

_RETRIES = 3
_WINDOW = 5.0


class RunningClock(SystemClock):
    """The machine's time, with leaps: rounds that follow each other at once must not add up to a rate limit."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def leap(self) -> None:
        """So far that the exchange's time is asked for again: its offset from this clock is another one now."""
        self._ahead += timedelta(seconds=VALID_FOR)


class NoTable:
    """Market rules that no process has shared yet."""

    async def get(self, exchange_market: str, symbol: str) -> KnownRules | None:
        return None

    async def put(self, exchange_market: str, known: KnownRules) -> None:
        return None


class FilledTable(NoTable):
    """Market rules that another process has shared; what the database takes to tell them is left out."""

    async def get(self, exchange_market: str, symbol: str) -> KnownRules | None:
        step = Decimal("0.00001")
        rules = MarketRules(symbol=symbol, tick_size=Decimal("0.01"), quantity_step=step, min_quantity=step)
        return KnownRules(rules, datetime.now(UTC))


class OurClient:
    def __init__(self, market: Market, url: str, rules: RulesTable | None = None) -> None:
        self._venue = Venue(market.exchange, "spot", False, url)
        self._symbol = market.symbol
        self._clock = RunningClock()
        self._markets = Markets(self._clock, rules or NoTable(), _RETRIES)
        self._exchanges: list[Exchange] = []

    async def open(self, accounts: int) -> None:
        """The simulator speaks no TLS; what preparing for it takes is paid for all the same, as ccxt does."""
        ssl_context()
        for number in range(accounts):
            credentials = AccountCredentials(f"a{number}", None, Credentials(key_of(number), SECRET), self._clock)
            self._exchanges.append(self._markets.open(self._venue, credentials, _ignore)[0])

    async def warm_up(self, accounts: int) -> None:
        self._clock.leap()
        await asyncio.gather(*(self.place(number, self.draft()) for number in range(accounts)))

    def draft(self) -> Order:
        now = self._clock.now()
        return Order(
            order_id=new_client_id(),
            strategy_id="s1",
            event_id="e1",
            account_id="a1",
            exchange=self._venue.exchange,
            market=self._venue.market,
            testnet=False,
            host=self._venue.host,
            symbol=self._symbol,
            side=Side.SELL,
            order_type=OrderType.MARKET,
            quantity=Decimal(QUANTITY),
            created_at=now,
            updated_at=now,
        )

    async def place(self, account: int, order: Order) -> None:
        exchange = self._exchanges[account]
        request = await exchange.prepare(order)
        outcome = await exchange.place(request, await exchange.now(), _WINDOW)
        if not isinstance(outcome, Placed | Acknowledged):
            raise RuntimeError(f"the order under test went wrong: {outcome}")

    async def close(self) -> None:
        """The end of the process closes what is open, as in Lambda."""


async def _ignore(until: datetime) -> None:
    raise RuntimeError(f"the exchange wants to be left alone until {until}")
