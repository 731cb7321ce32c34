"""Some hundred seeds of the whole system under faults, and that they can fail: `infra/simulate` runs any number."""

import re
from pathlib import Path

import pytest

from tests.simulation.planted import PLANTED, Plant
from tests.simulation.planting import Planting
from tests.simulation.rights import BEYOND_SIMULATION, idle_rights
from tests.simulation.tally import Tally, explanation
from tests.simulation.trial import run_trial

SEEDS = range(200)
SCENARIOS = Path(__file__).parent.parent / "scenarios.md"


@pytest.fixture(scope="module")
def tally() -> Tally:
    """What these seeds gave."""
    tally = Tally()
    for seed in SEEDS:
        tally.add(run_trial(seed))
    return tally


def test_nothing_is_lost(tally: Tally) -> None:
    """No orphan, no double, no lost cancel, no wrong state, no log that does not add up, no rule broken."""
    assert not tally.bad, "\n".join(line for result in tally.bad for line in explanation(result))


@pytest.mark.parametrize("function", BEYOND_SIMULATION)
def test_no_function_has_a_right_that_it_does_not_need(tally: Tally, function: str) -> None:
    """That it has those which it needs is a matter of each seed: a right that is missing is a violation."""
    used = {use for name, use in tally.asked if name == function}

    assert len(used) > 8
    assert list(idle_rights(function, used | BEYOND_SIMULATION[function])) == []


def test_there_was_something_to_lose(tally: Tally) -> None:
    """A simulation in which nothing happens proves nothing."""
    assert tally.orders > 5 * len(SEEDS)
    assert tally.cancels > 3 * len(SEEDS)
    assert tally.faults.total() > 10 * len(SEEDS)
    assert 0 < tally.calm < len(SEEDS) / 2


def test_every_situation_that_the_scenarios_name_occurred(tally: Tally) -> None:
    """The table of scenarios counts on it."""
    named = re.findall(r"`simulation: (\w+)`", SCENARIOS.read_text(encoding="utf-8"))

    assert named
    assert [name for name in named if not tally.occurrences[name]] == []


@pytest.mark.parametrize("seed", [7, 11])
def test_the_same_seed_gives_the_same_trace(seed: int) -> None:
    """To the last line."""
    first, second = run_trial(seed, told=True), run_trial(seed, told=True)

    assert first.lines
    assert first.lines == second.lines
    assert first.faults == second.faults


def test_a_trace_that_nobody_asked_for_costs_nothing_and_changes_nothing() -> None:
    """What is counted is the same."""
    told, silent = run_trial(5, told=True), run_trial(5)

    assert not silent.lines
    assert (silent.orders, silent.faults, silent.occurrences) == (told.orders, told.faults, told.occurrences)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.name)
def test_every_planted_fault_has_its_place(plant: Plant) -> None:
    """Code that changes must take its planted faults along."""
    root = Path(__file__).parent.parent.parent
    source = (root / plant.path).read_text(encoding="utf-8")

    assert plant.planted_in(source) != source


def test_a_planted_fault_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    """One of them here; `infra/simulate --planted` plants them all."""
    assert Planting(range(60), 1).run(["lease ignored"]) == 0

    assert re.search(r"lease ignored +caught by seed \d", capsys.readouterr().out)


def test_a_fault_that_is_none_is_not_caught(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command can say no."""
    harmless = Plant("harmless", "R15", "chalicelib/domain/cancels.py", "WAIT_CEILING = 30.0", "WAIT_CEILING = 29.0")
    monkeypatch.setattr("tests.simulation.planting.PLANTED", (harmless,))

    assert Planting(range(2), 1).run([]) == 1

    assert "NOT CAUGHT" in capsys.readouterr().out
