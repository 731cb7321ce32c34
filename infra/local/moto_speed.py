"""The wraps that keep moto's DynamoDB quick and small at 20,000 rows, each with its reason.

They are put in place together with those of `moto_safety`, by its `install`.
"""

import base64
import functools
import itertools
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from moto.core import responses
from moto.core.common_models import BaseModel
from moto.core.responses import ActionResult
from moto.core.utils import unix_time
from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException, ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler

from infra.local.moto_stages import backend_with, stage_of

KEPT_SHARD_ITERATORS = 10_000

# moto's own limit: DynamoDB's 400 KB and what its way of counting differs by.
ITEM_SIZE_LIMIT = 405_000

Plain = Callable[..., Any]


# --- Queries: only the items of the partition asked for, sorted by plain values --------------------------


def _query(plain: Plain, backend: DynamoDBBackend, table_name: str, *args: Any, **kwargs: Any) -> Any:
    """moto sorts the whole table for every query, with comparisons that cost a microsecond each."""
    conditions = kwargs.get("hash_key_conditions")
    if not conditions:
        return plain(backend, table_name, *args, **kwargs)
    table = backend.get_table(table_name)
    found = _partition(table, *conditions[0])
    for name, comparison, values in kwargs.get("range_key_conditions") or ():
        found = [item for item in found if _matches(item.attrs.get(name), comparison, values)]
    stage = stage_of(table)
    rows: Any = dict(enumerate(found))  # moto's query looks at the items only, not at how they are kept
    stage.items.update({0: rows} if table.has_range_key else rows)
    return plain(backend_with(backend, [stage]), table_name, *args, **kwargs)


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


def _all_items(_plain: Plain, table: Table) -> list[Item]:
    """moto compares wrapped values; the plain ones inside them sort the same, many times as fast."""
    return _by_plain_values(_items_of(table), table.table_key_attrs)


def _sorted_items(
    _plain: Plain, table: Table, hash_keys: list[str], range_keys: list[str | None], items: list[Item]
) -> list[Item]:
    """As above, for the order of an index."""
    return _by_plain_values(items, table._generate_attr_to_sort_by(hash_keys, range_keys))


def _by_plain_values(items: Iterable[Item], names: list[str]) -> list[Item]:
    return sorted(items, key=lambda item: [_plain_value(item.attrs[name]) for name in names])


def _plain_value(key: DynamoType) -> Any:
    return key.value if key.type == "S" else key.cast_value


def _new_item(
    _plain: Plain, item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]
) -> None:
    """moto measures the whole item again for every attribute it adds: half the time of a transaction."""
    item.hash_key, item.range_key = hash_key, range_key
    item.attrs = LimitedSizeDict({name: DynamoType(value) for name, value in attrs.items()})
    if item.size() > ITEM_SIZE_LIMIT:
        raise ItemSizeTooLarge


def _serialized(plain: Plain, handler: Any, result: ActionResult) -> Any:
    """moto asks botocore's model about every attribute of every item: 1.6 ms for an item of 25."""
    if handler._get_action() not in _ITEM_ACTIONS or isinstance(result.result, Exception):
        return plain(handler, result)
    headers = {"Content-Type": "application/x-amz-json-1.0", **handler.response_headers}
    return 200, headers, json.dumps(result.result, default=_wire_form)


def _method_names(plain: Plain, handler: type) -> list[str]:
    """moto lists the methods of the handler anew for every request, 0.1 ms; those of the database stay the same."""
    return _kept_names(plain, handler) if handler in _DATABASE else list(plain(handler))


@functools.cache
def _kept_names(plain: Plain, handler: type) -> list[str]:
    return list(plain(handler))


def _wire_form(value: object) -> float | str:
    if isinstance(value, datetime):
        return int(unix_time(value))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"no wire form for {type(value)}")


# --- Memory ----------------------------------------------------------------------------------------------


def _untracked(_plain: Plain, cls: type[BaseModel], *_args: Any, **_kwargs: Any) -> BaseModel:
    """moto keeps every item, copy of an item and iterator ever made, for a dashboard that is not served."""
    return object.__new__(cls)


def _get_records(plain: Plain, backend: DynamoDBStreamsBackend, iterator: str, limit: int) -> Any:
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
_DATABASE = (DynamoHandler, DynamoDBStreamsHandler)
SPEED_REPLACEMENTS: tuple[tuple[Any, str, Any], ...] = (
    (DynamoDBBackend, "query", _query),
    (Table, "all_items", _all_items),
    (Table, "sorted_items", _sorted_items),
    (Item, "__init__", _new_item),
    (DynamoHandler, "serialized", _serialized),
    (DynamoDBStreamsHandler, "serialized", _serialized),
    (responses, "method_names_from_class", _method_names),
    (BaseModel, "__new__", _untracked),
    (DynamoDBStreamsBackend, "get_records", _get_records),
)
