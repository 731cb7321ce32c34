"""The local stream: filter patterns, the mapping file, delivery, shards, and a real stream."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from infra.local.context import LocalContext
from infra.local.streams import EventSourceMapping, StreamRunner, check_pattern, load_mappings, matches

SOURCES = Path(__file__).parents[2] / "infra" / "event_sources.yaml"
ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
NOW = 1_800_000_000.0
ALL = json.dumps({"eventID": [{"exists": True}]})


def image(**attributes: str | None) -> dict[str, Any]:
    return {name: {"S": value} for name, value in attributes.items() if value is not None}


def change(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    images = {"OldImage": old, "NewImage": new}
    return {"eventName": name, "dynamodb": {key: value for key, value in images.items() if value is not None}}


# --- patterns


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        ({"a": ["x"]}, {"a": "x"}, True),
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": ["x"]}, {"a": "z"}, False),
        ({"a": ["x"]}, {}, False),
        ({"a": [None]}, {"a": None}, True),
        ({"a": [1]}, {"a": True}, False),
        ({"a": [True]}, {"a": True}, True),
        ({"a": [7]}, {"a": 7}, True),
        ({"a": ["x"], "b": ["y"]}, {"a": "x", "b": "y"}, True),
        ({"a": ["x"], "b": ["y"]}, {"a": "x", "b": "z"}, False),
        ({"a": {"b": {"c": ["x"]}}}, {"a": {"b": {"c": "x"}}}, True),
        ({"a": {"b": ["x"]}}, {"a": "x"}, False),
        ({"a": {"b": ["x"]}}, {}, False),
        ({"a": ["x"]}, {"a": ["w", "x"]}, True),
        ({"a": {"S": ["x"]}}, {"a": [{"S": "w"}, {"S": "x"}]}, True),
        ({"a": [{"exists": True}]}, {"a": "x"}, True),
        ({"a": [{"exists": True}]}, {"a": None}, True),
        ({"a": [{"exists": True}]}, {}, False),
        ({"a": [{"exists": True}]}, {"a": {"S": "x"}}, False),
        ({"a": [{"exists": False}]}, {}, True),
        ({"a": [{"exists": False}]}, {"a": "x"}, False),
        ({"a": {"b": [{"exists": False}]}}, {}, True),
        ({"a": [{"exists": False}, "x"]}, {"a": "x"}, True),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "z"}, True),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "y"}, False),
        ({"a": [{"anything-but": "x"}]}, {"a": "x"}, False),
        ({"a": [{"anything-but": "x"}]}, {}, False),
        ({"a": [{"prefix": "or_"}]}, {"a": "or_1"}, True),
        ({"a": [{"prefix": "or_"}]}, {"a": "o"}, False),
        ({"a": [{"prefix": "1"}]}, {"a": 1}, False),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "y"}, False),
        ({"c": ["z"], "$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "x"}, False),
        ({"d": {"$or": [{"a": ["x"]}, {"b": ["y"]}]}}, {"d": {"a": "x"}}, True),
    ],
)
def test_a_pattern_passes_what_the_filter_syntax_says(
    pattern: dict[str, Any], event: dict[str, Any], expected: bool
) -> None:
    """Fields are ANDed, a field's list is ORed, a missing field matches only `exists: false`."""
    check_pattern(pattern, "filter")

    assert matches(pattern, event) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        [],
        {"a": "x"},
        {"a": []},
        {"a": {}},
        {"a": [["x"]]},
        {"a": [{"numeric": [">", 1]}]},
        {"a": [{"exists": "yes"}]},
        {"a": [{"exists": True, "prefix": "x"}]},
        {"a": [{"prefix": 1}]},
        {"a": [{"anything-but": {"prefix": "x"}}]},
        {"a": [{"anything-but": []}]},
        {"$or": [{"a": ["x"]}]},
        {"$or": [{"a": ["x"]}, "y"]},
    ],
)
def test_a_pattern_that_is_not_understood_is_refused(pattern: Any) -> None:
    """Better at the start than by letting records through or not."""
    with pytest.raises(ValueError, match="filter"):
        check_pattern(pattern, "filter")


# --- the mapping file

ASKED = "2026-01-01T00:00:00Z"


