"""Prints what a month costs, idle and at 10,000 alerts, computed from what the app was measured to use."""

from collections.abc import Sequence

from tests.benchmarks.costs_app import EXCHANGE_LATENCY_MS, EXCHANGES, Used
from tests.benchmarks.costs_bill import (
    ALERTS,
    CANCELS,
    EXCHANGE_BYTES_OUT,
    KEPT_MONTHS,
    LIMITS,
    MARKETS,
    RESTING_MINUTES,
    Line,
    alerts,
    bill,
    idle,
    nat,
    read_template,
)
from tests.benchmarks.costs_prices import AP_NORTHEAST_1, LOOKED_UP, US_EAST_1
from tests.benchmarks.costs_runs import Runs, run_everything, running_app
from tests.benchmarks.packaged import cold_seconds

_REGIONS = (US_EAST_1, AP_NORTHEAST_1)
_LARGEST = 3


def costs() -> None:
    """Measure, then print the counts, the bill, and what it rests on."""
    cold = cold_seconds()
    with running_app() as app:
        runs = run_everything(app)
    _print_counts(runs)
    print()
    _print_bill(runs, cold)
    print()
    _print_notes(cold)


def _print_counts(runs: Runs) -> None:
    named = {
        "a sweep with nothing due": runs.sweep,
        "a reconcile with nothing to do": runs.reconcile,
        "a reconcile with an orphan hunt": runs.hunt,
        "a MARKET alert": runs.market,
        "a LIMIT alert, with its stream": runs.limit,
        "a reconcile with its 3 orders resting": runs.resting,
        "a CANCEL alert of 3 orders": runs.cancel,
    }
    _print_row("one of each, on 3 accounts", "invocations", "write units", "read units", "DynamoDB requests",
               "exchange requests", "log bytes", "seconds")  # fmt: skip
    _print_row("---", *["---:"] * 7)
    for name, used in named.items():
        _print_row(name, *_counts(used))


def _counts(used: Used) -> Sequence[str]:
    requests = sum(count for call, count in used.calls.items() if call.startswith("dynamodb."))
    return (
        f"{sum(used.invocations.values())}",
        f"{used.units.writes:g}",
        f"{used.units.reads:g}",
        f"{requests}",
        f"{used.exchange_requests}",
        f"{used.log_bytes:,}",
        f"{sum(used.seconds.values()):.3f}",
    )


def _print_bill(runs: Runs, cold: float) -> None:
    template = read_template()
    quiet = idle(runs)
    months = (quiet, quiet + alerts(runs))
    bills = [bill(month, prices, template, cold) for prices in _REGIONS for month in months]
    extra = [nat(month, prices) for prices in _REGIONS for month in months]
    heads = [f"{when}, {prices.region}" for prices in _REGIONS for when in ("idle", f"{ALERTS:,} alerts")]
    _print_row("USD a month", "how much, idle", f"how much, {ALERTS:,} alerts", *heads)
    _print_row("---", "---", "---", *["---:"] * len(heads))
    for across in zip(*bills, strict=True):
        _print_line(across)
    _print_row("**total**", "", "", *(f"**{_total(lines):.2f}**" for lines in bills))
    _print_line(extra)
    print()
    for head, lines in zip(heads, bills, strict=True):
        largest = sorted(lines, key=lambda line: -line.usd)[:_LARGEST]
        print(f"Largest, {head}: " + ", ".join(f"{line.name} ({line.usd:.2f})" for line in largest) + ".")


def _print_line(lines: Sequence[Line]) -> None:
    """The amounts are the same in every region."""
    first, second, *_ = lines
    _print_row(first.name, first.amount, second.amount, *(f"{line.usd:.2f}" for line in lines))


def _total(lines: Sequence[Line]) -> float:
    """Of what stands in the rows, to the cent."""
    return sum(round(line.usd, 2) for line in lines)


def _print_notes(cold: float) -> None:
    for note in (
        f"Prices of {LOOKED_UP}; for {AP_NORTHEAST_1.region} none was found for {', '.join(AP_NORTHEAST_1.not_found)}: "
        f"those are {US_EAST_1.region}'s.",
        "The free tier is not counted; in an account that has nothing else it covers Lambda, logs, data out, the "
        "dashboard, storage, 10 metrics and 10 metrics of alarms.",
        f"{ALERTS:,} alerts are {MARKETS:,} MARKET and {LIMITS:,} LIMIT, on {len(EXCHANGES)} accounts each; "
        f"beside them come {CANCELS:,} CANCELs, one for every second LIMIT. A LIMIT order rests for {RESTING_MINUTES} "
        f"minutes. Rows are kept for {KEPT_MONTHS} months, and what is stored is that of so many.",
        f"Durations are of this machine, with exchanges that take {EXCHANGE_LATENCY_MS} ms: Lambda's own will differ. "
        f"Each alert and each record of the stream is taken to meet a cold function, which is billed {cold:.2f} s "
        "besides: the most that it can be.",
        f"A request to an exchange is taken for {EXCHANGE_BYTES_OUT:,} bytes out. A metric is billed for the hours in "
        "which it has values: those that tell of faults come on top when there are some.",
    ):
        print(f"- {note}")


def _print_row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |")
