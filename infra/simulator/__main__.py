"""`python -m infra.simulator --port 0`: prints where it listens and serves until SIGINT or SIGTERM."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence

from infra.simulator.running import serve

DEFAULT_PORT = 8010


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    if options.exit_with_parent:
        threading.Thread(target=_exit_at_end_of_input, daemon=True).start()
    try:
        simulator = serve(options.port)
    except OSError as error:
        print(f"simulator: cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    if options.no_rate_limits:
        for exchange in ("binance", "bybit", "upbit"):
            simulator.control.set_rate_limits(exchange, on=False)
    if options.latency_ms:
        simulator.control.set_latency(options.latency_ms)
    print(f"simulator listening on {simulator.url}", flush=True)
    threading.Event().wait()
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m infra.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"0: any free one (default: {DEFAULT_PORT})")
    parser.add_argument("--latency-ms", type=int, default=0, help="of every exchange, for every request")
    parser.add_argument("--no-rate-limits", action="store_true", help="count, but never refuse")
    parser.add_argument(
        "--exit-with-parent",
        action="store_true",
        help="end when standard input ends, as it does when the process at its other end dies",
    )
    return parser.parse_args(arguments)


def _exit_at_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