def order(status: str, placement: str | None = None, asked: str | None = None) -> dict[str, Any]:
    return image(order_id="o1", status=status, placement=placement, cancel_requested_at=asked)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (order("PENDING", "ACKED"), order("OPEN", None, ASKED), True),
        (order("PENDING", "SENDING", ASKED), order("OPEN", None, ASKED), True),
        (order("PENDING", "SENDING", ASKED), order("REJECTED", None, ASKED), True),
        (order("PENDING", "SENDING", ASKED), order("PENDING", "ACKED", ASKED), True),
        (order("PENDING", "ACKED"), order("PENDING", "ACKED", ASKED), True),
        (order("PENDING", "SENDING"), order("OPEN"), False),
        (order("PENDING", "SENDING"), order("PENDING", "SENDING", ASKED), False),
        (order("PENDING", "SENDING", ASKED), order("PENDING", "UNKNOWN", ASKED), False),
        (order("OPEN"), order("OPEN", None, ASKED), False),
        (order("OPEN", None, ASKED), order("CANCELLED", None, ASKED), False),
        (None, order("OPEN", None, ASKED), False),
        (None, order("PENDING", "ACKED", ASKED), False),
        (order("PENDING", "ACKED", ASKED), None, False),
    ],
)
def test_fire_cancels_wakes_when_a_wanted_cancel_can_be_sent(
    old: dict[str, Any] | None, new: dict[str, Any] | None, expected: bool
) -> None:
    """The order left PENDING or was acknowledged, and a cancel was asked for."""
    pattern = json.loads(load_mappings(SOURCES)["fire_cancels"].filter)

    assert matches(pattern, change(old, new)) is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, order("PENDING", "READY"), True),
        (order("PENDING", "SENDING"), order("PENDING", "READY"), True),
        (None, order("PENDING", "SENDING"), False),
        (order("PENDING", "READY"), order("PENDING", "SENDING"), False),
        (order("PENDING", "READY"), order("CANCELLED"), False),
        (order("PENDING", "READY"), None, False),
    ],
)
def test_place_ready_wakes_for_orders_that_may_be_sent(
    old: dict[str, Any] | None, new: dict[str, Any] | None, expected: bool
) -> None:
    """New ones and those that became ready."""
    pattern = json.loads(load_mappings(SOURCES)["place_ready"].filter)

    assert matches(pattern, change(old, new)) is expected


def test_the_mapping_file_gives_both_functions_a_way_out_of_poison() -> None:
    """Without limits one record would block its shard for a day."""
    mappings = load_mappings(SOURCES)

    assert set(mappings) == {"fire_cancels", "place_ready"}
    for mapping in mappings.values():
        assert mapping.starting_position == "TRIM_HORIZON"
        assert mapping.report_batch_item_failures
        assert mapping.maximum_retry_attempts >= 0
        assert mapping.maximum_record_age_seconds >= 60
        assert len(mapping.filter) <= 4096


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("batch_size", 0),
        ("batch_size", True),
        ("maximum_retry_attempts", -2),
        ("maximum_record_age_seconds", 59),
        ("bisect_batch_on_function_error", "yes"),
        ("starting_position", "NOW"),
        ("filter", {"a": "x"}),
        ("filter", {"a": ["x" * 4096]}),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, setting: str, value: object) -> None:
    """The message says which function and which setting."""
    document = yaml.safe_load(SOURCES.read_text())
    document["place_ready"][setting] = value
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(document))

    with pytest.raises(ValueError, match=rf"place_ready\.{setting}"):
        load_mappings(tmp_path / "sources.yaml")


def test_a_missing_or_unknown_setting_is_named(tmp_path: Path) -> None:
    """A typing error is both at once."""
    text = SOURCES.read_text().replace("batch_size", "batchsize")
    (tmp_path / "sources.yaml").write_text(text)

    with pytest.raises(ValueError, match=r"fire_cancels.*batch_size, batchsize"):
        load_mappings(tmp_path / "sources.yaml")


# --- the runner, against a hand-written stream


