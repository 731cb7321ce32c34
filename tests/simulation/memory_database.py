"""A database in memory that all simulated processes share: rows under conditions, indexes that lag, a stream.

Nothing here awaits: a request takes effect at once or not at all. What happens on its way is the store's part.
"""

import heapq
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.clock import Clock, after
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Change, Check, Delete, Insert, R, Row, Update
from chalicelib.domain.strategies import Account
from chalicelib.store.rows import to_model
from chalicelib.store.tables import MODELS

LARGEST_TRANSACTION = 100
TOKENS_KEPT = timedelta(minutes=10)
"""DynamoDB knows a ClientRequestToken for so long."""

Key = tuple[type[Any], tuple[str, ...]]
Committed = tuple[Any, Any]
"""A row before and after a change; None where there was, or is, none."""


def no_lag() -> float:
    """Indexes follow at once."""
    return 0.0


class BadRequestError(Exception):
    """A request that the database would refuse whatever it holds: a bug of ours, repeated in vain."""


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One committed change of an order."""

    number: int
    at: datetime
    old: Order | None
    new: Order | None

    def as_lambda(self) -> dict[str, Any]:
        """In the form in which Lambda hands it to a function."""
        images = {"OldImage": self.old, "NewImage": self.new}
        change: dict[str, Any] = {name: _image(row) for name, row in images.items() if row is not None}
        row = self.new or self.old
        assert row is not None
        return {
            "eventID": f"{self.number:032x}",
            "eventName": "INSERT" if self.old is None else "REMOVE" if self.new is None else "MODIFY",
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "ApproximateCreationDateTime": self.at.timestamp(),
                "Keys": {"order_id": {"S": row.order_id}},
                "SequenceNumber": f"{self.number:021}",
                **change,
            },
        }


@dataclass(frozen=True, slots=True)
class _Stored:
    row: Row
    write_id: str


class MemoryDatabase:
    """`clock` is the true time; `index_lag` is asked for each change: seconds until the indexes show it."""

    def __init__(self, clock: Clock, index_lag: Callable[[], float] = no_lag) -> None:
        self.index_lag = index_lag
        self.remembers_tokens = True
        self.stream: list[StreamRecord] = []
        self.on_commit: Callable[[Sequence[Committed]], None] | None = None
        """Told of each transaction right after its effect."""
        self._clock = clock
        self._rows: dict[type[Any], dict[tuple[str, ...], _Stored]] = {kind: {} for kind in MODELS}
        self._shown: dict[type[Any], dict[tuple[str, ...], Row]] = {kind: {} for kind in MODELS}
        self._to_show: list[tuple[datetime, int, Key, Row | None]] = []
        self._shown_at: dict[Key, datetime] = {}
        self._tokens: dict[str, datetime] = {}
        self._numbers = itertools.count(1)
        self._users = itertools.count(1)

    def admit(self) -> int:
        """A number for each user: two that drew the same write ids would pass for each other (R4)."""
        return next(self._users)

    def get(self, kind: type[R], key: Sequence[str]) -> R | None:
        """One row, as it is now."""
        found = self._rows[kind].get(tuple(key))
        return None if found is None else _copied(found.row)

    def all(self, kind: type[R]) -> list[R]:
        """Every row of a kind by its key, as they are now."""
        return [_copied(self._rows[kind][key].row) for key in sorted(self._rows[kind])]

    def indexed(self, kind: type[R]) -> Iterator[R]:
        """The rows of a kind as the indexes show them."""
        now = self._clock.now()
        while self._to_show and self._to_show[0][0] <= now:
            _, _, (of_kind, key), row = heapq.heappop(self._to_show)
            if row is None:
                self._shown[of_kind].pop(key, None)
            else:
                self._shown[of_kind][key] = row
        shown: Any = self._shown[kind].values()
        return iter(shown)

    def write_id(self, row: Row) -> str | None:
        """Whose write the stored row shows; None where there is no row."""
        found = self._stored(row)
        return None if found is None else found.write_id

    def write(self, changes: Sequence[Change], write_ids: Sequence[str], token: str | None = None) -> tuple[int, ...]:
        """All or nothing: the positions whose condition failed, none where everything was written.

        A transaction that was written under this token before succeeds again and changes nothing. Raises
        BadRequestError.
        """
        _check(changes)
        if token is not None and self._knows(token):
            return ()
        failed = tuple(at for at, change in enumerate(changes) if not self._holds(change))
        if failed:
            return failed
        written = [change for change in changes if not isinstance(change, Check)] if self.on_commit else []
        before = [self._stored(_row_of(change)) for change in written]
        for change, write_id in zip(changes, write_ids, strict=True):
            self._apply(change, write_id)
        if self.on_commit:
            after_it = [self._stored(_row_of(change)) for change in written]
            self.on_commit([(old and old.row, new and new.row) for old, new in zip(before, after_it, strict=True)])
        if token is not None:
            self._tokens[token] = self._clock.now()
        return ()

    def lose(self, kind: type[Row], key: Sequence[str]) -> None:
        """A row goes without anybody's writing: a table restored from an older backup."""
        found = self._rows[kind].get(tuple(key))
        if found is not None:
            self._put(found.row, None, "")

    def remove_expired(self) -> int:
        """What TTL does, some time after a row's has come; how many rows went."""
        now = self._clock.now().timestamp()
        ttls = [
            (stored.row, getattr(stored.row, "ttl", None)) for rows in self._rows.values() for stored in rows.values()
        ]
        expired = [row for row, ttl in ttls if ttl is not None and ttl <= now]
        for row in expired:
            self._put(row, None, "")
        return len(expired)

    def _knows(self, token: str) -> bool:
        written = self._tokens.get(token)
        return self.remembers_tokens and written is not None and self._clock.now() - written < TOKENS_KEPT

    def _stored(self, row: Row) -> _Stored | None:
        return self._rows[type(row)].get(key_of(row))

    def _holds(self, change: Change) -> bool:
        """R3: a free key, or the version that was read."""
        if isinstance(change, Insert):
            there: Any = self._stored(change.row)
            expired_at = change.or_expired_at
            return there is None or (expired_at is not None and there.row.expires_at <= expired_at)
        row = _row_of(change)
        stored = self._stored(row)
        return stored is not None and stored.row.version == row.version

    def _apply(self, change: Change, write_id: str) -> None:
        match change:
            case Insert(row):
                self._put(row, row, write_id)
            case Delete(row):
                self._put(row, None, write_id)
            case Update(old, new):
                stored = self._stored(old)
                assert stored is not None
                self._put(old, _updated(stored.row, old, new), write_id)
            case Check():
                pass

    def _put(self, at: Row, new: Row | None, write_id: str) -> None:
        kind, key = type(at), key_of(at)
        old = self._rows[kind].pop(key, None)
        kept = None if new is None else _copied(new)
        if kept is not None:
            self._rows[kind][key] = _Stored(kept, write_id)
        self._show_later((kind, key), kept)
        if kind is Order:
            was: Any = old.row if old is not None else None
            now: Any = kept
            self.stream.append(StreamRecord(len(self.stream) + 1, self._clock.now(), was, now))

    def _show_later(self, key: Key, row: Row | None) -> None:
        """An index lags by any time, but shows the changes of one row in their order."""
        at = after(self._clock.now(), self.index_lag())
        at = self._shown_at[key] = max(at, self._shown_at.get(key, at))
        heapq.heappush(self._to_show, (at, next(self._numbers), key, row))


