"""The errors that callers of the use cases see.

TradingError
├── RefusedError         the request cannot be carried out as it stands; nothing was stored
│   ├── NotAuthenticatedError
│   ├── ForbiddenError
│   ├── NotFoundError
│   ├── ConflictError
│   └── InvalidError
├── StaleRowError        a conditional write met another version: read again, decide again (R3)
├── DatabaseUnavailableError
└── SecretsUnavailableError
IllegalTransitionError   a bug: the state machine has no such edge
"""

from collections.abc import Sequence
from typing import Any


class TradingError(Exception):
    """Base of everything that a caller may be told."""


class RefusedError(TradingError):
    """A request that was turned down. `code` is for programs, the text for people."""

    def __init__(self, code: str, message: str, details: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = list(details)


class NotAuthenticatedError(RefusedError):
    """Who asks is not known."""

    def __init__(self, message: str) -> None:
        super().__init__("UNAUTHORIZED", message)


class ForbiddenError(RefusedError):
    """Known, but not allowed now."""


class NotFoundError(RefusedError):
    """There is no such thing."""

    def __init__(self, what: str, key: str) -> None:
        super().__init__("NOT_FOUND", f"there is no {what} {key!r}")


class ConflictError(RefusedError):
    """The thing is in a state that does not allow it."""


class InvalidError(RefusedError):
    """A field, or the combination of fields, is not acceptable."""

    def __init__(self, message: str, details: Sequence[Any] = (), code: str = "VALIDATION_ERROR") -> None:
        super().__init__(code, message, details)


class StaleRowError(TradingError):
    """A conditional write failed; `failed` are the positions of the changes whose condition did not hold."""

    def __init__(self, failed: Sequence[int]) -> None:
        super().__init__(f"conditions of changes {list(failed)} did not hold")
        self.failed = tuple(failed)


class DatabaseUnavailableError(TradingError):
    """The database did not take the request within its deadline."""


class SecretsUnavailableError(TradingError):
    """The secret store did not take the request; the text never carries a secret's value."""


class IllegalTransitionError(Exception):
    """The state machine has no such edge."""
