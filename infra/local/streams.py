"""Feeds a DynamoDB stream to Lambda handlers on this machine, as Lambda's event source mappings would."""

import base64
import copy
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.context import LocalContext

POLL_SECONDS = 0.05
MAX_PATTERN = 4096

_FIRST_WAIT, _LONGEST_WAIT, _LONGEST_OUTAGE_WAIT = 0.2, 5.0, 1.0
_RELIST_SECONDS = 5.0  # a closed shard's children may appear after its end has been read
_READ_LIMIT = 1000
_OPERATORS = frozenset({"exists", "anything-but", "prefix"})

Record = dict[str, Any]
Handler = Callable[[Any, Any], Any]
OnDiscard = Callable[[str, list[Record], str], object]

logger = logging.getLogger(__name__)


class StreamsClient(Protocol):
    """What is used of boto3's `dynamodbstreams` client."""

    meta: Any

    def describe_stream(self, **kwargs: Any) -> Any: ...

    def get_shard_iterator(self, **kwargs: Any) -> Any: ...

    def get_records(self, **kwargs: Any) -> Any: ...


@dataclass(frozen=True)
class EventSourceMapping:
    """One function's settings; `filter` is the JSON of a FilterCriteria pattern, -1 stands for no limit."""

    name: str
    batch_size: int
    maximum_retry_attempts: int
    maximum_record_age_seconds: int
    bisect_batch_on_function_error: bool
    report_batch_item_failures: bool
    starting_position: str
    filter: str

    def __post_init__(self) -> None:
        for setting, lowest, highest in (
            ("batch_size", 1, 10_000),
            ("maximum_retry_attempts", -1, 10_000),
            ("maximum_record_age_seconds", -1, 604_800),
        ):
            value = getattr(self, setting)
            if type(value) is not int or not lowest <= value <= highest:
                raise ValueError(f"{self.name}.{setting} is not a number from {lowest} to {highest}")
        if -1 < self.maximum_record_age_seconds < 60:
            raise ValueError(f"{self.name}.maximum_record_age_seconds is under 60, which AWS refuses")
        for setting in ("bisect_batch_on_function_error", "report_batch_item_failures"):
            if type(getattr(self, setting)) is not bool:
                raise ValueError(f"{self.name}.{setting} is neither true nor false")
        if self.starting_position not in ("TRIM_HORIZON", "LATEST"):
            raise ValueError(f"{self.name}.starting_position is neither TRIM_HORIZON nor LATEST")
        if len(self.filter) > MAX_PATTERN:
            raise ValueError(f"{self.name}.filter is longer than {MAX_PATTERN} characters")
        check_pattern(json.loads(self.filter), f"{self.name}.filter")


def load_mappings(path: str | Path) -> dict[str, EventSourceMapping]:
    """The mappings by function name; raises ValueError naming the setting that is missing or wrong."""
    with Path(path).open(encoding="utf-8") as file:
        document = yaml.safe_load(file)
    wanted = {field.name for field in fields(EventSourceMapping)} - {"name"}
    mappings = {}
    for name, settings in (document or {}).items():
        if wrong := wanted ^ set(settings):
            raise ValueError(f"{name}: missing or unknown settings: {', '.join(sorted(wrong))}")
        pattern = json.dumps(settings["filter"], separators=(",", ":"))
        mappings[name] = EventSourceMapping(**{**settings, "name": name, "filter": pattern})
    return mappings


def matches(pattern: Mapping[str, Any], event: object) -> bool:
    """Whether an event passes: fields are ANDed; a field's values and the branches of `$or` are ORed."""
    found = event if isinstance(event, Mapping) else {}
    return all(
        any(matches(branch, event) for branch in wanted)
        if name == "$or"
        else _field_matches(wanted, found.get(name, ()))
        for name, wanted in pattern.items()
    )


def check_pattern(pattern: object, where: str) -> None:
    """Raises ValueError for a pattern that AWS would refuse or that `matches` does not know."""
    if not isinstance(pattern, dict) or not pattern:
        raise ValueError(f"{where} is not an object with fields")
    for name, wanted in pattern.items():
        inner = f"{where}.{name}"
        if isinstance(wanted, dict):
            check_pattern(wanted, inner)
        elif not isinstance(wanted, list) or len(wanted) < (2 if name == "$or" else 1):
            raise ValueError(f"{inner} is not a list of values (of two branches or more for $or)")
        else:
            for rule in wanted:
                _check_rule(rule, inner, is_branch=name == "$or")


