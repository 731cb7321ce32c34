"""The delivery of a stream's records to one handler: attempts, waits, bisecting and giving up."""

import copy
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.local.context import LocalContext
from infra.local.event_source_mapping import EventSourceMapping
from infra.local.stream_records import Record, sequence_number

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0

Handler = Callable[[Any, Any], Any]
OnDiscard = Callable[[str, list[Record], str], object]

logger = logging.getLogger(__name__)


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
            self.wait(backoff(attempts, _LONGEST_WAIT))
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
        positions = {sequence_number(record): index for index, record in enumerate(records)}
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


def backoff(failures: int, longest: float) -> float:
    return float(min(_FIRST_WAIT * 2 ** min(failures - 1, 10), longest))


def _created(record: Record) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])
