"""The Store port in memory: one process's way to the simulated database, and all that may happen on it."""

import asyncio
import base64
import json
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import Clock, day_of, seconds_between, utc_text
from chalicelib.domain.errors import DatabaseUnavailableError, InvalidError, StaleRowError
from chalicelib.domain.events import EventLog
from chalicelib.domain.ids import first_event_id
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Change, Check, Delete, Page, R, Row, Update
from chalicelib.domain.strategies import Account, Strategy
from chalicelib.store.binding import INDEXES
from chalicelib.store.database import PATIENCE
from chalicelib.store.grouping import GroupCommit, Member, to_the_end
from chalicelib.store.queries import DAYS_LISTED
from chalicelib.store.tables import MODELS, derived
from tests.simulation.memory_database import MemoryDatabase, key_of

T = TypeVar("T")


class PassingFaultError(Exception):
    """What a step raises for throttling, a conflict or a lost message: the store tries again (R3).

    Raised before the effect, the request did not arrive; raised after it, its answer was lost (R4).
    """


@dataclass(frozen=True, slots=True)
class Moment:
    """A request to the database on its way there (`done` is False), or its answer on the way back."""

    operation: str
    subject: tuple[Any, ...]
    done: bool


Step = Callable[[Moment], Awaitable[None]]


async def go_on(moment: Moment) -> None:
    """A step at which nothing happens."""


