"""What Binance's codes prove (binance-spot-api-docs errors.md; USD-M error codes and general info).

For a create, what is not listed here proves nothing. A code counts with a 4XX only: a 5XX is listed by its text.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.outcomes import (
    CancelOutcome,
    Duplicate,
    Gone,
    NotFound,
    NotPlaced,
    PlaceOutcome,
    Refused,
    Throttled,
    Unknown,
)
from chalicelib.exchanges.dialect import Answer

TOO_MANY_ORDERS = -1015
_CLOCK_ERROR = -1021
_DUPLICATE = -4116
_REJECTED = -2010
_CANCEL_REJECTED = -2011
_NO_SUCH_ORDER = -2013
_ARCHIVED = -2026

_KEY_ERRORS = frozenset({-1022, -2014, -2015})
_NOT_PROCESSED = _KEY_ERRORS | {-1003, TOO_MANY_ORDERS, _CLOCK_ERROR}
"""The same request may succeed once the clock or the key is put right, or the limit has passed."""

_PARAMETERS = frozenset(range(-1130, -1099))
_FILTERS = frozenset(range(-4999, -3999))
"""USD-M: "Filters and other issues"; -4120 (use the algo service) and -4164 (notional) among them."""

_PERMANENT = frozenset({-1013, _REJECTED, -2019, -2021, -2022, -5021, -5022}) | _PARAMETERS | _FILTERS

_STAY_AWAY = {429: 5.0, 418: 120.0, 403: 5.0}
"""Seconds by status where no Retry-After tells: a limit, a ban (two minutes at least), the firewall."""

_LONGEST_BAN = 259200.0


@dataclass(frozen=True, slots=True)
class MarketCodes:
    """Where the two markets mean different things by the same words."""

    ambiguous: frozenset[int]
    """Codes that prove nothing, whatever the status."""
    not_processed: frozenset[int] = frozenset()
    failures_with_503: frozenset[str] = frozenset()
    """Texts of a 503 that the market's documents call a definite failure."""


SPOT = MarketCodes(ambiguous=frozenset({-1000, -1001, -1006, -1007, -1008}))

FUTURES = MarketCodes(
    ambiguous=frozenset({-1000, -1006, -1007}),
    not_processed=frozenset({-1008}),
    failures_with_503=frozenset(
        {"Service Unavailable.", "Internal error; unable to process your request. Please try again."}
    ),
)


def error_code(answer: Answer) -> int | None:
    """`code` of the body, where it is one."""
    code = answer.body.get("code") if isinstance(answer.body, Mapping) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def error_message(answer: Answer) -> str:
    """Binance's own words, cut short."""
    code = error_code(answer)
    if code in _KEY_ERRORS:
        return f"{code}: the key or its signature was refused"  # some exchanges echo what was signed
    return f"{f'HTTP {answer.status}' if code is None else code}: {_text(answer) or 'no message'}"[:300]


def is_clock_error(answer: Answer) -> bool:
    """The time stamp is outside of the window, or ahead."""
    return _refusal_code(answer) == _CLOCK_ERROR


def is_key_error(answer: Answer) -> bool:
    """The key or its secret is wrong, or not allowed from this address."""
    return _refusal_code(answer) in _KEY_ERRORS


def is_absence(answer: Answer) -> bool:
    """A query for an order that this book does not have, or not yet."""
    return _refusal_code(answer) == _NO_SUCH_ORDER


def refused_create(answer: Answer, market: MarketCodes) -> PlaceOutcome:
    """The verdict on a create that was not answered with 200."""
    code, message = _refusal_code(answer), error_message(answer)
    if code in market.ambiguous:
        return Unknown(message)
    if _is_not_processed(answer, market):
        return NotPlaced(str(code or answer.status), message, retry=True, retry_after=stay_away(answer))
    if code == _DUPLICATE or _names_duplicate(code, _text(answer)):
        return Duplicate(message)
    return NotPlaced(str(code), message) if code in _PERMANENT else Unknown(message)


def refused_cancel(answer: Answer, market: MarketCodes) -> CancelOutcome:
    """The verdict on a cancel that was not answered with 200. -2011 has several meanings, told by its text only."""
    code, message = _refusal_code(answer), error_message(answer)
    if code in market.ambiguous:
        return Unknown(message)
    if _is_not_processed(answer, market):
        return Throttled(message, stay_away(answer))
    if code == _CANCEL_REJECTED and "cancel restrictions" in _text(answer):
        return Refused(message)
    if code == _NO_SUCH_ORDER or (code == _CANCEL_REJECTED and _text(answer).startswith("Unknown order")):
        return NotFound(message)
    return Gone(message) if code == _ARCHIVED else Unknown(message)


def stay_away(answer: Answer) -> float:
    """Seconds to leave the exchange alone; 0 where the answer asks for nothing of the kind."""
    if answer.status not in _STAY_AWAY:
        return 0.0
    told = retry_after(answer)
    return _STAY_AWAY[answer.status] if told is None else told


def retry_after(answer: Answer) -> float | None:
    """The header in seconds, where it is there."""
    told = answer.header("Retry-After") or ""
    return min(float(told), _LONGEST_BAN) if told.isascii() and told.isdigit() else None


def _text(answer: Answer) -> str:
    words = answer.body.get("msg") if isinstance(answer.body, Mapping) else None
    return words if isinstance(words, str) else ""


def _refusal_code(answer: Answer) -> int | None:
    """The code of an answer that is a refusal; a 5XX is none."""
    return error_code(answer) if 400 <= answer.status < 500 and answer.status != 408 else None


def _is_not_processed(answer: Answer, market: MarketCodes) -> bool:
    if answer.status == 503:
        return error_code(answer) in market.not_processed or _text(answer) in market.failures_with_503
    return answer.status in _STAY_AWAY or _refusal_code(answer) in _NOT_PROCESSED | market.not_processed


def _names_duplicate(code: int | None, text: str) -> bool:
    """Spot has no code of its own for a used client id, and that of a used clientAlgoId is unpublished: the words
    tell, and cost a look-up at worst."""
    return (code == _REJECTED or code in _FILTERS) and "duplicat" in text.lower()
