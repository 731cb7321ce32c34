"""What the store in memory lets happen that the contract of every store does not show: faults, lag, the stream."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib import handlers
from chalicelib.domain.errors import DatabaseUnavailableError, StaleRowError
from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Change, Check, Delete, Insert, Update
from chalicelib.domain.strategies import Account
from tests.desk import TurnableClock
from tests.simulation.memory_database import LARGEST_TRANSACTION, BadRequestError, MemoryDatabase
from tests.simulation.memory_store import MemoryStore, Moment, PassingFaultError
from tests.store import rows


@dataclass
class Trouble:
    """A step that makes the first `times` requests of an operation fail on their way there, or their answers."""

    operation: str = ""
    answers: bool = False
    times: int = 0
    meanwhile: Callable[[], Awaitable[None]] | None = None
    seen: list[str] = field(default_factory=list)

    async def step(self, moment: Moment) -> None:
        """As the store calls it."""
        if moment.operation != self.operation or moment.done is not self.answers:
            return
        self.seen.append(moment.operation)
        if self.times > 0:
            self.times -= 1
            if self.meanwhile is not None:
                await self.meanwhile()
            raise PassingFaultError("no answer")


@pytest.fixture
def clock() -> TurnableClock:
    """The time of the database and of its user."""
    return TurnableClock()


@pytest.fixture
def database(clock: TurnableClock) -> MemoryDatabase:
    """An empty one."""
    return MemoryDatabase(clock)


@pytest.fixture
def trouble() -> Trouble:
    """What happens to the requests of `store`; nothing unless told."""
    return Trouble()


@pytest.fixture
def store(database: MemoryDatabase, clock: TurnableClock, trouble: Trouble) -> MemoryStore:
    """The one that meets the trouble."""
    return MemoryStore(database, clock, trouble.step)


@pytest.fixture
def other(database: MemoryDatabase, clock: TurnableClock) -> MemoryStore:
    """Another process's, without trouble."""
    return MemoryStore(database, clock)


def next_version(row: Any, **changes: Any) -> Any:
    return replace(row, version=row.version + 1, **changes)


async def stored(store: MemoryStore) -> Order:
    """An order that is in the database."""
    row = rows.order()
    await store.commit(Insert(row))
    return row


@pytest.mark.parametrize("answers", [False, True], ids=["request", "answer"])
@pytest.mark.parametrize("beside", [0, 1], ids=["alone", "in a transaction"])
async def test_a_write_that_was_lost_on_its_way_is_written_once(
    store: MemoryStore, other: MemoryStore, trouble: Trouble, answers: bool, beside: int
) -> None:
    """R4: neither lost, nor taken for somebody else's."""
    row = await stored(other)
    trouble.operation, trouble.answers, trouble.times = "commit", answers, 2

    await store.commit(Update(row, next_version(row, tag="ours")), *(Insert(rows.event()) for _ in range(beside)))

    assert await store.get(Order, row.order_id) == next_version(row, tag="ours")
    assert len(trouble.seen) == 3


async def test_a_lost_answer_is_recognised_where_the_token_is_forgotten(
    store: MemoryStore, other: MemoryStore, database: MemoryDatabase, trouble: Trouble
) -> None:
    """R4: our id stands in the rows, and what we deleted is gone."""
    database.remembers_tokens = False
    row, deleted, checked = rows.order(), rows.cancel_request(), rows.strategy()
    await other.commit(Insert(row), Insert(deleted), Insert(checked))
    trouble.operation, trouble.answers, trouble.times = "commit", True, 1

    await store.commit(Check(checked), Update(row, next_version(row)), Delete(deleted), Insert(rows.event()))

    assert await store.get(Order, row.order_id) == next_version(row)


async def test_a_write_that_somebody_overtook_is_stale(
    store: MemoryStore, other: MemoryStore, trouble: Trouble
) -> None:
    """Our request did not arrive, theirs did."""
    row = await stored(other)
    theirs = next_version(row, tag="theirs")

    async def they_write() -> None:
        await other.commit(Update(row, theirs), Insert(rows.event()))

    trouble.operation, trouble.times, trouble.meanwhile = "commit", 1, they_write

    with pytest.raises(StaleRowError):
        await store.commit(Update(row, next_version(row, tag="ours")))
    assert await store.get(Order, row.order_id) == theirs


async def test_updates_that_come_together_share_a_request_and_nobodys_failure(
    store: MemoryStore, other: MemoryStore, trouble: Trouble
) -> None:
    """Invariant 8: the one that is stale is told, the others are written."""
    orders = [await stored(other) for _ in range(3)]
    await other.commit(Update(orders[1], next_version(orders[1], tag="theirs")))
    trouble.operation = "commit"

    results = await asyncio.gather(
        *(store.commit(Update(order, next_version(order, tag="ours"))) for order in orders), return_exceptions=True
    )

    found = await store.get_all(Order, [order.order_id for order in orders])
    assert [order.tag for order in found] == ["ours", "theirs", "ours"]
    assert [type(result) for result in results] == [type(None), StaleRowError, type(None)]
    assert len(trouble.seen) == 4


@pytest.mark.parametrize("operation", ["get", "commit"])
async def test_a_database_that_goes_on_to_fail_is_out_of_reach_after_two_seconds(
    store: MemoryStore, trouble: Trouble, clock: TurnableClock, operation: str
) -> None:
    """R3."""
    trouble.operation, trouble.times = operation, 1000

    with pytest.raises(DatabaseUnavailableError):
        await (store.get(Order, "x") if operation == "get" else store.commit(Insert(rows.order())))

    assert 2.0 < sum(clock.slept) <= 2.5


