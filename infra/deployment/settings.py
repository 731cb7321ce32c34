"""What a stage is deployed with: `.chalice/config.json`, and the environment of the command, which wins."""

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.settings import EXCHANGE_URLS, EXCHANGES, SettingsError, load_settings
from infra.deployment.policies import TRADINGVIEW

CONFIG = Path(__file__).parent.parent.parent / ".chalice" / "config.json"

PROTECTED = ("prod",)
"""Stages whose tables and secrets outlive the deployment."""

FUNCTION_SETTINGS = (
    "ALERT_DEDUPE_SECONDS",
    "CANCEL_QUEUE_INTERVAL",
    "EXCHANGE_MAX_RETRIES",
    "EXCHANGE_TIMEOUT",
    "LOG_LEVEL",
    "MARKET_ORDER_TIMEOUT",
    "MAX_ALERT_AGE",
    "MAX_CANCEL_RETRIES",
    "MAX_SEND_DELAY",
    "ORDER_ID_PREFIX",
    "RECONCILE_INTERVAL",
    "TABLE_PREFIX",
    "USE_MOCK_EXCHANGE",
    *EXCHANGE_URLS,
)
"""What the functions get as they are; the rest of their environment is the deployment's own."""

DEPLOYMENT_SETTINGS = (
    "ADMIN_CIDRS",
    "ALARM_EMAIL",
    "STATIC_EGRESS",
    "STATIC_EGRESS_ADDRESSES",
    "TRACING",
    "WEBHOOK_CIDRS",
)

EGRESS_CHOICES = ("false", "true", "two-zones")

MADE_HERE = ("ADMIN_TOKEN_SECRET", "ENVIRONMENT", "ORDERS_STREAM_ARN", "SWEEP_FUNCTION_NAME")
"""What the deployment itself puts into the functions' environment."""

_SECRET = ("ADMIN_TOKEN", *(f"{name.upper()}_API_{part}" for name in EXCHANGES for part in ("KEY", "SECRET")))

OWN_NAMES = (*FUNCTION_SETTINGS, *DEPLOYMENT_SETTINGS, *MADE_HERE, *_SECRET)
"""All that means something to us; of a person's shell, a deployment reads those that it names when it starts."""


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """Checked. `sources` says of each name that is set where it was set."""

    stage: str
    app_name: str
    api_stage: str
    """API Gateway's, the first part of every path."""
    table_prefix: str
    functions: Mapping[str, str]
    admin_cidrs: tuple[str, ...]
    webhook_cidrs: tuple[str, ...]
    alarm_email: str
    tracing: bool
    static_egress: str
    """One of EGRESS_CHOICES."""
    egress_addresses: tuple[str, ...]
    """Allocation ids of Elastic IPs that exist; empty: what the stack has, or new ones."""
    deployment: Mapping[str, str]
    """Settings of the deployment that were given, as text: the functions carry them, so that the next deployment can
    tell what this one was told. The stack itself carries ALARM_EMAIL."""
    sources: Mapping[str, str]

    @property
    def name(self) -> str:
        """Of the stack, and the first part of every function's name."""
        return f"{self.app_name}-{self.stage}"

    @property
    def protected(self) -> bool:
        return self.stage in PROTECTED


def read_stage(stage: str, environ: Mapping[str, str] = os.environ, config: Path = CONFIG) -> StageSettings:
    """Read and check everything before anything is touched. Raises SettingsError."""
    document = _read(config)
    stages = document.get("stages", {})
    if stage not in stages:
        raise SettingsError(f"--stage must be one of {', '.join(sorted(stages))}, not {stage[:40]!r}")
    committed = stages[stage].get("environment_variables", {})
    _check_names(committed)
    values, sources = dict(committed), dict.fromkeys(committed, "config.json")
    for name in (*FUNCTION_SETTINGS, *DEPLOYMENT_SETTINGS):
        if environ.get(name, "").strip():
            values[name], sources[name] = environ[name].strip(), "the environment"
    functions = {name: values[name] for name in FUNCTION_SETTINGS if values.get(name)}
    chosen = load_settings({**functions, "ENVIRONMENT": stage})
    return StageSettings(
        stage=stage,
        app_name=document["app_name"],
        api_stage=document["api_gateway_stage"],
        table_prefix=chosen.table_prefix,
        functions={**functions, "ENVIRONMENT": stage, "TABLE_PREFIX": chosen.table_prefix},
        admin_cidrs=_cidrs("ADMIN_CIDRS", values),
        webhook_cidrs=_cidrs("WEBHOOK_CIDRS", values) or TRADINGVIEW,
        alarm_email=_email(values),
        tracing=_flag("TRACING", values),
        static_egress=_egress(values),
        egress_addresses=_addresses(values),
        deployment={name: values[name] for name in DEPLOYMENT_SETTINGS if values.get(name) and name != "ALARM_EMAIL"},
        sources=sources,
    )


def function_settings(config: Path = CONFIG) -> dict[str, dict[str, Any]]:
    """Memory, timeout and concurrency of each function."""
    functions: dict[str, dict[str, Any]] = _read(config)["lambda_functions"]
    return functions


def _read(config: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
    return document


def _check_names(committed: Mapping[str, Any]) -> None:
    for name, value in committed.items():
        if name in _SECRET:
            raise SettingsError(
                f"{name} must not stand in config.json: the admin token is made in Secrets Manager, and keys come "
                "with PUT /api/v1/accounts/{account_id}"
            )
        if name not in (*FUNCTION_SETTINGS, *DEPLOYMENT_SETTINGS):
            raise SettingsError(f"{name} in config.json is no setting of a deployed stage")
        if not isinstance(value, str):
            raise SettingsError(f"{name} in config.json must be text, in quotes")


def _cidrs(name: str, values: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for part in filter(None, re.split(r"[,\s]+", values.get(name, ""))):
        try:
            found.append(str(ipaddress.IPv4Network(part)))
        except ValueError as error:
            raise SettingsError(f"{name} must be IPv4 blocks such as 203.0.113.7/32, with commas: {error}") from None
    return tuple(sorted(set(found)))


def _email(values: Mapping[str, str]) -> str:
    address = values.get("ALARM_EMAIL", "")
    if address and not re.fullmatch(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+", address):
        raise SettingsError(f"ALARM_EMAIL must be one e-mail address, not {address[:80]!r}")
    return address


def _egress(values: Mapping[str, str]) -> str:
    choice = values.get("STATIC_EGRESS", "false").lower()
    if choice not in EGRESS_CHOICES:
        raise SettingsError(f"STATIC_EGRESS must be one of {', '.join(EGRESS_CHOICES)}, not {choice[:40]!r}")
    return choice


def _addresses(values: Mapping[str, str]) -> tuple[str, ...]:
    text = values.get("STATIC_EGRESS_ADDRESSES", "")
    found = tuple(filter(None, re.split(r"[,\s]+", text)))
    known = all(re.fullmatch(r"eipalloc-[0-9a-f]+", part) for part in found)
    if not known or len(found) > 2 or len(set(found)) < len(found):
        raise SettingsError(f"STATIC_EGRESS_ADDRESSES must be one or two ids (eipalloc-0a1b2c…), not {text[:80]!r}")
    return found


def _flag(name: str, values: Mapping[str, str]) -> bool:
    text = values.get(name, "false").lower()
    if text not in ("true", "false"):
        raise SettingsError(f"{name} must be true or false, not {text[:40]!r}")
    return text == "true"
