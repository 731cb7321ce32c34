"""The servers of the local stack that these tests talk to, and clients of them."""

import http.client
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local import moto_safety
from infra.local.database import Database, serve
from infra.local.http import LocalServer, make_server
from tests.infra.dynamodb_requests import client_of
from tests.infra.small_app import small_app

STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with serve() as running:
        yield running


@pytest.fixture
def dynamodb(database: Database) -> Any:
    """A client of an empty database with a plain table `rows` and one with sort key and index, `lists`."""
    database.reset()
    client = client_of(database.url, "dynamodb")
    client.create_table(
        TableName="rows",
        KeySchema=_keys("id"),
        AttributeDefinitions=_attributes(id="S"),
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=STREAM,
    )
    index = {
        "IndexName": "by_group",
        "KeySchema": _keys("group", "n"),
        "Projection": {"ProjectionType": "ALL"},
    }
    client.create_table(
        TableName="lists",
        KeySchema=_keys("list", "position"),
        AttributeDefinitions=_attributes(list="S", position="N", group="N", n="S"),
        GlobalSecondaryIndexes=[index],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def streams(database: Database) -> Any:
    return client_of(database.url, "dynamodbstreams")


@pytest.fixture
def plain_moto() -> Iterator[None]:
    """The same server with moto's own functions back in place."""
    moto_safety.remove()
    yield
    moto_safety.install()


@pytest.fixture
def server() -> Iterator[LocalServer]:
    server = make_server(small_app(), 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)


@pytest.fixture
def client(server: LocalServer) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    yield connection
    connection.close()


def _keys(hash_key: str, range_key: str | None = None) -> list[dict[str, str]]:
    names = [(hash_key, "HASH"), (range_key, "RANGE")]
    return [{"AttributeName": name, "KeyType": kind} for name, kind in names if name]


def _attributes(**types: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]
