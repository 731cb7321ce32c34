"""pynamodb attributes for the domain's values: readable text in the console, exact types in the code."""

import dataclasses
import types
import typing
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

from pynamodb.attributes import Attribute
from pynamodb.constants import LIST, MAP, STRING

from chalicelib.domain.clock import parse_utc
from chalicelib.domain.text import to_text

T = TypeVar("T")


class TextAttribute(Attribute[T], Generic[T]):
    """A value kept as text: a Decimal as `0.001`, a time as `2026-11-21T03:20:15.123456Z`, an enum by its value."""

    attr_type = STRING

    def __init__(self, kind: type[T], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kind = kind

    def serialize(self, value: Any) -> str:
        return to_text(value)

    def deserialize(self, value: str) -> T:
        kind: Any = self._kind
        return typing.cast(T, _reader(kind)(value))


class RecordAttribute(Attribute[T], Generic[T]):
    """A dataclass kept as a map; fields that are None are left out."""

    attr_type = MAP

    def __init__(self, kind: type[T], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kind = kind

    def serialize(self, value: Any) -> dict[str, Any]:
        return _pack(value)

    def deserialize(self, value: dict[str, Any]) -> T:
        record: T = _unpack(self._kind, value)
        return record


class RecordsAttribute(Attribute[tuple[T, ...]], Generic[T]):
    """A tuple of dataclasses, or of plain values, kept as a list."""

    attr_type = LIST

    def __init__(self, kind: type[T], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kind = kind
        self._plain = not dataclasses.is_dataclass(kind)

    def serialize(self, value: Any) -> list[dict[str, Any]]:
        return [_typed(item) if self._plain else {MAP: _pack(item)} for item in value]

    def deserialize(self, value: list[dict[str, Any]]) -> tuple[T, ...]:
        if self._plain:
            return tuple(_value(self._kind, item) for item in value)
        return tuple(_unpack(self._kind, item[MAP]) for item in value)


def _pack(record: Any) -> dict[str, Any]:
    kind: Any = type(record)
    fields = ((name, getattr(record, name)) for name in _kinds(kind))
    return {name: _typed(value) for name, value in fields if value is not None}


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": to_text(value)}


def _unpack(kind: Any, packed: dict[str, Any]) -> Any:
    """Fields that a newer version of the code wrote are left out here; a row is never rewritten whole."""
    found = {name: _value(of, packed[name]) if name in packed else None for name, of in _kinds(kind).items()}
    return kind(**found)


def _value(kind: Any, typed: dict[str, Any]) -> Any:
    ((tag, raw),) = typed.items()
    return _reader(kind)(raw) if tag == "S" else (int(raw) if tag == "N" else raw)


@cache
def _kinds(kind: Any) -> dict[str, Any]:
    """Field names and their types, without the None of an optional one."""
    hints = typing.get_type_hints(kind)
    return {field.name: _bare(hints[field.name]) for field in dataclasses.fields(kind)}


def _bare(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return hint


@cache
def _reader(kind: Any) -> Callable[[str], Any]:
    return parse_utc if kind is datetime else typing.cast(Callable[[str], Any], kind)
