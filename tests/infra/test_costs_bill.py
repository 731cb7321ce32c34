"""What requests of the embedded database are billed as, and a month's bill computed by hand."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from infra.local.database import Database
from infra.local.tables import create_tables
from tests.benchmarks.costs_app import Used
from tests.benchmarks.costs_bill import Line, Template, Times, bill, nat, read_template
from tests.benchmarks.costs_counting import AwsCounter
from tests.benchmarks.costs_prices import US_EAST_1
from tests.benchmarks.costs_units import Units
from tests.infra.dynamodb_requests import client_of

PREFIX = "counted"
ORDERS, CANCELS, SYSTEM = f"{PREFIX}-orders", f"{PREFIX}-cancel_queue", f"{PREFIX}-system"
TEMPLATE = Template(alarm_metrics=7, dashboards=1, secrets=1)


@pytest.fixture
def counter(database: Database) -> Iterator[AwsCounter]:
    """Over the tables of the template, all of them empty."""
    database.reset()
    client = client_of(database.url, "dynamodb")
    create_tables(client, PREFIX)
    with AwsCounter(client, PREFIX).in_place() as counter:
        yield counter


@pytest.fixture
def client(counter: AwsCounter, database: Database) -> Any:
    """One that is counted."""
    return client_of(database.url, "dynamodb")


def order(**more: str) -> dict[str, Any]:
    """Small; in the indexes by strategy and by day."""
    named = {"order_id": "o1", "strategy_id": "s1", "created_at": "2026", "created_day": "2026", **more}
    return {name: {"S": value} for name, value in named.items()}


def test_a_transaction_costs_twice_its_items_and_once_each_index(counter: AwsCounter, client: Any) -> None:
    """An order in two indexes (2 + 2), and a condition on a row that is not there (2)."""
    check = {"TableName": SYSTEM, "Key": {"name": {"S": "x"}}, "ConditionExpression": "attribute_not_exists(version)"}

    with counter.counting() as asked:
        client.transact_write_items(
            TransactItems=[{"ConditionCheck": check}, {"Put": {"TableName": ORDERS, "Item": order()}}]
        )

    assert asked.units == Units(writes=2 + 2 + 2)
    assert asked.calls == Counter({"dynamodb.TransactWriteItems": 1})


def test_an_update_that_takes_an_order_off_a_sparse_index_pays_for_that_too(counter: AwsCounter, client: Any) -> None:
    """The table, two full indexes that follow, and the entry that goes."""
    client.put_item(TableName=ORDERS, Item=order(live_strategy="s1"))

    with counter.counting() as asked:
        client.update_item(
            TableName=ORDERS, Key={"order_id": {"S": "o1"}}, UpdateExpression="REMOVE live_strategy SET reason = :r",
            ExpressionAttributeValues={":r": {"S": "x"}},
        )  # fmt: skip

    assert asked.units == Units(writes=1 + 2 + 1)


def test_reads_cost_by_their_consistency(counter: AwsCounter, client: Any) -> None:
    """One by its key, two in a batch of which one is missing, an index with one and a count of none."""
    client.put_item(TableName=ORDERS, Item=order())
    key = {"order_id": {"S": "o1"}}
    query: dict[str, Any] = {
        "TableName": ORDERS,
        "IndexName": "by_strategy",
        "KeyConditionExpression": "strategy_id = :s",
        "ExpressionAttributeValues": {":s": {"S": "s1"}},
    }

    with counter.counting() as asked:
        client.get_item(TableName=ORDERS, Key=key, ConsistentRead=True)
        client.batch_get_item(RequestItems={ORDERS: {"Keys": [key, {"order_id": {"S": "o2"}}], "ConsistentRead": True}})
        client.query(**query)
        client.query(**{**query, "Select": "COUNT", "ExpressionAttributeValues": {":s": {"S": "nobody"}}})

    assert asked.units == Units(reads=1 + 2 + 0.5 + 0.5)


def test_nothing_is_counted_unless_asked_for_and_other_services_are_named(
    counter: AwsCounter, client: Any, database: Database
) -> None:
    """Also those of boto3's own session."""
    secrets = boto3.client("secretsmanager", endpoint_url=database.url)
    client.put_item(TableName=ORDERS, Item=order())

    with counter.counting() as asked:
        secrets.list_secrets()

    assert asked.units == Units()
    assert asked.calls == Counter({"secretsmanager.ListSecrets": 1})


def test_a_month_is_billed_by_what_its_parts_use() -> None:
    """A million alerts at the prices of us-east-1."""
    one = Used(
        units=Units(writes=4, reads=8),
        invocations=Counter(api_handler=1, sweep=1),
        seconds={"api_handler": 1024 / 1769, "sweep": 0.5},
        http_requests=1,
        answer_bytes=1000,
        exchange_requests=2,
        stored=(2**20, 2**20),
        log_bytes=2000,
        metrics={("A",), ("B",)},
    )
    other = replace(one, metrics={("B",), ("C",)})
    month = Times([(400_000, one), (600_000, other)], cold_starts=1000, key_reads=20_000)

    usd = by_name(bill(month, US_EAST_1, TEMPLATE, cold_seconds=1024 / 1769))

    assert usd == {
        "Lambda: invocations": 2e6 * 0.2e-6,
        "Lambda: work": 1.5e6 * 0.0000166667,
        "Lambda: cold starts": 1000 * 0.0000166667,
        "API Gateway": 3.5,
        "EventBridge, SQS, SNS": 0,
        "DynamoDB: writes": 4 * 0.625,
        "DynamoDB: reads": 8 * 0.125,
        "DynamoDB: storage": 3 * 2 * 1e6 / 1024 * 0.25,
        "DynamoDB: point-in-time recovery": 3 * 1e6 / 1024 * 0.20,
        "Data out": (1 + 6) * 0.09,
        "CloudWatch: logs, kept for a month": 2 * (0.50 + 0.03),
        "CloudWatch: metrics": 3 * 0.30,
        "CloudWatch: alarms": 7 * 0.10,
        "CloudWatch: dashboard": 3,
        "Secrets Manager: secrets": (1 + 3) * 0.40,
        "Secrets Manager: calls": 2 * 0.05,
    }
    assert nat(month, US_EAST_1).usd == pytest.approx(730 * 0.05 + 6 * 0.045)


def test_an_alarm_is_billed_by_the_metrics_that_it_reads() -> None:
    """The template has alarms of one metric, and some that add up those of several functions."""
    found = read_template()

    assert (found.dashboards, found.secrets) == (1, 1)
    assert found.alarm_metrics > 10


def by_name(lines: list[Line]) -> dict[str, Any]:
    """To the precision of floating point."""
    return {line.name: pytest.approx(line.usd) for line in lines}
