"""What moto does without the wraps: a test that fails here says that its wrap can go."""

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import pytest
from moto.core.serialize import XFormedAttributePicker
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodbstreams.models import dynamodbstreams_backends
from moto.server import ThreadedMotoServer

from tests.infra.dynamodb_requests import (
    IF_THERE,
    REGION,
    code_of,
    count,
    delete,
    get,
    key_of,
    latest_iterator,
    post,
    put,
    row,
    seen,
    update,
)

ACCOUNT = "123456789012"


@pytest.mark.usefixtures("plain_moto")
class TestPlainMoto:
    def test_lets_two_requests_in_at_once(self, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both are inside a handler at the same time, or the barrier would break: the lock."""
        both = threading.Barrier(2, timeout=10)
        own = DynamoDBBackend.get_item

        def get_item(*arguments: Any) -> Item | None:
            both.wait()
            return own(*arguments)

        monkeypatch.setattr(DynamoDBBackend, "get_item", get_item)

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda name: get(dynamodb, name), ["a", "b"]))

        assert answers == [None, None]

    def test_streams_what_was_rolled_back_and_replaces_the_table(self, dynamodb: Any, streams: Any) -> None:
        """Transactions rehearsed on copies of their items."""
        iterator, table = latest_iterator(dynamodb, streams), _table("rows")

        code_of(dynamodb.transact_write_items, TransactItems=[put("ghost"), delete("x", IF_THERE)])

        assert [new for _, _, new in seen(streams, iterator)] == [row("ghost")]
        assert _table("rows") is not table

    def test_makes_two_inserts_of_an_update_that_creates(self, dynamodb: Any, streams: Any) -> None:
        """Updates rehearsed on a copy."""
        iterator = latest_iterator(dynamodb, streams)

        dynamodb.update_item(**update("new", "SET v = :one", one={"N": "1"})["Update"])

        assert [new for _, _, new in seen(streams, iterator)] == [row("new"), row("new", v={"N": "1"})]

    def test_ignores_client_request_tokens(self, dynamodb: Any) -> None:
        """Tokens."""
        for _ in range(2):
            dynamodb.transact_write_items(TransactItems=[count()], ClientRequestToken="t")

        assert get(dynamodb, "counter")["v"] == {"N": "2"}

    def test_sorts_the_whole_table_for_a_query(self, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Queries over one partition, and sorting by plain values."""
        looked_at: list[int] = []
        own = Table.all_items

        def all_items(table: Table) -> list[Item]:
            looked_at.append(len(own(table)))
            return own(table)

        monkeypatch.setattr(Table, "all_items", all_items)
        for number in range(10):
            dynamodb.put_item(TableName="rows", Item=row(str(number)))

        dynamodb.query(
            TableName="rows", KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "3"}}
        )

        assert looked_at == [10]

    def test_measures_an_item_again_for_every_attribute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Items measured once."""
        size = Mock(return_value=1)
        monkeypatch.setattr(DynamoType, "size", size)

        Item(DynamoType({"S": "x"}), None, {str(number): {"S": "x"} for number in range(10)})

        assert size.call_count > 50

    def test_asks_a_model_about_every_attribute_of_an_answer(
        self, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Items written as JSON as they are."""
        dynamodb.put_item(TableName="rows", Item=row("row", **{str(n): {"S": "x"} for n in range(9)}))
        asked = Mock(wraps=XFormedAttributePicker.get_possible_keys)
        monkeypatch.setattr(XFormedAttributePicker, "get_possible_keys", lambda *arguments: asked(*arguments))

        get(dynamodb, "row")

        assert asked.call_count > 90

    def test_keeps_every_item_and_every_iterator(self, dynamodb: Any, streams: Any) -> None:
        """Items untracked, iterators dropped."""
        iterator, tracked = latest_iterator(dynamodb, streams), vars(Item)["instances_tracked"]
        made = len(tracked)
        dynamodb.put_item(TableName="rows", Item=row("row"))

        for _ in range(10):
            iterator = streams.get_records(ShardIterator=iterator)["NextShardIterator"]

        assert len(dynamodbstreams_backends[ACCOUNT][REGION].shard_iterators) == 11
        assert len(tracked) > made

    def test_closes_the_connection_after_every_answer(self) -> None:
        """A server of our own."""
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        connection = http.client.HTTPConnection(*server.get_host_and_port(), timeout=30)

        response = post(connection)
        connection.close()
        server.stop()

        assert response.headers["Connection"] == "close"

    def test_reads_at_most_25_items_in_a_transaction(self, dynamodb: Any) -> None:
        """The limit of a hundred."""
        reads = [{"Get": key_of(str(number))} for number in range(26)]

        assert code_of(dynamodb.transact_get_items, TransactItems=reads) == "ValidationException"


def _table(name: str) -> Table:
    return dynamodb_backends[ACCOUNT][REGION].tables[name]
