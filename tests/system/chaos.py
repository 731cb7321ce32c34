"""Chaos: the local stack is killed again and again under alerts and cancels, while the exchanges fail; then the
exchanges' books are compared with the tables.

`infra/chaos` runs it; the exit status is 1 where anything was lost, doubled or left wrong.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.system.chaos_books import BookOrder, Tables, Violation, compare, explain, of_kind
from tests.system.chaos_clients import Clients
from tests.system.chaos_plan import draw_plan
from tests.system.chaos_stage import Stage
from tests.system.chaos_weather import Weather

_LOOK_EVERY = 3.0
_TOLD_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed. `settled_after`: seconds from the end of the faults; None where the time ran out."""

    counts: Counter[str]
    kills: Counter[str]
    restarts: int
    faults: Counter[str]
    tables: Tables
    books: Sequence[BookOrder]
    violations: Sequence[Violation]
    settled_after: float | None


def run(stage: Stage, seed: int, alerts: int, seconds: float, settle: float, killing_every: float = 4.0) -> Outcome:
    """Chaos for so many seconds, then calm until the comparison finds nothing, for `settle` seconds at most."""
    clients = Clients(stage.stack, draw_plan(random.Random(f"{seed} plan"), alerts, seconds), seed)
    weather = Weather(stage, seed, killing_every)
    clients.start()
    weather.start()
    began = told = time.monotonic()
    while clients.busy():  # to the last answer: nobody is spared
        time.sleep(0.2)
        if (now := time.monotonic()) - told > _TOLD_EVERY:
            told = now
            said = f"{clients.counts['requests']} requests, {sum(stage.kills.values())} kills"
            say(f"{now - began:.0f} of about {seconds:.0f} s, {said}")
    clients.finish()
    faults = weather.stop()
    calm = time.monotonic()
    say("the faults are over")
    tables, books, violations, settled_after = _settle(stage, clients, calm, settle)
    return Outcome(clients.counts, stage.kills, stage.restarts(), faults, tables, books, violations, settled_after)


def _settle(
    stage: Stage, clients: Clients, calm: float, limit: float
) -> tuple[Tables, list[BookOrder], list[Violation], float | None]:
    """Look until two looks in a row find nothing: tables and books are not read at the same instant."""
    clean_since: float | None = None
    told = 0.0
    while True:
        tables, books = stage.tables(), stage.books()
        violations = compare(tables, books, clients.told, stage.ids)
        now = time.monotonic()
        if not violations and clean_since is not None:
            return tables, books, [], clean_since - calm
        clean_since = None if violations else now
        if now - calm > limit:
            return tables, books, violations, None
        if now - told > _TOLD_EVERY:
            told = now
            say(f"{now - calm:.0f} s of calm, left: {_counted(Counter(violation.kind for violation in violations))}")
        time.sleep(_LOOK_EVERY)


def table(outcome: Outcome) -> str:
    """The figures, one a line."""
    counts = outcome.counts
    at_once, queued = (counts[f"cancels by the API: {status}"] for status in (200, 202))
    statuses = Counter(row.status.value for row in outcome.tables.orders.values())
    reasons = Counter(row.reason for row in outcome.tables.orders.values() if row.reason)
    settled = "not settled in time" if outcome.settled_after is None else f"{outcome.settled_after:.1f} s"
    rows = [
        ("alerts", f"{counts['alerts']}"),
        (
            "requests",
            f"{counts['requests']}, unanswered {counts['unanswered requests']}, left out {counts['left out']}",
        ),
        ("answered as duplicates", f"{counts['duplicates']}"),
        ("events accepted", f"{len(outcome.tables.events)}"),
        ("orders", f"{len(outcome.tables.orders)} ({_counted(statuses)})"),
        ("reasons of their ends", _counted(reasons)),
        ("orders on the exchanges", f"{len(outcome.books)}"),
        ("cancels accepted", f"{at_once} at once, {queued} queued, {counts['cancels accepted by alert']} by alert"),
        ("cancel requests stored", f"{len(outcome.tables.cancels)}"),
        ("kills", _counted(outcome.kills)),
        ("restarts", f"{outcome.restarts}"),
        ("requests hit by faults", _counted(outcome.faults)),
        ("settled after the faults", settled),
        *((f"violations: {kind}", f"{count}") for kind, count in of_kind(outcome.violations).items()),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows)


def report(outcome: Outcome) -> str:
    """The table, and every violation with the row's history and the exchange's view."""
    explained = [explain(violation, outcome.tables, outcome.books) for violation in outcome.violations]
    return "\n\n".join([*explained, table(outcome)])


def _counted(found: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.most_common()) or "none"


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("infra/chaos", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of what is sent, killed and broken (default: 1)")
    parser.add_argument("--alerts", type=int, default=300, help="different alerts (default: 300)")
    parser.add_argument("--minutes", type=float, default=1.5, help="how long the faults last (default: 1.5)")
    parser.add_argument("--settle", type=float, default=4, help="minutes of calm until it gives up (default: 4)")
    parser.add_argument("--log", type=Path, help="a folder for what the processes print (default: none)")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # the stack has a session of its own: nobody else would end it
        signal.signal(number, _interrupt)
    if options.log is not None:
        options.log.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Stage(options.log or Path(folder)) as stage:
        outcome = run(stage, options.seed, options.alerts, options.minutes * 60, options.settle * 60)
    say(report(outcome))
    return 1 if outcome.violations else 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
