"""The wraps that make moto's DynamoDB safe under concurrency, each with its reason, and what puts wraps in place.

Each wrap is a function that gets moto's own as its first argument. `install` puts all of them, those of
`moto_speed` too, in place for the whole process, `remove` takes them out again, so that a test can tell when
moto no longer needs one. `put_in_place` and `take_out` do it for the wraps of other modules.
"""

import copy
import functools
import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from moto.core.responses import ActionResult, EmptyResult
from moto.dynamodb import responses
from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler

from infra.local.moto_speed import SPEED_REPLACEMENTS, Plain
from infra.local.moto_stages import backend_with, stage_of

TOKEN_VALID_SECONDS = 600.0

Replacements = tuple[tuple[Any, str, Any], ...]
"""Whose, under which name, and what instead."""

_Write = Callable[[DynamoDBBackend], Any]

LOCK = threading.RLock()
"""Held while DynamoDB or its streams answer a request; whoever touches their state directly takes it too."""


def install() -> None:
    """Put every wrap in place; a second call changes nothing."""
    put_in_place(_REPLACEMENTS)


def remove() -> None:
    """Give moto its own functions back."""
    take_out(_REPLACEMENTS)


def put_in_place(replacements: Replacements) -> None:
    """Put these in place, where they are not yet; a name that moto does not know is given to it."""
    with LOCK:
        for owner, name, value in replacements:
            if (owner, name) not in _moto_own:
                _moto_own[owner, name] = vars(owner).get(name, _NOT_ITS_OWN)
                plain = getattr(owner, name, None)
                setattr(owner, name, _in_front_of(plain, value) if callable(plain) else value)


def take_out(replacements: Replacements) -> None:
    """Give moto its own for these."""
    with LOCK:
        for owner, name, _ in replacements:
            plain = _moto_own.pop((owner, name), None)
            if plain is _NOT_ITS_OWN:
                delattr(owner, name)
            elif plain is not None:
                setattr(owner, name, plain)


def _in_front_of(plain: Plain, wrap: Plain) -> Plain:
    @functools.wraps(plain)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrap(plain, *args, **kwargs)

    return wrapped


# --- One request at a time -------------------------------------------------------------------------------


def _one_at_a_time(plain: Plain, handler: Any, *args: Any, **kwargs: Any) -> Any:
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


def _transact_write(plain: Plain, backend: DynamoDBBackend, items: list[dict[str, Any]]) -> None:
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


def _update_item(plain: Plain, backend: DynamoDBBackend, table_name: str, key: dict[str, Any], **kwargs: Any) -> Item:
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
    stages = {one.table.name: stage_of(one.table) for one in touched}
    before = [one.table.get_item(one.hash_key, one.range_key) for one in touched]
    for one, item in zip(touched, before, strict=True):
        if item is not None:
            rows = _rows(stages[one.table.name], one.hash_key)
            rows[one.range_key or one.hash_key] = copy.deepcopy(item)

    result = write(backend_with(backend, stages.values()))

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


def _once_per_token(plain: Plain, handler: DynamoHandler) -> ActionResult:
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


_NOT_ITS_OWN = object()
_moto_own: dict[tuple[Any, str], Any] = {}
_REPLACEMENTS: Replacements = (
    (DynamoHandler, "_dispatch", _one_at_a_time),
    (DynamoDBStreamsHandler, "_dispatch", _one_at_a_time),
    (DynamoDBBackend, "transact_write_items", _transact_write),
    (DynamoDBBackend, "update_item", _update_item),
    (DynamoHandler, "transact_write_items", _once_per_token),
    *SPEED_REPLACEMENTS,
    # DynamoDB's own limit has been 100 since 2022.
    (responses, "TRANSACTION_MAX_ITEMS", 100),
)
