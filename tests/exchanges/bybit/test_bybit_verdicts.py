"""What Bybit's answers to a create and to a cancel prove."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import (
    Acknowledged,
    CancelAcknowledged,
    Duplicate,
    Gone,
    NotFound,
    NotPlaced,
    Refused,
    Throttled,
    Unknown,
)
from chalicelib.exchanges.dialect import Answer, Call, Left, LimitNews
from tests.exchanges.bybit.wire import CLOCK_MS, DIALECTS, SPOT, answer, golden, said
from tests.exchanges.orders import a_request, an_order, cancel_read

ERRORS = golden("errors")["errors"]
PLACE = {"NOT_PLACED": NotPlaced, "UNKNOWN": Unknown, "DUPLICATE": Duplicate}
CANCEL = {"NOT_FOUND": NotFound, "GONE": Gone, "RETRY": (Throttled, Refused), "UNKNOWN": Unknown}

PERMANENT = [10001, 10029, 110003, 110004, 110007, 110012, 110017, 110020, 110094]
PERMANENT += [170121, 170131, 170136, 170137, 170140]
AGAIN = [10002, 10003, 10004, 10005, 10006, 10007, 10010, 33004]
TAKEN = [10014, 110072, 170141]
AMBIGUOUS = [10000, 10016, 10019, 429, 10429, 170001, 170005, 170007, 170032, 170146, 170149, 170210, 500000]
AMBIGUOUS += [-1, 1, 10403, 20003, 20006, 110001, 110079, 999999, 10**30]

GONE = [110008, 110010, 170139, 170142, 170190]
MISSING = [110001, 170143, 170213]
BUSY = [110079, 170191]
LATER = [*AGAIN, 10009, 10018, 30035, 170212]
LOST = [10000, 10001, 10014, 10016, 429, 170007, 170147, 170150, 110007, 110072, 999999, -1]

CALL = SPOT.cancel(an_order())
HTML = "<html>502 Bad Gateway</html>"


def placed(given_answer: Answer, market: str = "spot") -> Any:
    return DIALECTS[market].read_create(given_answer, a_request())


def cancelled(given_answer: Answer, market: str = "spot") -> Any:
    return cancel_read(DIALECTS[market], given_answer, an_order())


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: f"{e['http_status']} {str(e['body'])[:40]}")
@pytest.mark.parametrize("market", DIALECTS)
def test_a_golden_error_has_its_verdict_for_place_and_for_cancel(error: dict[str, Any], market: str) -> None:
    """By code and status, the same on both markets."""
    given_answer = answer(error["body"], error["http_status"], error["headers"])

    if error["place"]:
        assert isinstance(placed(given_answer, market), PLACE[error["place"]])
    if error["cancel"]:
        assert isinstance(cancelled(given_answer, market), CANCEL[error["cancel"]])


@pytest.mark.parametrize("code", PERMANENT)
def test_a_create_that_was_refused_for_good_is_not_tried_again(code: int) -> None:
    """Input, funds, limits."""
    assert placed(said(code, "why")) == NotPlaced(str(code), f"{code}: why")


@pytest.mark.parametrize("code", AGAIN)
def test_a_create_that_was_not_processed_may_come_again_under_the_same_id(code: int) -> None:
    """Time, key, permission, rate limit."""
    outcome = placed(said(code))

    assert isinstance(outcome, NotPlaced)
    assert (outcome.code, outcome.retry, outcome.id_spent) == (str(code), True, False)


@pytest.mark.parametrize("code", TAKEN)
def test_a_taken_client_id_is_a_duplicate(code: int) -> None:
    """To be looked up."""
    assert isinstance(placed(said(code)), Duplicate)


@pytest.mark.parametrize("code", AMBIGUOUS)
def test_any_other_code_proves_nothing_of_a_create(code: int) -> None:
    """Listed as ambiguous, of cancels only, or not listed."""
    assert isinstance(placed(said(code)), Unknown)


@pytest.mark.parametrize(("codes", "outcome"), [(GONE, Gone), (MISSING, NotFound), (BUSY, Refused), (LATER, Throttled)])
def test_a_cancel_that_was_not_taken_has_its_verdict(codes: list[int], outcome: type) -> None:
    """Only an order that Bybit is busy with refuses it; keys and limits throttle."""
    assert {code: type(cancelled(said(code))) for code in codes} == dict.fromkeys(codes, outcome)


@pytest.mark.parametrize("code", LOST)
def test_any_other_code_proves_nothing_of_a_cancel(code: int) -> None:
    """It is sent again."""
    assert isinstance(cancelled(said(code)), Unknown)


@pytest.mark.parametrize("market", DIALECTS)
def test_a_create_is_acknowledged_with_its_order_id(market: str) -> None:
    """It may still be rejected: never Placed."""
    taken = said(0, "OK", {"orderId": "1321003749386327552", "orderLinkId": "spot-test-postonly"})

    assert placed(taken, market) == Acknowledged("1321003749386327552")


@pytest.mark.parametrize("market", DIALECTS)
def test_a_cancel_is_only_acknowledged(market: str) -> None:
    """Not an end."""
    taken = said(0, "OK", {"orderId": "c6f055d9-7f21-4079-913d-e6523a9cfffa", "orderLinkId": "linear-004"})

    assert cancelled(taken, market) == CancelAcknowledged()


@pytest.mark.parametrize("result", [{}, [], None, {"orderId": ""}, {"orderId": None}, {"orderId": 7}])
def test_an_ok_without_an_order_id_proves_nothing(result: Any) -> None:
    """Nor does one whose result is no object."""
    empty = answer({"retCode": 0, "retMsg": "OK", "result": result, "time": CLOCK_MS})

    assert isinstance(placed(empty), Unknown)
    assert isinstance(cancelled(empty), Unknown)


@pytest.mark.parametrize(
    "body",
    [
        "",
        HTML,
        "null",
        "[]",
        "7",
        '"OK"',
        "{}",
        {"retCode": "0"},
        {"retCode": True},
        {"retCode": None},
        {"ret_code": 0},
    ],
)
def test_a_200_that_is_not_the_envelope_proves_nothing(body: Any) -> None:
    """Something else than Bybit answered."""
    assert isinstance(placed(answer(body)), Unknown)
    assert isinstance(cancelled(answer(body)), Unknown)


@pytest.mark.parametrize("code", [False, "0", None, 0.0])
def test_a_code_that_is_no_whole_number_is_no_ok(code: Any) -> None:
    """Whatever else the body says."""
    odd = answer({"retCode": code, "retMsg": "OK", "result": {"orderId": "1"}})

    assert isinstance(placed(odd), Unknown)
    assert isinstance(cancelled(odd), Unknown)


@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 404, 408, 418, 500, 502, 503, 504, 520, 599])
@pytest.mark.parametrize("code", [0, 10001, 10002, 110007, 110008, 110001, 170141])
def test_another_status_than_200_proves_nothing_whatever_the_body_says(status: int, code: int) -> None:
    """The envelope counts on HTTP 200 only."""
    body = {"retCode": code, "retMsg": "words", "result": {"orderId": "1"}}

    assert isinstance(placed(answer(body, status)), Unknown)
    assert isinstance(cancelled(answer(body, status)), Unknown)


@pytest.mark.parametrize("body", ["access too frequent", "", HTML, {"retCode": 0, "result": {"orderId": "1"}}])
def test_403_let_nothing_through_and_wants_ten_minutes(body: Any) -> None:
    """The gateway's, for the IP or its country."""
    refused = answer(body, 403)

    assert placed(refused) == NotPlaced("403", "HTTP 403", retry=True, retry_after=600.0)
    assert cancelled(refused) == Throttled("HTTP 403", 600.0)
    assert SPOT.limits(refused, CALL) == LimitNews(600.0, refused=True, whole_address=True)


