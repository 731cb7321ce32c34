"""Poison in a stream: its neighbours are delivered, it is given up, and a queue and the log say so."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import DynamoDBStreamLambdaOnFailureDestinationModel as AwsForm

from infra.local.database import Database
from infra.local.stream_dead_letters import DeadLetters, dead_letter
from infra.local.tables import create_queues
from tests.infra.dynamodb_requests import client_of
from tests.infra.stream_bench import ARN, NOW, Bench, failing, raising, record

ORDER_3 = {"order_id": {"S": "o3"}}


@pytest.fixture
def sqs(database: Database) -> Any:
    """A client of a server with the template's queue, empty."""
    database.reset()
    client = client_of(database.url, "sqs")
    create_queues(client)
    return client


def messages(sqs: Any) -> list[dict[str, Any]]:
    url = sqs.get_queue_url(QueueName="DeadLetters")["QueueUrl"]
    return [json.loads(found["Body"]) for found in sqs.receive_message(QueueUrl=url).get("Messages", [])]


def report(bench: Bench, sqs: Any, now: float = NOW) -> None:
    letters = DeadLetters(sqs, lambda: now)
    for discarded in bench.discarded:
        letters.report(discarded)


def bench_with_poison(answer: Any, **settings: Any) -> Bench:
    """Eight records in one batch; what `answer` fails is given up after two retries."""
    bench = Bench(answer, bisect_batch_on_function_error=True, maximum_retry_attempts=2, **settings)
    bench.streams.shard("shardId-1", *(record(n, NOW - 10 + n) for n in range(1, 9)))
    return bench


def test_a_reported_record_keeps_no_neighbour_of_its_batch_waiting() -> None:
    """The first call has worked on all of them; only what lies behind the poison comes again."""
    bench = bench_with_poison(failing(3))

    bench.step()

    assert bench.batches[0] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert bench.batches.count([3]) == 3
    assert bench.given_up == [([3], "RetryAttemptsExhausted")]


def test_a_handler_that_raises_is_fed_its_neighbours_after_bisecting() -> None:
    """Every good record is in a batch that succeeded, and the shard goes on behind them."""
    bench = bench_with_poison(raising(3))
    bench.streams.shard("shardId-2", record(9))

    bench.step()

    succeeded = [batch for batch in bench.batches if 3 not in batch]
    assert sorted(n for batch in succeeded for n in batch) == [1, 2, 4, 5, 6, 7, 8, 9]
    assert bench.given_up == [([3], "RetryAttemptsExhausted")]


def test_the_dead_letter_has_the_form_of_awss_own() -> None:
    """Where the record lies and why it is there, in the words and times of the documented example."""
    bench = bench_with_poison(raising(3))
    bench.step()
    (discarded,) = bench.discarded

    letter = dead_letter(discarded, 1_800_000_009.0214)

    arrived = datetime.fromtimestamp(NOW - 7, UTC)
    assert letter == {
        "requestContext": {
            "requestId": bench.contexts[bench.batches.index([3]) + 2].aws_request_id,
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:fire_cancels",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2027-01-15T08:00:09.021Z",
        "DDBStreamBatchInfo": {
            "shardId": "shardId-1",
            "startSequenceNumber": f"{3:021}",
            "endSequenceNumber": f"{3:021}",
            "approximateArrivalOfFirstRecord": arrived.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "approximateArrivalOfLastRecord": arrived.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "batchSize": 1,
            "streamArn": ARN,
        },
    }


def test_a_library_that_reads_awss_dead_letters_reads_ours() -> None:
    """Somebody else's reading of the form, of a batch that was too old as a whole."""
    bench = Bench(failing(1), maximum_record_age_seconds=60)
    bench.streams.shard("shardId-1", record(1, NOW - 63), record(2, NOW - 61))
    bench.step()
    (discarded,) = bench.discarded

    read = AwsForm.model_validate(dead_letter(discarded, NOW))

    assert read.request_context.condition == "RecordAgeExceeded"
    assert read.response_context.function_error is None  # it answered, and reported the record
    found = read.ddb_stream_batch_info
    assert (found.start_sequence_number, found.end_sequence_number) == (f"{1:021}", f"{2:021}")
    assert (found.batch_size, found.shard_id, found.stream_arn) == (2, "shardId-1", ARN)
    assert found.approximate_arrival_of_first_record.timestamp() == NOW - 63
    assert found.approximate_arrival_of_last_record.timestamp() == NOW - 61


def test_the_queue_gets_one_message_and_the_log_one_error_that_names_the_orders(
    sqs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The message leads to the record, the line to the order and to the queue."""
    bench = bench_with_poison(raising(3))
    bench.step()
    caplog.clear()

    with caplog.at_level(logging.INFO):
        report(bench, sqs)

    assert messages(sqs) == [dead_letter(bench.discarded[0], NOW)]
    (line,) = caplog.records
    assert (line.levelname, line.getMessage()) == ("ERROR", "stream records were given up: RetryAttemptsExhausted")
    facts = vars(line)
    assert (facts["function"], facts["keys"]) == ("fire_cancels", [ORDER_3])
    assert facts["queue"].endswith("/DeadLetters")


def test_without_a_queue_the_line_is_all_there_is(caplog: pytest.LogCaptureFixture) -> None:
    """No request goes anywhere."""
    bench = bench_with_poison(raising(3))
    bench.step()
    caplog.clear()

    report(bench, None)

    (line,) = caplog.records
    assert (line.levelname, vars(line)["keys"], vars(line)["queue"]) == ("ERROR", [ORDER_3], None)


def test_a_queue_that_cannot_be_reached_costs_the_message_only(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The line names the orders all the same, and says that there is no message."""
    database.reset()
    bench = bench_with_poison(raising(3))
    bench.step()
    caplog.clear()

    report(bench, client_of(database.url, "sqs"))

    (line,) = caplog.records
    assert vars(line)["keys"] == [ORDER_3]
    assert "NonExistentQueue" in vars(line)["not_queued"]
