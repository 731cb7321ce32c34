"""Every environment variable, typed and validated; a bad value is one line that names the variable."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from chalicelib.domain.policy import Policy
from chalicelib.domain.secrets import Credentials

T = TypeVar("T")

EXCHANGES = ("binance", "bybit", "upbit")
EXCHANGE_URLS = ("BINANCE_SPOT_URL", "BINANCE_FUTURES_URL", "BYBIT_URL", "UPBIT_URL")


class SettingsError(Exception):
    """A variable has a value that cannot be used; the text is one line that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a deployment may set; defaults and meanings stand in the README."""

    environment: str
    log_level: str
    admin_token: str | None = field(repr=False)
    admin_token_secret: str | None
    table_prefix: str
    order_id_prefix: str
    use_mock_exchange: bool
    exchange_urls: Mapping[str, str]
    exchange_keys: Mapping[str, Credentials]
    orders_stream_arn: str
    sweep_function: str | None
    policy: Policy


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check all of them. Raises SettingsError."""
    read = _Reader(environ)
    environment = read.text("ENVIRONMENT", "development", r"[A-Za-z0-9_-]{1,40}")
    return Settings(
        environment=environment,
        log_level=read.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
        admin_token=_admin_token(environ),
        admin_token_secret=read.text("ADMIN_TOKEN_SECRET", "", r"[A-Za-z0-9/_+=.@:-]{1,2048}") or None,
        table_prefix=read.text("TABLE_PREFIX", f"trading-bot-{environment}", r"[A-Za-z0-9_.-]{3,80}"),
        order_id_prefix=read.text(
            "ORDER_ID_PREFIX", default_order_id_prefix(environment), r"[A-Za-z0-9][A-Za-z0-9_-]{0,6}"
        ),
        use_mock_exchange=read.flag("USE_MOCK_EXCHANGE", True),
        exchange_urls={name: read.url(name) for name in EXCHANGE_URLS if environ.get(name)},
        exchange_keys=_exchange_keys(environ),
        orders_stream_arn=environ.get("ORDERS_STREAM_ARN", ""),
        sweep_function=environ.get("SWEEP_FUNCTION_NAME") or None,
        policy=_policy(read),
    )


def _admin_token(environ: Mapping[str, str]) -> str | None:
    """As it is compared: without blanks around it, which no header can carry."""
    token = environ.get("ADMIN_TOKEN") or None
    if token is not None and token != token.strip():
        raise SettingsError("ADMIN_TOKEN must have no blanks around it")
    if token is not None and environ.get("ADMIN_TOKEN_SECRET", "").strip():
        raise SettingsError("ADMIN_TOKEN and ADMIN_TOKEN_SECRET are both set: choose one")
    return token


def _exchange_keys(environ: Mapping[str, str]) -> dict[str, Credentials]:
    """Keys for accounts that have none of their own."""
    found = {}
    for exchange in EXCHANGES:
        key, secret = (environ.get(f"{exchange.upper()}_API_{part}", "") for part in ("KEY", "SECRET"))
        if bool(key) != bool(secret):
            missing = "SECRET" if key else "KEY"
            raise SettingsError(f"{exchange.upper()}_API_{missing} is missing beside its other half")
        if key:
            found[exchange] = Credentials(key, secret)
    return found


def default_order_id_prefix(environment: str) -> str:
    """`dev-` for a short stage name; else its beginning and a few characters that tell it from others."""
    plain = re.sub(r"[^A-Za-z0-9]", "", environment) or "x"
    if plain == environment and len(plain) <= 6:
        return plain + "-"
    return plain[:3] + hashlib.sha256(environment.encode()).hexdigest()[:3] + "-"


def _policy(read: "_Reader") -> Policy:
    return Policy(
        market_order_timeout=read.number("MARKET_ORDER_TIMEOUT", 10, low=3, high=25),
        exchange_timeout=read.number("EXCHANGE_TIMEOUT", 30, low=3, high=300),
        exchange_max_retries=int(read.number("EXCHANGE_MAX_RETRIES", 3, low=0, high=10, whole=True)),
        max_cancel_retries=int(read.number("MAX_CANCEL_RETRIES", 5, low=1, high=12, whole=True)),
        cancel_queue_interval=read.number("CANCEL_QUEUE_INTERVAL", 10, low=0.1, high=60),
        max_send_delay=read.number("MAX_SEND_DELAY", 60, low=1, high=86400),
        reconcile_interval=read.number("RECONCILE_INTERVAL", 300, low=1, high=86400),
        alert_dedupe_seconds=read.number("ALERT_DEDUPE_SECONDS", 30, low=0, high=86400),
        max_alert_age=read.number("MAX_ALERT_AGE", 60, low=0, high=86400),
    )


class _Reader:
    """Reads variables of one mapping; an empty value counts as not set."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str, pattern: str) -> str:
        def parse(value: str) -> str:
            if not re.fullmatch(pattern, value):
                raise ValueError
            return value

        return self._read(name, default, parse, f"text that matches {pattern}")

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        def parse(value: str) -> str:
            if value.upper() not in allowed:
                raise ValueError
            return value.upper()

        return self._read(name, default, parse, f"one of {', '.join(allowed)}")

    def flag(self, name: str, default: bool) -> bool:
        words = {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }

        def parse(value: str) -> bool:
            if value.lower() not in words:
                raise ValueError
            return words[value.lower()]

        return self._read(name, default, parse, "true or false")

    def number(self, name: str, default: float, *, low: float, high: float, whole: bool = False) -> float:
        def parse(value: str) -> float:
            number = int(value) if whole else float(value)
            if not low <= number <= high:
                raise ValueError
            return number

        kind = "a whole number" if whole else "a number"
        return self._read(name, default, parse, f"{kind} from {low:g} to {high:g}")

    def url(self, name: str) -> str:
        def parse(value: str) -> str:
            parts = urlsplit(value)
            port = f":{parts.port}" if parts.port is not None else ""
            host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
            if value.rstrip("/").lower() != f"{parts.scheme}://{host}{port}" or parts.scheme not in ("http", "https"):
                raise ValueError
            return value.rstrip("/").lower()

        return self._read(name, "", parse, "scheme, host and port, such as https://api.example.com")

    def _read(self, name: str, default: T, parse: Callable[[str], T], expected: str) -> T:
        value = self._environ.get(name, "").strip()
        if not value:
            return default
        try:
            return parse(value)
        except ValueError:
            raise SettingsError(f"{name} must be {expected}, not {value[:80]!r}") from None
