"""Hypothesis strategies for whole rows, made from their dataclasses, so that a new field is covered by itself."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from tests.store.rows import KEYS, new_id

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=34).map(tuple),
    st.integers(-18, 3),
)
_integers = st.integers(0, 2**53)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=5,
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: _text,
    bool: st.booleans(),
    int: _integers,
    Decimal: _decimals,
    datetime: _times,
}
_INDEXED = ("strategy_id",)
"""Besides the keys: a text that an index is keyed by cannot be empty."""


def rows(kind: type[Any], **fixed: Any) -> st.SearchStrategy[Any]:
    """Rows of that kind with all sorts of values under keys of their own; fields that may be None often are."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    parts = {name: _of(hints[name]) for name in names}
    parts |= {name: st.text("abc/é-", min_size=1, max_size=9) for name in _INDEXED if name in parts}
    parts |= {name: st.builds(new_id, st.just("Schlüssel")) for name in KEYS[kind]}
    parts |= {name: st.just(value) for name, value in fixed.items()}
    return st.builds(kind, **parts)


def _of(hint: Any) -> st.SearchStrategy[Any]:
    if isinstance(hint, types.UnionType):
        return st.one_of(*(st.none() if part is type(None) else _of(part) for part in typing.get_args(hint)))
    origin = typing.get_origin(hint)
    if origin is tuple:
        return st.lists(_of(typing.get_args(hint)[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(_text, _json, max_size=3)
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{field.name: _of(hints[field.name]) for field in dataclasses.fields(hint)})
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    return _PLAIN[hint]
