"""A mapping on a hand-written stream, stepped by hand, and the records that go through it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from infra.event_sources import EventSourceMapping
from infra.local.stream_delivery import Discarded
from infra.local.streams import StreamRunner

SOURCES = Path(__file__).parents[2] / "infra" / "event_sources.yaml"
ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
NOW = 1_800_000_000.0
ALL = json.dumps({"eventID": [{"exists": True}]})
ASKED = "2026-01-01T00:00:00Z"


def image(**attributes: str | None) -> dict[str, Any]:
    return {name: {"S": value} for name, value in attributes.items() if value is not None}


def order(status: str, placement: str | None = None, asked: str | None = None) -> dict[str, Any]:
    return image(order_id="o1", status=status, placement=placement, cancel_requested_at=asked)


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
            "parallelization_factor": 1,
            "maximum_retry_attempts": 2,
            "maximum_record_age_seconds": -1,
            "bisect_batch_on_function_error": False,
            "report_batch_item_failures": True,
            "on_failure": "DeadLetters",
            "starting_position": "TRIM_HORIZON",
            "filter": ALL,
        }
        self.streams = FakeStreams()
        self.now = NOW
        self.batches: list[list[int]] = []
        self.events: list[Any] = []
        self.contexts: list[Any] = []
        self.discarded: list[Discarded] = []
        self.waits: list[float] = []
        self._answer = answer
        self.runner = StreamRunner(
            ARN,
            {EventSourceMapping(**{**defaults, **settings}): self.handle},
            self.streams,
            self.discarded.append,
            sleep=self.sleep,
            clock=lambda: self.now,
        )
        self.step = self.runner.pollers[0].step

    @property
    def given_up(self) -> list[tuple[list[int], str]]:
        """The discarded records' numbers, batch by batch, and why."""
        return [(numbers_of(batch.records), batch.condition) for batch in self.discarded]

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
