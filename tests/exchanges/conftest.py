"""Fixtures of the exchanges' tests: every implementation of the Exchange port, on a clock that can be turned."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest

from chalicelib.domain.orders import Venue
from chalicelib.domain.ports import Exchange
from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.http_exchange import HttpExchange
from chalicelib.exchanges.markets import Markets
from chalicelib.exchanges.mock import MockExchange
from chalicelib.exchanges.rules_book import RulesTable
from chalicelib.exchanges.sources import CredentialsSource
from chalicelib.exchanges.transport import Transport
from chalicelib.store.database import Database
from chalicelib.store.dynamo import DynamoStore
from chalicelib.store.mock_book import TableMockBook
from infra.simulator import Simulator
from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from tests.desk import TurnableClock
from tests.exchanges.markets.memory import RulesInMemory
from tests.exchanges.markets.terms import ALL, MOCK, Terms
from tests.exchanges.moves import Trader
from tests.simulator.conftest import control, shared_simulator, simulator
from tests.store import rows
from tests.store.conftest import database, dynamo_store

__all__ = ["control", "database", "dynamo_store", "shared_simulator", "simulator"]

IMPLEMENTATIONS = ALL
"""Every one keeps the whole contract, by its terms."""

MakeMock = Callable[..., MockExchange]
OpenMarket = Callable[..., HttpExchange]
StartProcess = Callable[[RulesTable], Markets]


class SharedClock(TurnableClock):
    """Takes those along that are to have the same time."""

    def __init__(self) -> None:
        super().__init__()
        self._followers: list[Control] = []

    def lead(self, control: Control) -> None:
        """From now on the simulator's clock stands still and turns with this one."""
        self._followers.append(control)
        self.turn(0)

    def turn(self, seconds: float) -> None:
        """Let time pass, for everybody."""
        super().turn(seconds)
        for follower in self._followers:
            follower.hold_clock(int(self.now().timestamp() * 1000))


class Key:
    """The account's key; `next` takes its place once the exchange has refused it."""

    def __init__(self, key: str = TEST_KEY, secret: str = TEST_SECRET) -> None:
        self._credentials = Credentials(key, secret)
        self.next: Credentials | None = None

    async def get(self) -> Credentials:
        return self._credentials

    async def reload(self, refused: Credentials) -> bool:
        if self.next is None:
            return False
        self._credentials, self.next = self.next, None
        return True


@pytest.fixture
def clock() -> SharedClock:
    """The time of the exchange's user, of the database and of the simulator."""
    return SharedClock()


@pytest.fixture
def book(dynamo_store: DynamoStore, database: Database) -> TableMockBook:
    """The mock's book, which all its instances share."""
    return TableMockBook(database)


@pytest.fixture
def make_mock(book: TableMockBook, clock: TurnableClock) -> MakeMock:
    """Makes mocks: of the account `m1`, without refusals and delays, unless told otherwise."""

    def make(account_id: str = "m1", on: Any = clock, **options: Any) -> MockExchange:
        chosen = {"success_rate": 1.0, "delay_ms": 0.0, **options}
        return MockExchange(rows.account(account_id=account_id, options=chosen), book, on)

    return make


@pytest.fixture
def mock_exchange(make_mock: MakeMock) -> MockExchange:
    """A mock that does what it is asked."""
    return make_mock()


@pytest.fixture
def exchange(mock_exchange: MockExchange) -> Exchange:
    """One whose prices, steps and balances the test knows."""
    return mock_exchange


@pytest.fixture
def blocks() -> list[datetime]:
    """Until when the exchange wanted to be left alone, as it was told to other processes."""
    return []


@pytest.fixture
async def start_process(clock: TurnableClock) -> AsyncIterator[StartProcess]:
    """Starts what a process has of real markets: rules from this table, and connections of its own."""
    opened: list[Transport] = []

    def connect(host: str) -> Transport:
        opened.append(Transport(host))
        return opened[-1]

    yield lambda rules: Markets(clock, rules, max_retries=3, sender_to=connect)
    for transport in opened:
        await transport.aclose()


@pytest.fixture
def open_market(
    simulator: Simulator, clock: SharedClock, blocks: list[datetime], start_process: StartProcess
) -> OpenMarket:
    """Opens adapters of real markets at the simulator: in one process, unless told otherwise."""
    clock.lead(simulator.control)
    one = start_process(RulesInMemory())

    async def on_block(until: datetime) -> None:
        blocks.append(until)

    def open_(
        terms: Terms, key: CredentialsSource | None = None, host: str | None = None, process: Markets = one
    ) -> HttpExchange:
        venue = Venue(terms.exchange, terms.market, False, host or simulator.url)
        return process.open(venue, key or Key(), on_block)[0]

    return open_


@pytest.fixture(params=IMPLEMENTATIONS, ids=str)
def trader(request: pytest.FixtureRequest, clock: TurnableClock) -> Trader:
    """Somebody who trades at each implementation in turn; its book is empty."""
    if request.param is MOCK:
        return Trader(MOCK, request.getfixturevalue("mock_exchange"), clock)
    return Trader(request.param, request.getfixturevalue("open_market")(request.param), clock)