class MemoryStore:
    """Implements the Store port for one process.

    `step` is awaited before and after the effect of each request. There it can be delayed, overtaken, refused
    (PassingFaultError), or go no further because its process was killed.
    """

    def __init__(
        self, database: MemoryDatabase, clock: Clock, step: Step = go_on, dice: random.Random | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._step = step
        self._dice = dice or random.Random(database.admit())
        self._groups = GroupCommit(self._write_together, self._write_alone)

    async def commit(self, *changes: Change) -> None:
        write_id = f"{self._dice.getrandbits(128):032x}"
        if len(changes) == 1 and isinstance(changes[0], Update) and isinstance(changes[0].new, Order):
            await self._groups.commit(Member(changes[0].new.order_id, changes[0], write_id))
        else:
            await self._commit(changes, write_id)

    async def get(self, kind: type[R], *key: str) -> R | None:
        return await self._read("get", (kind.__name__, *key), lambda: self._database.get(kind, key))

    async def get_all(self, kind: type[R], keys: Sequence[str]) -> list[R]:
        unique: list[str] = list(dict.fromkeys(keys))
        if not unique:
            return []

        def effect() -> list[R]:
            found = (self._database.get(kind, (key,)) for key in unique)
            return [row for row in found if row is not None]

        return await self._read("get_all", (kind.__name__, *unique), effect)

    async def due_orders(self, now: datetime, limit: int) -> list[str]:
        return [row.order_id for row in await self._due(Order, "live", limit, now)]

    async def live_orders(self, strategy_id: str) -> list[str]:
        rows = await self._read("live_orders", (strategy_id,), lambda: self._index(Order, "live_by_strategy"))
        return [row.order_id for row in rows if row.strategy_id == strategy_id]

    async def live_orders_of_account(self, account_id: str) -> list[str]:
        rows = await self._read("live_orders_of_account", (account_id,), lambda: self._index(Order, "live"))
        return [row.order_id for row in rows if row.account_id == account_id]

    async def due_cancels(self, now: datetime, limit: int) -> list[str]:
        return [row.cancel_id for row in await self._due(CancelRequest, "due", limit, now)]

    async def next_cancel_at(self) -> datetime | None:
        rows = await self._due(CancelRequest, "due", 1)
        return rows[0].next_retry_at if rows else None

    async def unsettled_events(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        return [(row.strategy_id, row.event_id) for row in await self._due(EventLog, "unsettled", limit, now)]

    async def recent_events(self, strategy_id: str, since: datetime) -> list[EventLog]:
        first = first_event_id(since)
        rows = await self._read("recent_events", (strategy_id,), lambda: self._database.all(EventLog))
        return [row for row in rows if row.strategy_id == strategy_id and row.event_id >= first]

    async def list_orders(
        self,
        strategy_id: str | None,
        status: OrderStatus | None,
        symbol: str | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Order]:
        index = "by_strategy" if strategy_id else "by_day"
        rows = await self._read("list_orders", (), lambda: self._index(Order, index))
        inside = [row for row in rows if row.strategy_id == strategy_id] if strategy_id else self._recent(rows)
        wanted = [row for row in inside if row.status is (status or row.status) and symbol in (None, row.symbol)]
        return _page([index, strategy_id or "-"], wanted, limit, 0, cursor)

    async def list_cancels(
        self, status: CancelStatus | None, limit: int, offset: int, cursor: str | None
    ) -> Page[CancelRequest]:
        index = "by_status" if status else "by_day"
        rows = await self._read("list_cancels", (), lambda: self._index(CancelRequest, index))
        inside = [row for row in rows if row.status is status] if status else self._recent(rows)
        return _page([index, status.value if status else "-"], inside, limit, offset, cursor)

    async def list_events(self, strategy_id: str, limit: int, cursor: str | None) -> Page[EventLog]:
        rows = await self._read("list_events", (strategy_id,), lambda: list(self._database.indexed(EventLog)))
        inside = [row for row in rows if row.strategy_id == strategy_id]
        return _page(["events", strategy_id], inside, limit, 0, cursor)

    async def strategies(self) -> list[Strategy]:
        return await self._read("strategies", (), lambda: self._database.all(Strategy))

    async def accounts(self) -> list[Account]:
        return await self._read("accounts", (), lambda: self._database.all(Account))

    async def count_cancels(self, status: CancelStatus, limit: int) -> int:
        return len((await self._of_status("count_cancels", status))[:limit])

    async def oldest_cancel(self, status: CancelStatus) -> datetime | None:
        return min((row.created_at for row in await self._of_status("oldest_cancel", status)), default=None)

    async def oldest_request(self, status: CancelStatus) -> CancelRequest | None:
        rows = await self._of_status("oldest_request", status)
        return min(rows, key=lambda row: (row.created_at, row.cancel_id), default=None)

    async def newest_orders(self, days: int, limit: int) -> list[Order]:
        first = day_of(self._clock.now() - timedelta(days=days - 1))
        rows = await self._read("newest_orders", (), lambda: self._index(Order, "by_day"))
        inside = [row for row in rows if day_of(row.created_at) >= first]
        return sorted(inside, key=_place, reverse=True)[:limit]

    async def count_attention(self, limit: int) -> int:
        rows = await self._read("count_attention", (), lambda: self._index(Order, "attention"))
        return len(rows[:limit])

    async def attention_orders(self, limit: int) -> list[Order]:
        rows = await self._read("attention_orders", (), lambda: self._index(Order, "attention"))
        return sorted(rows, key=_place, reverse=True)[:limit]

    async def ping(self) -> None:
        await self._read("ping", (), lambda: None)

    async def _commit(self, changes: Sequence[Change], write_id: str, *, unheard: bool = False) -> None:
        """`unheard`: an earlier try, in a group, may have succeeded without our hearing of it."""
        token = write_id if len(changes) > 1 else None
        write_ids = [write_id] * len(changes)
        failed, repeated = await self._request(
            "commit", changes, lambda: self._database.write(changes, write_ids, token)
        )
        if failed and not ((repeated or unheard) and await self._was_ours(changes, write_id)):
            raise StaleRowError(failed)

    async def _write_alone(self, member: Member, unheard: bool) -> None:
        await self._commit([member.update], member.write_id, unheard=unheard)

    async def _write_together(self, members: Sequence[Member]) -> bool:
        updates, write_ids = [member.update for member in members], [member.write_id for member in members]
        try:
            failed = await self._attempt(
                "commit", tuple(updates), lambda: self._database.write(updates, write_ids, write_ids[0])
            )
        except PassingFaultError:
            return False
        return not failed

    async def _was_ours(self, changes: Sequence[Change], write_id: str) -> bool:
        """R4: our id stands in every row that we wrote, and what we deleted is gone."""
        for change in changes:
            if not isinstance(change, Check):
                row = change.new if isinstance(change, Update) else change.row
                expected = None if isinstance(change, Delete) else write_id
                if await self._peek(row) != expected:
                    return False
        return True

    async def _peek(self, row: Row) -> str | None:
        return await self._read("get", (type(row).__name__, *key_of(row)), lambda: self._database.write_id(row))

    async def _read(self, operation: str, subject: tuple[Any, ...], effect: Callable[[], T]) -> T:
        return (await self._request(operation, subject, effect))[0]

    async def _request(self, operation: str, subject: Sequence[Any], effect: Callable[[], T]) -> tuple[T, bool]:
        """The answer, and whether an earlier try may have succeeded unheard. Raises DatabaseUnavailableError."""
        started = self._clock.now()
        tries = 0
        while True:
            tries += 1
            try:
                # A request that was sent cannot be taken back: a cancelled caller waits for its end (R28).
                attempt = asyncio.create_task(self._attempt(operation, tuple(subject), effect))
                return await to_the_end(attempt), tries > 1
            except PassingFaultError as fault:
                if tries > 1 and seconds_between(started, self._clock.now()) > PATIENCE:
                    raise DatabaseUnavailableError("the database cannot be reached; try again shortly") from fault
            await self._clock.sleep(self._dice.uniform(0.2, 1.0) * min(0.03 * 2**tries, 0.4))

    async def _attempt(self, operation: str, subject: tuple[Any, ...], effect: Callable[[], T]) -> T:
        await self._step(Moment(operation, subject, done=False))
        answer = effect()
        await self._step(Moment(operation, subject, done=True))
        return answer

    async def _due(self, kind: type[R], index: str, limit: int, until: datetime | None = None) -> list[R]:
        """Those of a sparse index whose time has come, longest due first."""
        _, name = INDEXES[MODELS[kind]][index]

        def effect() -> list[R]:
            due = [row for row in self._index(kind, index) if until is None or getattr(row, name) <= until]
            return sorted(due, key=lambda row: (getattr(row, name), key_of(row)))[:limit]

        return await self._read(f"{index} {kind.__name__}", (), effect)

    async def _of_status(self, operation: str, status: CancelStatus) -> list[CancelRequest]:
        rows = await self._read(operation, (status,), lambda: self._index(CancelRequest, "by_status"))
        return [row for row in rows if row.status is status]

    def _index(self, kind: type[R], index: str) -> list[R]:
        """The rows that have both keys of an index, as it shows them."""
        names = INDEXES[MODELS[kind]][index]
        return [row for row in self._database.indexed(kind) if all(_value(row, name) is not None for name in names)]

    def _recent(self, rows: Iterable[R]) -> list[R]:
        first = day_of(self._clock.now() - timedelta(days=DAYS_LISTED - 2))  # as many days, and tomorrow is one
        return [row for row in rows if day_of(_created_at(row)) >= first]


def _value(row: Row, name: str) -> Any:
    return getattr(row, name) if hasattr(row, name) else derived(row)[name]


def _created_at(row: Any) -> datetime:
    at: datetime = row.created_at
    return at


def _page(listed: list[str], rows: list[R], limit: int, skip: int, cursor: str | None) -> Page[R]:
    """Newest first; the cursor names its list, and the place after which to go on."""
    places = sorted(((_place(row), row) for row in rows), key=lambda pair: pair[0], reverse=True)
    if cursor is not None:
        last = _decoded(cursor, listed)
        places, skip = [pair for pair in places if pair[0] < last], 0
    shown: list[tuple[tuple[str, str], R]] = places[skip : skip + limit]
    more = shown and len(places) > skip + limit
    items: list[R] = [row for _, row in shown]
    return Page(items, _encoded([*listed, *shown[-1][0]]) if more else None)


def _place(row: Row) -> tuple[str, str]:
    """Its time, and its own id where times are equal; an event's id tells both."""
    return ("-" if isinstance(row, EventLog) else utc_text(_created_at(row))), key_of(row)[-1]


def _encoded(values: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _decoded(cursor: str, listed: list[str]) -> tuple[str, str]:
    try:
        index, name, at, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if [index, name] != listed or not isinstance(at, str) or not isinstance(key, str):
            raise ValueError("a place in another list")
    except (ValueError, TypeError):
        message = "the cursor is not one that this list gave out; start again without it"
        raise InvalidError(message, [{"field": "cursor", "message": message}]) from None
    return at, key