class FakeStreams:
    """A dynamodbstreams client over lists of records, with shards, pages and faults."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(region_name="eu-west-1")
        self.shards: dict[str, dict[str, Any]] = {}
        self.faults: list[Exception] = []
        self.iterators: list[dict[str, Any]] = []

    def shard(self, name: str, *records: Any, parent: str | None = None, closed: bool = False) -> None:
        self.shards[name] = {"records": list(records), "parent": parent, "closed": closed}

    def describe_stream(self, **asked: Any) -> Any:
        names = list(self.shards)
        last = asked.get("ExclusiveStartShardId")
        at = names.index(last) + 1 if last else 0
        described: dict[str, Any] = {"Shards": []}
        for name in names[at : at + 1]:
            parent = self.shards[name]["parent"]
            described["Shards"].append({"ShardId": name} | ({"ParentShardId": parent} if parent else {}))
        if at + 1 < len(names):
            described["LastEvaluatedShardId"] = names[at]
        return {"StreamDescription": described}

    def get_shard_iterator(self, **asked: Any) -> Any:
        self.iterators.append(asked)
        numbers = [r["dynamodb"]["SequenceNumber"] for r in self.shards[asked["ShardId"]]["records"]]
        at = numbers.index(asked["SequenceNumber"]) + 1 if "SequenceNumber" in asked else 0
        return {"ShardIterator": f"{asked['ShardId']}:{at}"}

    def get_records(self, **asked: Any) -> Any:
        if self.faults:
            raise self.faults.pop(0)
        name, _, at = asked["ShardIterator"].partition(":")
        shard = self.shards[name]
        answer: dict[str, Any] = {"Records": shard["records"][int(at) : int(at) + asked["Limit"]]}
        if not shard["closed"] or int(at) + len(answer["Records"]) < len(shard["records"]):
            answer["NextShardIterator"] = f"{name}:{int(at) + len(answer['Records'])}"
        return answer


def record(number: int, created: float = NOW, **new: Any) -> dict[str, Any]:
    return {
        "eventID": f"e{number}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": datetime.fromtimestamp(created, UTC),
            "Keys": {"order_id": {"S": f"o{number}"}},
            "NewImage": new,
            "SequenceNumber": f"{number:021}",
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


class Bench:
    """One mapping on a fake stream, stepped by hand, that notes what happened."""

    def __init__(self, answer: Callable[[list[int]], Any] = lambda _: None, **settings: Any) -> None:
        defaults: dict[str, Any] = {
            "name": "fire_cancels",
            "batch_size": 100,
            "maximum_retry_attempts": 2,
            "maximum_record_age_seconds": -1,
            "bisect_batch_on_function_error": False,
            "report_batch_item_failures": True,
            "starting_position": "TRIM_HORIZON",
            "filter": ALL,
        }
        self.streams = FakeStreams()
        self.now = NOW
        self.batches: list[list[int]] = []
        self.events: list[Any] = []
        self.contexts: list[Any] = []
        self.discarded: list[tuple[str, list[int], str]] = []
        self.waits: list[float] = []
        self._answer = answer
        self.runner = StreamRunner(
            ARN,
            {EventSourceMapping(**{**defaults, **settings}): self.handle},
            self.streams,
            lambda name, records, reason: self.discarded.append((name, numbers_of(records), reason)),
            sleep=self.sleep,
            clock=lambda: self.now,
        )
        self.step = self.runner.pollers[0].step

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def handle(self, event: Any, context: Any) -> Any:
        self.events.append(event)
        self.contexts.append(context)
        self.batches.append(numbers_of(event["Records"]))
        return self._answer(self.batches[-1])


def numbers_of(records: list[dict[str, Any]]) -> list[int]:
    return [int(r["dynamodb"]["SequenceNumber"]) for r in records]


def failing(*numbers: int) -> Callable[[list[int]], Any]:
    """Reports these records as failed, in the order given."""

    def answer(batch: list[int]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": f"{n:021}"} for n in numbers if n in batch]}

    return answer


def raising(*poison: int) -> Callable[[list[int]], Any]:
    def answer(batch: list[int]) -> Any:
        if set(poison) & set(batch):
            raise RuntimeError("poison")

    return answer


def test_the_event_has_lambdas_own_form() -> None:
    """JSON types only: times are numbers, binary values base64."""
    bench = Bench()
    sent = record(1, raw={"B": b"\xff\x00"}, set={"BS": [b"a"]}, deep={"M": {"l": {"L": [{"B": b"b"}]}}})
    sent["userIdentity"] = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    bench.streams.shard("s", sent)

    bench.step()

    (got,) = json.loads(json.dumps(bench.events[0]))["Records"]
    assert got["eventSourceARN"] == ARN
    assert (got["eventSource"], got["eventName"], got["eventVersion"]) == ("aws:dynamodb", "INSERT", "1.1")
    assert got["awsRegion"] == "eu-west-1"
    assert got["dynamodb"]["ApproximateCreationDateTime"] == NOW
    assert got["dynamodb"]["Keys"] == {"order_id": {"S": "o1"}}
    assert got["dynamodb"]["NewImage"] == {
        "raw": {"B": "/wA="},
        "set": {"BS": ["YQ=="]},
        "deep": {"M": {"l": {"L": [{"B": "Yg=="}]}}},
    }
    assert got["userIdentity"] == {"principalId": "dynamodb.amazonaws.com", "type": "Service"}


def test_the_context_is_that_of_the_function() -> None:
    """With a countdown and an id of its own per call."""
    bench = Bench(batch_size=1)
    bench.streams.shard("s", record(1), record(2))

    bench.step()

    first, second = bench.contexts
    assert first.function_name == "fire_cancels"
    assert first.invoked_function_arn == "arn:aws:lambda:eu-west-1:123456789012:function:fire_cancels"
    assert first.aws_request_id != second.aws_request_id
    assert first.memory_limit_in_mb > 0
    assert 59_000 < first.get_remaining_time_in_millis() <= 60_000


def test_the_countdown_is_whole_and_never_negative() -> None:
    """As Lambda's is."""
    now = 100.0
    context = LocalContext("f", 1.5, clock=lambda: now)

    at_start = context.get_remaining_time_in_millis()
    now = 200.0

    assert (at_start, context.get_remaining_time_in_millis()) == (1500, 0)


