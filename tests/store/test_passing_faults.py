"""What passes is waited out, a failed condition is an answer, and a bug is not hidden (R3)."""

import logging
from dataclasses import replace
from itertools import pairwise

import pytest
from botocore.awsrequest import AWSPreparedRequest
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.errors import DatabaseUnavailableError, StaleRowError
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Insert, Store, Update
from chalicelib.store.dynamo import DynamoStore
from tests.desk import TurnableClock
from tests.store import rows
from tests.store.conftest import Items
from tests.store.wire import Fault, Wire, answer, cancelled, error, refuse_connection, time_out

PASSING: dict[str, Fault] = {
    "conflict": error("TransactionConflictException"),
    "in progress": error("TransactionInProgressException"),
    "provisioned throughput": error("ProvisionedThroughputExceededException"),
    "throttling": error("ThrottlingException"),
    "request limit": error("RequestLimitExceeded"),
    "internal error": error("InternalServerError", 500),
    "service unavailable": error("ServiceUnavailable", 503),
    "a proxy's 502": answer(502, "<html>Bad Gateway</html>"),
    "an empty 500": answer(500, ""),
    "connection refused": refuse_connection,
    "timeout": time_out,
}
CANCELLED: dict[str, Fault] = {
    "conflict": cancelled("TransactionConflict", "None"),
    "conflict of the second": cancelled("None", "TransactionConflict"),
    "throttling": cancelled("ThrottlingError", "None"),
    "provisioned throughput": cancelled("ProvisionedThroughputExceeded", "None"),
}
BUGS = ["ValidationException", "SerializationException", "IdempotentParameterMismatchException"]


def each(faults: dict[str, Fault]) -> pytest.MarkDecorator:
    """One test for each fault."""
    return pytest.mark.parametrize("fault", faults.values(), ids=faults)


@each(PASSING)
@pytest.mark.parametrize("times", [1, 3])
async def test_a_single_write_waits_out_what_passes(dynamo_store: Store, wire: Wire, fault: Fault, times: int) -> None:
    """Each try is one request, and the last one is the only one that takes effect."""
    row = rows.order()
    wire.faults["PutItem"] = [fault] * times

    await dynamo_store.commit(Insert(row))

    assert wire.operations == ["PutItem"] * (times + 1)
    assert await dynamo_store.get(Order, row.order_id) == row


@each({**PASSING, **{f"cancelled: {name}": fault for name, fault in CANCELLED.items()}})
@pytest.mark.parametrize("times", [1, 3])
async def test_a_transaction_waits_out_what_passes(dynamo_store: Store, wire: Wire, fault: Fault, times: int) -> None:
    """Every try carries the token of the first one (R4)."""
    order, event = rows.order(), rows.event()
    wire.faults["TransactWriteItems"] = [fault] * times

    await dynamo_store.commit(Insert(order), Insert(event))

    assert wire.operations == ["TransactWriteItems"] * (times + 1)
    assert len(set(wire.tokens())) == 1
    assert await dynamo_store.get(Order, order.order_id) == order


async def test_each_commit_has_a_token_of_its_own(dynamo_store: Store, wire: Wire) -> None:
    """Or the second one would be taken for the first one's repeat."""
    for _ in range(3):
        await dynamo_store.commit(Insert(rows.order()), Insert(rows.event()))

    assert len(set(wire.tokens())) == 3


@each(PASSING)
async def test_reads_wait_out_what_passes(dynamo_store: Store, wire: Wire, fault: Fault) -> None:
    """By key, in a batch, by index, of a small table."""
    row = rows.order()
    await dynamo_store.commit(Insert(row))
    for operation in ("GetItem", "BatchGetItem", "Query", "Scan"):
        wire.faults[operation] = [fault]

    assert await dynamo_store.get(Order, row.order_id) == row
    assert await dynamo_store.get_all(Order, [row.order_id]) == [row]
    assert await dynamo_store.live_orders("s1") == [row.order_id]
    assert await dynamo_store.strategies() == []

    assert wire.operations[1:] == ["GetItem"] * 2 + ["BatchGetItem"] * 2 + ["Query"] * 2 + ["Scan"] * 2


