"""What is uploaded to Lambda: its size, and how long a cold function takes from it to the exchange."""

import statistics
from collections.abc import Mapping

from infra.deployment.project import ROOT
from tests.benchmarks.packaged_build import (
    USED_SERVICES,
    Size,
    Unpacked,
    compiled,
    parts,
    size_of,
    unpacked,
    without_unused_services,
    zipped_size,
)
from tests.benchmarks.packaged_cold import CLEAN, ColdStarts, Took, Way, cold_starts
from tests.benchmarks.table import Row, spread

RUNS = 8
LARGEST = 5
PACKAGE, BYTECODE, CHECKOUT = "the unpacked package", "the same with bytecode", "the checkout and its .venv"


def packaged() -> list[Row]:
    """Sizes, then the cold path; what shipping bytecode and less of botocore would win is measured, not built in."""
    with unpacked() as (plain, sizes), compiled(plain) as with_bytecode:
        rows = _sizes(plain, with_bytecode, sizes)
        with cold_starts(plain.environment) as starts:
            return rows + _cold_path(starts, plain, with_bytecode)


def _sizes(plain: Unpacked, with_bytecode: Unpacked, sizes: Mapping[str, Size]) -> list[Row]:
    layer = sizes["layer"]
    largest = parts(plain.libraries).most_common(LARGEST)
    pruned = without_unused_services(plain.libraries)
    more = sum(size_of(getattr(with_bytecode, name)) - size_of(getattr(plain, name)) for name in ("package", "layer"))
    zipped = zipped_size(with_bytecode.layer) + zipped_size(with_bytecode.package)
    both = layer.zipped + sizes["package"].zipped
    return [
        Row("package that is uploaded", str(sizes["package"])),
        Row("layer that is uploaded", str(layer)),
        Row(
            f"  its {LARGEST} largest parts, unpacked", ", ".join(f"{name} {size / 1e6:.2f}" for name, size in largest)
        ),
        Row(
            f"  with botocore's and boto3's data for {', '.join(USED_SERVICES)} only",
            f"{pruned} ({(layer.zipped - pruned.zipped) / 1e6:.2f} and "
            f"{(layer.unpacked - pruned.unpacked) / 1e6:.2f} MB less)",
        ),
        Row("  with bytecode in package and layer", f"{(zipped - both) / 1e6:.2f} MB zipped, {more / 1e6:.2f} MB more"),
    ]


def _cold_path(starts: ColdStarts, plain: Unpacked, with_bytecode: Unpacked) -> list[Row]:
    ways = {
        PACKAGE: Way(CLEAN, plain.path()),
        BYTECODE: Way(("-I", "-S"), with_bytecode.path()),
        CHECKOUT: Way(("-I",), [str(ROOT)]),
    }
    took, bare = starts.measure(ways, RUNS), starts.bare(RUNS)
    rows = [Row("python -I -S -B -c pass", spread(bare))]
    for name in ways:
        rows += _rows(name, took, statistics.median(bare))
    won = statistics.median(took[PACKAGE].first_request) - statistics.median(took[BYTECODE].first_request)
    tls = starts.tls(ways[PACKAGE])
    return [
        *rows,
        Row("  what shipping bytecode would win of that", f"{won * 1000:.0f} ms"),
        Row("  not in it: the SSL context, which a real exchange needs", f"{tls * 1000:.0f} ms"),
    ]


def _rows(name: str, took: Mapping[str, Took], bare: float) -> list[Row]:
    """Against the checkout and the bare interpreter."""
    mine, median = took[name], statistics.median
    first, theirs = median(mine.first_request), median(took[CHECKOUT].first_request)
    against = "" if name == CHECKOUT else f"{first / theirs:.2f}x the checkout, "
    imported, order, ended = (f"{median(times) * 1000:.0f}" for times in (mine.import_done, mine.order, mine.ended))
    return [
        Row(f"cold path to the first exchange request: {name}", spread(mine.first_request)),
        Row("  import done, the order on the wire, process ended", f"{imported}, {order}, {ended} ms"),
        Row("  ratios, and memory", f"{against}{first / bare:.1f}x the bare interpreter; {median(mine.memory):.0f} MB"),
    ]


def cold_seconds(runs: int = 3) -> float:
    """From the start of the interpreter to the end of the alert, from the unpacked package."""
    with unpacked() as (plain, _), cold_starts(plain.environment) as starts:
        way = Way(CLEAN, plain.path())
        return statistics.median(starts.measure({PACKAGE: way}, runs)[PACKAGE].ended)
