"""Routes of the API: registration, authentication, bodies and query parameters, answers."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from chalice.app import Blueprint, Response

from chalicelib import runtime
from chalicelib.api.errors import MalformedError, TooLargeError, answer_to
from chalicelib.domain.errors import InvalidError, NotAuthenticatedError
from chalicelib.domain.ids import ID_PATTERN
from chalicelib.domain.metrics import Metric

if TYPE_CHECKING:  # 40 ms of a cold start, which the functions without bodies need not pay
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")
E = TypeVar("E", bound=StrEnum)
View = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Registered:
    """A route as it was registered; the documentation is made of these."""

    method: str
    path: str
    public: bool
    name: str
    summary: str


REGISTERED: list[Registered] = []

BODY_LIMIT = 16_000
MAX_LIMIT = 100
DEFAULT_LIMIT = 20


def route(
    blueprint: Blueprint, path: str, method: str, *, public: bool = False, of_ids: bool = True
) -> Callable[[View], View]:
    """Register a view: any content type, errors in the contract's form, the admin token unless `public`.

    `of_ids`: what stands in the path are ids, and is refused where it cannot be one.
    """

    def register(view: View) -> View:
        def answered(**arguments: str) -> Response:
            request = blueprint.current_request
            request_id = runtime.begin(request.lambda_context)
            try:
                if not public:
                    check_admin(request.headers)
                for name, value in arguments.items() if of_ids else ():
                    check_id(name, value)
                response = view(**arguments)
            except Exception as error:
                response = answer_to(error)
            if response.status_code >= 500:
                runtime.meter().emit(Metric.API_FAILURES)  # to Lambda this is an answer like any other
            if request_id:
                response.headers["X-Request-Id"] = request_id  # by which the log lines are found
            return response

        answered.__name__ = view.__name__
        answered.__doc__ = view.__doc__
        blueprint.route(path, methods=[method], content_types=["*/*"])(answered)
        REGISTERED.append(Registered(method, path, public, view.__name__, view.__doc__ or ""))
        return view

    return register


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer; 204 has no body."""
    headers: dict[str, str | list[str]] = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(body=body if status != 204 else "", status_code=status, headers=headers)


def check_admin(headers: Mapping[str, str]) -> None:
    """Raise NotAuthenticatedError unless the bearer token is the admin's, compared in constant time."""
    scheme, _, given = (headers.get("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not _is_admin(given.strip()):
        raise NotAuthenticatedError("send the admin token as Authorization: Bearer …")


def _is_admin(given: str) -> bool:
    """Raises NotAuthenticatedError where nobody can be, SecretsUnavailableError where that cannot be told now."""
    fixed, kept = runtime.settings().admin_token, runtime.admin_token()
    if fixed is not None:
        return _is_same(given, fixed)
    if kept is None:
        raise NotAuthenticatedError("ADMIN_TOKEN is not set in this deployment: set it to use the API")
    token = kept.get()
    if _is_same(given, token):
        return True
    newer = kept.get_newer(token)
    return newer is not None and _is_same(given, newer)


def _is_same(given: str, expected: str) -> bool:
    """In a time that does not depend on what is given; an empty token is nobody's."""
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, expected)]
    return hmac.compare_digest(*digests) and expected != ""


def check_id(name: str, value: str) -> None:
    """Raise InvalidError for an id that nothing here can have."""
    if not re.fullmatch(ID_PATTERN, value):
        message = "must start with a letter or digit and have up to 64 letters, digits, _ or -"
        raise InvalidError(f"{name} {message}", [{"field": name, "message": message}])


def read_object(raw: bytes | str | None) -> dict[str, Any]:
    """The body as a JSON object, numbers as Decimal. Raises MalformedError and TooLargeError.

    Some senders deliver the JSON form-encoded, with a stray `=` at its end.
    """
    data = raw.encode() if isinstance(raw, str) else raw or b""
    if len(data) > BODY_LIMIT:
        raise TooLargeError(BODY_LIMIT)
    try:
        text = data.decode("utf-8-sig").strip()
        if text[:3].lower() == "%7b":
            from urllib.parse import unquote_plus

            text = unquote_plus(text)
        body = json.loads(text.rstrip("=").rstrip(), parse_float=_number, parse_int=Decimal, parse_constant=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise MalformedError(f"the body is not JSON: {str(error)[:120]}") from None
    if not isinstance(body, dict):
        raise MalformedError("the body must be a JSON object")
    return body


def _number(text: str) -> Decimal:
    """Exact; what has an exponent beyond all reason is infinite, and refused as such by the field's own check."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("Infinity")


def validate(model: type[M], body: Mapping[str, Any]) -> M:
    """The body as `model`. Raises InvalidError with a line for each field that is not acceptable."""
    from pydantic import ValidationError

    try:
        return model.model_validate(body)
    except ValidationError as error:
        details = [_detail(item) for item in error.errors(include_url=False, include_context=False)]
        summary = "; ".join(
            f"{item['field']}: {item['message']}" if item["field"] else item["message"] for item in details
        )
        raise InvalidError(summary, details) from None


def read_limit(query: Mapping[str, str]) -> int:
    """`limit`, 1 to 100, default 20."""
    return read_number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)


def read_number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query string. Raises InvalidError."""
    text = query.get(name) or str(default)
    if not re.fullmatch(r"-?[0-9]{1,9}", text) or not low <= int(text) <= high:
        message = f"must be a whole number from {low} to {high}"
        raise InvalidError(f"{name} {message}", [{"field": name, "message": message}])
    return int(text)


def read_choice(query: Mapping[str, str], name: str, kind: type[E]) -> E | None:
    """One of an enumeration's words, in any case. Raises InvalidError."""
    text = query.get(name)
    if not text:
        return None
    try:
        return kind(text.upper())
    except ValueError:
        message = f"must be one of {', '.join(kind)}"
        raise InvalidError(f"{name} {message}", [{"field": name, "message": message}]) from None


def query_of(blueprint: Blueprint) -> Mapping[str, str]:
    """The query parameters of the request; empty ones count as not given."""
    return {name: value for name, value in (blueprint.current_request.query_params or {}).items() if value}


def _detail(error: Mapping[str, Any]) -> dict[str, str]:
    field = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return {"field": field, "message": message[0].lower() + message[1:]}
