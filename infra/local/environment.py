"""The environment in which the local stack's processes run: our defaults, the user's wishes, nobody's AWS account."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.settings import SettingsError, load_settings

SWEEP_FUNCTION = "sweep"
DEMO_ADMIN_TOKEN = "local-admin-token"
_ACCOUNT = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
_REGION = "us-east-1"
_FOREIGN = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_PROFILE", "ADMIN_TOKEN_SECRET")


@dataclass(frozen=True)
class LocalSettings:
    """What concerns the local stack only."""

    port: int
    schedule_seconds: float
    foreign_database: str | None
    table_prefix: str


def read_settings(environ: Mapping[str, str] = os.environ) -> LocalSettings:
    """Check everything before anything starts. Raises SettingsError."""
    chosen = load_settings(environ)
    return LocalSettings(
        port=int(_number(environ, "PORT", 8000, 1, 65535, whole=True)),
        schedule_seconds=_number(environ, "LOCAL_SCHEDULE_SECONDS", 60, 0.1, 3600),
        foreign_database=environ.get("AWS_ENDPOINT_URL_DYNAMODB") or None,
        table_prefix=chosen.table_prefix,
    )


def stack_environment(
    database_url: str, foreign: str | None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Variables of every process of the stack. With a database of our own, no real account is in reach."""
    result = {name: value for name, value in environ.items() if name not in _FOREIGN}
    if foreign is None:
        result |= _ACCOUNT
    for name, value in {**_ACCOUNT, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}.items():
        result.setdefault(name, value)
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or _REGION
    streams = environ.get("AWS_ENDPOINT_URL_DYNAMODB_STREAMS") if foreign else None
    result |= {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_DYNAMODB": foreign or database_url,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": streams or foreign or database_url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": database_url,
        "ADMIN_TOKEN": environ.get("ADMIN_TOKEN") or DEMO_ADMIN_TOKEN,
        "POWERTOOLS_METRICS_DISABLED": environ.get("POWERTOOLS_METRICS_DISABLED", "true"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (os.getcwd(), environ.get("PYTHONPATH")))),
    }
    return result


def stop_with(message: str) -> int:
    """One clear line, and the exit status for a start that could not be."""
    print(f"infra/run: {message}", file=sys.stderr, flush=True)
    return 1


def _number(
    environ: Mapping[str, str], name: str, default: float, low: float, high: float, *, whole: bool = False
) -> float:
    text = environ.get(name, "").strip()
    try:
        number = (int(text) if whole else float(text)) if text else default
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        kind = "a whole number" if whole else "a number"
        raise SettingsError(f"{name} must be {kind} from {low:g} to {high:g}, not {text[:80]!r}")
    return number
