"""The runner of the local stream: how it stops, and a real stream from end to end."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from infra.event_sources import EventSourceMapping, load_mappings
from infra.local.streams import StreamRunner
from tests.infra.stream_bench import ALL, ARN, ASKED, SOURCES, FakeStreams, order, record


def test_stop_waits_for_the_batch_in_hand() -> None:
    """And for no more than that: its failure is not retried."""
    entered, leave = threading.Event(), threading.Event()

    def slow(event: Any, context: Any) -> None:
        entered.set()
        leave.wait(5)
        raise RuntimeError

    streams = FakeStreams()
    streams.shard("s", record(1))
    mapping = EventSourceMapping("f", 100, 1, 5, -1, True, True, "DeadLetters", "TRIM_HORIZON", ALL)
    runner = StreamRunner(ARN, {mapping: slow}, streams, lambda *_: None)
    runner.start()
    assert entered.wait(5)

    busy = runner.stop(wait_seconds=0.01)
    leave.set()

    assert not busy
    assert runner.stop(wait_seconds=5)


@pytest.fixture
def orders_stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        table = dynamodb.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        yield dynamodb, table["TableDescription"]["LatestStreamArn"]


def test_a_real_stream_reaches_both_handlers(orders_stream: tuple[Any, str]) -> None:
    """A ready order is placed; a wanted cancel fires when the order turns OPEN; soon in both cases."""
    dynamodb, arn = orders_stream
    placed, fired = threading.Event(), threading.Event()
    events: dict[str, Any] = {}

    def note(name: str, seen: threading.Event) -> Callable[[Any, Any], None]:
        def handler(event: Any, context: Any) -> None:
            events.setdefault(name, event["Records"])
            seen.set()

        return handler

    mappings = load_mappings(SOURCES)
    handlers = {
        mappings["place_ready"]: note("place", placed),
        mappings["fire_cancels"]: note("fire", fired),
    }
    # moto does not answer the host names that botocore makes of the account in a stream's ARN.
    config = Config(account_id_endpoint_mode="disabled")
    streams = boto3.client("dynamodbstreams", region_name="eu-west-1", config=config)
    runner = StreamRunner(arn, handlers, streams, lambda *_: None)
    runner.start()

    started = time.monotonic()
    dynamodb.put_item(TableName="orders", Item=order("PENDING", "READY"))
    assert placed.wait(5)
    dynamodb.put_item(TableName="orders", Item=order("PENDING", "SENDING", ASKED))
    dynamodb.put_item(TableName="orders", Item=order("OPEN", None, ASKED))
    assert fired.wait(5)

    assert time.monotonic() - started < 2
    assert runner.stop()
    (fire,) = events["fire"]
    assert (fire["eventName"], fire["eventSourceARN"], fire["awsRegion"]) == ("MODIFY", arn, "eu-west-1")
    assert isinstance(fire["dynamodb"]["ApproximateCreationDateTime"], float)
    assert fire["dynamodb"]["OldImage"] == order("PENDING", "SENDING", ASKED)
    assert [r["eventName"] for r in events["place"]] == ["INSERT"]
