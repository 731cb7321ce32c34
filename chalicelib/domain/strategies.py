"""Strategies and the accounts that trade them."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

MAX_ACCOUNTS = 90


@dataclass(frozen=True, slots=True)
class AccountShare:
    """An account's part in a strategy: every amount of an alert is multiplied by `weight`."""

    account_id: str
    weight: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """Who trades what on an alert, and how much at most."""

    strategy_id: str
    name: str
    enabled: bool
    symbols: tuple[str, ...]
    accounts: tuple[AccountShare, ...]
    max_order_notional: Decimal | None
    token_hash: str
    halted: bool
    created_at: datetime
    updated_at: datetime
    version: int = 1

    def knows_token(self, token: str) -> bool:
        """Constant-time comparison against the stored SHA-256."""
        return hmac.compare_digest(self.token_hash, token_hash(token))

    def changed(self, now: datetime, **changes: Any) -> "Strategy":
        """The next version; whoever cached the last one is told by its condition."""
        return replace(self, version=self.version + 1, updated_at=now, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account at an exchange; its secret lives elsewhere, under `secret_name`."""

    account_id: str
    exchange: str
    market: str
    testnet: bool
    enabled: bool
    options: Mapping[str, Any] = field(default_factory=dict)
    secret_name: str | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The global switch: off means no new orders; cancels and reconcile go on."""

    name: str = "switch"
    trading_enabled: bool = True
    updated_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Until when a sweep is awake and looks every second (R27)."""

    name: str = "sweep"
    awake_until: datetime
    updated_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Until when an exchange wants an account to keep away, as all processes know it."""

    name: str
    blocked_until: datetime
    updated_at: datetime
    version: int = 1


def ban_name(account_id: str) -> str:
    """The key of an account's ban."""
    return f"ban#{account_id}"


def token_hash(token: str) -> str:
    """What is stored of a webhook token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
