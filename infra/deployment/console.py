"""What the commands tell whoever started them."""

import sys

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.settings import SettingsError
from infra.deployment.errors import DeploymentError

EXPECTED = (SettingsError, DeploymentError, ClientError, BotoCoreError)
"""What a command ends with in one line. All else is a mistake of ours, and shows where."""


def say(line: str) -> None:
    """At once, for a deployment takes minutes."""
    print(line, flush=True)


def stop_with(command: str, error: Exception) -> int:
    """Print it; returns the exit status. What AWS itself says is passed on, with what to do."""
    advice = ""
    if isinstance(error, ClientError | BotoCoreError):
        advice = "; what was done so far stays: mend that and run this again, it goes on"
    print(f"{command}: {error}{advice}", file=sys.stderr, flush=True)
    return 1
