"""Installed size of what trading takes in Lambda: ours with httpx, against ccxt. Both with their dependencies."""

from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.benchmarks.table import Row

ROOT = Path(__file__).parents[2]
OURS = ("httpx", "sniffio")
"""What requirements.txt names for the exchanges' sake."""


def installed() -> list[Row]:
    """Files as their wheels brought them, by RECORD: bytecode is left out."""
    libraries, ccxt = with_dependencies(OURS), with_dependencies(["ccxt"])
    adapters = sum(file.stat().st_size for file in (ROOT / "chalicelib" / "exchanges").rglob("*.py"))
    ours, theirs = adapters + _size(libraries), _size(ccxt)
    return [
        Row(
            f"installed size: chalicelib/exchanges, {', '.join(sorted(libraries))}",
            f"{ours / 1e6:.2f} MB ({adapters / 1e6:.2f} MB of it ours)",
        ),
        Row(f"installed size: ccxt and its {len(ccxt) - 1} dependencies", f"{theirs / 1e6:.2f} MB"),
        Row("  ours against ccxt", f"{ours / theirs:.3f}"),
    ]


def with_dependencies(names: Iterable[str]) -> set[str]:
    """The distributions with all that they require on this machine, extras left out."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needed = [Requirement(line) for line in distribution(name).requires or ()]
            waiting += [
                canonicalize_name(one.name) for one in needed if not one.marker or one.marker.evaluate({"extra": ""})
            ]
    return found


def _size(names: Iterable[str]) -> int:
    return sum(file.size or 0 for name in names for file in distribution(name).files or ())
