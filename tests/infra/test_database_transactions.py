"""Transactions and conditional updates on the embedded database: all or nothing, one winner, named reasons."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.infra.dynamodb_requests import (
    IF_NEW,
    IF_THERE,
    code_of,
    delete,
    get,
    key_of,
    latest_iterator,
    put,
    row,
    seen,
    update,
)


@pytest.mark.parametrize("storm", range(5))
def test_of_twenty_equal_transactions_at_once_one_wins_and_nothing_else_is_touched(dynamodb: Any, storm: int) -> None:
    """Exactly one winner, no row of a loser, and every unrelated put made meanwhile is kept."""
    start = threading.Barrier(40)

    def alert(number: int) -> str:
        start.wait()
        return code_of(
            dynamodb.transact_write_items,
            TransactItems=[
                put(f"log-{number}"),
                put(f"order-{number}"),
                put("alert", condition=IF_NEW),
            ],
        )

    def unrelated(number: int) -> str:
        start.wait()
        return code_of(dynamodb.put_item, TableName="rows", Item=row(f"unrelated-{number}"))

    with ThreadPoolExecutor(40) as pool:
        alerts = [pool.submit(alert, number) for number in range(20)]
        puts = [pool.submit(unrelated, number) for number in range(20)]
        answers = [one.result() for one in alerts]
        assert [one.result() for one in puts] == ["OK"] * 20

    winner = answers.index("OK")
    assert sorted(answers) == ["OK"] + ["TransactionCanceledException"] * 19
    expected = {"alert", f"log-{winner}", f"order-{winner}", *(f"unrelated-{n}" for n in range(20))}
    assert {item["id"]["S"] for item in dynamodb.scan(TableName="rows")["Items"]} == expected


def test_of_twenty_conditional_updates_at_once_one_wins(dynamodb: Any) -> None:
    """Two workers on one row: one gets it, the others are told so."""
    dynamodb.put_item(TableName="rows", Item=row("row", owner={"S": "nobody"}))
    start = threading.Barrier(20)

    def claim(number: int) -> str:
        start.wait()
        claiming = update("row", "SET #o = :me", "#o = :nobody", me={"S": str(number)}, nobody={"S": "nobody"})
        return code_of(dynamodb.update_item, **claiming["Update"], ExpressionAttributeNames={"#o": "owner"})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(claim, range(20)))

    assert answers.count("OK") == 1
    assert answers.count("ConditionalCheckFailedException") == 19
    assert get(dynamodb, "row")["owner"] == {"S": str(answers.index("OK"))}


def test_a_cancelled_transaction_names_the_reason_of_each_item_in_order(dynamodb: Any) -> None:
    """`None` for what passed, the old item only where it was asked for."""
    dynamodb.put_item(TableName="rows", Item=row("there", value={"S": "old"}))
    refused = put("there", condition=IF_NEW)
    refused_with_item = {"ConditionCheck": {**key_of("there"), "ConditionExpression": IF_NEW}}
    refused_with_item["ConditionCheck"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as refusal:
        dynamodb.transact_write_items(TransactItems=[put("new"), refused, put("other"), delete("x", IF_THERE)])
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as refusal_with_item:
        dynamodb.transact_write_items(TransactItems=[refused_with_item])

    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    passed = {"Code": "None"}
    assert refusal.value.response["CancellationReasons"] == [passed, failed, passed, failed]
    assert "[None, ConditionalCheckFailed, None, ConditionalCheckFailed]" in str(refusal.value)
    assert refusal_with_item.value.response["CancellationReasons"] == [
        {**failed, "Item": row("there", value={"S": "old"})}
    ]


@pytest.mark.parametrize(
    ("kind", "last", "code"),
    [
        ("ConditionCheck", {"ConditionExpression": IF_THERE}, "TransactionCanceledException"),
        ("Update", {"UpdateExpression": "SET value"}, "ValidationException"),
        ("Update", {"UpdateExpression": "SET v = :undefined"}, "ValidationException"),
        ("Update", {"UpdateExpression": "SET id = id"}, "ValidationException"),
        ("Put", {"Item": {"id": {"N": "1"}}}, "ValidationException"),
        ("Put", {"Item": {"v": {"N": "1"}}}, "ValidationException"),
        ("Delete", {"Key": {"id": {"S": "deleted"}}}, "ValidationException"),
        ("Put", {"TableName": "nowhere", "Item": {"id": {"S": "x"}}}, "ResourceNotFoundException"),
    ],
    ids=["condition", "syntax", "value", "changed key", "key type", "no key", "same item twice", "no table"],
)
def test_a_transaction_that_fails_in_its_last_item_leaves_everything_as_it_was(
    dynamodb: Any, streams: Any, kind: str, last: dict[str, Any], code: str
) -> None:
    """A put, an update and a delete come first and pass; none of them happens, and the stream is silent."""
    for name in ("changed", "deleted"):
        dynamodb.put_item(TableName="rows", Item=row(name, v={"N": "1"}))
    before = dynamodb.scan(TableName="rows")["Items"]
    iterator = latest_iterator(dynamodb, streams)
    last = {"TableName": "rows", **({} if kind == "Put" else {"Key": {"id": {"S": "last"}}}), **last}
    first = [put("new"), update("changed", "SET v = :two", two={"N": "2"}), delete("deleted")]

    answer = code_of(dynamodb.transact_write_items, TransactItems=[*first, {kind: last}])

    assert answer == code
    assert dynamodb.scan(TableName="rows")["Items"] == before
    assert streams.get_records(ShardIterator=iterator)["Records"] == []


def test_a_transaction_of_every_kind_is_written_as_a_whole(dynamodb: Any, streams: Any) -> None:
    """Put, update, delete, delete of nothing and a check: a stream record for each real change, in order."""
    dynamodb.put_item(TableName="rows", Item=row("changed", v={"N": "1"}))
    dynamodb.put_item(TableName="rows", Item=row("deleted"))
    iterator = latest_iterator(dynamodb, streams)
    in_list = {"TableName": "lists", "Item": {"list": {"S": "a"}, "position": {"N": "1"}}}

    dynamodb.transact_write_items(
        TransactItems=[
            put("new", condition=IF_NEW),
            update("changed", "ADD v :one", one={"N": "1"}),
            delete("deleted"),
            delete("never there"),
            update("created", "SET v = :one", one={"N": "1"}),
            {"Put": in_list},
            {"ConditionCheck": {**key_of("checked"), "ConditionExpression": IF_NEW}},
        ]
    )

    kept = {item["id"]["S"]: item.get("v") for item in dynamodb.scan(TableName="rows")["Items"]}
    assert kept == {"new": None, "changed": {"N": "2"}, "created": {"N": "1"}}
    assert dynamodb.scan(TableName="lists")["Items"] == [in_list["Item"]]
    assert seen(streams, iterator) == [
        ("INSERT", None, row("new")),
        ("MODIFY", row("changed", v={"N": "1"}), row("changed", v={"N": "2"})),
        ("REMOVE", row("deleted"), None),
        ("INSERT", None, row("created", v={"N": "1"})),
    ]


def test_a_transaction_takes_a_hundred_items_and_no_more(dynamodb: Any) -> None:
    """DynamoDB's limit, for writing and for reading."""
    items = [put(str(number)) for number in range(101)]

    assert code_of(dynamodb.transact_write_items, TransactItems=items) == "ValidationException"
    assert code_of(dynamodb.transact_write_items, TransactItems=items[:100]) == "OK"
    reads = [{"Get": key_of(str(number))} for number in range(100)]
    assert len(dynamodb.transact_get_items(TransactItems=reads)["Responses"]) == 100
