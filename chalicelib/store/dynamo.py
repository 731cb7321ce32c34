"""The Store on DynamoDB: reads by key, and the one conditional commit behind every change of state."""

import random
from collections.abc import Callable, Sequence
from typing import Any, cast

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import StaleRowError
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Change, Check, Delete, Insert, R, Row, Update
from chalicelib.store.binding import bind_tables
from chalicelib.store.database import ConditionFailedError, Database
from chalicelib.store.grouping import GroupCommit, Member
from chalicelib.store.queries import Queries
from chalicelib.store.rows import from_model, to_model, values_of
from chalicelib.store.tables import MODELS

_BATCH = 100

_dice = random.Random()
"""For write ids, which are no secrets: os.urandom would give the GIL away at every write. Seeded by the system, and
our own: somebody who seeds the shared generator must not make two writes look like one."""


class DynamoStore(Queries):
    """Implements the Store port.

    One DynamoDB request for each method call at most, retries and long lists apart; updates of orders that come
    together share theirs.
    """

    def __init__(self, database: Database, prefix: str) -> None:
        super().__init__(database)
        bind_tables(prefix, database.connection)
        self._groups = GroupCommit(self._write_together, self._write_alone)

    async def get(self, kind: type[R], *key: str) -> R | None:
        model = MODELS[kind]

        def call() -> R | None:
            try:
                return from_model(kind, model.get(key[0], key[1] if len(key) > 1 else None, consistent_read=True))
            except DoesNotExist:
                return None

        return await self._database.run(call)

    async def get_all(self, kind: type[R], keys: Sequence[str]) -> list[R]:
        model = MODELS[kind]
        unique = list(dict.fromkeys(keys))
        parts = [unique[start : start + _BATCH] for start in range(0, len(unique), _BATCH)]
        rows: list[R] = []
        for part in parts:
            rows += await self._read_batch(kind, model, part)
        return rows

    async def _read_batch(self, kind: type[R], model: type[Model], keys: Sequence[str]) -> list[R]:
        """One BatchGetItem, and more for what DynamoDB left out of its answer, at the pace of throttling (R3)."""
        name = str(model._hash_keyname)
        rows: list[R] = []
        wanted = list(keys)

        def call() -> list[str]:
            table = model._get_connection()
            keys: Any = [{name: key} for key in wanted]
            answer = table.batch_get_item(keys, consistent_read=True)
            found = answer["Responses"][table.table_name]
            rows.extend(from_model(kind, model.from_raw_data(item)) for item in found)
            left = answer.get("UnprocessedKeys", {}).get(table.table_name, {}).get("Keys", [])
            return [key[name]["S"] for key in left]

        started = self._database.clock.now()
        while wanted := await self._database.run(call):
            await self._database.pause_or_give_up(started)
        return rows

    async def commit(self, *changes: Change) -> None:
        write_id = f"{_dice.getrandbits(128):032x}"
        if len(changes) == 1 and isinstance(changes[0], Update) and isinstance(changes[0].new, Order):
            await self._groups.commit(Member(changes[0].new.order_id, changes[0], write_id))
        else:
            await self._commit(changes, write_id)

    async def _commit(self, changes: Sequence[Change], write_id: str, *, unheard: bool = False) -> None:
        """`unheard`: an earlier try, in a group, may have succeeded without our hearing of it."""
        # Cancellation reasons come in pynamodb's order of kinds, which is therefore the order of our changes.
        order = sorted(range(len(changes)), key=lambda index: _RANKS[type(changes[index])])
        ranked = [changes[index] for index in order]
        try:
            await self._database.run(lambda: self._write(ranked, write_id))
        except ConditionFailedError as failure:
            if (failure.repeated or unheard) and await self._was_ours(ranked, write_id):
                return  # the first try had succeeded; only its answer was lost (R4)
            raise StaleRowError(sorted(order[position] for position in failure.positions)) from None

    async def _write_alone(self, member: Member, unheard: bool) -> None:
        await self._commit([member.update], member.write_id, unheard=unheard)

    async def _write_together(self, members: Sequence[Member]) -> bool:
        token = members[0].write_id

        def call() -> None:
            with TransactWrite(connection=self._database.connection, client_request_token=token) as transaction:
                for member in members:
                    _add(transaction, member.update, member.write_id)

        return await self._database.run_once(call)

    def _write(self, changes: Sequence[Change], write_id: str) -> None:
        if len(changes) == 1:
            _write_one(changes[0], write_id)
            return
        with TransactWrite(connection=self._database.connection, client_request_token=write_id) as transaction:
            for change in changes:
                _add(transaction, change, write_id)

    async def _was_ours(self, changes: Sequence[Change], write_id: str) -> bool:
        """Whether the rows show this very commit: its id stands in each of them, and what it deletes is gone."""
        for change in changes:
            row = change.new if isinstance(change, Update) else getattr(change, "row", None)
            if row is None or isinstance(change, Check):
                continue
            stored = await self._database.run(_peek(row))
            if (stored is None) != isinstance(change, Delete) or (stored or write_id) != write_id:
                return False
        return True


