"""The delivery of a stream's records to one handler: attempts, waits, bisecting and giving up."""

import copy
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

from infra.event_sources import EventSourceMapping
from infra.local.context import LocalContext
from infra.local.stream_records import Record, created, sequence_number

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0

Handler = Callable[[Any, Any], Any]
Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Discarded:
    """Records that a mapping gave up, and the last call in which they failed; `raised` if the handler itself did."""

    mapping: EventSourceMapping
    shard_id: str
    records: list[Record]
    condition: Condition
    invocations: int
    context: LocalContext
    raised: bool


OnDiscard = Callable[[Discarded], object]


@dataclass(frozen=True)
class _Call:
    context: LocalContext
    failed_at: int | None  # the index of the lowest failed record, None for success
    raised: bool = False


@dataclass(frozen=True)
class Delivery:
    """Invokes one handler with batches until each record is done or given up."""

    mapping: EventSourceMapping
    handler: Handler
    on_discard: OnDiscard
    timeout_seconds: float
    wait: Callable[[float], object]
    clock: Callable[[], float]
    stopping: threading.Event

    def deliver(self, shard_id: str, records: list[Record]) -> bool:
        """True when all are done or given up, False when `stop` came first."""
        attempts = 0
        while records:
            if self.stopping.is_set():
                return False
            call = self._invoke(records)
            if call.failed_at is None:
                return True
            # What lies before the lowest failure is done; of the rest only that one was tried in vain.
            attempts = attempts + 1 if call.failed_at == 0 else 1
            records = records[call.failed_at :]
            can_split = self.mapping.bisect_batch_on_function_error and len(records) > 1
            if given_up := self._given_up(records, attempts, can_split):
                self._discard(Discarded(self.mapping, shard_id, *given_up, attempts, call.context, call.raised))
                records = records[len(given_up[0]) :]
            if not records:
                return True
            self.wait(backoff(attempts, _LONGEST_WAIT))
            if can_split and call.failed_at == 0:  # a split is not counted as an attempt
                half = len(records) // 2
                if not self.deliver(shard_id, records[:half]):
                    return False
                records, attempts = records[half:], 0
        return True

    def _invoke(self, records: list[Record]) -> _Call:
        event = {"Records": copy.deepcopy(records)}
        _, _, _, region, account, _ = records[0]["eventSourceARN"].split(":", 5)
        context = LocalContext(self.mapping.name, self.timeout_seconds, account=account, region=region)
        try:
            answer = self.handler(event, context)
        except BaseException:  # sys.exit() in a handler ends a Lambda call, not the stream
            logger.warning("%s failed on a batch of %d", self.mapping.name, len(records), exc_info=True)
            return _Call(context, 0, raised=True)
        try:
            return _Call(context, self._lowest_failure(answer, records))
        except (TypeError, ValueError):
            logger.warning("%s answered nonsense for a batch of %d", self.mapping.name, len(records), exc_info=True)
            return _Call(context, 0)

    def _lowest_failure(self, answer: object, records: list[Record]) -> int | None:
        """Raises ValueError or TypeError for an answer that Lambda takes as the whole batch's failure."""
        if not self.mapping.report_batch_item_failures or answer is None:
            return None
        if not isinstance(answer, dict):
            raise TypeError(f"the answer is no object but {type(answer).__name__}")
        failures = answer.get("batchItemFailures") or []
        if not isinstance(failures, list) or not all(isinstance(failure, dict) for failure in failures):
            raise ValueError("batchItemFailures is not a list of objects")
        positions = {sequence_number(record): index for index, record in enumerate(records)}
        indexes = [positions.get(failure.get("itemIdentifier")) for failure in failures]
        if None in indexes:
            raise ValueError("batchItemFailures names a record that is not in the batch")
        if indexes:
            logger.warning("%s failed %d of %d records", self.mapping.name, len(indexes), len(records))
        return min((index for index in indexes if index is not None), default=None)

    def _given_up(self, records: list[Record], attempts: int, can_split: bool) -> tuple[list[Record], Condition] | None:
        """Those that are not tried again. Records are as old as their place in the shard says: the first are oldest."""
        if not can_split and 0 <= self.mapping.maximum_retry_attempts < attempts:
            return records, "RetryAttemptsExhausted"
        age = self.mapping.maximum_record_age_seconds
        oldest = self.clock() - age if age >= 0 else float("-inf")
        expired = list(takewhile(lambda record: created(record) < oldest, records))
        return (expired, "RecordAgeExceeded") if expired else None

    def _discard(self, discarded: Discarded) -> None:
        try:
            self.on_discard(discarded)
        except Exception:
            logger.exception("%s: the callback for discarded records failed", self.mapping.name)


def backoff(failures: int, longest: float) -> float:
    return float(min(_FIRST_WAIT * 2 ** min(failures - 1, 10), longest))
