"""Fixtures of the exchanges' tests: every implementation of the Exchange port, on a clock that can be turned."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.domain.ports import Exchange
from chalicelib.exchanges.mock import MockExchange
from chalicelib.store.database import Database
from chalicelib.store.dynamo import DynamoStore
from chalicelib.store.mock_book import TableMockBook
from tests.desk import TurnableClock
from tests.store import rows
from tests.store.conftest import clock, database, dynamo_store

__all__ = ["clock", "database", "dynamo_store"]

IMPLEMENTATIONS = ("mock_exchange",)
"""Fixtures that give an exchange with an empty book on the fixture `clock`; every one keeps the whole contract."""

MakeMock = Callable[..., MockExchange]


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


@pytest.fixture(params=IMPLEMENTATIONS)
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """Each implementation in turn."""
    exchange: Exchange = request.getfixturevalue(request.param)
    return exchange