def test_records_come_once_in_order_and_in_batches() -> None:
    """An empty poll waits 50 ms, a full one does not wait."""
    bench = Bench(batch_size=2)
    bench.streams.shard("s", *map(record, range(1, 6)))

    waits = [bench.step(), bench.step()]

    assert bench.batches == [[1, 2], [3, 4], [5]]
    assert waits == [0.0, 0.05]


def test_only_what_the_filter_passes_reaches_the_handler() -> None:
    """Batches are made of what is left."""
    bench = Bench(batch_size=2, filter=json.dumps({"dynamodb": {"NewImage": {"k": {"S": ["yes"]}}}}))
    bench.streams.shard("s", *(record(n, k={"S": "yes" if n % 2 else "no"}) for n in range(1, 7)))

    bench.step()

    assert bench.batches == [[1, 3], [5]]


def test_a_handler_cannot_spoil_its_own_retry() -> None:
    """Each call gets an event of its own."""
    calls: list[int] = []

    def spoil(event: Any, context: Any) -> None:
        calls.append(len(event["Records"]))
        event["Records"].clear()
        raise RuntimeError

    bench = Bench()
    object.__setattr__(bench.runner.pollers[0]._delivery, "handler", spoil)
    bench.streams.shard("s", record(1))

    bench.step()

    assert calls == [1, 1, 1]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_no_failures_is_success(answer: Any) -> None:
    """An absent list, too."""
    bench = Bench(lambda _: answer)
    bench.streams.shard("s", record(1))

    bench.step()

    assert bench.batches == [[1]]
    assert bench.discarded == []


def test_delivery_resumes_at_the_lowest_failure() -> None:
    """Later successes come again, earlier ones do not."""
    done = failing(4, 2)
    bench = Bench(lambda batch: done(batch) if len(bench.batches) == 1 else None)
    bench.streams.shard("s", *map(record, range(1, 6)))

    bench.step()

    assert bench.batches == [[1, 2, 3, 4, 5], [2, 3, 4, 5]]
    assert bench.discarded == []


@pytest.mark.parametrize(
    "answer",
    [
        "ok",
        [],
        {"batchItemFailures": "1"},
        {"batchItemFailures": ["1"]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"id": f"{1:021}"}]},
        {"batchItemFailures": [{"itemIdentifier": f"{9:021}"}]},
    ],
)
def test_an_invalid_answer_fails_the_whole_batch(answer: Any) -> None:
    """Nothing is known of any record then."""
    bench = Bench(lambda _: answer if len(bench.batches) == 1 else None)
    bench.streams.shard("s", record(1), record(2))

    bench.step()

    assert bench.batches == [[1, 2], [1, 2]]


def test_answers_are_ignored_unless_the_mapping_reads_them() -> None:
    """As Lambda does without ReportBatchItemFailures."""
    bench = Bench(failing(1), report_batch_item_failures=False)
    bench.streams.shard("s", record(1))

    bench.step()

    assert bench.batches == [[1]]


def test_a_failing_batch_is_retried_with_growing_waits_and_then_given_up() -> None:
    """What follows is delivered."""
    bench = Bench(raising(1), batch_size=1, maximum_retry_attempts=7)
    bench.streams.shard("s", record(1), record(2))

    bench.step()

    assert bench.batches == [[1]] * 8 + [[2]]
    assert bench.waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    assert bench.discarded == [("fire_cancels", [1], "it failed 8 times")]


@pytest.mark.parametrize("poison", [raising(3), failing(3)])
@pytest.mark.parametrize("attempts", [0, 2])
def test_bisecting_loses_nothing_but_the_poison(poison: Callable[[list[int]], Any], attempts: int) -> None:
    """Whether the handler raises or reports it."""
    bench = Bench(poison, bisect_batch_on_function_error=True, maximum_retry_attempts=attempts)
    bench.streams.shard("s", *map(record, range(1, 9)))

    bench.step()

    assert [numbers for _, numbers, _ in bench.discarded] == [[3]]
    assert bench.batches.count([3]) >= 1
    delivered = {n for batch in bench.batches if 3 not in batch for n in batch}
    assert delivered | {1, 2} == {1, 2, 4, 5, 6, 7, 8}


