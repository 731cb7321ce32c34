"""Binance, Bybit and Upbit on one port of this machine, with their HTTP APIs, books, balances and failures.

Prints one line, where it listens, and serves until SIGINT or SIGTERM, which forget everything.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence

from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from infra.simulator.running import serve

DEFAULT_PORT = 8010
EPILOG = f"""
Every exchange starts with one account:
  key     {TEST_KEY}
  secret  {TEST_SECRET}

Commands, whose names and arguments GET /_simulator/ tells, move prices, add accounts and inject failures:
  curl localhost:{DEFAULT_PORT}/_simulator/state
  curl localhost:{DEFAULT_PORT}/_simulator/set_price -d '{{"venue":"bybit-spot","symbol":"BTCUSDT","price":"61000"}}'
  curl localhost:{DEFAULT_PORT}/_simulator/add_account -d '{{"exchange":"upbit","key":"k","secret":"s"}}'
  curl localhost:{DEFAULT_PORT}/_simulator/hold_answers -d '{{"ms":6000,"exchange":"binance-usdm","key":"k"}}'
  curl localhost:{DEFAULT_PORT}/_simulator/fault -d '{{"kind":"timeout","taken":true,"operation":"create","times":3}}'
"""


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
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m infra.simulator", None, __doc__, EPILOG, formatter_class=formatter)
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"0: any free one (default: {DEFAULT_PORT})")
    parser.add_argument("--latency-ms", type=int, default=0, help="of every exchange, for every request (default: 0)")
    parser.add_argument("--no-rate-limits", action="store_true", help="count no requests and refuse none")
    parser.add_argument(
        "--exit-with-parent",
        action="store_true",
        help="end when standard input ends, as it does when the process at its other end dies",
    )
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _exit_at_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
