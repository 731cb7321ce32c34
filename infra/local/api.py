"""The API's process: the real Chalice app over HTTP."""

import argparse
import os
import signal
import threading
from collections.abc import Sequence

from infra.local.database import exit_at_end_of_input
from infra.local.http import make_server

API_TIMEOUT = 29.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the parent dies or ends this process."""
    parser = argparse.ArgumentParser("python -m infra.local.api")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=exit_at_end_of_input, daemon=True).start()

    from app import app

    server = make_server(app, options.port, API_TIMEOUT)
    print(f"api listening on http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