def test_records_that_grow_too_old_are_given_up() -> None:
    """The younger ones go on being retried."""
    bench = Bench(raising(1), maximum_record_age_seconds=60, maximum_retry_attempts=-1)
    bench.streams.shard("s", record(1, NOW - 59), record(2, NOW))

    bench.step()

    assert bench.discarded == [("fire_cancels", [1], "older than 60 seconds")]
    assert bench.batches[-1] == [2]


def test_a_failing_callback_does_not_stop_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged."""
    bench = Bench(raising(1), batch_size=1, maximum_retry_attempts=0)

    def fail(*_: Any) -> None:
        raise RuntimeError("callback")

    object.__setattr__(bench.runner.pollers[0]._delivery, "on_discard", fail)
    bench.streams.shard("s", record(1), record(2))

    bench.step()

    assert bench.batches == [[1], [2]]
    assert "callback" in caplog.text


def test_an_outage_is_retried_quietly(caplog: pytest.LogCaptureFixture) -> None:
    """One line at its start, one at its end, and no record twice."""
    bench = Bench()
    bench.streams.shard("s", record(1))
    bench.step()
    bench.streams.shards["s"]["records"].append(record(2))
    bench.streams.faults = [EndpointConnectionError(endpoint_url="http://db") for _ in range(5)]

    with caplog.at_level(logging.INFO):
        waits = [bench.step() for _ in range(6)]

    assert bench.batches == [[1], [2]]
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.0, 1.0, 0.0])
    assert len(caplog.records) == 2
    assert not any(r.exc_info for r in caplog.records)


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetRecords")


def test_an_expired_iterator_is_replaced_after_the_last_record() -> None:
    """Nothing is lost, nothing comes twice, nothing is logged."""
    bench = Bench()
    bench.streams.shard("s", record(1))
    bench.step()
    bench.streams.shards["s"]["records"].append(record(2))
    bench.streams.faults = [client_error("ExpiredIteratorException")]

    bench.step()
    bench.step()

    assert bench.batches == [[1], [2]]
    assert bench.streams.iterators[-1]["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER"
    assert bench.streams.iterators[-1]["SequenceNumber"] == f"{1:021}"


def test_trimmed_records_are_left_behind() -> None:
    """The shard goes on with the oldest that is left."""
    bench = Bench()
    bench.streams.shard("s", record(1))
    bench.step()
    bench.streams.shard("s", record(7))
    bench.streams.faults = [client_error("TrimmedDataAccessException")]

    bench.step()
    bench.step()

    assert bench.batches == [[1], [7]]


def test_a_child_is_read_after_its_parent() -> None:
    """Else two changes of one order could swap; several pages of shards are read."""
    bench = Bench()
    bench.streams.shard("child", record(3), parent="parent")
    bench.streams.shard("parent", record(1), record(2), parent="trimmed long ago")
    bench.streams.shard("other", record(8))

    bench.step()
    open_parent = list(bench.batches)
    bench.streams.shards["parent"]["closed"] = True
    bench.step()
    bench.step()

    assert open_parent == [[1, 2], [8]]
    assert bench.batches[2:] == [[3]]


def test_children_that_appear_late_are_found() -> None:
    """From their first record on."""
    bench = Bench()
    bench.streams.shard("parent", record(1), closed=True)
    bench.step()
    bench.step()
    bench.streams.shard("child", record(2), parent="parent")
    bench.step()
    bench.now += 5

    bench.step()

    assert bench.batches == [[1], [2]]


def test_stop_waits_for_the_batch_in_hand() -> None:
    """And for no more than that: its failure is not retried."""
    entered, leave = threading.Event(), threading.Event()

    def slow(event: Any, context: Any) -> None:
        entered.set()
        leave.wait(5)
        raise RuntimeError

    streams = FakeStreams()
    streams.shard("s", record(1))
    mapping = EventSourceMapping("f", 100, 5, -1, True, True, "TRIM_HORIZON", ALL)
    runner = StreamRunner(ARN, {mapping: slow}, streams, lambda *_: None)
    runner.start()
    assert entered.wait(5)

    busy = runner.stop(wait_seconds=0.01)
    leave.set()

    assert not busy
    assert runner.stop(wait_seconds=5)


# --- a real stream


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
