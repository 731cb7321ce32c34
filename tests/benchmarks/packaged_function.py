"""The API's function in a clean interpreter: `python -I -S -B packaged_function.py FOLDER...`, the event on stdin.

It imports nothing but what lies in the folders, and the standard library. Prints one line of JSON: the answer, the
most memory that it held in MB, and when the import was done, by the wall clock.
"""

import json
import sys
import time
from typing import Any

TIMEOUT_MS = 29_000


class Context:
    """What Lambda gives beside the event."""

    function_name = "trading-bot-dev"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:trading-bot-dev"
    memory_limit_in_mb = 1769
    aws_request_id = "00000000-0000-0000-0000-000000000000"
    log_group_name = "/aws/lambda/trading-bot-dev"
    log_stream_name = "2026/11/21/[$LATEST]0"

    def __init__(self) -> None:
        self._started = time.monotonic()

    def get_remaining_time_in_millis(self) -> int:
        return TIMEOUT_MS - int((time.monotonic() - self._started) * 1000)


def run(folders: list[str], event: Any) -> dict[str, Any]:
    """The folders come before the rest of the path, as Lambda has its own."""
    sys.path[:0] = folders
    import app

    imported = time.time()
    answer = app.app(event, Context())
    return {"answer": answer, "imported": imported, "app": app.__file__, "peak_mb": _peak_memory()}


def _peak_memory() -> float:
    """Of this program alone: what getrusage tells, exec hands on from the process that started it."""
    with open("/proc/self/status", encoding="ascii") as status:
        (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    alert = json.loads(sys.stdin.read())
    result = run(sys.argv[1:], alert)
    print(json.dumps(result), flush=True)
