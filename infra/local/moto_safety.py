"""The wraps that make moto's DynamoDB safe under concurrency and quick at 20,000 rows, each with its reason.

Each wrap is a function that gets moto's own as its first argument. `install` puts all of them in place for
the whole process, `remove` takes them out again, so that a test can tell when moto no longer needs one.
"""

import base64
import copy
import functools
import hashlib
import itertools
import json
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from moto.core.common_models import BaseModel
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import unix_time
from moto.dynamodb import responses
from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException, ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler

TOKEN_VALID_SECONDS = 600.0
KEPT_SHARD_ITERATORS = 10_000

# moto's own limit: DynamoDB's 400 KB and what its way of counting differs by.
ITEM_SIZE_LIMIT = 405_000

_Plain = Callable[..., Any]
_Write = Callable[[DynamoDBBackend], Any]

LOCK = threading.RLock()
"""Held while DynamoDB or its streams answer a request; whoever touches their state directly takes it too."""


def install() -> None:
    """Put every wrap in place; a second call changes nothing."""
    with LOCK:
        if _moto_own:
            return
        for owner, name, value in _REPLACEMENTS:
            _moto_own.append((owner, name, vars(owner).get(name, _INHERITED)))
            plain = getattr(owner, name)
            setattr(owner, name, _in_front_of(plain, value) if callable(value) else value)


def remove() -> None:
    """Give moto its own functions back."""
    with LOCK:
        while _moto_own:
            owner, name, plain = _moto_own.pop()
            if plain is _INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, plain)


def _in_front_of(plain: _Plain, wrap: _Plain) -> _Plain:
    @functools.wraps(plain)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrap(plain, *args, **kwargs)

    return wrapped


# --- One request at a time -------------------------------------------------------------------------------


def _one_at_a_time(plain: _Plain, handler: Any, *args: Any, **kwargs: Any) -> Any:
    """moto checks and writes in separate steps with nothing held in between: two transactions both win, and
    a put is lost when a failed transaction beside it puts the old table back."""
    with LOCK:
        return plain(handler, *args, **kwargs)


# --- Writes: rehearsed on copies of the few items they touch, then committed as a whole ------------------


class _Touched(NamedTuple):
    table: Table
    hash_key: DynamoType
    range_key: DynamoType | None
    is_written: bool