def test_429_throttles_a_cancel_and_proves_nothing_of_a_create() -> None:
    """The system's own protection; Retry-After is honoured where it is given."""
    limited = answer("", 429, {"Retry-After": "7"})

    assert isinstance(placed(limited), Unknown)
    assert cancelled(limited) == Throttled("HTTP 429", 7.0)
    assert SPOT.limits(limited, CALL).stay_away == 7.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 1.0),
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after": "9" * 25}, 86_400.0),
        ({"retry-after": "soon"}, 1.0),
        ({"X-Bapi-Limit-Reset-Timestamp": str(CLOCK_MS + 400)}, 0.4),
        ({"X-Bapi-Limit-Reset-Timestamp": str(CLOCK_MS - 400)}, 1.0),
        ({"X-Bapi-Limit-Reset-Timestamp": str(CLOCK_MS + 10**9)}, 1.0),
        ({"X-Bapi-Limit-Reset-Timestamp": "soon"}, 1.0),
    ],
)
def test_too_many_visits_want_a_pause_until_the_limit_resets(headers: dict[str, str], seconds: float) -> None:
    """By Bybit's own clock; a second where it does not say."""
    limited = Answer(200, headers, "", said(10006).body)

    outcome = placed(limited)

    assert isinstance(outcome, NotPlaced)
    assert outcome.retry_after == seconds
    assert SPOT.limits(limited, CALL) == LimitNews(left=[Left(CALL.group, 0, seconds)], refused=True)
    assert cancelled(limited) == Throttled("10006: words", seconds)


