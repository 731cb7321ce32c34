"""Where an adapter's key comes from."""

from typing import Protocol

from chalicelib.domain.secrets import Credentials


class CredentialsSource(Protocol):
    """Where an account's key comes from."""

    async def get(self) -> Credentials:
        """The key, remembered. Raises OrderNotAcceptedError where there is none."""

    async def reload(self, refused: Credentials) -> bool:
        """The exchange refused this key: whether the next `get` may give another."""
