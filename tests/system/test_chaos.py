"""A short storm over the whole system; `infra/chaos` brings longer ones."""

from pathlib import Path

from tests.system.chaos import report, run
from tests.system.chaos_stage import Stage


def test_nothing_is_lost_doubled_or_left_wrong_whatever_is_killed(tmp_path: Path) -> None:
    """Processes killed under alerts and cancels while the exchanges fail: then books, tables and answers agree."""
    with Stage(tmp_path, reconcile_interval=10) as stage:
        outcome = run(stage, seed=1, alerts=30, seconds=12, settle=120, killing_every=2)

    assert not outcome.violations, report(outcome)
    assert outcome.settled_after is not None
    assert outcome.kills.total() >= 2
    assert outcome.faults
    assert len(outcome.books) > 20
