"""Updates and streams of the embedded database: one record per change, none of what failed, iterators that expire."""

from typing import Any

import pytest

from infra.local import moto_speed
from tests.infra.dynamodb_requests import IF_NEW, code_of, get, latest_iterator, put, row, seen, update


def test_an_iterator_held_across_a_failed_transaction_sees_exactly_the_real_records(
    dynamodb: Any, streams: Any
) -> None:
    """Nothing of the failed one, everything before and after it, with ascending sequence numbers."""
    iterator = latest_iterator(dynamodb, streams)
    refused = [put("ghost"), put("before", condition=IF_NEW)]

    dynamodb.put_item(TableName="rows", Item=row("before"))
    assert code_of(dynamodb.transact_write_items, TransactItems=refused) == "TransactionCanceledException"
    dynamodb.put_item(TableName="rows", Item=row("after"))
    dynamodb.transact_write_items(TransactItems=[put("last")])

    records = streams.get_records(ShardIterator=iterator)["Records"]
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in records] == ["before", "after", "last"]
    assert numbers == sorted(set(numbers))


def test_an_update_that_creates_its_item_is_one_insert(dynamodb: Any, streams: Any) -> None:
    """A stream handler must never see a row that has a key and nothing else."""
    iterator = latest_iterator(dynamodb, streams)

    dynamodb.update_item(**update("new", "SET v = :one", one={"N": "1"})["Update"])

    assert seen(streams, iterator) == [("INSERT", None, row("new", v={"N": "1"}))]


def test_an_update_that_fails_half_way_changes_nothing(dynamodb: Any) -> None:
    """Its SET is fine, its ADD is not."""
    dynamodb.put_item(TableName="rows", Item=row("row", text={"S": "x"}))
    half_wrong = update("row", "SET a = :one ADD #t :one", one={"N": "1"})["Update"]

    answer = code_of(dynamodb.update_item, **half_wrong, ExpressionAttributeNames={"#t": "text"})

    assert answer == "ValidationException"
    assert get(dynamodb, "row") == row("row", text={"S": "x"})


def test_an_iterator_that_is_too_old_is_refused_as_expired(
    dynamodb: Any, streams: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the newest iterators are kept, as a poller makes a new one with every call."""
    monkeypatch.setattr(moto_speed, "KEPT_SHARD_ITERATORS", 3)
    first = newest = latest_iterator(dynamodb, streams)

    for _ in range(5):
        newest = streams.get_records(ShardIterator=newest)["NextShardIterator"]

    assert code_of(streams.get_records, ShardIterator=first) == "ExpiredIteratorException"
    assert code_of(streams.get_records, ShardIterator=newest) == "OK"
