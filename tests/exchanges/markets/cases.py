"""Which markets a test is about."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.exchanges.markets.terms import Terms


def which(markets: Iterable[Terms]) -> pytest.MarkDecorator:
    """These markets in turn."""
    return pytest.mark.parametrize("trader", list(markets), indirect=True, ids=str)


def each(name: str, markets: Iterable[Terms], choose: Callable[[Terms], Iterable[Any]]) -> pytest.MarkDecorator:
    """Each of these markets with each of its own values."""
    pairs = [(terms, value) for terms in markets for value in choose(terms)]
    return pytest.mark.parametrize(("trader", name), pairs, indirect=["trader"], ids=str)
