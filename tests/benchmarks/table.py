"""What a benchmark reports."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure against its budget; `ok` None where there is no budget."""

    what: str
    measured: str
    budget: str = ""
    ok: bool | None = None


def spread(seconds: Sequence[float]) -> str:
    """min / median / max in milliseconds."""
    low, middle, high = min(seconds) * 1000, statistics.median(seconds) * 1000, max(seconds) * 1000
    return f"{low:.1f} / {middle:.1f} / {high:.1f} ms"


def print_table(rows: Sequence[Row]) -> None:
    """Columns as wide as their widest cell."""
    cells = [("what", "measured (times: min / median / max)", "budget", "")]
    cells += [(row.what, row.measured, row.budget, {True: "ok", False: "OVER", None: ""}[row.ok]) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
