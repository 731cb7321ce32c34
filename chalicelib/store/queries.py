"""Lists: work by its sparse index, pages for people. Nothing here scans but the two small tables of settings."""

import asyncio
import base64
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import day_of, parse_utc
from chalicelib.domain.errors import DatabaseUnavailableError, InvalidError
from chalicelib.domain.events import EventLog
from chalicelib.domain.ids import first_event_id
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Page
from chalicelib.domain.strategies import Account, Strategy
from chalicelib.store.binding import INDEXES
from chalicelib.store.database import Database
from chalicelib.store.rows import from_model
from chalicelib.store.tables import (
    SHARD,
    AccountRow,
    CancelRow,
    EventRow,
    OrderRow,
    StrategyRow,
    SystemRow,
)

T = TypeVar("T")
Item = dict[str, Any]

DAYS_LISTED = 93
"""How far back lists without a filter reach, by the day of creation. Rows are kept for 90 days after their end: an
order that lived for over a month drops out of these lists before its row goes; by strategy, and in the sparse
index of live rows, it stays."""

logger = logging.getLogger(__name__)

_PAGE = 1000
_LOOKS = 10
"""How many requests, of up to a megabyte each, look for what a filter picks out before the caller is answered."""

_DAYS_AT_ONCE = 31

_SPARE = 5
"""Read where one row is wanted, for the case that the first cannot be read."""


