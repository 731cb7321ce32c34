"""What Upbit's answers prove, against golden ones (docs.upbit.com examples; states and quantities derived)."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.outcomes import (
    Absent,
    CancelAcknowledged,
    Cancelled,
    Duplicate,
    Found,
    LookupFailed,
    NotFound,
    NotPlaced,
    Placed,
    Refused,
    Throttled,
    Unknown,
)
from chalicelib.exchanges.dialect import Answer, Call, Left, LimitNews
from chalicelib.exchanges.transport import parse
from chalicelib.exchanges.upbit.dialect import UpbitDialect
from tests.exchanges.orders import a_request, an_order, cancel_read

GOLDEN = Path(__file__).parent.parent / "golden"
RESPONSES = json.loads((GOLDEN / "upbit-responses.json").read_text(encoding="utf-8"))["entries"]
ERRORS = json.loads((GOLDEN / "upbit-errors.json").read_text(encoding="utf-8"))["errors"]
STATUS = {"CANCELED": "CANCELLED", "PARTIALLY_FILLED": "OPEN"}
PLACE = {"NOT_PLACED": NotPlaced, "UNKNOWN": Unknown, "DUPLICATE": Duplicate}
CANCEL = {"NOT_FOUND": NotFound, "RETRY": Throttled, "UNKNOWN": Unknown}
ORDER = an_order(symbol="BTC/KRW")
REQUEST = a_request(symbol="BTC/KRW")
DIALECT = UpbitDialect()
BODIES = {entry["id"]: entry["body"] for entry in RESPONSES}


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, headers or {}, text, parse(text))


@pytest.mark.parametrize("entry", [e for e in RESPONSES if e["unified_status"]], ids=lambda e: e["id"])
def test_an_order_has_the_status_that_the_documents_say(entry: dict[str, Any]) -> None:
    """A market buy that ends in `cancel` with a fill is FILLED."""
    lookup = DIALECT.read_find(answer(entry["http_status"], entry["body"]), ORDER, Call("GET", "/v1/order"))

    assert isinstance(lookup, Found)
    assert lookup.order.status == STATUS.get(entry["unified_status"], entry["unified_status"])
    assert lookup.order.filled_quantity == Decimal(entry["body"]["executed_volume"])


def test_the_average_price_is_funds_by_volume() -> None:
    """Upbit gives no average of its own."""
    body = {**BODIES["get_order.market_buy_done"], "identifier": "x"}

    lookup = DIALECT.read_find(answer(200, body), ORDER, Call("GET", "/v1/order"))

    assert isinstance(lookup, Found)
    assert lookup.order.average_price == Decimal("9998.625") / Decimal("0.00006153")
    assert (lookup.order.quantity, lookup.order.quote_amount) == (None, Decimal(10000))


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: str(e["body"])[:40])
def test_an_error_has_its_verdict_for_place_and_for_cancel(error: dict[str, Any]) -> None:
    """By name, not by status."""
    given_answer = answer(error["http_status"], error["body"], error["headers"])

    if error["place"]:
        assert isinstance(DIALECT.read_create(given_answer, REQUEST), PLACE[error["place"]])
    if error["cancel"]:
        assert isinstance(cancel_read(DIALECT, given_answer, ORDER), CANCEL[error["cancel"]])


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (400, "insufficient_funds_bid", NotPlaced),
        (400, "insufficient_funds_ask", NotPlaced),
        (400, "under_min_total_bid", NotPlaced),
        (400, "create_bid_error", NotPlaced),
        (400, "market_offline", NotPlaced),
        (400, "duplicated_identifier", Duplicate),
        (400, "something_new", Unknown),
        (403, "no_authorization_i_p", NotPlaced),
        (500, "validation_error", Unknown),
        (503, "server_error", Unknown),
    ],
)
def test_other_names_of_the_tables(status: int, name: str, expected: type) -> None:
    """What is not listed proves nothing."""
    outcome = DIALECT.read_create(answer(status, {"error": {"name": name, "message": "m"}}), REQUEST)

    assert isinstance(outcome, expected)


def test_a_try_that_was_not_processed_may_come_again_under_a_new_identifier() -> None:
    """An identifier counts as used even when the request failed."""
    outcome = DIALECT.read_create(answer(429, {"error": {"name": "too_many_requests"}}), REQUEST)

    assert isinstance(outcome, NotPlaced)
    assert (outcome.retry, outcome.id_spent, outcome.retry_after) == (True, True, 1.0)


def test_a_cancel_is_only_acknowledged() -> None:
    """The order is shown as it was before."""
    body = BODIES["get_order.cancel_partial"] | {"market": "KRW-BTC"}

    assert isinstance(cancel_read(DIALECT, answer(200, body), ORDER), CancelAcknowledged)


def test_order_not_found_is_absence_in_a_look_up_only() -> None:
    """And any other 404 is a look-up that failed."""
    missing = {"error": {"name": "order_not_found", "message": "주문을 찾지 못했습니다."}}

    assert isinstance(DIALECT.read_find(answer(404, missing), ORDER, Call("GET", "/v1/order")), Absent)
    assert isinstance(DIALECT.read_find(answer(404, "<html>"), ORDER, Call("GET", "/v1/order")), LookupFailed)


def test_open_orders_go_on_while_pages_are_full() -> None:
    """100 a page."""
    body = BODIES["get_order.watch"]
    call = DIALECT.open_orders()[0]

    full = DIALECT.read_open_orders(answer(200, [body] * 100), call)
    last = DIALECT.read_open_orders(answer(200, [body]), full.next_call or call)

    assert full.next_call is not None
    assert full.next_call.params["page"] == "2"
    assert last.next_call is None


def test_balances_rules_and_prices_are_read() -> None:
    """Missing assets are zero; a minimum is in the quote currency."""
    instruments = [{"market": "KRW-BTC", "quote_currency": "KRW", "tick_size": "1000"}]

    free = DIALECT.read_balance(answer(200, BODIES["accounts"]), "KRW")
    none = DIALECT.read_balance(answer(200, BODIES["accounts"]), "ETH")
    rules = DIALECT.read_rules([answer(200, BODIES["orders_chance"]), answer(200, instruments)], "BTC/KRW")
    price = DIALECT.read_last_price(answer(200, [{"market": "KRW-BTC", "trade_price": 162500000.0}]))

    assert (free, none) == (Decimal("1000000.0"), Decimal(0))
    assert (rules.tick_size, rules.min_notional, rules.trading) == (Decimal(1000), Decimal(5000), True)
    assert price == Decimal(162500000)


def test_remaining_requests_are_read_from_the_header() -> None:
    """`sec` is what is left of this second; `min` is dead."""
    news = DIALECT.limits(answer(200, {}, {"remaining-req": "group=order; min=1800; sec=0"}), DIALECT.cancel(ORDER))

    assert news == LimitNews(0.0, [Left("order", 0, 1.0)])


def test_too_many_requests_close_one_group_and_a_block_all() -> None:
    """429 is of the call's group and of this second; 418 is the whole account's."""
    call = DIALECT.cancel(ORDER)
    limited, blocked = answer(429, {}, {}), answer(418, {}, {"retry-after": "30"})

    assert DIALECT.limits(limited, call) == LimitNews(left=[Left(call.group, 0, 1.0)], refused=True)
    assert DIALECT.limits(blocked, call) == LimitNews(30.0, [], refused=True)


@given(status=st.integers(100, 599), body=st.recursive(st.none() | st.text() | st.integers(), st.lists) | st.text())
def test_no_body_makes_it_raise_or_claim_what_is_not_there(status: int, body: Any) -> None:
    """Garbage is never an order, a cancel or an absence."""
    garbage = answer(status, body)

    assert not isinstance(DIALECT.read_create(garbage, REQUEST), Placed)
    assert not isinstance(cancel_read(DIALECT, garbage, ORDER), Cancelled | Refused)
    assert isinstance(DIALECT.read_find(garbage, ORDER, Call("GET", "/v1/order")), LookupFailed)


@pytest.mark.parametrize(
    ("told", "means"),
    [
        ("2027-02-25T13:53:36+09:00", datetime(2027, 2, 25, 4, 53, 36, tzinfo=UTC)),
        ("2027-02-25T04:53:36Z", datetime(2027, 2, 25, 4, 53, 36, tzinfo=UTC)),
        ("2027-02-25T13:53:36", datetime(2027, 2, 25, 4, 53, 36, tzinfo=UTC)),
    ],
)
def test_the_end_of_our_own_key_is_read(told: str, means: datetime) -> None:
    """An account may have ten keys; times are of Korea where they do not say."""
    other = {"access_key": "other", "expire_at": "2026-12-01T00:00:00+09:00"}
    keys = answer(200, [other, {"access_key": "ours", "expire_at": told}])

    assert DIALECT.read_key_expiry(keys, "ours") == means


@pytest.mark.parametrize(
    "keys",
    [
        answer(200, []),
        answer(200, [{"access_key": "other", "expire_at": "2027-02-25T13:53:36+09:00"}]),
        answer(200, [{"access_key": "ours"}, "ours", None]),
        answer(200, [{"access_key": "ours", "expire_at": "soon"}]),
        answer(200, {"access_key": "ours"}),
        answer(502, "<html>"),
    ],
)
def test_a_list_without_our_key_does_not_say_when_it_ends(keys: Answer) -> None:
    """It is not guessed."""
    with pytest.raises(ValueError, match=r"."):
        DIALECT.read_key_expiry(keys, "ours")


def test_a_key_that_has_ended_lists_none_and_is_known_by_that() -> None:
    """Else the alarm would end with the key."""
    ended = answer(401, {"error": {"name": "expired_access_key", "message": "This key has ended."}})

    assert DIALECT.read_key_expiry(ended, "ours") < datetime(2000, 1, 1, tzinfo=UTC)
