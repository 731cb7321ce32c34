"""Between rows of the domain and items of the tables."""

import dataclasses
from functools import cache
from typing import Any, TypeVar

from pynamodb.models import Model

from chalicelib.domain.ports import Row
from chalicelib.store.tables import MODELS, derived

T = TypeVar("T")


def to_model(row: Row, write_id: str | None = None) -> Model:
    """The row as its table's item."""
    extra: dict[str, Any] = {"write_id": write_id} if write_id else {}
    return MODELS[type(row)](**values_of(row), **extra)


def from_model(kind: type[T], model: Model) -> T:
    """The item as a row; attributes that this version of the code does not know are left alone."""
    values = ((name, getattr(model, name)) for name in _fields(kind))
    defaults = _defaults(kind)
    return kind(**{name: _plain(value) for name, value in values if value is not None or name not in defaults})


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) else value


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _fields(kind: Any) -> tuple[str, ...]:
    return _names(kind)


@cache
def _defaulted(kind: Any) -> frozenset[str]:
    """Fields that an item of older code may lack."""
    missing = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    return frozenset(f.name for f in fields if f.default is not missing or f.default_factory is not missing)


def _defaults(kind: Any) -> frozenset[str]:
    return _defaulted(kind)


def values_of(row: Row) -> dict[str, Any]:
    """Every attribute that the row and its indexes need, by name."""
    return {name: getattr(row, name) for name in _fields(type(row))} | derived(row)
