"""ClientRequestToken on the embedded database: a repeated transaction is written once."""

from typing import Any

import pytest

from infra.local import moto_safety
from tests.infra.dynamodb_requests import IF_NEW, code_of, count, get, key_of, put, row


def test_a_repeated_transaction_with_the_same_token_succeeds_and_writes_nothing(dynamodb: Any) -> None:
    """What an SDK does whose first answer was lost."""
    request = {"TransactItems": [put("new", condition=IF_NEW), count()], "ClientRequestToken": "t"}

    answers = [code_of(dynamodb.transact_write_items, **request) for _ in range(3)]

    assert answers == ["OK"] * 3
    assert get(dynamodb, "counter")["v"] == {"N": "1"}


def test_a_token_with_other_parameters_is_refused(dynamodb: Any) -> None:
    """Nothing of the second request is written."""
    dynamodb.transact_write_items(TransactItems=[put("a")], ClientRequestToken="t")

    answer = code_of(dynamodb.transact_write_items, TransactItems=[put("b")], ClientRequestToken="t")

    assert answer == "IdempotentParameterMismatchException"
    assert get(dynamodb, "b") is None


def test_a_token_of_a_cancelled_transaction_is_free_again(dynamodb: Any) -> None:
    """It wrote nothing, so a retry after the obstacle is gone is the first write."""
    request = {"TransactItems": [put("row", condition=IF_NEW)], "ClientRequestToken": "t"}
    dynamodb.put_item(TableName="rows", Item=row("row"))
    refused = code_of(dynamodb.transact_write_items, **request)
    dynamodb.delete_item(**key_of("row"))

    answer = code_of(dynamodb.transact_write_items, **request)

    assert (refused, answer) == ("TransactionCanceledException", "OK")
    assert get(dynamodb, "row") == row("row")


def test_a_token_is_forgotten_when_its_time_is_over(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten minutes the same token is a new request."""
    dynamodb.transact_write_items(TransactItems=[count()], ClientRequestToken="t")
    monkeypatch.setattr(moto_safety, "TOKEN_VALID_SECONDS", 0.0)

    dynamodb.transact_write_items(TransactItems=[count()], ClientRequestToken="t")

    assert get(dynamodb, "counter")["v"] == {"N": "2"}
