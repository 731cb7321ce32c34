"""Proves the proof: plants one fault at a time in a copy of our own code, and lets the simulation find it."""

import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.planted import PLANTED, Plant

ROOT = Path(__file__).parent.parent.parent
_MINUTES_EACH = 20


@dataclass(frozen=True, slots=True)
class Catch:
    """What became of one."""

    plant: Plant
    seed: int | None
    words: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Planting:
    """Looks for each over these seeds, so many at a time."""

    seeds: range
    jobs: int

    def run(self, names: list[str]) -> int:
        """All, or those named; 0: each was caught."""
        unknown = sorted(set(names) - {plant.name for plant in PLANTED})
        if unknown:
            print(f"no such planted fault: {', '.join(unknown)}; there are {', '.join(p.name for p in PLANTED)}")
            return 2
        chosen = [plant for plant in PLANTED if not names or plant.name in names]
        missed = 0
        with ThreadPoolExecutor(self.jobs) as pool:
            for catch in pool.map(self._hunt, chosen):
                missed += catch.seed is None
                found = f"caught by seed {catch.seed}" if catch.seed is not None else "NOT CAUGHT"
                print(f"{catch.plant.rule:<5} {catch.plant.name:<38} {found:<22} {catch.seconds:4.0f} s  {catch.words}")
                sys.stdout.flush()
        print(f"{len(chosen) - missed} of {len(chosen)} planted faults were caught")
        return 1 if missed else 0

    def _hunt(self, plant: Plant) -> Catch:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="planted-") as folder:
            root = copy_with(plant, Path(folder))
            command = [sys.executable, "-m", "tests.simulation", "--until-caught"]
            command += ["--first", str(self.seeds.start), "--seeds", str(len(self.seeds))]
            ended = subprocess.run(
                command, cwd=root, capture_output=True, text=True, timeout=60 * _MINUTES_EACH, check=False
            )
        seconds = time.monotonic() - started
        seed, _, words = ended.stdout.strip().partition(" ")
        if ended.returncode == 1 and seed.isdigit():
            return Catch(plant, int(seed), words[:110], seconds)
        return Catch(plant, None, ended.stderr.strip()[-300:], seconds)


def copy_with(plant: Plant, folder: Path) -> Path:
    """A copy of the project with the fault in it. Raises ValueError where its place is not found exactly once."""
    for name in ("chalicelib", "infra", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / plant.path
    path.write_text(plant.planted_in(path.read_text(encoding="utf-8")), encoding="utf-8")
    return folder