async def test_a_cancelled_caller_waits_for_the_write_that_is_under_way(
    database: MemoryDatabase, clock: TurnableClock, other: MemoryStore
) -> None:
    """R28: a request that was sent cannot be taken back."""
    sent, answered = asyncio.Event(), asyncio.Event()

    async def step(moment: Moment) -> None:
        if not moment.done:
            sent.set()
            await answered.wait()

    row = rows.order()
    task = asyncio.create_task(MemoryStore(database, clock, step).commit(Insert(row)))
    await sent.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    answered.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await other.get(Order, row.order_id) == row


async def test_an_index_lags_and_a_read_by_key_does_not(
    store: MemoryStore, database: MemoryDatabase, clock: TurnableClock
) -> None:
    """R30: lists are hints."""
    database.index_lag = lambda: 3.0
    row = await stored(store)

    early = await store.live_orders("s1"), await store.due_orders(rows.at(9), 10)
    found = await store.get(Order, row.order_id)
    clock.turn(3.0)

    assert (early, found) == (([], []), row)
    assert await store.live_orders("s1") == await store.due_orders(rows.at(9), 10) == [row.order_id]


async def test_an_index_shows_the_changes_of_a_row_in_their_order(
    store: MemoryStore, database: MemoryDatabase, clock: TurnableClock
) -> None:
    """However much longer the first one takes."""
    lags = iter([5.0, 1.0])
    database.index_lag = lambda: next(lags)
    row = await stored(store)
    ended = next_version(row, status=OrderStatus.CANCELLED, placement=None, check_at=None)
    await store.commit(Update(row, ended))

    shown = []
    for _ in range(6):
        clock.turn(1.0)
        shown.append(await store.live_orders("s1"))

    assert shown == [[]] * 6


async def test_what_is_stored_does_not_change_with_what_was_passed_or_read(store: MemoryStore) -> None:
    """Options are the one thing in a row that can be changed in place."""
    options: dict[str, Any] = {"deep": {"list": [1]}}
    row = rows.account(options=options)
    await store.commit(Insert(row))
    options["deep"]["list"].append(2)
    read: Any = await store.get(Account, row.account_id)
    read.options["deep"]["list"].append(3)

    again = await store.get(Account, row.account_id)

    assert again is not None
    assert again.options == {"deep": {"list": [1]}}


def stale_twice(row: Order) -> list[Change]:
    return [Insert(row), Update(row, next_version(row))]


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [Check(rows.strategy())],
        stale_twice(rows.order()),
        [Insert(rows.order()) for _ in range(LARGEST_TRANSACTION + 1)],
    ],
    ids=["nothing", "a check alone", "a row twice", "too many"],
)
async def test_what_the_database_would_never_take_is_a_bug(store: MemoryStore, changes: list[Change]) -> None:
    """It is not repeated, and not called an outage."""
    with pytest.raises(BadRequestError):
        await store.commit(*changes)


async def test_rows_go_some_time_after_their_ttl_has_come(store: MemoryStore, database: MemoryDatabase) -> None:
    """R7: what must not be lost has none."""
    kept, gone = rows.order(), rows.order(OrderStatus.FILLED, ttl=1)
    await store.commit(Insert(kept), Insert(gone))

    assert database.remove_expired() == 1

    found = await store.get_all(Order, [kept.order_id, gone.order_id])
    assert (found, await store.live_orders("s1")) == ([kept], [kept.order_id])


async def test_the_stream_tells_every_change_of_an_order_in_its_order(
    store: MemoryStore, database: MemoryDatabase
) -> None:
    """And nothing of other rows, of checks, and of writes that failed."""
    row = rows.order()
    newer = next_version(row, tag="newer")
    await store.commit(Insert(row), Insert(rows.event()))
    await store.commit(Check(row), Insert(rows.account()))
    with pytest.raises(StaleRowError):
        await store.commit(Insert(row))
    await store.commit(Update(row, newer))
    await store.commit(Delete(newer))

    records = [record.as_lambda() for record in database.stream]

    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert [set(record["dynamodb"]) & {"OldImage", "NewImage"} for record in records] == [
        {"NewImage"},
        {"OldImage", "NewImage"},
        {"OldImage"},
    ]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    assert numbers == sorted(set(numbers))
    assert all(record["dynamodb"]["Keys"] == {"order_id": {"S": row.order_id}} for record in records)


async def test_the_stream_functions_understand_the_records(store: MemoryStore, database: MemoryDatabase) -> None:
    """A READY order is to be placed; a flagged one that turns OPEN, or is acknowledged, is to be cancelled."""
    row = rows.order()
    flagged = next_version(row, placement=Placement.SENDING, cancel_requested_at=rows.at(1))
    acknowledged = next_version(flagged, placement=Placement.ACKED)
    opened = next_version(acknowledged, status=OrderStatus.OPEN, placement=None)
    await store.commit(Insert(row))
    for old, new in ((row, flagged), (flagged, acknowledged), (acknowledged, opened)):
        await store.commit(Update(old, new))

    records = [record.as_lambda() for record in database.stream]

    assert [handlers.is_ready(record) for record in records] == [True, False, False, False]
    assert [handlers.lets_cancel(record) for record in records] == [False, False, True, True]
