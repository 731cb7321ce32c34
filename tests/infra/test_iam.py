"""The evaluator of policies: what it allows rests on nothing that it does not understand."""

from typing import Any

import pytest

from tests.infra.iam import UnknownElementError, is_allowed

TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(action: Any = "dynamodb:GetItem", resource: Any = TABLE, effect: str = "Allow", **more: Any) -> Any:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def from_blocks(operator: str, *blocks: str) -> dict[str, Any]:
    return {operator: {"aws:SourceIp": list(blocks)}}


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        (TABLE, TABLE, True),
        ("*", TABLE, True),
        (TABLE, TABLE + "/index/live", False),
        (TABLE + "/index/*", TABLE + "/index/live", True),
        (TABLE + "*", TABLE + "/index/live", True),
        ("arn:aws:dynamodb:*:*:table/orders", TABLE, True),
        ("arn:aws:*:table/orders", TABLE, False),
        ("arn:aws:dynamodb:*:table/orders", TABLE, False),
        (TABLE[:-1] + "?", TABLE, True),
        (TABLE + "?", TABLE, False),
        (TABLE.replace("orders", "Orders"), TABLE, False),
        (TABLE.replace("table/orders", "table.orders"), TABLE, False),
        ([TABLE + "-2", TABLE], TABLE, True),
        ("arn:aws:logs:eu-west-1:1:log-group:/a/b:*", "arn:aws:logs:eu-west-1:1:log-group:/a/b:log-stream:c", True),
        ("arn:aws:logs:eu-west-1:1:log-group:/a/b:*", "arn:aws:logs:eu-west-1:1:log-group:/a/bc:log-stream:c", False),
    ],
)
def test_a_resource_is_matched_as_a_whole(pattern: Any, resource: str, expected: bool) -> None:
    """Part by part, with wildcards, in the case that it is written in."""
    assert is_allowed(document(statement(resource=pattern)), "dynamodb:GetItem", resource) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("dynamodb:GetItem", True),
        ("DynamoDB:getitem", True),
        ("dynamodb:*", True),
        ("dynamodb:Get????", True),
        ("dynamodb:Get", False),
        ("dynamodb:GetItems", False),
        ("*", True),
        (["dynamodb:PutItem", "dynamodb:GetItem"], True),
        (["dynamodb:PutItem", "dynamodb:Query"], False),
    ],
)
def test_an_action_is_matched_as_a_whole(pattern: Any, expected: bool) -> None:
    """In any case of its letters."""
    assert is_allowed(document(statement(action=pattern)), "dynamodb:GetItem", TABLE) is expected


def test_action_and_resource_must_stand_in_one_statement() -> None:
    """Rights do not mix."""
    mixed = document(statement("dynamodb:PutItem"), statement(resource=TABLE + "-2"))

    assert not is_allowed(mixed, "dynamodb:GetItem", TABLE)


def test_what_nobody_speaks_of_is_refused() -> None:
    """The default."""
    assert not is_allowed(document(), "dynamodb:GetItem", TABLE)


@pytest.mark.parametrize("turned", [False, True])
def test_a_denial_wins_wherever_it_stands(turned: bool) -> None:
    """Before or after what allows."""
    both = [statement(), statement("dynamodb:*", "*", "Deny")]

    assert not is_allowed(document(*(reversed(both) if turned else both)), "dynamodb:GetItem", TABLE)


def test_one_statement_needs_no_brackets() -> None:
    """As AWS writes some of its own."""
    assert is_allowed({"Statement": statement()}, "dynamodb:GetItem", TABLE)


@pytest.mark.parametrize(
    ("operator", "source_ip", "expected"),
    [
        ("IpAddress", "10.0.0.7", True),
        ("IpAddress", "192.0.2.9", True),
        ("IpAddress", "192.0.2.10", False),
        ("IpAddress", "2001:db8::1", True),
        ("IpAddress", "2001:db9::1", False),
        ("IpAddress", None, False),
        ("NotIpAddress", "10.0.0.7", False),
        ("NotIpAddress", "192.0.2.10", True),
        ("NotIpAddress", None, True),
    ],
)
def test_a_condition_asks_where_a_call_comes_from(operator: str, source_ip: str | None, expected: bool) -> None:
    """By blocks of either kind of address."""
    condition = from_blocks(operator, "10.0.0.0/24", "192.0.2.9/32", "2001:db8::/32")
    policy = document(statement(Condition=condition))

    assert is_allowed(policy, "dynamodb:GetItem", TABLE, source_ip=source_ip) is expected


def test_all_conditions_have_to_hold() -> None:
    """Of a denial, too: one that does not hold denies nothing."""
    condition = from_blocks("IpAddress", "10.0.0.0/24") | from_blocks("NotIpAddress", "10.0.0.7/32")
    policy = document(statement(), statement(effect="Deny", Condition=condition))

    assert not is_allowed(policy, "dynamodb:GetItem", TABLE, source_ip="10.0.0.8")
    assert is_allowed(policy, "dynamodb:GetItem", TABLE, source_ip="10.0.0.7")


def test_nobody_is_from_no_block() -> None:
    """An empty list lets nobody in."""
    policy = document(statement(Condition=from_blocks("IpAddress")))

    assert not is_allowed(policy, "dynamodb:GetItem", TABLE, source_ip="10.0.0.7")


@pytest.mark.parametrize(
    "strange",
    [
        {"Effect": "Allow", "NotAction": "dynamodb:PutItem", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "NotResource": "x", "Resource": "*"},
        statement(Condition={"StringEquals": {"aws:SourceIp": "10.0.0.7"}}),
        statement(Condition={"IpAddress": {"aws:VpcSourceIp": "10.0.0.7"}}),
        statement(Principal={"AWS": "arn:aws:iam::1:root"}),
        statement(effect="allow"),
    ],
    ids=["NotAction", "NotResource", "operator", "key", "principal", "effect"],
)
def test_what_is_not_understood_is_an_error(strange: dict[str, Any]) -> None:
    """Neither a yes nor a no would be honest."""
    with pytest.raises(UnknownElementError):
        is_allowed(document(strange), "dynamodb:GetItem", TABLE)