def lambda_record(record: Record, stream_arn: str, region: str) -> Record:
    """A record of GetRecords in the form in which Lambda hands it over: JSON types only."""
    plain: Record = _jsonable(record)
    if identity := plain.pop("userIdentity", None):
        plain["userIdentity"] = {key[0].lower() + key[1:]: value for key, value in identity.items()}
    fixed = {"eventSource": "aws:dynamodb", "awsRegion": region, "eventSourceARN": stream_arn}
    return {"eventVersion": "1.1", **plain, **fixed}


class StreamRunner:
    """One thread per mapping; each reads the whole stream on its own, as Lambda's pollers do.

    `on_discard(mapping_name, records, reason)` gets what is given up. `sleep` and `clock` (Unix time) are
    for tests; by default waiting ends at once when `stop` is called.
    """

    def __init__(
        self,
        stream_arn: str,
        handlers: Mapping[EventSourceMapping, Handler],
        client: StreamsClient,
        on_discard: OnDiscard,
        *,
        timeout_seconds: float = 60,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        wait = sleep or self._stopping.wait
        self.pollers = [
            MappingPoller(
                _Shards(client, stream_arn, mapping.starting_position, clock),
                _Delivery(mapping, handler, on_discard, timeout_seconds, wait, clock, self._stopping),
            )
            for mapping, handler in handlers.items()
        ]
        self._wait = wait

    def start(self) -> None:
        for poller in self.pollers:
            name = f"stream-{poller.name}"
            thread = threading.Thread(target=self._run, args=(poller,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, wait_seconds: float = 5.0) -> bool:
        """Waits for the batches in hand, no longer than that; False if one is still running."""
        self._stopping.set()
        deadline = time.monotonic() + wait_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, poller: "MappingPoller") -> None:
        while not self._stopping.is_set():
            self._wait(poller.step())


class MappingPoller:
    """Moves one mapping through the stream; `step` never raises."""

    def __init__(self, shards: "_Shards", delivery: "_Delivery") -> None:
        self.name = delivery.mapping.name
        self._shards = shards
        self._delivery = delivery
        self._pattern = json.loads(delivery.mapping.filter)
        self._failed_polls = 0

    def step(self) -> float:
        """Reads and delivers what there is; returns the seconds to wait before the next step."""
        try:
            busy = self._poll()
        except Exception as e:
            if self._failed_polls == 0:
                bug = not isinstance(e, BotoCoreError | ClientError | OSError)
                logger.warning("%s: cannot read the stream, retrying: %s", self.name, e, exc_info=bug)
            self._failed_polls += 1
            return _backoff(self._failed_polls, _LONGEST_OUTAGE_WAIT)
        if self._failed_polls:
            logger.warning("%s: reads the stream again, after %d failures", self.name, self._failed_polls)
            self._failed_polls = 0
        return 0.0 if busy else POLL_SECONDS

    def _poll(self) -> bool:
        busy = False
        for shard in self._shards.readable():
            records, following = self._shards.read(shard)
            busy = busy or bool(records)
            for batch in self._batches(records):
                if not self._delivery.deliver(batch):
                    return False
                shard.delivered(_sequence_number(batch[-1]))
            if records:
                shard.delivered(_sequence_number(records[-1]))
            self._shards.advance(shard, following)
        return busy

    def _batches(self, records: list[Record]) -> Iterator[list[Record]]:
        wanted = [record for record in records if matches(self._pattern, record)]
        size = self._delivery.mapping.batch_size
        for start in range(0, len(wanted), size):
            yield wanted[start : start + size]


@dataclass
class _Shard:
    shard_id: str
    parent_id: str | None
    start: str
    iterator: str | None = None
    last_sequence_number: str | None = None
    finished: bool = False

    def delivered(self, sequence_number: str) -> None:
        self.last_sequence_number = sequence_number
        self.iterator = None  # a failure from here on re-reads from this point


class _Shards:
    """The shards of a stream, parents before children, and how far each has been read."""

    def __init__(
        self, client: StreamsClient, stream_arn: str, starting_position: str, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._arn = stream_arn
        self._start = starting_position
        self._clock = clock
        self._known: dict[str, _Shard] = {}
        self._list_at = float("-inf")

    def readable(self) -> list[_Shard]:
        if self._clock() >= self._list_at:
            self._known = {found["ShardId"]: self._shard(found) for found in self._listed()}
            self._start = "TRIM_HORIZON"  # whatever appears later is read from its beginning
            self._list_at = self._clock() + _RELIST_SECONDS
        return [shard for shard in self._known.values() if not shard.finished and self._parent_is_read(shard)]

    def read(self, shard: _Shard) -> tuple[list[Record], str | None]:
        """The next records in Lambda's form and the iterator behind them; None at the end of the shard."""
        iterator, shard.iterator = shard.iterator or self._iterator(shard), None
        try:
            answer = self._client.get_records(ShardIterator=iterator, Limit=_READ_LIMIT)
        except ClientError as e:
            code = e.response["Error"]["Code"]
            if code == "TrimmedDataAccessException":
                shard.last_sequence_number = None  # older than the stream remembers: go on with what is left
            elif code != "ExpiredIteratorException":
                raise
            return [], self._iterator(shard)
        region = self._client.meta.region_name
        records = [lambda_record(record, self._arn, region) for record in answer["Records"]]
        return records, answer.get("NextShardIterator")

    def advance(self, shard: _Shard, iterator: str | None) -> None:
        shard.iterator = iterator
        if iterator is None:
            shard.finished = True
            self._list_at = float("-inf")

    def _listed(self) -> Iterator[dict[str, Any]]:
        page: dict[str, str] = {}
        while True:
            stream = self._client.describe_stream(StreamArn=self._arn, **page)["StreamDescription"]
            yield from stream["Shards"]
            if not stream.get("LastEvaluatedShardId"):
                return
            page = {"ExclusiveStartShardId": stream["LastEvaluatedShardId"]}

    def _shard(self, found: dict[str, Any]) -> _Shard:
        known = self._known.get(found["ShardId"])
        return known or _Shard(found["ShardId"], found.get("ParentShardId"), self._start)

    def _parent_is_read(self, shard: _Shard) -> bool:
        parent = self._known.get(shard.parent_id or "")
        return parent is None or parent.finished

    def _iterator(self, shard: _Shard) -> str:
        position = {"ShardIteratorType": shard.start}
        if shard.last_sequence_number is not None:
            position = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": shard.last_sequence_number,
            }
        answer = self._client.get_shard_iterator(StreamArn=self._arn, ShardId=shard.shard_id, **position)
        return str(answer["ShardIterator"])


@dataclass(frozen=True)
class _Delivery:
    """Invokes one handler with batches until each record is done or given up."""

    mapping: EventSourceMapping
    handler: Handler
    on_discard: OnDiscard
    timeout_seconds: float
    wait: Callable[[float], object]
    clock: Callable[[], float]
    stopping: threading.Event

    def deliver(self, records: list[Record]) -> bool:
        """True when all are done or given up, False when `stop` came first."""
        attempts = 0
        while records:
            if self.stopping.is_set():
                return False
            failed_at = self._invoke(records)
            if failed_at is None:
                return True
            # What lies before the lowest failure is done; of the rest only that one was tried in vain.
            attempts = attempts + 1 if failed_at == 0 else 1
            records = records[failed_at:]
            can_split = self.mapping.bisect_batch_on_function_error and len(records) > 1
            records = self._without_given_up(records, 0 if can_split else attempts)
            if not records:
                return True
            self.wait(_backoff(attempts, _LONGEST_WAIT))
            if can_split and failed_at == 0:  # a split is not counted as an attempt
                half = len(records) // 2
                if not self.deliver(records[:half]):
                    return False
                records, attempts = records[half:], 0
        return True

    def _invoke(self, records: list[Record]) -> int | None:
        """The index of the lowest failed record, None for success."""
        event = {"Records": copy.deepcopy(records)}
        _, _, _, region, account, _ = records[0]["eventSourceARN"].split(":", 5)
        context = LocalContext(self.mapping.name, self.timeout_seconds, account=account, region=region)
        try:
            answer = self.handler(event, context)
            return self._lowest_failure(answer, records)
        except BaseException:  # sys.exit() in a handler ends a Lambda call, not the stream
            logger.warning("%s failed on a batch of %d", self.mapping.name, len(records), exc_info=True)
            return 0

    def _lowest_failure(self, answer: object, records: list[Record]) -> int | None:
        """Raises ValueError or TypeError for an answer that Lambda takes as the whole batch's failure."""
        if not self.mapping.report_batch_item_failures or answer is None:
            return None
        if not isinstance(answer, dict):
            raise TypeError(f"the answer is no object but {type(answer).__name__}")
        failures = answer.get("batchItemFailures") or []
        if not isinstance(failures, list) or not all(isinstance(failure, dict) for failure in failures):
            raise ValueError("batchItemFailures is not a list of objects")
        positions = {_sequence_number(record): index for index, record in enumerate(records)}
        indexes = [positions.get(failure.get("itemIdentifier")) for failure in failures]
        if None in indexes:
            raise ValueError("batchItemFailures names a record that is not in the batch")
        if indexes:
            logger.warning("%s failed %d of %d records", self.mapping.name, len(indexes), len(records))
        return min((index for index in indexes if index is not None), default=None)

    def _without_given_up(self, records: list[Record], attempts: int) -> list[Record]:
        if 0 <= self.mapping.maximum_retry_attempts < attempts:
            self._discard(records, f"it failed {attempts} times")
            return []
        age = self.mapping.maximum_record_age_seconds
        oldest = self.clock() - age if age >= 0 else float("-inf")
        expired = [record for record in records if _created(record) < oldest]
        if expired:
            self._discard(expired, f"older than {age} seconds")
        return [record for record in records if _created(record) >= oldest]

    def _discard(self, records: list[Record], reason: str) -> None:
        logger.error("%s: %d records given up: %s", self.mapping.name, len(records), reason)
        try:
            self.on_discard(self.mapping.name, records, reason)
        except Exception:
            logger.exception("%s: the callback for discarded records failed", self.mapping.name)


def _field_matches(wanted: Any, actual: object) -> bool:
    several = actual if isinstance(actual, list | tuple) else [actual]
    if isinstance(wanted, Mapping):
        return any(matches(wanted, one) for one in several or [None])
    leaves = [value for value in several if not isinstance(value, Mapping)]
    return any(_rule_matches(rule, leaves) for rule in wanted)


def _rule_matches(rule: Any, leaves: Sequence[object]) -> bool:
    if not isinstance(rule, Mapping):
        return any(_same(rule, leaf) for leaf in leaves)
    ((operator, operand),) = rule.items()
    if operator == "exists":
        return bool(leaves) is operand
    if operator == "prefix":
        return any(isinstance(leaf, str) and leaf.startswith(operand) for leaf in leaves)
    excluded = operand if isinstance(operand, list) else [operand]
    return any(not any(_same(value, leaf) for value in excluded) for leaf in leaves)


def _same(wanted: object, leaf: object) -> bool:
    # Python takes True for 1, JSON does not.
    return isinstance(wanted, bool) == isinstance(leaf, bool) and bool(wanted == leaf)


def _check_rule(rule: object, where: str, *, is_branch: bool) -> None:
    if is_branch:
        check_pattern(rule, where)
    elif isinstance(rule, dict):
        operand = next(iter(rule.values()), None)
        if len(rule) != 1 or not set(rule) <= _OPERATORS:
            raise ValueError(f"{where}: not an operator known here: {rule}")
        kind: Any = {"exists": bool, "prefix": str}.get(next(iter(rule)), str | int | float | list)
        if not isinstance(operand, kind) or operand == []:
            raise ValueError(f"{where}: the operand is of the wrong type: {rule}")
    elif isinstance(rule, list):
        raise ValueError(f"{where}: a value is a list")


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_jsonable(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.timestamp() if isinstance(value, datetime) else value


def _sequence_number(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _created(record: Record) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _backoff(failures: int, longest: float) -> float:
    return float(min(_FIRST_WAIT * 2 ** min(failures - 1, 10), longest))
