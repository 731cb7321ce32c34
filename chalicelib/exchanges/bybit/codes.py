"""What Bybit's answers prove: `retCode` on HTTP 200 (bybit-exchange/docs 072c197, v5/error, v5/rate-limit).

What is in no table proves nothing. Nor does HTTP other than 200, but for 403: the gateway let nothing through.
"""

from collections.abc import Mapping, Sequence
from typing import Any

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
from chalicelib.exchanges.bybit.parsing import number
from chalicelib.exchanges.dialect import Answer

_CLOCK_ERROR = 10002
_SIGN_ERROR = 10004
_TOO_MANY_VISITS = 10006
_FORBIDDEN = 403
_TOO_MANY_REQUESTS = 429

_ADDRESS_ERROR = 10010
_KEY_ERRORS = frozenset({10003, _SIGN_ERROR, 10005, 10007, _ADDRESS_ERROR, 33004})
"""Key unknown, signature wrong, no permission, not logged in, not from this IP, key expired: another may cure it."""

_NOT_PROCESSED = _KEY_ERRORS | {_CLOCK_ERROR, _TOO_MANY_VISITS}
"""Besides: time, rate limit. The same request may succeed later."""

_NOT_PLACED = frozenset(
    {
        10001,  # a parameter
        10029,  # the symbol is not open to the API
        110003,  # price out of range
        110004,  # wallet balance
        110007,  # available balance
        110012,  # available balance
        110017,  # reduce-only rule
        110020,  # 500 active orders
        110094,  # below the minimum notional
        170121,  # no such symbol
        170131,  # balance
        170136,  # below the minimum quantity
        170137,  # too many decimals
        170140,  # below the minimum value
    }
)
"""Refused for good as it stands."""

_DUPLICATE = frozenset({10014, 110072, 170141})

_PASSING = frozenset({429, 10000, 10016, 10019, 10429, 170001, 170005, 170007, 170032, 500000})
"""Time-outs and troubles inside: a read may be made again, a create is unknown."""

_GONE = frozenset({110008, 110010, 170139, 170142, 170190})
_NOT_FOUND = frozenset({110001, 170143, 170213})
_CANCEL_REFUSED = frozenset({110079, 170191})
"""The order is being processed; it cannot be cancelled now. It lives."""

_CANCEL_LATER = _NOT_PROCESSED | {
    10009,  # the IP is banned
    10018,  # the IP's rate limit
    30035,  # cancels come too fast
    170212,  # a cancel is under way
}

_FORBIDDEN_SECONDS = 600.0
"""600 requests in 5 s from one IP: stop everything for ten minutes (v5/rate-limit). A US address gets it too."""

_WINDOW = 1.0
"""Limits are per second, rolling."""

_LONGEST_RESET = 60.0
_LONGEST_BAN = 86_400.0


def ret_code(answer: Answer) -> int | None:
    """`retCode`; None where the answer is not Bybit's envelope."""
    code = answer.body.get("retCode") if answer.status == 200 and isinstance(answer.body, Mapping) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def result(answer: Answer) -> Mapping[str, Any]:
    """`result` of an answer that says OK, else nothing."""
    if ret_code(answer) != 0:
        return {}
    part = answer.body.get("result")
    return part if isinstance(part, Mapping) else {}


def rows(answer: Answer) -> Sequence[Any] | None:
    """`result.list`; None where the answer is no list."""
    found = result(answer).get("list")
    return found if isinstance(found, list) else None


def message(answer: Answer) -> str:
    """Bybit's words, cut short. 10004 echoes what was signed, key and all: those are left out."""
    code = ret_code(answer)
    if code is None:
        return f"HTTP {answer.status}" if answer.status != 200 else "HTTP 200 without Bybit's envelope"
    told = answer.body.get("retMsg")
    words = told.partition("origin_string")[0] if isinstance(told, str) else ""
    return f"{code}: {'the signature was refused' if code == _SIGN_ERROR else words or 'no message'}"[:300]


def is_clock_error(answer: Answer) -> bool:
    """The request came too late, or from the future."""
    return ret_code(answer) == _CLOCK_ERROR


def is_passing(answer: Answer) -> bool:
    """Bybit failed, and says so with HTTP 200."""
    return ret_code(answer) in _PASSING


def is_key_error(answer: Answer) -> bool:
    """The key itself is refused."""
    return ret_code(answer) in _KEY_ERRORS


def is_address_error(answer: Answer) -> bool:
    """The key is bound to other addresses."""
    return ret_code(answer) == _ADDRESS_ERROR


def refused_create(answer: Answer) -> PlaceOutcome:
    """The verdict on a create that was not taken. A client id is not used up by a refusal."""
    code, words = ret_code(answer), message(answer)
    if answer.status == _FORBIDDEN or code in _NOT_PROCESSED:
        return NotPlaced(str(code or answer.status), words, retry=True, retry_after=stay_away(answer))
    if code in _NOT_PLACED:
        return NotPlaced(str(code), words)
    return Duplicate(words) if code in _DUPLICATE else Unknown(words)


def refused_cancel(answer: Answer) -> CancelOutcome:
    """The verdict on a cancel that was not taken. Only an order that Bybit is busy with refuses it."""
    code, words = ret_code(answer), message(answer)
    if answer.status in (_FORBIDDEN, _TOO_MANY_REQUESTS) or code in _CANCEL_LATER:
        return Throttled(words, stay_away(answer))
    if code in _CANCEL_REFUSED:
        return Refused(words)
    if code in _GONE:
        return Gone(words)
    return NotFound(words) if code in _NOT_FOUND else Unknown(words)


def stay_away(answer: Answer) -> float:
    """Seconds: as Retry-After says, or as the kind of limit wants; 0 where none was met."""
    limited = ret_code(answer) == _TOO_MANY_VISITS
    if not limited and answer.status not in (_FORBIDDEN, _TOO_MANY_REQUESTS):
        return 0.0
    told = number(answer.header("retry-after"))
    if told is not None and told >= 0:
        return min(float(told), _LONGEST_BAN)
    return _FORBIDDEN_SECONDS if answer.status == _FORBIDDEN else until_reset(answer)


def left(answer: Answer) -> int | None:
    """How many more calls of this endpoint are allowed now, where the answer tells."""
    told = number(answer.header("x-bapi-limit-status"))
    return None if told is None else int(told)


def until_reset(answer: Answer) -> float:
    """Seconds until the endpoint's count starts anew, by Bybit's own clock: reset time stamp less `time`."""
    reset = number(answer.header("x-bapi-limit-reset-timestamp"))
    now = number(answer.body.get("time")) if isinstance(answer.body, Mapping) else None
    seconds = float(reset - now) / 1000 if reset is not None and now is not None else 0.0
    return seconds if 0 < seconds <= _LONGEST_RESET else _WINDOW
