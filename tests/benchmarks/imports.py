"""What a cold start pays for `import app`, against ccxt, as whole processes."""

import os
import statistics
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

from tests.benchmarks.table import Row, spread

RUNS = 20
BUDGET = 0.8
_CODES = {"bare": "pass", "app": "import app", "ccxt": "import ccxt"}


def imports() -> list[Row]:
    """In turns; the first round writes the bytecode, and does not count."""
    took: dict[str, list[float]] = {name: [] for name in _CODES}
    with TemporaryDirectory() as bytecode:
        chosen = environment(bytecode)
        for number in range(RUNS + 1):
            for name, code in _CODES.items():
                started = time.perf_counter()
                subprocess.run([sys.executable, "-c", code], env=chosen, check=True)
                if number:
                    took[name].append(time.perf_counter() - started)
    bare, app, ccxt = (statistics.median(took[name]) for name in ("bare", "app", "ccxt"))
    ratio = (app - bare) / (ccxt - bare)
    rows = [Row(f"python -c '{_CODES[name]}'", spread(times)) for name, times in took.items()]
    return [
        *rows,
        Row("import app against import ccxt, less bare python", f"{ratio:.2f}", str(BUDGET), ratio <= BUDGET),
    ]


def environment(bytecode: str) -> dict[str, str]:
    """Bytecode is kept for all alike, whatever the caller's own settings say."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "ADMIN_TOKEN": "bench", "PYTHONPYCACHEPREFIX": bytecode}