def test_what_is_left_of_the_endpoint_comes_with_every_answer() -> None:
    """For the call's own group; with nothing left it is closed until the count starts anew."""
    headers = {"X-Bapi-Limit": "20", "X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": str(CLOCK_MS + 300)}

    assert SPOT.limits(Answer(200, headers, "", said(0).body), CALL) == LimitNews(left=[Left(CALL.group, 0, 0.3)])
    assert SPOT.limits(Answer(200, {}, "", said(0).body), CALL) == LimitNews()


def test_clock_and_key_errors_are_told_apart() -> None:
    """10002 is cured by the time, 10003, 10004, 10007 and 33004 by another key."""
    codes = [0, 10001, *AGAIN]

    assert [code for code in codes if SPOT.is_clock_error(said(code))] == [10002]
    assert [code for code in codes if SPOT.is_key_error(said(code))] == [10003, 10004, 10005, 10007, 10010, 33004]
    assert not SPOT.is_key_error(answer(said(10003).body, 500))


@pytest.mark.parametrize(("code", "words"), [(10004, "error sign! key0123"), (99, "oh! origin_string[1700key0123]")])
def test_what_was_signed_is_not_repeated_in_a_message(code: int, words: str) -> None:
    """Bybit echoes it, key and all."""
    outcomes = [placed(said(code, words)), cancelled(said(code, words))]

    assert "key0123" not in repr(outcomes)


NAMES = st.sampled_from(["retCode", "retMsg", "result", "orderId", "list", "time"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(),
    lambda part: st.lists(part) | st.dictionaries(NAMES, part),
)


@given(status=st.integers(100, 599), body=JSON | st.text())
def test_no_body_makes_it_raise_or_claim_what_is_not_there(status: int, body: Any) -> None:
    """An acknowledgement has a retCode of 0 and an order id; nothing here is ever an end."""
    garbage = answer(body, status)
    result = body.get("result") if isinstance(body, dict) and body.get("retCode") == 0 and status == 200 else None
    has_id = isinstance(result, dict) and isinstance(result.get("orderId"), str)

    assert isinstance(placed(garbage), NotPlaced | Duplicate | Unknown) or has_id
    assert isinstance(cancelled(garbage), Gone | NotFound | Refused | Throttled | Unknown) or has_id


@pytest.mark.parametrize("code", [170213, 170139])
def test_a_spot_stop_that_left_its_book_is_cancelled_among_the_plain_orders(code: int) -> None:
    """A triggered one is a plain order; there, not to be found is not to be found."""
    stop = an_order(order_type=OrderType.STOP_LIMIT, stop_price=Decimal(1))
    refused, first = answer(said(code).body), SPOT.cancel(stop)

    second = SPOT.read_cancel(refused, stop, first)

    assert isinstance(second, Call)
    assert second.params == {**first.params, "orderFilter": "Order"}
    assert isinstance(SPOT.read_cancel(refused, stop, second), NotFound | Gone)
