"""What Binance's refusals prove, for a create and for a cancel (errors.md; USD-M general info)."""

from typing import Any

import pytest

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
from tests.exchanges.binance.wire import ERRORS, FUTURES, SPOT, answer, error, of_markets
from tests.exchanges.orders import a_request, an_order, cancel_read

PLACE = {"NOT_PLACED": NotPlaced, "UNKNOWN": Unknown, "DUPLICATE": Duplicate}
CANCEL = {"NOT_FOUND": NotFound, "GONE": Gone, "RETRY": Throttled | Refused, "UNKNOWN": Unknown}
BOTH = (SPOT, FUTURES)
SPOT_ONLY, FUTURES_ONLY = (SPOT,), (FUTURES,)
FAILED_503 = ("Service Unavailable.", "Internal error; unable to process your request. Please try again.")


def placed(given: Answer, dialects: Any = BOTH) -> list[PlaceOutcome]:
    return [dialect.read_create(given, a_request()) for dialect in dialects]


def cancelled(given: Answer, dialects: Any = BOTH) -> list[CancelOutcome]:
    return [cancel_read(dialect, given, an_order()) for dialect in dialects]


@pytest.mark.parametrize("case", ERRORS, ids=lambda e: f"{e['market']} {e['http_status']} {str(e['body'])[:60]}")
def test_a_golden_error_has_its_verdicts(case: dict[str, Any]) -> None:
    """For place and for cancel, on each market that it is of."""
    given = answer(case["http_status"], case["body"], case["headers"])

    for dialect in of_markets(case["market"]):
        if case["place"]:
            assert isinstance(dialect.read_create(given, a_request()), PLACE[case["place"]])
        if case["cancel"]:
            assert isinstance(cancel_read(dialect, given, an_order()), CANCEL[case["cancel"]])


PERMANENT = [-1013, -1100, -1102, -1106, -1111, -1121, -1130, -2010, -2019, -2021, -2022, -4000, -4003, -4015]


@pytest.mark.parametrize("code", [*PERMANENT, -4061, -4120, -4131, -4164, -4999, -5021, -5022])
def test_a_faulty_order_is_not_placed_and_not_sent_again_as_it_is(code: int) -> None:
    """The input has to change first."""
    for outcome in placed(error(code)):
        assert isinstance(outcome, NotPlaced)
        assert (outcome.retry, outcome.code) == (False, str(code))


@pytest.mark.parametrize("code", [-1003, -1015, -1021, -1022, -2014, -2015])
@pytest.mark.parametrize("status", [400, 401, 429])
def test_what_was_not_processed_may_be_sent_again_under_the_same_id(code: int, status: int) -> None:
    """Clock, key, limit: for a cancel that is no refusal, the order lives and nothing is counted."""
    for outcome in placed(error(code, status=status)):
        assert isinstance(outcome, NotPlaced)
        assert (outcome.retry, outcome.id_spent) == (True, False)
    assert [type(outcome) for outcome in cancelled(error(code, status=status))] == [Throttled, Throttled]


@pytest.mark.parametrize("status", [429, 418, 403])
@pytest.mark.parametrize("body", ["", "<html>", "null", {"code": -1003, "msg": "Way too much request weight used"}])
def test_limits_bans_and_the_firewall_are_told_by_the_status(status: int, body: Any) -> None:
    """Whatever the body is; with the time that Retry-After names."""
    given = answer(status, body, {"Retry-After": "33"})

    for created, ended in zip(placed(given), cancelled(given), strict=True):
        assert isinstance(created, NotPlaced)
        assert (created.retry, created.retry_after) == (True, 33.0)
        assert isinstance(ended, Throttled)
        assert ended.retry_after == 33.0


@pytest.mark.parametrize("told", ["", "soon", "-1", "1e9", "²", "9" * 400])
def test_a_ban_without_a_usable_time_still_keeps_us_away(told: str) -> None:
    """Two minutes at least, three days at most."""
    for outcome in placed(answer(418, "", {"Retry-After": told} if told else {})):
        assert isinstance(outcome, NotPlaced)
        assert 120 <= outcome.retry_after <= 259200


@pytest.mark.parametrize("code", [-1000, -1006, -1007])
@pytest.mark.parametrize("status", [400, 408, 429, 500, 503])
def test_ambiguous_codes_prove_nothing_whatever_the_status(code: int, status: int) -> None:
    """The engine may have the order."""
    given = error(code, status=status)

    assert [type(outcome) for outcome in (*placed(given), *cancelled(given))] == [Unknown] * 4


