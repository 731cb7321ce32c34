"""What is uploaded to Lambda: its size, and how long a cold function takes from it to the exchange."""

import statistics
from collections.abc import Mapping

from infra.deployment.project import ROOT
from tests.benchmarks.packaged_build import Built, built, parts
from tests.benchmarks.packaged_cold import CLEAN, ColdStarts, Took, Way, cold_starts
from tests.benchmarks.table import Row, spread

RUNS = 8
LARGEST = 5
UPLOADED, PLAIN, CHECKOUT = "the uploaded package", "the same as Chalice zips it", "the checkout and its .venv"


def packaged() -> list[Row]:
    """Sizes, then the cold path."""
    with built() as (uploaded, plain), cold_starts(uploaded.unpacked.environment) as starts:
        return _sizes(uploaded, plain) + _cold_path(starts, uploaded, plain)


def _sizes(uploaded: Built, plain: Built) -> list[Row]:
    largest = parts(uploaded.unpacked.libraries).most_common(LARGEST)
    return [
        Row("package that is uploaded", str(uploaded.package)),
        Row("layer that is uploaded", str(uploaded.layer)),
        Row(
            f"  its {LARGEST} largest parts, unpacked", ", ".join(f"{name} {size / 1e6:.2f}" for name, size in largest)
        ),
        Row("  as Chalice zips them, with all of botocore and no bytecode", f"{plain.package}; {plain.layer}"),
    ]


def _cold_path(starts: ColdStarts, uploaded: Built, plain: Built) -> list[Row]:
    ways = {
        UPLOADED: Way(CLEAN, uploaded.unpacked.path()),
        PLAIN: Way(CLEAN, plain.unpacked.path()),
        CHECKOUT: Way(("-I",), [str(ROOT)]),
    }
    took, bare = starts.measure(ways, RUNS), starts.bare(RUNS)
    rows = [Row("python -I -S -B -c pass", spread(bare))]
    for name in ways:
        rows += _rows(name, took, statistics.median(bare))
    tls = starts.tls(ways[UPLOADED])
    return [*rows, Row("  not in it: the SSL context, which a real exchange needs", f"{tls * 1000:.0f} ms")]


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
    with built() as (uploaded, _), cold_starts(uploaded.unpacked.environment) as starts:
        way = Way(CLEAN, uploaded.unpacked.path())
        return statistics.median(starts.measure({UPLOADED: way}, runs)[UPLOADED].ended)
