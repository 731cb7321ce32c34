"""The filter patterns of event source mappings: which events pass, and which patterns are refused."""

from collections.abc import Mapping, Sequence
from typing import Any

_OPERATORS = frozenset({"exists", "anything-but", "prefix"})


def matches(pattern: Mapping[str, Any], event: object) -> bool:
    """Whether an event passes: fields are ANDed; a field's values and the branches of `$or` are ORed."""
    found = event if isinstance(event, Mapping) else {}
    return all(
        any(matches(branch, event) for branch in wanted)
        if name == "$or"
        else _field_matches(wanted, found.get(name, ()))
        for name, wanted in pattern.items()
    )


def check_pattern(pattern: object, where: str) -> None:
    """Raises ValueError for a pattern that AWS would refuse or that `matches` does not know."""
    if not isinstance(pattern, dict) or not pattern:
        raise ValueError(f"{where} is not an object with fields")
    for name, wanted in pattern.items():
        inner = f"{where}.{name}"
        if isinstance(wanted, dict):
            check_pattern(wanted, inner)
        elif not isinstance(wanted, list) or len(wanted) < (2 if name == "$or" else 1):
            raise ValueError(f"{inner} is not a list of values (of two branches or more for $or)")
        else:
            for rule in wanted:
                _check_rule(rule, inner, is_branch=name == "$or")


def _field_matches(wanted: Any, actual: object) -> bool:
    several = actual if isinstance(actual, list | tuple) else [actual]
    if isinstance(wanted, Mapping):
        return any(matches(wanted, one) for one in several or [None])
    leaves = [value for value in several if not isinstance(value, Mapping)]
    return any(_rule_matches(rule, leaves) for rule in wanted)


def _rule_matches(rule: Any, leaves: Sequence[object]) -> bool:
    if not isinstance(rule, Mapping):
        return any(_same(rule, leaf) for leaf in leaves)
    ((operator, operand),) = rule.items()
    if operator == "exists":
        return bool(leaves) is operand
    if operator == "prefix":
        return any(isinstance(leaf, str) and leaf.startswith(operand) for leaf in leaves)
    excluded = operand if isinstance(operand, list) else [operand]
    return any(not any(_same(value, leaf) for value in excluded) for leaf in leaves)


def _same(wanted: object, leaf: object) -> bool:
    # Python takes True for 1, JSON does not.
    return isinstance(wanted, bool) == isinstance(leaf, bool) and bool(wanted == leaf)


def _check_rule(rule: object, where: str, *, is_branch: bool) -> None:
    if is_branch:
        check_pattern(rule, where)
    elif isinstance(rule, dict):
        operand = next(iter(rule.values()), None)
        if len(rule) != 1 or not set(rule) <= _OPERATORS:
            raise ValueError(f"{where}: not an operator known here: {rule}")
        kind: Any = {"exists": bool, "prefix": str}.get(next(iter(rule)), str | int | float | list)
        if not isinstance(operand, kind) or operand == []:
            raise ValueError(f"{where}: the operand is of the wrong type: {rule}")
    elif isinstance(rule, list):
        raise ValueError(f"{where}: a value is a list")
