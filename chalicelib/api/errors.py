"""The error form of the HTTP contract: `{"error": {"code", "message", "details"}}` and its status."""

import logging
from collections.abc import Sequence
from typing import Any

from chalice.app import Response

from chalicelib.domain.errors import (
    ConflictError,
    DatabaseUnavailableError,
    ForbiddenError,
    InvalidError,
    NotAuthenticatedError,
    NotFoundError,
    RefusedError,
    SecretsUnavailableError,
)

logger = logging.getLogger(__name__)

_STATUS: dict[type[RefusedError], int] = {
    NotAuthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    InvalidError: 422,
}


class MalformedError(RefusedError):
    """The body is not a JSON object."""

    def __init__(self, message: str) -> None:
        super().__init__("MALFORMED", message)


class TooLargeError(RefusedError):
    """The body is larger than any alert or setting."""

    def __init__(self, limit: int) -> None:
        super().__init__("BODY_TOO_LARGE", f"the body is larger than {limit} bytes")


def error_answer(status: int, code: str, message: str, details: Sequence[Any] = ()) -> Response:
    """One error in the form of the contract."""
    body = {"error": {"code": code, "message": message, "details": list(details)}}
    headers: dict[str, str | list[str]] = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body=body, status_code=status, headers=headers)


def answer_to(error: Exception) -> Response:
    """What a failed call is told. What nobody expected is logged with its traceback and told as a 500."""
    match error:
        case MalformedError():
            return error_answer(400, error.code, error.message)
        case TooLargeError():
            return error_answer(413, error.code, error.message)
        case RefusedError():
            logger.info("request refused: %s", error.code)
            return error_answer(_STATUS[type(error)], error.code, error.message, error.details)
        case DatabaseUnavailableError():
            return error_answer(503, "DATABASE_UNAVAILABLE", str(error))
        case SecretsUnavailableError():
            return error_answer(503, "SECRETS_UNAVAILABLE", str(error))
        case _:
            logger.error("unexpected error", exc_info=error)
            return error_answer(500, "INTERNAL_ERROR", "something went wrong here; it is logged")
