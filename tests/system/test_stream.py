"""The stream on its own: whoever wrote that an order is OPEN died right after that."""

import time
from collections.abc import Callable
from typing import Any

import boto3

from infra.local.database import serve
from tests.system.stack import Stack, order_ids
from tests.system.test_stack import LIMIT, row

PREFIX = "stream-test"


def test_the_stream_fires_a_queued_cancel_within_a_second(start: Callable[..., Stack]) -> None:
    """No wake-up, no schedule for a minute, no task that knows of the flag: only the record of the change."""
    with serve() as database:
        environment = {"AWS_ENDPOINT_URL_DYNAMODB": database.url, "TABLE_PREFIX": PREFIX}
        stack = start("--no-wake", environment=environment, schedule_seconds=60)
        who = stack.trade_on("s", {})
        (order_id,) = order_ids(stack.alert(**who, **LIMIT))
        stack.wait_order(order_id, "OPEN", 5)
        client = boto3.client(
            "dynamodb",
            endpoint_url=database.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        _store_waiting_request(client, order_id)

        started = time.monotonic()
        _turn_open(client, order_id)
        stack.wait_order(order_id, "CANCELLED", 2)

        assert time.monotonic() - started < 1
        assert row(stack, order_id)["status"] == "SUCCESS"
        database.reset()


def _store_waiting_request(client: Any, order_id: str) -> None:
    """As if the order were still UNKNOWN and its cancel had been asked for, with an hour until its next look."""
    now, later = "2026-11-21T03:20:15.000000Z", "2999-01-01T00:00:00.000000Z"
    texts = {
        "cancel_id": order_id,
        "strategy_id": "s",
        "account_id": "s-1",
        "exchange": "mock",
        "symbol": "BTC/USDT",
        "status": "PENDING",
        "next_retry_at": later,
        "requested_by": "api",
        "created_at": now,
        "updated_at": now,
        "created_day": now[:10],
        "due_shard": "0",
    }
    numbers = {"retry_count": "0", "waits": "0", "version": "1"}
    item = {name: {"S": text} for name, text in texts.items()} | {name: {"N": text} for name, text in numbers.items()}
    client.put_item(TableName=f"{PREFIX}-cancel_queue", Item={**item, "waiting_for_order": {"BOOL": True}})
    client.update_item(
        TableName=f"{PREFIX}-orders",
        Key={"order_id": {"S": order_id}},
        UpdateExpression="SET #s = :pending, placement = :unknown, cancel_requested_at = :now",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":pending": {"S": "PENDING"}, ":unknown": {"S": "UNKNOWN"}, ":now": {"S": now}},
    )


def _turn_open(client: Any, order_id: str) -> None:
    client.update_item(
        TableName=f"{PREFIX}-orders",
        Key={"order_id": {"S": order_id}},
        UpdateExpression="SET #s = :open REMOVE placement",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":open": {"S": "OPEN"}},
    )