@pytest.mark.parametrize("code", [-1001, -1008])
@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_on_spot_an_internal_error_or_an_overload_is_ambiguous_too(code: int, status: int) -> None:
    """USD-M calls the overload a definite failure, spot gives no guarantee."""
    given = error(code, status=status)

    assert [type(outcome) for outcome in (*placed(given, SPOT_ONLY), *cancelled(given, SPOT_ONLY))] == [Unknown] * 2


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 520, 599, 408])
@pytest.mark.parametrize("body", ["", "<html>502 Bad Gateway</html>", {}, {"code": -2010, "msg": "m"}, [], {"msg": 5}])
def test_a_5xx_or_a_timeout_proves_nothing(status: int, body: Any) -> None:
    """Not even with a code that would be a proof otherwise."""
    given = answer(status, body)

    assert [type(outcome) for outcome in placed(given)] == [Unknown, Unknown]
    assert [type(outcome) for outcome in cancelled(given)] == [Unknown, Unknown]


@pytest.mark.parametrize("body", [*({"msg": text} for text in FAILED_503), {"code": -1008, "msg": "throttled"}])
def test_a_503_of_usdm_may_be_a_definite_failure(body: dict[str, Any]) -> None:
    """Told by its text; on spot, and with another 5XX, the same words prove nothing."""
    (outcome,) = placed(answer(503, body), FUTURES_ONLY)
    (cancel,) = cancelled(answer(503, body), FUTURES_ONLY)

    assert isinstance(outcome, NotPlaced)
    assert outcome.retry
    assert isinstance(cancel, Throttled)
    assert isinstance(placed(answer(503, body), SPOT_ONLY)[0], Unknown)
    assert isinstance(placed(answer(500, body), FUTURES_ONLY)[0], Unknown)


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (-2010, "Duplicate order sent.", Duplicate),
        (-4116, "ClientOrderId is duplicated", Duplicate),
        (-4200, "clientAlgoId is duplicated", Duplicate),
        (-1101, "Duplicate values for a parameter detected.", NotPlaced),
        (-2010, "Stop price would trigger immediately.", NotPlaced),
    ],
)
def test_a_taken_client_id_asks_for_a_look_up(code: int, message: str, expected: type) -> None:
    """A parameter that was sent twice is something else."""
    assert {type(outcome) for outcome in placed(error(code, message))} == {expected}


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (-2011, "Unknown order sent.", NotFound),
        (-2011, "Order was not canceled due to cancel restrictions.", Refused),
        (-2011, "Something that nobody has seen yet.", Unknown),
        (-2013, "Order does not exist.", NotFound),
        (-2026, "Order was canceled or expired with no executed qty over 90 days ago.", Gone),
        (-2010, "Account has insufficient balance for requested action.", Unknown),
        (-1102, "Mandatory parameter was not sent.", Unknown),
        (-9999, "new", Unknown),
    ],
)
def test_a_cancel_is_judged_by_its_own_table(code: int, message: str, expected: type) -> None:
    """-2011 has several meanings; only the exchange's own refusal is one (R17)."""
    assert {type(outcome) for outcome in cancelled(error(code, message))} == {expected}


@pytest.mark.parametrize("code", [-9999, -1002, -1131, -1099, -1014, -2011, -2013, -3999, -5000, 0, 200])
@pytest.mark.parametrize("status", [400, 404, 409, 451])
def test_a_code_that_is_not_listed_proves_nothing_of_a_create(code: int, status: int) -> None:
    """A wrong Unknown costs a query, a wrong NotPlaced an orphan."""
    assert [type(outcome) for outcome in placed(error(code, status=status))] == [Unknown, Unknown]


@pytest.mark.parametrize("body", ["", "<html>", [], {}, {"code": "-2010"}, {"code": True}, {"code": None, "msg": "m"}])
@pytest.mark.parametrize("status", [100, 201, 204, 302, 400, 401, 404])
def test_a_body_without_a_code_proves_nothing(body: Any, status: int) -> None:
    """Nor does a success that is not 200."""
    given = answer(status, body)

    assert [type(outcome) for outcome in placed(given)] == [Unknown, Unknown]
    assert [type(outcome) for outcome in cancelled(given)] == [Unknown, Unknown]


def test_an_error_inside_of_a_200_is_no_order_and_no_refusal() -> None:
    """A 200 is an order or proves nothing."""
    for code in (-2010, -2011, -2013, -2026, -1021, -4116):
        assert {type(outcome) for outcome in placed(error(code, status=200))} == {Unknown}
        assert {type(outcome) for outcome in cancelled(error(code, status=200))} == {Unknown}


def test_clock_and_key_errors_are_recognised() -> None:
    """The first asks for the time again, the second for the credentials."""
    for dialect in BOTH:
        assert dialect.is_clock_error(error(-1021))
        assert not dialect.is_clock_error(error(-1022))
        assert all(dialect.is_key_error(error(code, status=401)) for code in (-1022, -2014, -2015))
        assert not any(dialect.is_key_error(error(code)) for code in (-1021, -1003, -2010))
        assert not dialect.is_clock_error(error(-1021, status=200))
        assert not dialect.is_key_error(answer(403, "<html>"))
