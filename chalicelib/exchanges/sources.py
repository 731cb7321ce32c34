"""What an adapter is given from outside: a key, and a way to the exchange."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.secrets import Credentials

if TYPE_CHECKING:
    import httpx

    from chalicelib.exchanges.dialect import Answer, Call


class CredentialsSource(Protocol):
    """Where an account's key comes from."""

    async def get(self) -> Credentials:
        """The key, remembered. Raises OrderNotAcceptedError where there is none."""

    async def reload(self, refused: Credentials) -> bool:
        """The exchange refused this key: whether the next `get` may give another."""


class Sender(Protocol):
    """The way to one exchange for one account."""

    async def send(self, call: "Call", auth: "httpx.Auth | None", seconds: float) -> "Answer":
        """One request and its answer, each step within `seconds`. Raises httpx.TransportError."""


SenderTo = Callable[[str], Sender]
"""By the exchange's host, with its scheme."""
