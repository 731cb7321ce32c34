"""The Lambda context that handlers are given on this machine."""

import time
from collections.abc import Callable

from chalice.local import LambdaContext


class LocalContext(LambdaContext):
    """Counts down from the function's timeout as Lambda's own does: whole milliseconds, never negative."""

    def __init__(
        self,
        function_name: str,
        timeout_seconds: float,
        *,
        memory_limit_in_mb: int = 512,
        account: str = "123456789012",
        region: str = "us-east-1",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(function_name, memory_limit_in_mb, max_runtime_ms=int(timeout_seconds * 1000))
        self.invoked_function_arn = f"arn:aws:lambda:{region}:{account}:function:{function_name}"
        self._clock = clock
        self._deadline = clock() + timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self._deadline - self._clock()) * 1000))
