"""The table of failure scenarios: all of them are in it, and what it names exists."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TABLE = TESTS / "scenarios.md"
NUMBERS = range(1, 55)

NODE_ID = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[[^`]*\])?`")
OCCURRENCE = re.compile(r"`simulation: (\w+)`")
SCENARIO = re.compile(r"Scenarios? (\d+)(?: and (\d+))?")

Row = tuple[str, str, str, str]


def rows() -> list[Row]:
    """Number, scenario, outcome, and what shows it."""
    cells = [
        tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if re.match(r"\| *\d", line)
    ]
    assert all(len(row) == 4 for row in cells), "a row does not have four cells"
    return [(number, scenario, outcome, shown) for number, scenario, outcome, shown in cells]


@cache
def functions_of(path: Path) -> dict[str, str]:
    """The test functions of a module, with their docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name: ast.get_docstring(node) or "" for node in found if node.name.startswith("test_")}


@cache
def occurrences() -> tuple[str, ...]:
    """Patterns of the situations that the simulation counts, as they stand in its calls of `occurred`."""
    modules = [ast.parse(path.read_text(encoding="utf-8")) for path in (TESTS / "simulation").glob("*.py")]
    calls = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.Call) and node.args]
    named = [call.args[0] for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "occurred"]
    return tuple(pattern for name in named for pattern in patterns(name))


def patterns(name: ast.expr) -> Iterator[str]:
    """Of a name, of either of two, or of one that is put together."""
    if isinstance(name, ast.IfExp):
        yield from (*patterns(name.body), *patterns(name.orelse))
    elif isinstance(name, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in name.values)
    elif isinstance(name, ast.Constant):
        yield str(name.value)


each_row = pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])


def test_every_number_is_there_once() -> None:
    """In order."""
    assert [row[0] for row in rows()] == [str(number) for number in NUMBERS]


@each_row
def test_a_row_says_what_happens_and_what_comes_of_it(row: Row) -> None:
    """In words."""
    assert all(len(cell) > 10 for cell in row[1:]), f"scenario {row[0]} says too little"


@each_row
def test_what_a_row_names_exists(row: Row) -> None:
    """Tests by their node ids, situations of the simulation by the names under which it counts them."""
    for path, name in NODE_ID.findall(row[3]):
        module = TESTS.parent / path
        assert module.is_file(), f"scenario {row[0]} names {path}, which is not there"
        assert name in functions_of(module), f"scenario {row[0]} names {path}::{name}, which is not there"
    for name in OCCURRENCE.findall(row[3]):
        assert any(re.fullmatch(pattern, name) for pattern in occurrences()), f"no simulation counts {name!r}"


@each_row
def test_a_row_names_a_test_or_gives_a_reason(row: Row) -> None:
    """And nothing that only looks like a test's name."""
    named, shown = NODE_ID.findall(row[3]), row[3]

    assert shown.count("::") == len(named), f"scenario {row[0]} has a malformed node id"
    assert named or shown.startswith("Cannot occur: "), f"scenario {row[0]} is shown by nothing"


def test_a_test_that_was_written_for_a_scenario_is_in_its_row() -> None:
    """By the number in its docstring."""
    named = {number: {name for _, name in NODE_ID.findall(shown)} for number, _, _, shown in rows()}
    for path in sorted((TESTS / "scenarios").glob("test_*.py")):
        for name, docstring in functions_of(path).items():
            numbers = [number for found in SCENARIO.findall(docstring) for number in found if number]
            assert numbers, f"{path.name}::{name} does not say which scenario it shows"
            for number in numbers:
                assert name in named[number], f"the row of scenario {number} does not name {name}"
