"""The delivery to a handler: the event, batches, retries, bisecting and giving up."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.context import LocalContext
from tests.infra.stream_bench import ARN, NOW, Bench, failing, raising, record


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
    assert bench.given_up == [([1], "RetryAttemptsExhausted")]
    assert bench.discarded[0].invocations == 8


@pytest.mark.parametrize("poison", [raising(3), failing(3)])
@pytest.mark.parametrize("attempts", [0, 2])
def test_bisecting_loses_nothing_but_the_poison(poison: Callable[[list[int]], Any], attempts: int) -> None:
    """Whether the handler raises or reports it."""
    bench = Bench(poison, bisect_batch_on_function_error=True, maximum_retry_attempts=attempts)
    bench.streams.shard("s", *map(record, range(1, 9)))

    bench.step()

    assert bench.given_up == [([3], "RetryAttemptsExhausted")]
    assert bench.batches.count([3]) >= 1
    delivered = {n for batch in bench.batches if 3 not in batch for n in batch}
    assert delivered | {1, 2} == {1, 2, 4, 5, 6, 7, 8}


def test_records_that_grow_too_old_are_given_up() -> None:
    """The younger ones go on being retried."""
    bench = Bench(raising(1), maximum_record_age_seconds=60, maximum_retry_attempts=-1)
    bench.streams.shard("s", record(1, NOW - 59), record(2, NOW))

    bench.step()

    assert bench.given_up == [([1], "RecordAgeExceeded")]
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
