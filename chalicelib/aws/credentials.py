"""An account's API key: from Secrets Manager, cached, or from the environment where the account has none."""

import asyncio
import logging
from datetime import datetime
from typing import Any

from chalicelib.domain.clock import Clock, seconds_between
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.domain.secrets import Credentials

logger = logging.getLogger(__name__)

CACHED_FOR = 900
"""Seconds; a key that the exchange refuses is asked for again at once."""

_RELOAD_EVERY = 60.0


class AccountCredentials:
    """One account's key. Its value appears in no log and no error."""

    def __init__(
        self,
        account_id: str,
        secret_name: str | None,
        fallback: Credentials | None,
        clock: Clock,
        provider: Any = None,
    ) -> None:
        """`provider`: reads secrets as powertools' SecretsProvider does, which it is unless another one is given."""
        self._account_id = account_id
        self._secret_name = secret_name
        self._fallback = fallback
        self._clock = clock
        self._provider = provider
        self._force = False
        self._current: Credentials | None = None
        self._loaded_at = clock.now()
        self._loading = asyncio.Lock()
        self._reloaded_at: datetime | None = None

    async def get(self) -> Credentials:
        """Raises OrderNotAcceptedError where there is no usable key."""
        if self._secret_name is None:
            if self._fallback is None:
                message = f"account {self._account_id!r} has no credentials: PUT them, or set the exchange's API key"
                raise OrderNotAcceptedError("NO_CREDENTIALS", message)
            return self._fallback
        async with self._loading:
            now = self._clock.now()
            if self._current is None or self._force or seconds_between(self._loaded_at, now) >= CACHED_FOR:
                self._current = await asyncio.to_thread(self._fetch, self._secret_name)
                self._loaded_at = now
            return self._current

    async def reload(self, refused: Credentials) -> bool:
        """A key that is still wrong is not asked for again and again."""
        if self._secret_name is None:
            return self._stays_refused()
        if self._force or (self._current is not None and self._current != refused):
            return True
        now = self._clock.now()
        if self._reloaded_at is not None and seconds_between(self._reloaded_at, now) <= _RELOAD_EVERY:
            return self._stays_refused()
        self._reloaded_at = now
        self._force = True
        logger.warning("the exchange refused the key; it is loaded again", extra={"account_id": self._account_id})
        return True

    def _stays_refused(self) -> bool:
        logger.error("the exchange refuses the key: store another one", extra={"account_id": self._account_id})
        return False

    def _fetch(self, name: str) -> Credentials:
        from aws_lambda_powertools.utilities import parameters
        from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

        if self._provider is None:
            self._provider = parameters.SecretsProvider()
        force, self._force = self._force, False
        try:
            secret = self._provider.get(name, max_age=CACHED_FOR, transform="json", force_fetch=force)
            return Credentials(secret["api_key"], secret["api_secret"])
        except (GetParameterError, parameters.TransformParameterError, KeyError, TypeError) as error:
            message = f"the credentials of account {self._account_id!r} cannot be read: {type(error).__name__}"
            passing = isinstance(error, GetParameterError)
            raise OrderNotAcceptedError("NO_CREDENTIALS", message, passing=passing) from None
