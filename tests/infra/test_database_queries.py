"""The answers of the embedded database: those of moto itself, and items as they were put."""

from typing import Any

import pytest

from tests.infra.dynamodb_requests import code_of, get, key_of, row, update

VALUES = {":a": "a", ":none": "none", ":two": 2, ":from": "n-05", ":to": "n-30", ":start": "n-1"}


@pytest.mark.parametrize(
    ("index", "condition", "condition_after"),
    [
        (None, "#l = :a", None),
        (None, "#l = :a AND #p > :two", None),
        (None, "#l = :none", None),
        ("by_group", "#g = :two", None),
        ("by_group", "#g = :two AND n BETWEEN :from AND :to", None),
        ("by_group", "#g = :two AND begins_with(n, :start)", None),
        ("by_group", "#g = :two", "n <> :from"),
    ],
)
@pytest.mark.parametrize("paging", [{}, {"Limit": 3}, {"Limit": 3, "ScanIndexForward": False}], ids=str)
def test_a_query_answers_what_moto_answers(
    dynamodb: Any,
    index: str | None,
    condition: str,
    condition_after: str | None,
    paging: dict[str, Any],
    request: pytest.FixtureRequest,
) -> None:
    """Over all pages, with and without the wraps, for table and index, numbers and strings."""
    for number in range(40):
        group = {"group": {"N": f"{number % 3}.0"}} if number % 4 else {}
        key = {"list": {"S": "abc"[number % 3]}, "position": {"N": str(number)}}
        dynamodb.put_item(TableName="lists", Item={**key, **group, "n": {"S": f"n-{number * 7 % 40:02}"}})
    query = _query_of("lists", index, condition, condition_after)

    wrapped = list(dynamodb.get_paginator("query").paginate(**query, **paging).search("Items[]"))
    request.getfixturevalue("plain_moto")
    plain = list(dynamodb.get_paginator("query").paginate(**query, **paging).search("Items[]"))

    assert wrapped == plain
    assert bool(wrapped) is (":none" not in condition)


def test_items_of_every_type_come_back_as_they_were_put(dynamodb: Any) -> None:
    """Through every action that returns items or old and new attributes."""
    plain: dict[str, Any] = {"n": {"N": "1.50"}, "null": {"NULL": True}, "t": {"BOOL": False}}
    binary: dict[str, Any] = {"b": {"B": b"\x00\xff"}, "bs": {"BS": [b"a", b"b"]}, "ss": {"SS": ["a", "ö"]}}
    nested: dict[str, Any] = {"m": {"M": {"l": {"L": [{"N": "1"}, {"M": {"b": {"B": b"x"}}}]}}}}
    item = row("row", **plain, **binary, **nested)
    touched = {**item, "z": {"N": "1"}}
    dynamodb.put_item(TableName="rows", Item=item)
    touch: dict[str, Any] = update("row", "SET z = :one", one={"N": "1"})["Update"]
    asked = {":row": {"S": "row"}}

    batch = dynamodb.batch_get_item(RequestItems={"rows": {"Keys": [{"id": {"S": "row"}}]}})
    found = dynamodb.query(TableName="rows", KeyConditionExpression="id=:row", ExpressionAttributeValues=asked)

    assert get(dynamodb, "row") == item
    assert batch["Responses"]["rows"] == [item]
    assert dynamodb.transact_get_items(TransactItems=[{"Get": key_of("row")}])["Responses"] == [{"Item": item}]
    assert found["Items"] == [item]
    assert dynamodb.put_item(TableName="rows", Item=item, ReturnValues="ALL_OLD")["Attributes"] == item
    assert dynamodb.update_item(**touch, ReturnValues="ALL_NEW")["Attributes"] == touched
    assert dynamodb.delete_item(**key_of("row"), ReturnValues="ALL_OLD")["Attributes"] == touched


def test_an_item_over_the_size_limit_is_refused(dynamodb: Any) -> None:
    """400 KB, by put and by update."""
    big = {"S": "x" * 410_000}

    by_put = code_of(dynamodb.put_item, TableName="rows", Item=row("row", v=big))
    by_update = code_of(dynamodb.update_item, **update("row", "SET v = :v", v=big)["Update"])

    assert (by_put, by_update) == ("ValidationException", "ValidationException")
    assert get(dynamodb, "row") is None


def _query_of(table: str, index: str | None, condition: str, condition_after: str | None) -> dict[str, Any]:
    text = f"{condition} {condition_after or ''}"
    names = {"#l": "list", "#p": "position", "#g": "group"}
    values = {word: {"N": str(v)} if word == ":two" else {"S": str(v)} for word, v in VALUES.items()}
    return {
        "TableName": table,
        **({"IndexName": index} if index else {}),
        "KeyConditionExpression": condition,
        **({"FilterExpression": condition_after} if condition_after else {}),
        "ExpressionAttributeNames": {word: name for word, name in names.items() if word in text},
        "ExpressionAttributeValues": {word: value for word, value in values.items() if word in text},
    }
