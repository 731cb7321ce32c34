"""Requests drawn from the API's own description, against a running stack: by schemathesis, with its checks.

Two of its checks are left out. Not everything that a schema allows is accepted (an account must exist, a cursor must be
ours), and some of what it does not allow is: order types in any case, amounts in spellings that need no advertising.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.system.stack import ADMIN, Stack

_LEFT_OUT = ("negative_data_rejection", "positive_data_acceptance")


def start_mock_stack(folder: Path) -> Stack:
    """A stack that trades on the mock: what is drawn must not reach the simulator's limits, or anybody else."""
    return Stack(folder / "log", environment={"USE_MOCK_EXCHANGE": "true"}, schedule_seconds=60).start()


def fuzz(base_url: str, folder: Path, *, examples: int, seed: int, others: Sequence[str] = ()) -> tuple[int, str]:
    """The exit code, 0 where every check held, and what schemathesis printed; `others` are options of its own."""
    command = [
        Path(sys.executable).parent / "schemathesis",
        "run",
        f"{base_url}/openapi.json",
        f"--header=Authorization: Bearer {ADMIN}",
        f"--max-examples={examples}",
        f"--seed={seed}",
        f"--exclude-checks={','.join(_LEFT_OUT)}",
        "--continue-on-failure",
        "--suppress-health-check=all",
        "--no-color",
        *others,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