@each({**PASSING, **CANCELLED})
async def test_the_database_is_out_of_reach_only_after_about_two_seconds(
    dynamo_store: Store, wire: Wire, clock: TurnableClock, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """By the injected clock, with pauses that are short, grow and differ."""
    wire.always["TransactWriteItems"] = fault

    with pytest.raises(DatabaseUnavailableError), caplog.at_level(logging.ERROR):
        await dynamo_store.commit(Insert(rows.order()), Insert(rows.event()))

    assert 2.0 < sum(clock.slept) <= 2.5
    assert all(0 < pause <= 0.4 for pause in clock.slept)
    assert len(set(clock.slept)) == len(clock.slept) == len(wire.requests) - 1
    assert 6 <= len(wire.requests) <= 45
    assert len(set(wire.tokens())) == 1
    assert len(caplog.records) == 1


async def test_reads_give_up_after_the_same_time(dynamo_store: Store, wire: Wire, clock: TurnableClock) -> None:
    """By key, in a batch, by index, a page, a scan and a ping."""
    operations = ("GetItem", "BatchGetItem", "Query", "Scan")
    wire.always = dict.fromkeys(operations, error("ThrottlingException"))

    for read in (
        lambda: dynamo_store.get(Order, "x"),
        lambda: dynamo_store.get_all(Order, ["x"]),
        lambda: dynamo_store.due_orders(rows.at(0), 1),
        lambda: dynamo_store.list_events("s1", 1, None),
        lambda: dynamo_store.strategies(),
        lambda: dynamo_store.ping(),
    ):
        clock.slept.clear()
        with pytest.raises(DatabaseUnavailableError):
            await read()

        assert 2.0 < sum(clock.slept) <= 2.5


async def test_a_slow_failure_is_repeated_at_least_once(dynamo_store: Store, wire: Wire, clock: TurnableClock) -> None:
    """One read timeout is as long as the whole patience."""

    def slow(request: AWSPreparedRequest) -> None:
        clock.turn(2.5)
        time_out(request)

    row = rows.order()
    wire.faults["PutItem"] = [slow]

    await dynamo_store.commit(Insert(row))

    assert await dynamo_store.get(Order, row.order_id) == row


@pytest.mark.parametrize(
    "fault", [None, cancelled("ConditionalCheckFailed", "TransactionConflict")], ids=["real", "with a conflict"]
)
async def test_a_failed_condition_is_never_tried_again(
    dynamo_store: Store, wire: Wire, clock: TurnableClock, fault: Fault | None
) -> None:
    """Another version will not turn into the one that was read."""
    row = rows.order()
    wire.faults["TransactWriteItems"] = [fault] if fault else []

    with pytest.raises(StaleRowError) as caught:
        await dynamo_store.commit(Update(row, replace(row, version=2)), Update(rows.event(), rows.event(version=2)))

    assert caught.value.failed == ((0,) if fault else (0, 1))
    assert (wire.operations, clock.slept) == (["TransactWriteItems"], [])


async def test_a_failed_condition_of_a_single_write_is_never_tried_again(
    dynamo_store: Store, wire: Wire, clock: TurnableClock
) -> None:
    """Nor is the row read for it: nothing was sent before."""
    row = rows.order()

    with pytest.raises(StaleRowError):
        await dynamo_store.commit(Update(row, replace(row, version=2)))

    assert (wire.operations, clock.slept) == (["UpdateItem"], [])


@pytest.mark.parametrize("code", BUGS)
async def test_a_request_that_the_database_cannot_take_is_a_bug(
    dynamo_store: Store, wire: Wire, clock: TurnableClock, code: str
) -> None:
    """It is not repeated and not called an outage: no later try would fare better."""
    operations = ("PutItem", "TransactWriteItems", "GetItem", "Query")
    wire.always = dict.fromkeys(operations, error(code))

    for call in (
        lambda: dynamo_store.commit(Insert(rows.order())),
        lambda: dynamo_store.commit(Insert(rows.order()), Insert(rows.event())),
        lambda: dynamo_store.get(Order, "x"),
        lambda: dynamo_store.live_orders("s1"),
    ):
        with pytest.raises(PynamoDBException) as caught:
            await call()
        assert caught.value.cause_response_code == code

    assert wire.operations == list(operations)
    assert clock.slept == []


async def test_what_only_an_operator_can_mend_is_reported_at_once(
    dynamo_store: Store, wire: Wire, clock: TurnableClock
) -> None:
    """Wrong credentials do not pass by waiting; the caller learns of an outage, the log of the reason."""
    wire.always["GetItem"] = error("AccessDeniedException")

    with pytest.raises(DatabaseUnavailableError):
        await dynamo_store.get(Order, "x")

    assert (wire.operations, clock.slept) == (["GetItem"], [])


async def test_pauses_grow(dynamo_store: Store, wire: Wire, clock: TurnableClock) -> None:
    """Each is drawn below a ceiling that doubles up to 0.4 s, and never from zero."""
    wire.always["GetItem"] = error("ThrottlingException")

    with pytest.raises(DatabaseUnavailableError):
        await dynamo_store.get(Order, "x")

    ceilings = [min(0.03 * 2**number, 0.4) for number in range(1, len(clock.slept) + 1)]
    assert all(low <= high for low, high in pairwise(ceilings))
    assert all(0.2 * ceiling <= pause <= ceiling for pause, ceiling in zip(clock.slept, ceilings, strict=True))


async def test_a_row_that_another_fault_delayed_is_not_written_twice(
    dynamo_store: DynamoStore, wire: Wire, items: Items
) -> None:
    """The version in the table is that of one update."""
    row = rows.order()
    await dynamo_store.commit(Insert(row))
    wire.faults["UpdateItem"] = [error("InternalServerError", 500), error("ThrottlingException")]

    await dynamo_store.commit(Update(row, replace(row, version=2)))

    item = items.get("orders", order_id=row.order_id)
    assert item is not None
    assert item["version"] == {"N": "2"}
