"""Secrets Manager in memory: keys that change while processes remember them."""

from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from chalicelib.domain.clock import Clock, seconds_between


class Vault:
    """Implements the Secrets port, for all processes."""

    def __init__(self) -> None:
        self.reachable = True
        self._secrets: dict[str, dict[str, str]] = {}

    async def put(self, account_id: str, credentials: dict[str, Any]) -> str:
        name = f"secret-of-{account_id}"
        self._secrets[name] = dict(credentials)
        return name

    async def delete(self, secret_name: str) -> None:
        self._secrets.pop(secret_name, None)

    def read(self, name: str) -> dict[str, str]:
        """Raises GetParameterError where it cannot be read now."""
        if not self.reachable or name not in self._secrets:
            raise GetParameterError(f"{name} cannot be read")
        return dict(self._secrets[name])


class VaultReader:
    """What powertools' SecretsProvider is to a process: it remembers for `max_age` seconds."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._known: dict[str, tuple[dict[str, str], datetime]] = {}

    def get(self, name: str, *, max_age: int, transform: str, force_fetch: bool) -> dict[str, str]:
        known = self._known.get(name)
        now = self._clock.now()
        if known is None or force_fetch or seconds_between(known[1], now) >= max_age:
            known = self._known[name] = self._vault.read(name), now
        return known[0]