class _Stage(Table):
    """A table's settings over a few items of its own; what goes wrong on it is thrown away with it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Stage":
        return self  # moto's backup for its rollback, which a stage does not need


def _transact_write(plain: _Plain, backend: DynamoDBBackend, items: list[dict[str, Any]]) -> None:
    """moto writes as it checks, after a deep copy of the whole table per item (25 s at 20,000 rows), and
    rolls back to copies: a stream iterator then delivers what was rolled back and misses what follows."""
    requests = [(kind, request) for item in items for kind, request in item.items()]
    touched = [
        _touch(backend, request["TableName"], request["Item" if kind == "Put" else "Key"], kind)
        for kind, request in requests
    ]
    # Without these, moto trips over None where a name or value is not defined, and calls it a cancellation.
    complete: dict[str, Any] = {"ExpressionAttributeNames": {}, "ExpressionAttributeValues": {}}
    items = [{kind: {**complete, **request} for kind, request in item.items()} for item in items]
    _rehearse(backend, touched, lambda stage: plain(stage, items))


def _update_item(plain: _Plain, backend: DynamoDBBackend, table_name: str, key: dict[str, Any], **kwargs: Any) -> Item:
    """moto changes the item in place, so that an update that fails half-way leaves its first half behind,
    and one that creates its item shows up in the stream as two INSERTs, the first with the key alone."""
    touched = [_touch(backend, table_name, key, "Update")]
    item: Item = _rehearse(backend, touched, lambda stage: plain(stage, table_name, key, **kwargs))
    return item


def _touch(backend: DynamoDBBackend, table_name: str, attributes: dict[str, Any], kind: str) -> _Touched:
    table = backend.get_table(table_name)
    hash_key, range_key = backend.get_keys_value(table, attributes)
    return _Touched(table, hash_key, range_key, kind != "ConditionCheck")


def _rehearse(backend: DynamoDBBackend, touched: list[_Touched], write: _Write) -> Any:
    stages = {one.table.name: _stage_of(one.table) for one in touched}
    before = [one.table.get_item(one.hash_key, one.range_key) for one in touched]
    for one, item in zip(touched, before, strict=True):
        if item is not None:
            rows = _rows(stages[one.table.name], one.hash_key)
            rows[one.range_key or one.hash_key] = copy.deepcopy(item)

    result = write(_backend_with(backend, stages.values()))

    for one, old in zip(touched, before, strict=True):
        if one.is_written:
            _commit(one, old, stages[one.table.name].get_item(one.hash_key, one.range_key))
    return result


def _commit(one: _Touched, old: Item | None, new: Item | None) -> None:
    if old is None and new is None:
        return
    if new is not None:
        _rows(one.table, one.hash_key)[one.range_key or one.hash_key] = new
    else:
        del _rows(one.table, one.hash_key)[one.range_key or one.hash_key]
    if one.table.stream_shard is not None:
        one.table.stream_shard.add(old, new)


def _rows(table: Table, hash_key: DynamoType) -> dict[DynamoType, Item]:
    rows: dict[DynamoType, Any] = table.items
    return rows[hash_key] if table.has_range_key else rows


def _stage_of(table: Table) -> Table:
    stage = copy.copy(table)
    stage.__class__ = _Stage  # type: ignore[type-abstract]  # what is abstract is CloudFormation's
    stage.items = defaultdict(dict)
    stage.stream_shard = None
    return stage


def _backend_with(backend: DynamoDBBackend, tables: Iterable[Table]) -> DynamoDBBackend:
    staged = copy.copy(backend)
    staged.tables = OrderedDict((table.name, table) for table in tables)
    return staged


def _once_per_token(plain: _Plain, handler: DynamoHandler) -> ActionResult:
    """moto ignores ClientRequestToken: a repeated transaction would be written, or refused, a second time.

    Only successes are remembered: a cancelled transaction wrote nothing, so the next try is a first try."""
    answered: OrderedDict[str, tuple[bytes, float]]
    answered = vars(handler.dynamodb_backend).setdefault("answered_tokens", OrderedDict())
    now = time.monotonic()
    while answered and now - next(iter(answered.values()))[1] >= TOKEN_VALID_SECONDS:
        answered.popitem(last=False)

    token = handler.body.get("ClientRequestToken")
    parameters = json.dumps(handler.body["TransactItems"], sort_keys=True, default=repr)
    digest = hashlib.sha256(parameters.encode()).digest()
    if token in answered:
        if answered[token][0] != digest:
            raise _IdempotentParameterMismatchError
        return EmptyResult()
    result: ActionResult = plain(handler)
    if token:
        answered[token] = (digest, now)
    return result


class _IdempotentParameterMismatchError(DynamodbException):
    def __init__(self) -> None:
        message = "The request uses the same client token as a previous, but non-identical request."
        super().__init__(ERROR_TYPE_PREFIX + "IdempotentParameterMismatchException", message)


# --- Queries: only the items of the partition asked for, sorted by plain values --------------------------


def _query(plain: _Plain, backend: DynamoDBBackend, table_name: str, *args: Any, **kwargs: Any) -> Any:
    """moto sorts the whole table for every query, with comparisons that cost a microsecond each."""
    conditions = kwargs.get("hash_key_conditions")
    if not conditions:
        return plain(backend, table_name, *args, **kwargs)
    table = backend.get_table(table_name)
    found = _partition(table, *conditions[0])
    for name, comparison, values in kwargs.get("range_key_conditions") or ():
        found = [item for item in found if _matches(item.attrs.get(name), comparison, values)]
    stage = _stage_of(table)
    rows: Any = dict(enumerate(found))  # moto's query looks at the items only, not at how they are kept
    stage.items.update({0: rows} if table.has_range_key else rows)
    return plain(_backend_with(backend, [stage]), table_name, *args, **kwargs)


def _partition(table: Table, attribute: str, value: dict[str, Any]) -> list[Item]:
    wanted = DynamoType(value)
    if attribute == table.hash_key_attr:
        held: Any = table.items.get(wanted)
        return [] if held is None else list(held.values()) if table.has_range_key else [held]
    # A look at every item, but a short one: most items are not in a sparse index, and the sort is what costs.
    keys = ((item, item.attrs.get(attribute)) for item in _items_of(table))
    plain = _plain_value(wanted)
    return [item for item, key in keys if key and key.type == wanted.type and _plain_value(key) == plain]


def _matches(key: DynamoType | None, comparison: str, values: list[dict[str, Any]]) -> bool:
    return key is not None and key.compare(comparison, [DynamoType(value) for value in values])


def _items_of(table: Table) -> Iterable[Item]:
    held: Any = table.items.values()
    return itertools.chain.from_iterable(rows.values() for rows in held) if table.has_range_key else held


def _all_items(_plain: _Plain, table: Table) -> list[Item]:
    """moto compares wrapped values; the plain ones inside them sort the same, many times as fast."""
    return _by_plain_values(_items_of(table), table.table_key_attrs)


def _sorted_items(
    _plain: _Plain, table: Table, hash_keys: list[str], range_keys: list[str | None], items: list[Item]
) -> list[Item]:
    """As above, for the order of an index."""
    return _by_plain_values(items, table._generate_attr_to_sort_by(hash_keys, range_keys))


def _by_plain_values(items: Iterable[Item], names: list[str]) -> list[Item]:
    return sorted(items, key=lambda item: [_plain_value(item.attrs[name]) for name in names])


def _plain_value(key: DynamoType) -> Any:
    return key.value if key.type == "S" else key.cast_value


def _new_item(
    _plain: _Plain, item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]
) -> None:
    """moto measures the whole item again for every attribute it adds: half the time of a transaction."""
    item.hash_key, item.range_key = hash_key, range_key
    item.attrs = LimitedSizeDict({name: DynamoType(value) for name, value in attrs.items()})
    if item.size() > ITEM_SIZE_LIMIT:
        raise ItemSizeTooLarge


def _serialized(plain: _Plain, handler: Any, result: ActionResult) -> Any:
    """moto asks botocore's model about every attribute of every item: 1.6 ms for an item of 25."""
    if handler._get_action() not in _ITEM_ACTIONS or isinstance(result.result, Exception):
        return plain(handler, result)
    headers = {"Content-Type": "application/x-amz-json-1.0", **handler.response_headers}
    return 200, headers, json.dumps(result.result, default=_wire_form)


