"""What Lambda does around a handler: `python -I -S -B lambda_process.py HANDLER MILLISECONDS FOLDER...`.

Nothing is on the path but the folders and the standard library. The event comes on stdin; one line of JSON, the
result, goes to the file descriptor 3, and what the function prints to stdout and stderr.
"""

import importlib
import json
import os
import sys
import time


class Context:
    """What Lambda gives beside the event."""

    aws_request_id = "8a6f6e0c-0000-4000-8000-000000000000"
    function_version = "$LATEST"

    def __init__(self, milliseconds: int) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{self.function_name}"
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "2026/11/21/[$LATEST]0"
        self._ends = time.monotonic() + milliseconds / 1000

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends - time.monotonic()) * 1000))


def main() -> None:
    handler, milliseconds, *folders = sys.argv[1:]
    sys.path[:0] = folders
    module, _, name = handler.rpartition(".")
    result = getattr(importlib.import_module(module), name)(json.loads(sys.stdin.read()), Context(int(milliseconds)))
    with os.fdopen(3, "w") as out:
        out.write(json.dumps(result))


if __name__ == "__main__":
    main()
