"""`python -m tests.fuzz`: fuzz the HTTP API of a stack that is started for it; other arguments go to schemathesis."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.fuzz.fuzzing import fuzz, start_mock_stack


def main() -> int:
    """1 where a check failed; the same seed draws the same requests."""
    parser = argparse.ArgumentParser("infra/fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="for each operation and phase")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options, others = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        stack = start_mock_stack(Path(folder))
        try:
            code, output = fuzz(
                f"http://127.0.0.1:{stack.port}",
                Path(folder),
                examples=options.examples,
                seed=options.seed,
                others=others,
            )
        finally:
            stack.stop()
    sys.stdout.write(output)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
