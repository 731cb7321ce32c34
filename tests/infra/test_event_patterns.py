"""The filter patterns: what they pass, and which are refused."""

from typing import Any

import pytest

from infra.local.event_patterns import check_pattern, matches


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        ({"a": ["x"]}, {"a": "x"}, True),
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": ["x"]}, {"a": "z"}, False),
        ({"a": ["x"]}, {}, False),
        ({"a": [None]}, {"a": None}, True),
        ({"a": [1]}, {"a": True}, False),
        ({"a": [True]}, {"a": True}, True),
        ({"a": [7]}, {"a": 7}, True),
        ({"a": ["x"], "b": ["y"]}, {"a": "x", "b": "y"}, True),
        ({"a": ["x"], "b": ["y"]}, {"a": "x", "b": "z"}, False),
        ({"a": {"b": {"c": ["x"]}}}, {"a": {"b": {"c": "x"}}}, True),
        ({"a": {"b": ["x"]}}, {"a": "x"}, False),
        ({"a": {"b": ["x"]}}, {}, False),
        ({"a": ["x"]}, {"a": ["w", "x"]}, True),
        ({"a": {"S": ["x"]}}, {"a": [{"S": "w"}, {"S": "x"}]}, True),
        ({"a": [{"exists": True}]}, {"a": "x"}, True),
        ({"a": [{"exists": True}]}, {"a": None}, True),
        ({"a": [{"exists": True}]}, {}, False),
        ({"a": [{"exists": True}]}, {"a": {"S": "x"}}, False),
        ({"a": [{"exists": False}]}, {}, True),
        ({"a": [{"exists": False}]}, {"a": "x"}, False),
        ({"a": {"b": [{"exists": False}]}}, {}, True),
        ({"a": [{"exists": False}, "x"]}, {"a": "x"}, True),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "z"}, True),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "y"}, False),
        ({"a": [{"anything-but": "x"}]}, {"a": "x"}, False),
        ({"a": [{"anything-but": "x"}]}, {}, False),
        ({"a": [{"prefix": "or_"}]}, {"a": "or_1"}, True),
        ({"a": [{"prefix": "or_"}]}, {"a": "o"}, False),
        ({"a": [{"prefix": "1"}]}, {"a": 1}, False),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "y"}, False),
        ({"c": ["z"], "$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "x"}, False),
        ({"d": {"$or": [{"a": ["x"]}, {"b": ["y"]}]}}, {"d": {"a": "x"}}, True),
    ],
)
def test_a_pattern_passes_what_the_filter_syntax_says(
    pattern: dict[str, Any], event: dict[str, Any], expected: bool
) -> None:
    """Fields are ANDed, a field's list is ORed, a missing field matches only `exists: false`."""
    check_pattern(pattern, "filter")

    assert matches(pattern, event) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        [],
        {"a": "x"},
        {"a": []},
        {"a": {}},
        {"a": [["x"]]},
        {"a": [{"numeric": [">", 1]}]},
        {"a": [{"exists": "yes"}]},
        {"a": [{"exists": True, "prefix": "x"}]},
        {"a": [{"prefix": 1}]},
        {"a": [{"anything-but": {"prefix": "x"}}]},
        {"a": [{"anything-but": []}]},
        {"$or": [{"a": ["x"]}]},
        {"$or": [{"a": ["x"]}, "y"]},
    ],
)
def test_a_pattern_that_is_not_understood_is_refused(pattern: Any) -> None:
    """Better at the start than by letting records through or not."""
    with pytest.raises(ValueError, match="filter"):
        check_pattern(pattern, "filter")
