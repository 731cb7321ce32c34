"""`infra/simulate`: many seeds on all cores, one seed with its trace, or the faults planted in our own code."""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator

from tests.simulation.planting import Planting
from tests.simulation.tally import Tally, explanation, relevant
from tests.simulation.trial import Result, run_trial

_SHOWN = 5
_PROGRESS_EVERY = 2.0


def main() -> int:
    """0: nothing was lost, and every planted fault was caught."""
    parser = argparse.ArgumentParser(prog="infra/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seed", type=int, help="run this one alone and print its trace")
    parser.add_argument("--planted", nargs="*", metavar="NAME", help="plant faults in our own code: all, or these")
    parser.add_argument("--until-caught", action="store_true", help="stop at the first violation, without a table")
    options = parser.parse_args()
    if options.seeds < 1 or options.jobs < 1:
        parser.error("--seeds and --jobs must be 1 or more")
    if options.seed is not None:
        return _one(options.seed)
    seeds = range(options.first, options.first + options.seeds)
    if options.until_caught:
        return _hunt(seeds)
    if options.planted is not None:
        return Planting(seeds, options.jobs).run(options.planted)
    return _many(seeds, options.jobs)


def _one(seed: int) -> int:
    result = run_trial(seed, told=True)
    print("\n".join(result.lines))
    print("\n".join(explanation(result)) if result.violations else f"seed {seed}: nothing was lost")
    return 1 if result.violations else 0


def _hunt(seeds: range) -> int:
    for seed in seeds:
        result = run_trial(seed)
        if result.violations:
            violation = result.violations[0]
            print(f"{seed} {violation.rule}: {violation.words}")
            return 1
    return 0


def _many(seeds: range, jobs: int) -> int:
    started, tally = time.monotonic(), Tally()
    shown = started
    for result in _results(seeds, jobs):
        tally.add(result)
        if result.violations and len(tally.bad) <= _SHOWN:
            _progress("")
            print("\n".join(explanation(result)))
        if time.monotonic() - shown > _PROGRESS_EVERY:
            shown = time.monotonic()
            _progress(f"{tally.seeds:,} of {len(seeds):,} seeds, {len(tally.bad)} with violations")
    _progress("")
    print("\n".join(tally.table()))
    took = time.monotonic() - started
    print(f"{took:.0f} s on {jobs} processes, {tally.seeds / took:.1f} seeds a second")
    if tally.bad:
        first = min(tally.bad, key=lambda result: result.seed)
        print(f"\nwhat concerns seed {first.seed}:")
        print("\n".join(relevant(run_trial(first.seed, told=True))))
    return 1 if tally.bad else 0


def _results(seeds: range, jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from map(run_trial, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(run_trial, seeds, chunksize=8)


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
    elif words:
        print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
