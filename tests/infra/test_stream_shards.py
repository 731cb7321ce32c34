"""The reading of a stream's shards: outages, iterators that expire, parents before children."""

import logging

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.infra.stream_bench import Bench, record


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


def test_a_quiet_stream_is_looked_at_less_often_until_something_comes() -> None:
    """Four times a second, as Lambda does; at once again after a record."""
    bench = Bench()
    bench.streams.shard("s", record(1))

    first = [bench.step() for _ in range(6)]
    bench.streams.shards["s"]["records"].append(record(2))
    second = [bench.step() for _ in range(3)]

    assert bench.batches == [[1], [2]]
    assert first == [0.0, 0.05, 0.05, 0.1, 0.25, 0.25]
    assert second == [0.0, 0.05, 0.05]


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