_RANKS: dict[type[Any], int] = {Check: 0, Delete: 1, Insert: 2, Update: 3}


def _peek(row: Row) -> Callable[[], str | None]:
    """The write id of the stored row: `-` if it has none, None if there is no row."""
    model = MODELS[type(row)]
    hash_key, range_key = _key_of(row)

    def call() -> str | None:
        try:
            return getattr(model.get(hash_key, range_key, consistent_read=True), "write_id", None) or "-"
        except DoesNotExist:
            return None

    return call


def _key_of(row: Row) -> tuple[str, str | None]:
    model = MODELS[type(row)]
    range_name = model._range_keyname
    return getattr(row, str(model._hash_keyname)), getattr(row, range_name) if range_name else None


def _write_one(change: Change, write_id: str) -> None:
    match change:
        case Insert(row):
            to_model(row, write_id).save(condition=_free(change))
        case Update(old, new):
            # The SDK's own call: Model.update asks for the whole item back, and pynamodb's dispatch draws a random
            # id for hooks that nobody has; at a fan-out of 20 both are felt.
            hash_key, range_key = _key_of(old)
            table = MODELS[type(old)]._get_connection()
            actions = _actions(old, new, write_id)
            request = table.get_operation_kwargs(hash_key, range_key, actions=actions, condition=_unchanged(old))
            client: Any = table.connection.client
            client.update_item(**request)
        case Delete(row):
            to_model(row).delete(condition=_unchanged(row))
        case Check():
            raise ValueError("a check alone changes nothing")


def _add(transaction: TransactWrite, change: Change, write_id: str) -> None:
    match change:
        case Check(row):
            transaction.condition_check(MODELS[type(row)], *_key_of(row), condition=_unchanged(row))
        case Delete(row):
            transaction.delete(to_model(row), condition=_unchanged(row))
        case Insert(row):
            transaction.save(to_model(row, write_id), condition=_free(change))
        case Update(old, new):
            only_the_key = MODELS[type(old)](*_key_of(old))
            transaction.update(only_the_key, actions=_actions(old, new, write_id), condition=_unchanged(old))


def _unchanged(row: Row) -> Condition:
    """R3: the version that was read. An item that is gone has no version, so this fails for it too."""
    return MODELS[type(row)].version == row.version  # type: ignore[attr-defined, no-any-return]


def _free(change: Insert) -> Condition:
    model = MODELS[type(change.row)]
    free = model.version.does_not_exist()  # type: ignore[attr-defined]
    if change.or_expired_at is not None:
        free |= model.expires_at <= change.or_expired_at  # type: ignore[attr-defined]
    return cast(Condition, free)


def _actions(old: Row, new: Row, write_id: str) -> list[Any]:
    """SET and REMOVE for what differs, so that attributes which newer code added survive older code."""
    before, after = values_of(old), values_of(new)
    attributes = MODELS[type(new)].get_attributes()
    actions: list[Any] = [attributes["write_id"].set(write_id)]
    for name in before.keys() | after.keys():
        if before.get(name) != after.get(name):
            attribute, value = attributes[name], after.get(name)
            # Serialized here: pynamodb takes a tuple for one element of a list, and a dict for a raw value.
            actions.append(
                attribute.remove()
                if value is None
                else attribute.set({attribute.attr_type: attribute.serialize(value)})
            )
    return actions