def _wire_form(value: object) -> float | str:
    if isinstance(value, datetime):
        return int(unix_time(value))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"no wire form for {type(value)}")


# --- Memory ----------------------------------------------------------------------------------------------


def _untracked(_plain: _Plain, cls: type[BaseModel], *_args: Any, **_kwargs: Any) -> BaseModel:
    """moto keeps every item, copy of an item and iterator ever made, for a dashboard that is not served."""
    return object.__new__(cls)


def _get_records(plain: _Plain, backend: DynamoDBStreamsBackend, iterator: str, limit: int) -> Any:
    """moto keeps every iterator for ever, and whoever polls a stream makes twenty a second."""
    if iterator not in backend.shard_iterators:
        raise _ExpiredIteratorError
    result = plain(backend, iterator, limit)
    while len(backend.shard_iterators) > KEPT_SHARD_ITERATORS:
        del backend.shard_iterators[next(iter(backend.shard_iterators))]
    return result


class _ExpiredIteratorError(DynamodbException):
    def __init__(self) -> None:
        message = "The shard iterator is too old; get a new one."
        super().__init__(ERROR_TYPE_PREFIX + "ExpiredIteratorException", message)


_ITEM_ACTIONS = {
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
    *("BatchGetItem", "TransactGetItems", "GetRecords"),
}
_INHERITED = object()
_moto_own: list[tuple[Any, str, Any]] = []
_REPLACEMENTS: tuple[tuple[Any, str, Any], ...] = (
    (DynamoHandler, "_dispatch", _one_at_a_time),
    (DynamoDBStreamsHandler, "_dispatch", _one_at_a_time),
    (DynamoDBBackend, "transact_write_items", _transact_write),
    (DynamoDBBackend, "update_item", _update_item),
    (DynamoHandler, "transact_write_items", _once_per_token),
    (DynamoDBBackend, "query", _query),
    (Table, "all_items", _all_items),
    (Table, "sorted_items", _sorted_items),
    (Item, "__init__", _new_item),
    (DynamoHandler, "serialized", _serialized),
    (DynamoDBStreamsHandler, "serialized", _serialized),
    (BaseModel, "__new__", _untracked),
    (DynamoDBStreamsBackend, "get_records", _get_records),
    # DynamoDB's own limit has been 100 since 2022.
    (responses, "TRANSACTION_MAX_ITEMS", 100),
)
