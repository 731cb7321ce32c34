"""Records that the stream functions cannot read, among records that they can."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from chalicelib.domain.clock import Budget, SystemClock
from chalicelib.handlers import is_ready, work_through
from tests.infra.stream_bench import Bench, record

READY = {"status": {"S": "PENDING"}, "placement": {"S": "READY"}}


class Function:
    """A stream function whose work is to note the order's id; an order of the name `broken` always raises."""

    def __init__(self) -> None:
        self.worked_on: list[Any] = []

    async def _work(self, order_id: str, _: Budget) -> None:
        if order_id == "broken":
            raise RuntimeError("planted")
        self.worked_on.append(order_id)

    def __call__(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return asyncio.run(work_through(records, is_ready, self._work, Budget(SystemClock(), 10)))


def ready(number: int, **changes: Any) -> dict[str, Any]:
    """A READY order's record; a change of None leaves that part out."""
    sound = record(number, **READY)
    parts = {**sound["dynamodb"], **changes}
    return {**sound, "dynamodb": {name: part for name, part in parts.items() if part is not None}}


UNREADABLE = [
    {"Keys": None},
    {"Keys": "o2"},
    {"Keys": {"order_id": "o2"}},
    {"Keys": {"order_id": {"N": "2"}}},
    {"Keys": {"order_id": {"S": ["o2"]}}},
    {"NewImage": "PENDING"},
    {"NewImage": {"status": "PENDING"}},
]


@pytest.mark.parametrize("changes", [*UNREADABLE, {"Keys": {"order_id": {"S": "broken"}}}], ids=str)
def test_poison_is_reported_and_given_up_and_hides_no_neighbour(changes: dict[str, Any]) -> None:
    """The neighbours are worked on in the first call; the poison alone is tried again."""
    function = Function()
    bench = Bench(
        lambda _: function(bench.events[-1]["Records"]),
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=2,
    )
    bench.streams.shard("s", ready(1), ready(2, **changes), ready(3), ready(4))

    bench.step()

    assert bench.batches[0] == [1, 2, 3, 4]
    assert function.worked_on[:3] == ["o1", "o3", "o4"]
    assert function.worked_on.count("o1") == 1
    assert bench.given_up == [([2], "RetryAttemptsExhausted")]
    assert not any(discarded.raised for discarded in bench.discarded)


@pytest.mark.parametrize("changes", UNREADABLE, ids=str)
def test_a_record_that_can_be_neither_read_nor_reported_is_logged(
    changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Without a sequence number Lambda would take the whole batch for failed."""
    function = Function()

    with caplog.at_level(logging.ERROR):
        answer = function([ready(1), ready(2, **changes, SequenceNumber=None), ready(3)])

    assert answer == {"batchItemFailures": []}
    assert function.worked_on == ["o1", "o3"]
    assert [vars(line)["stream_event_id"] for line in caplog.records] == ["e2"]


@pytest.mark.parametrize("number", [None, 2, {"S": "2"}], ids=str)
def test_a_record_without_a_usable_number_is_worked_on_but_never_reported(number: object) -> None:
    """Its order can be read, and that is what counts; its failure would fail the whole batch."""
    function = Function()
    sound = ready(1)
    broken = ready(2, Keys={"order_id": {"S": "broken"}}, SequenceNumber=number)
    readable = ready(3, SequenceNumber=number)

    answer = function([sound, broken, readable])

    assert answer == {"batchItemFailures": []}
    assert function.worked_on == ["o1", "o3"]


@pytest.mark.parametrize("junk", [None, "record", [], {}, {"dynamodb": None}, {"dynamodb": []}], ids=str)
def test_what_is_no_record_at_all_hides_no_neighbour(junk: Any) -> None:
    """Nothing can be reported of it."""
    function = Function()

    answer = function([ready(1), junk, ready(3)])

    assert answer == {"batchItemFailures": []}
    assert function.worked_on == ["o1", "o3"]
