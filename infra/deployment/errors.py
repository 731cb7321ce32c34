"""What a deployment stops with: one line that says what is wrong and what to do about it."""

import sys

from botocore.exceptions import BotoCoreError, ClientError


class DeploymentError(Exception):
    """The text is for the person, or the log of the CI run, that started it."""


def stop_with(command: str, error: Exception) -> int:
    """Print it; returns the exit status. What AWS itself says is passed on, with what to do."""
    advice = ""
    if isinstance(error, ClientError | BotoCoreError):
        advice = "; what was done so far stays: mend that and run this again, it goes on"
    print(f"{command}: {error}{advice}", file=sys.stderr, flush=True)
    return 1
