"""What a cold start pays for `import app`, against ccxt, as whole processes."""

import os
import statistics
import subprocess
import sys
import time

from tests.benchmarks.table import Row, spread

RUNS = 15
BUDGET = 0.8
_CODES = {"bare": "pass", "app": "import app", "ccxt": "import ccxt"}


def imports() -> list[Row]:
    """In turns; bytecode is warm after the first round, which does not count."""
    environment = {**os.environ, "ADMIN_TOKEN": "bench", "AWS_REGION": "us-east-1"}
    took: dict[str, list[float]] = {name: [] for name in _CODES}
    for number in range(RUNS + 1):
        for name, code in _CODES.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], env=environment, check=True)
            if number:
                took[name].append(time.perf_counter() - started)
    bare, app, ccxt = (statistics.median(took[name]) for name in ("bare", "app", "ccxt"))
    ratio = (app - bare) / (ccxt - bare)
    rows = [Row(f"python -c '{_CODES[name]}' (min / median / max)", spread(times)) for name, times in took.items()]
    return [
        *rows,
        Row("import app against import ccxt, less bare python", f"{ratio:.2f}", str(BUDGET), ratio <= BUDGET),
    ]
