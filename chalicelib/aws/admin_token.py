"""The admin token in AWS Secrets Manager: kept for a minute, so that it can be rotated without a deployment."""

import logging
from threading import RLock
from typing import Any

from chalicelib.domain.clock import Clock, seconds_between
from chalicelib.domain.errors import SecretsUnavailableError

logger = logging.getLogger(__name__)

KEPT_FOR = 60.0
"""Seconds after which the token is read again: so long an old one goes on being good."""

READ_AGAIN_AFTER = 5.0
"""Seconds between two readings at least, however many wrong tokens are tried meanwhile."""

OUTLIVES = 600.0
"""Seconds for which a token goes on being good that cannot be read again."""

_CONNECT_TIMEOUT = 1.0
_READ_TIMEOUT = 2.0


class AdminToken:
    """The secret's current value, read on first use. It appears in no log and no error."""

    def __init__(self, secret_id: str, clock: Clock, client: Any = None) -> None:
        """`client`: of Secrets Manager, which is built on first use unless one is given."""
        self._secret_id = secret_id
        self._clock = clock
        self._client = client
        self._token: str | None = None
        self._read_at = self._asked_at = clock.now()
        self._reading = RLock()

    def get(self) -> str:
        """The token, without blanks around it; empty where nobody is to be let in. Raises SecretsUnavailableError."""
        with self._reading:
            if self._token is None or self._is_older_than(KEPT_FOR):
                self._read()
            if self._token is None or self._is_older_than(OUTLIVES):
                raise SecretsUnavailableError("the admin token cannot be read now; try again shortly")
            return self._token

    def get_newer(self, than: str) -> str | None:
        """What the token is by now, for somebody whose token is not the one that is kept; None where nothing newer
        is to be had."""
        with self._reading:
            if self._token == than:
                self._read()
            return self._token if self._token != than else None

    def _is_older_than(self, seconds: float) -> bool:
        """Also where the clock went back: nobody knows then."""
        return not 0 <= seconds_between(self._read_at, self._clock.now()) < seconds

    def _read(self) -> None:
        """Read it unless that was tried a moment ago. A failure leaves the kept one as it is."""
        now = self._clock.now()
        if self._token is not None and 0 <= seconds_between(self._asked_at, now) <= READ_AGAIN_AFTER:
            return
        self._asked_at = now
        token = self._fetch()
        if token is None:
            return
        if not token:
            logger.error("the secret of the admin token is empty: nobody is let in")
        self._token, self._read_at = token, now

    def _fetch(self) -> str | None:
        """None where it cannot be read; only the kind of failure is logged, for texts of errors may say more."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            secret = self._secrets().get_secret_value(SecretId=self._secret_id).get("SecretString")
        except (BotoCoreError, ClientError) as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
            logger.error("the admin token cannot be read: %s", code)
            return None
        if not isinstance(secret, str):
            logger.error("the admin token cannot be read: the secret has no SecretString")
            return None
        return secret.strip()

    def _secrets(self) -> Any:
        if self._client is None:
            import boto3
            from botocore.config import Config

            timeouts = {"connect_timeout": _CONNECT_TIMEOUT, "read_timeout": _READ_TIMEOUT}
            config = Config(**timeouts, retries={"total_max_attempts": 2})
            self._client = boto3.client("secretsmanager", config=config)
        return self._client