def key_of(row: Row) -> tuple[str, ...]:
    """The row's key, as the port's `get` takes it."""
    model = MODELS[type(row)]
    names = (model._hash_keyname, model._range_keyname)
    return tuple(getattr(row, name) for name in names if name)


def _row_of(change: Change) -> Row:
    return change.old if isinstance(change, Update) else change.row


def _check(changes: Sequence[Change]) -> None:
    rows = [_row_of(change) for change in changes]
    if not 1 <= len(changes) <= LARGEST_TRANSACTION:
        raise BadRequestError(f"{len(changes)} changes in one transaction")
    if len({(MODELS[type(row)], key_of(row)) for row in rows}) < len(rows):
        raise BadRequestError("a transaction may not name a row twice")
    if len(changes) == 1 and isinstance(changes[0], Check):
        raise BadRequestError("a check alone changes nothing")


def _updated(stored: Any, old: Any, new: Any) -> Row:
    """What the writer changed, over what is stored."""
    names = [field.name for field in fields(new)]
    changes = {name: getattr(new, name) for name in names if getattr(new, name) != getattr(old, name)}
    row: Row = replace(stored, **changes)
    return row


def _copied(row: Any) -> Any:
    """Rows are frozen to the bottom, but for an account's options, which are kept as JSON."""
    return replace(row, options=json.loads(json.dumps(row.options))) if isinstance(row, Account) else row


def _image(row: Order) -> dict[str, Any]:
    return to_model(row).serialize()