class Queries:
    """The listing half of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due_orders(self, now: datetime, limit: int) -> list[str]:
        return [item["order_id"]["S"] for item in await self._due(OrderRow, "live", OrderRow.check_at <= now, limit)]

    async def due_cancels(self, now: datetime, limit: int) -> list[str]:
        items = await self._due(CancelRow, "due", CancelRow.next_retry_at <= now, limit)
        return [item["cancel_id"]["S"] for item in items]

    async def next_cancel_at(self) -> datetime | None:
        items = await self._due(CancelRow, "due", None, 1)
        if not items:
            return None
        try:
            return parse_utc(items[0]["next_retry_at"]["S"])
        except ValueError:  # whoever wrote it so: it is the first, and so it is due
            logger.exception("a cancel request's next_retry_at cannot be read")
            return datetime.min.replace(tzinfo=UTC)

    async def unsettled_events(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        items = await self._due(EventRow, "unsettled", EventRow.check_at <= now, limit)
        return [(item["strategy_id"]["S"], item["event_id"]["S"]) for item in items]

    async def live_orders(self, strategy_id: str) -> list[str]:
        items = await self._everything(OrderRow, strategy_id, index_name="live_by_strategy")
        return [item["order_id"]["S"] for item in items]

    async def live_orders_of_account(self, account_id: str) -> list[str]:
        items = await self._everything(OrderRow, SHARD, index_name="live")
        return [item["order_id"]["S"] for item in items if item["account_id"]["S"] == account_id]

    async def recent_events(self, strategy_id: str, since: datetime) -> list[EventLog]:
        newer = EventRow.event_id >= first_event_id(since)
        items = await self._everything(EventRow, strategy_id, range_key_condition=newer, consistent_read=True)
        return [_row(EventLog, EventRow, item) for item in items]

    async def list_orders(
        self,
        strategy_id: str | None,
        status: OrderStatus | None,
        symbol: str | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Order]:
        wanted = _all_of(
            OrderRow.status == status if status else None,
            OrderRow.symbol == symbol if symbol else None,
        )
        index = "by_strategy" if strategy_id else "by_day"
        partitions = [strategy_id] if strategy_id else await self._days()
        return await self._page(Order, OrderRow, index, partitions, limit, 0, cursor, wanted)

    async def list_cancels(
        self, status: CancelStatus | None, limit: int, offset: int, cursor: str | None
    ) -> Page[CancelRequest]:
        index = "by_status" if status else "by_day"
        partitions = [status.value] if status else await self._days()
        return await self._page(CancelRequest, CancelRow, index, partitions, limit, 0 if cursor else offset, cursor)

    async def list_events(self, strategy_id: str, limit: int, cursor: str | None) -> Page[EventLog]:
        return await self._page(EventLog, EventRow, None, [strategy_id], limit, 0, cursor)

    async def strategies(self) -> list[Strategy]:
        rows = await self._database.run(lambda: list(StrategyRow.scan(consistent_read=True)))
        return sorted((from_model(Strategy, row) for row in rows), key=lambda row: row.strategy_id)

    async def accounts(self) -> list[Account]:
        rows = await self._database.run(lambda: list(AccountRow.scan(consistent_read=True)))
        return sorted((from_model(Account, row) for row in rows), key=lambda row: row.account_id)

    async def count_cancels(self, status: CancelStatus, limit: int) -> int:
        return await self._count(CancelRow, status.value, "by_status", limit)

    async def oldest_cancel(self, status: CancelStatus) -> datetime | None:
        items, _ = await self._query(CancelRow, status.value, index_name="by_status", limit=1)
        return parse_utc(items[0]["created_at"]["S"]) if items else None

    async def oldest_request(self, status: CancelStatus) -> CancelRequest | None:
        items, _ = await self._query(CancelRow, status.value, index_name="by_status", limit=_SPARE)
        return next(iter(_readable(CancelRequest, CancelRow, items)), None)

    async def newest_orders(self, days: int, limit: int) -> list[Order]:
        """One day after the other, for each is asked for no more than is still wanted."""
        items: list[Item] = []
        for day in await self._days(days + 1):
            if len(items) < limit:
                items += (await self._partition(OrderRow, "by_day", day, limit - len(items)))[0]
        return _readable(Order, OrderRow, items)

    async def count_attention(self, limit: int) -> int:
        return await self._count(OrderRow, SHARD, "attention", limit)

    async def attention_orders(self, limit: int) -> list[Order]:
        items, _ = await self._query(OrderRow, SHARD, index_name="attention", scan_index_forward=False, limit=limit)
        return _readable(Order, OrderRow, items)

    async def ping(self) -> None:
        await self._database.run(lambda: SystemRow.count("switch"))

    async def _days(self, count: int = DAYS_LISTED) -> list[str]:
        """The newest first. Tomorrow is the first: rows of a machine whose clock is ahead are seen too."""
        tomorrow = self._database.clock.now() + timedelta(days=1)
        return [day_of(tomorrow - timedelta(days=back)) for back in range(count)]

    async def _due(self, model: type[Model], index: str, until: Condition | None, limit: int) -> list[Item]:
        return (await self._query(model, SHARD, index_name=index, range_key_condition=until, limit=limit))[0]

    async def _count(self, model: type[Model], hash_key: str, index: str, limit: int) -> int:
        """One request: of rows that fill more than its megabyte, those that it holds."""
        table = model._get_connection()
        answer = await self._database.run(lambda: table.query(hash_key, index_name=index, limit=limit, select="COUNT"))
        return int(answer["Count"])

    async def _everything(self, model: type[Model], hash_key: str, **query: Any) -> list[Item]:
        items, last = await self._query(model, hash_key, **query)
        while last:
            more, last = await self._query(model, hash_key, exclusive_start_key=last, **query)
            items += more
        return items

    async def _query(self, model: type[Model], hash_key: str, **query: Any) -> tuple[list[Item], Item | None]:
        table = model._get_connection()
        answer = await self._database.run(lambda: table.query(hash_key, **query))
        return answer["Items"], answer.get("LastEvaluatedKey")

    async def _page(
        self,
        kind: type[T],
        model: type[Model],
        index: str | None,
        partitions: Sequence[str],
        limit: int,
        skip: int,
        cursor: str | None,
        wanted: Condition | None = None,
    ) -> Page[T]:
        """Newest first through the partitions, the newest partition first."""
        names = _key_names(model, index)
        partition, start = _decode(cursor, names) if cursor else (partitions[0], None)
        if partition not in partitions:
            raise _bad_cursor()
        rest = [name for name in partitions if name <= partition] if len(partitions) > 1 else list(partitions)
        try:
            found, stopped_at = await self._walk(model, index, rest, skip + limit + 1, start, wanted)
        except* DatabaseUnavailableError as group:
            raise group.exceptions[0] from None
        page = found[skip : skip + limit]
        if len(found) > skip + limit:
            stopped_at = page[-1]
        return Page(_readable(kind, model, page), _encode(stopped_at, names) if stopped_at else None)

    async def _walk(
        self,
        model: type[Model],
        index: str | None,
        partitions: Sequence[str],
        want: int,
        start: Item | None,
        wanted: Condition | None,
    ) -> tuple[list[Item], Item | None]:
        """At most `want` items, and where the search for more was given up for now.

        Several days are asked at once: most days of a quiet system are empty.
        """
        days = range(2, len(partitions), _DAYS_AT_ONCE)
        chunks = [partitions[:1], partitions[1:2], *(partitions[at : at + _DAYS_AT_ONCE] for at in days)]
        found: list[Item] = []
        for chunk in chunks:
            looks = _LOOKS if len(chunk) == 1 else 1
            async with asyncio.TaskGroup() as group:  # one that fails ends the others before it is raised (R28)
                tasks = [
                    group.create_task(
                        self._partition(
                            model, index, name, want, start if name == partitions[0] else None, wanted, looks
                        )
                    )
                    for name in chunk
                ]
            for items, stopped_at in (task.result() for task in tasks):
                found += items
                if len(found) >= want or stopped_at:
                    return found[:want], stopped_at
        return found, None

    async def _partition(
        self,
        model: type[Model],
        index: str | None,
        name: str,
        want: int,
        start: Item | None = None,
        wanted: Condition | None = None,
        looks: int = 1,
    ) -> tuple[list[Item], Item | None]:
        """At most `want` items of one partition. Those that a filter picks out are looked for in so many requests,
        so that a filter that fits nothing does not read all there is: then, where to go on."""
        items: list[Item] = []
        while len(items) < want:
            more, start = await self._query(
                model,
                name,
                index_name=index,
                scan_index_forward=False,
                exclusive_start_key=start,
                filter_condition=wanted,
                limit=_PAGE if wanted is not None else min(want - len(items), _PAGE),
            )
            items += more
            if start is None:
                return items[:want], None
            looks -= 1
            if wanted is not None and looks <= 0:
                return items[:want], start
        return items[:want], None


def _all_of(*conditions: Condition | None) -> Condition | None:
    given = [condition for condition in conditions if condition is not None]
    result = given[0] if given else None
    for condition in given[1:]:
        result &= condition
    return result


def _row(kind: type[T], model: type[Model], item: Item) -> T:
    return from_model(kind, model.from_raw_data(item))


def _readable(kind: type[T], model: type[Model], items: Sequence[Item]) -> list[T]:
    """For people: a row that cannot be read, such as one that newer code wrote, does not hide the others."""
    rows = []
    for item in items:
        try:
            rows.append(_row(kind, model, item))
        except Exception:
            key = {name: item.get(name) for name in _key_names(model, None)}
            logger.exception("a row cannot be read, and is left out of a list", extra={"row": str(key)})
    return rows


def _key_names(model: type[Model], index: str | None) -> list[str]:
    """What a start key consists of: the table's own key, and the index's."""
    attributes = model.get_attributes().values()
    hash_keys = [attribute.attr_name for attribute in attributes if attribute.is_hash_key]
    range_keys = [attribute.attr_name for attribute in attributes if attribute.is_range_key]
    return list(dict.fromkeys([*(INDEXES[model][index] if index else ()), *hash_keys, *range_keys]))


def _encode(item: Item, names: Sequence[str]) -> str:
    key = [item[name]["S"] for name in names]
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def _decode(cursor: str, names: Sequence[str]) -> tuple[str, Item]:
    """The partition in which to go on, and the key after which. Raises InvalidError."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(names):
            raise ValueError("not a key of this list")
        if not all(isinstance(value, str) and value.isascii() and value for value in values):
            raise ValueError("not a key of this list")
    except (ValueError, TypeError, RecursionError):
        raise _bad_cursor() from None
    return values[0], {name: {"S": value} for name, value in zip(names, values, strict=True)}


def _bad_cursor() -> InvalidError:
    message = "the cursor is not one that this list gave out; start again without it"
    return InvalidError(message, [{"field": "cursor", "message": message}])
