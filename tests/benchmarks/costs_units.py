"""What a DynamoDB request is billed as: request units, by the rules of DynamoDB's developer guide.

moto tells the same ConsumedCapacity for every item and table, so it is computed from the items: writes by the
kilobyte, reads by four. The sizes are those of "DynamoDB Item sizes and formats", the units those of "DynamoDB read
and write operations" and "Using Global Secondary Indexes".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.local.tables import table_properties

Item = Mapping[str, Mapping[str, Any]]
"""As DynamoDB has it: each value under its type."""

WRITE_SIZE, READ_SIZE = 1024, 4096
PER_STORED_ITEM = 100
"""Bytes that storage adds to each item, in tables and indexes alike."""

_CONTAINER = 3
_SETS = {"SS": "S", "NS": "N", "BS": "B"}


@dataclass(frozen=True)
class Units:
    """Request units as they are billed."""

    writes: float = 0.0
    reads: float = 0.0

    def __add__(self, other: "Units") -> "Units":
        return Units(self.writes + other.writes, self.reads + other.reads)


@dataclass(frozen=True)
class Index:
    """A global index: its own keys, and which attributes it holds (None: all of them)."""

    name: str
    keys: tuple[str, ...]
    holds: frozenset[str] | None

    def view(self, item: Item | None) -> Item | None:
        """The item as it stands in this index; None where it does not."""
        if item is None or not all(key in item for key in self.keys):
            return None
        return {name: value for name, value in item.items() if self.holds is None or name in self.holds}

    def writes(self, before: Item | None, after: Item | None) -> int:
        """Units that the index takes to follow its table; none where nothing of what it holds has changed."""
        old, new = self.view(before), self.view(after)
        if old == new:
            return 0
        if old and new and all(old[key] == new[key] for key in self.keys):
            return _blocks(max(item_size(old), item_size(new)), WRITE_SIZE)
        return sum(_blocks(item_size(view), WRITE_SIZE) for view in (old, new) if view)


@dataclass(frozen=True)
class Table:
    """A table: its key and its indexes."""

    keys: tuple[str, ...]
    indexes: tuple[Index, ...] = ()

    def write(self, before: Item | None, after: Item | None, *, transaction: bool = False) -> Units:
        """A put, an update or a delete. Only the table's own part is doubled in a transaction: the indexes follow it
        afterwards, by themselves."""
        own = _blocks(max(item_size(before), item_size(after)), WRITE_SIZE) * (2 if transaction else 1)
        return Units(writes=own + sum(index.writes(before, after) for index in self.indexes))

    def check(self, item: Item | None) -> Units:
        """A condition in a transaction, which is billed as a write that changes nothing."""
        return self.write(item, item, transaction=True)

    def stored(self, item: Item) -> tuple[int, int]:
        """Bytes of storage that an item takes in the table alone, and in its indexes."""
        views = [view for index in self.indexes if (view := index.view(item)) is not None]
        return item_size(item) + PER_STORED_ITEM, sum(item_size(view) + PER_STORED_ITEM for view in views)


def get_units(item: Item | None, *, consistent: bool) -> Units:
    """One item by its key; asking for one that is not there costs as much as a small one."""
    return _read(item_size(item), consistent=consistent)


def query_units(items: Sequence[Item], *, consistent: bool) -> Units:
    """The items that a query or scan looked at, together; an answer without any costs as much as a small one."""
    return _read(sum(map(item_size, items)), consistent=consistent)


def load_tables(prefix: str) -> dict[str, Table]:
    """Every table of the template by its deployed name."""
    return {properties["TableName"]: _table(properties) for properties in table_properties(prefix).values()}


def item_size(item: Item | None) -> int:
    """Bytes; 0 for none."""
    return sum(len(name.encode()) + _value_size(value) for name, value in (item or {}).items())


def _value_size(value: Mapping[str, Any]) -> int:
    kind: str
    content: Any
    ((kind, content),) = value.items()
    if kind in _SETS:
        return sum(_value_size({_SETS[kind]: one}) for one in content)
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            digits = content.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + int(content.startswith("-"))
        case "B":
            return len(content)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return _CONTAINER + sum(1 + _value_size(one) for one in content)
        case "M":
            return _CONTAINER + sum(1 + len(name.encode()) + _value_size(one) for name, one in content.items())
    raise ValueError(f"no DynamoDB type {kind!r}")


def _read(size: int, *, consistent: bool) -> Units:
    return Units(reads=_blocks(size, READ_SIZE) * (1.0 if consistent else 0.5))


def _blocks(size: int, block: int) -> int:
    return max(1, -(-size // block))


def _table(properties: Mapping[str, Any]) -> Table:
    keys = _keys(properties)
    return Table(keys, tuple(_index(index, keys) for index in properties.get("GlobalSecondaryIndexes", ())))


def _index(properties: Mapping[str, Any], table_keys: Sequence[str]) -> Index:
    keys, projection = _keys(properties), properties["Projection"]
    holds = None
    if projection["ProjectionType"] != "ALL":
        holds = frozenset({*keys, *table_keys, *projection.get("NonKeyAttributes", ())})
    return Index(properties["IndexName"], keys, holds)


def _keys(properties: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in properties["KeySchema"])
