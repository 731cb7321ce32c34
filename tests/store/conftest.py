"""Fixtures of the store's tests: every implementation of the Store port, and the wire under the one on DynamoDB."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from chalicelib.domain.ports import Store
from chalicelib.store.database import Database
from chalicelib.store.dynamo import DynamoStore
from tests.conftest import PREFIX, REGION
from tests.desk import TurnableClock
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.memory_store import MemoryStore
from tests.store.wire import Wire

IMPLEMENTATIONS = ("dynamo_store", "memory_store")
"""Fixtures that give an empty store on the fixture `clock`; every one of them keeps the whole contract."""


@pytest.fixture
def clock() -> TurnableClock:
    """The store's clock."""
    return TurnableClock()


@pytest.fixture
def database(tables: str, clock: TurnableClock) -> Database:
    """The connection to the embedded database."""
    database = _database()
    database.clock = clock
    return database


@pytest.fixture
def dynamo_store(database: Database) -> DynamoStore:
    """The store on empty tables."""
    return DynamoStore(database, PREFIX)


@pytest.fixture
def memory_store(clock: TurnableClock) -> MemoryStore:
    """The store of a simulated process on an empty database."""
    return MemoryStore(MemoryDatabase(clock), clock)


@pytest.fixture(params=IMPLEMENTATIONS)
def store(request: pytest.FixtureRequest) -> Store:
    """Each implementation in turn."""
    store: Store = request.getfixturevalue(request.param)
    return store


@pytest.fixture
def wire(dynamo_store: DynamoStore, database: Database) -> Iterator[Wire]:
    """What the store sends, and the faults that it meets."""
    with Wire(database.connection.client) as wire:
        yield wire


@pytest.fixture
def items(dynamodb: Any, tables: str) -> "Items":
    """The stored items themselves, past the store."""
    return Items(dynamodb)


class Items:
    """Reads and writes single items as DynamoDB keeps them."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get(self, table: str, **key: str) -> dict[str, Any] | None:
        """The item with that key."""
        item = self._client.get_item(TableName=f"{PREFIX}-{table}", Key=_typed(key), ConsistentRead=True)
        found: dict[str, Any] | None = item.get("Item")
        return found

    def put(self, table: str, item: dict[str, Any]) -> None:
        """The item as it is, whatever was there."""
        self._client.put_item(TableName=f"{PREFIX}-{table}", Item=item)

    def delete(self, table: str, **key: str) -> None:
        """No such item any more."""
        self._client.delete_item(TableName=f"{PREFIX}-{table}", Key=_typed(key))


def _typed(key: dict[str, str]) -> dict[str, Any]:
    return {name: {"S": value} for name, value in key.items()}


@cache
def _database() -> Database:
    """One client for all tests: building one costs more than most tests do."""
    return Database(TurnableClock(), REGION)
