"""What Upbit's error names prove (docs.upbit.com, error codes): branch on the name, not on 401 or 403.

Not every name is documented: for a create, an unknown one proves nothing.
"""

import re
from collections.abc import Mapping

from chalicelib.domain.outcomes import (
    CancelOutcome,
    Duplicate,
    NotFound,
    NotPlaced,
    PlaceOutcome,
    Throttled,
    Unknown,
)
from chalicelib.exchanges.dialect import Answer

_PERMANENT = re.compile(
    r"^(insufficient_funds_\w+|under_min_total_\w+|create_\w+_error|validation_error|market_offline)$"
)
_ADDRESS_ERRORS = frozenset({"no_authorization_ip", "no_authorization_i_p"})
_KEY_ERRORS = _ADDRESS_ERRORS | {
    "jwt_verification",
    "expired_access_key",
    "invalid_access_key",
    "no_authorization_token",
    "out_of_scope",
}
_NOT_PROCESSED = _KEY_ERRORS | frozenset({"invalid_query_payload", "nonce_used", "too_many_requests"})
_DUPLICATE = re.compile(r"identifier")
"""The name of the error for a used identifier is unpublished; one that speaks of identifiers is taken for it,
which costs a look-up at worst."""

_THROTTLED = (429, 418)
_BLOCK_SECONDS = 10.0
_LONGEST_BLOCK = 86_400.0
_SECONDS = re.compile(r"(\d{1,6})\s*(?:seconds?|초)", re.IGNORECASE)


def error_name(answer: Answer) -> str | None:
    """`error.name`; a string on exchange calls, an integer on quotation calls."""
    error = answer.body.get("error") if isinstance(answer.body, Mapping) else None
    name = error.get("name") if isinstance(error, Mapping) else None
    return str(name) if name is not None else None


def error_message(answer: Answer) -> str:
    """Upbit's own words, cut short."""
    if is_key_error(answer):
        return f"{error_name(answer)}: the key or its token was refused"  # some exchanges echo what was signed
    error = answer.body.get("error") if isinstance(answer.body, Mapping) else None
    words = error.get("message") if isinstance(error, Mapping) else None
    return f"{error_name(answer) or answer.status}: {words or 'no message'}"[:300]


def is_key_error(answer: Answer) -> bool:
    """The key is refused: wrong, rotated, past its one year, without this right, or not for this address."""
    return error_name(answer) in _KEY_ERRORS


def is_address_error(answer: Answer) -> bool:
    """The key is registered for other addresses."""
    return error_name(answer) in _ADDRESS_ERRORS


def refused_create(answer: Answer) -> PlaceOutcome:
    """An identifier counts as used even when the request failed: trying again takes a new one."""
    name, message = error_name(answer), error_message(answer)
    if answer.status in _THROTTLED or (name in _NOT_PROCESSED and answer.status < 500):
        return NotPlaced(name or "429", message, retry=True, retry_after=stay_away(answer), id_spent=True)
    if name is None or answer.status >= 500 or answer.status < 400:
        return Unknown(f"HTTP {answer.status}: {message}")
    if _PERMANENT.match(name):
        return NotPlaced(name, message, id_spent=True)
    return Duplicate(message) if _DUPLICATE.search(name) else Unknown(message)


def refused_cancel(answer: Answer) -> CancelOutcome:
    """Nothing here is a refusal of the cancel itself, and `order_not_found` has three meanings."""
    name, message = error_name(answer), error_message(answer)
    if answer.status >= 500 or name is None:
        return Unknown(f"HTTP {answer.status}: {message}")
    return NotFound(message) if name == "order_not_found" else Throttled(message, stay_away(answer))


def stay_away(answer: Answer) -> float:
    """429: a second; 418: a block whose length grows, told in words."""
    told = answer.headers.get("retry-after", "")
    if told.isdigit():
        return float(told)
    words = _SECONDS.search(error_message(answer)) if answer.status == 418 else None
    if words:
        return min(float(words[1]), _LONGEST_BLOCK)
    return {429: 1.0, 418: _BLOCK_SECONDS}.get(answer.status, 0.0)
