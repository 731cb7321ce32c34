"""The stream on its own: whoever wrote that an order is OPEN died right after that."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from infra.local.database import serve
from tests.system.stack import Stack, order_ids, wait_for
from tests.system.test_stack import LIMIT, row

PREFIX = "stream-test"
PAST, LATER = "2000-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"


def test_the_stream_fires_a_queued_cancel_within_a_second(start: Callable[..., Stack]) -> None:
    """No wake-up, no schedule for a minute, no task that knows of the flag: only the record of the change."""
    with serve() as database:
        environment = {"AWS_ENDPOINT_URL_DYNAMODB": database.url, "TABLE_PREFIX": PREFIX}
        stack = start("--no-wake", environment=environment, schedule_seconds=60)
        who = stack.trade_on("s", {})
        (order_id,) = order_ids(stack.alert(**who, **LIMIT))
        stack.wait_order(order_id, "OPEN", 5)
        client = _client("dynamodb", database.url)
        _store_waiting_request(client, order_id)

        started = datetime.now(UTC)
        _turn_open(client, order_id)
        order = stack.wait_order(order_id, "CANCELLED", 5)

        ended = order["history"][-1]
        assert (ended["status"], ended["by"]) == ("CANCELLED", "stream")
        assert (datetime.fromisoformat(ended["at"]) - started).total_seconds() < 1
        assert row(stack, order_id)["status"] == "SUCCESS"
        database.reset()


def test_poison_is_given_up_and_settled_by_reconcile_once_the_cause_is_gone(start: Callable[..., Stack]) -> None:
    """R30: the record ends as a dead letter that leads to it; its neighbour never noticed; the order is not lost."""
    stack = start("--no-wake", environment={"TABLE_PREFIX": PREFIX}, schedule_seconds=1)
    who = stack.trade_on("s", {}, {})
    poisoned, neighbour = order_ids(stack.alert(**who, **LIMIT))
    for order_id in (poisoned, neighbour):
        stack.wait_order(order_id, "OPEN", 5)
    address = re.search(r"database {2}(\S+)", stack.output())
    assert address is not None
    client, sqs = (_client(service, address[1]) for service in ("dynamodb", "sqs"))
    # Nobody but the stream looks at the neighbour, and nobody can read the other one: not even reconcile, all along.
    _store_waiting_request(client, poisoned, side="sideways", check_at=PAST)
    _store_waiting_request(client, neighbour, check_at=LATER)

    _turn_open(client, poisoned, neighbour)
    done = stack.wait_order(neighbour, "CANCELLED", 5)
    queue = sqs.get_queue_url(QueueName="DeadLetters")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    wait_for(lambda: _given_up(stack), 2, "the log to name the order")
    _update(client, poisoned, side="BUY")
    settled = stack.wait_order(poisoned, "CANCELLED", 10)

    assert done["history"][-1]["by"] == "stream"
    letter = json.loads(message["Body"])
    assert letter["requestContext"]["functionArn"].endswith(":fire_cancels")
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert _order_at(_client("dynamodbstreams", address[1]), letter["DDBStreamBatchInfo"]) == poisoned
    (line,) = _given_up(stack)
    assert (line["level"], line["keys"], line["queue"]) == ("ERROR", [{"order_id": {"S": poisoned}}], queue)
    assert settled["history"][-1]["by"] == "reconcile"
    assert row(stack, poisoned)["status"] == "SUCCESS"


def _client(service: str, url: str) -> Any:
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys)


def _store_waiting_request(client: Any, order_id: str, **attributes: str) -> None:
    """As if the order were still UNKNOWN and its cancel had been asked for, with an hour until its next look."""
    now = "2026-11-21T03:20:15.000000Z"
    texts = {
        "cancel_id": order_id,
        "strategy_id": "s",
        "account_id": "s-1",
        "exchange": "mock",
        "symbol": "BTC/USDT",
        "status": "PENDING",
        "next_retry_at": LATER,
        "requested_by": "api",
        "created_at": now,
        "updated_at": now,
        "created_day": now[:10],
        "due_shard": "0",
    }
    numbers = {"retry_count": "0", "waits": "0", "version": "1"}
    item = {name: {"S": text} for name, text in texts.items()} | {name: {"N": text} for name, text in numbers.items()}
    client.put_item(TableName=f"{PREFIX}-cancel_queue", Item={**item, "waiting_for_order": {"BOOL": True}})
    _update(client, order_id, status="PENDING", placement="UNKNOWN", cancel_requested_at=now, **attributes)


def _turn_open(client: Any, *order_ids: str) -> None:
    """All in one transaction, so that their records lie side by side in the stream."""
    update = {
        "TableName": f"{PREFIX}-orders",
        "UpdateExpression": "SET #s = :open REMOVE placement",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":open": {"S": "OPEN"}},
    }
    updates = [{"Update": {**update, "Key": {"order_id": {"S": order_id}}}} for order_id in order_ids]
    client.transact_write_items(TransactItems=updates)


def _update(client: Any, order_id: str, **attributes: str) -> None:
    client.update_item(
        TableName=f"{PREFIX}-orders",
        Key={"order_id": {"S": order_id}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames={f"#{name}": name for name in attributes},
        ExpressionAttributeValues={f":{name}": {"S": text} for name, text in attributes.items()},
    )


def _given_up(stack: Stack) -> list[Mapping[str, Any]]:
    """The log lines that say so."""
    lines = [line for line in stack.output().splitlines() if "stream records were given up" in line]
    return [json.loads(line) for line in lines]


def _order_at(streams: Any, batch: Mapping[str, Any]) -> str:
    """Whose change lies where a dead letter says."""
    iterator = streams.get_shard_iterator(
        StreamArn=batch["streamArn"],
        ShardId=batch["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=batch["startSequenceNumber"],
    )["ShardIterator"]
    record = streams.get_records(ShardIterator=iterator, Limit=1)["Records"][0]
    return str(record["dynamodb"]["Keys"]["order_id"]["S"])
