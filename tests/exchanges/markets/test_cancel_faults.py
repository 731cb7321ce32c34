"""Cancels that go wrong on their way, at every market: repeated while nothing is known, never taken for done (R19)."""

import pytest

from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import (
    CancelOutcome,
    Gone,
    NotFound,
    OrderStatus,
    Refused,
    Throttled,
    Unknown,
)
from tests.exchanges.markets.cases import each, which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import (
    BINANCE_FUTURES,
    BINANCE_SPOT,
    BYBIT_FUTURES,
    BYBIT_SPOT,
    REAL,
    UPBIT,
    WITH_STOPS,
    Terms,
)
from tests.exchanges.moves import Trader

TRIES = 4
"""The first and three repeats."""

_BYBIT: dict[str, type[CancelOutcome]] = {
    "server_timeout": Unknown,
    "unknown": Unknown,
    "throttled": Unknown,
    "backend_timeout": Unknown,
    "cancel_timeout": Unknown,
    "internal": Unknown,
    "bad_gateway": Unknown,
    "gateway_timeout": Unknown,
    "maintenance": Unknown,
    "finished": Gone,
    "cancel_finished": Gone,
    "processing": Refused,
    "http_429": Throttled,
    "access_too_frequent": Throttled,
}

OUTCOMES: dict[Terms, dict[str, type[CancelOutcome]]] = {
    BINANCE_SPOT: {
        "unknown": Unknown,
        "internal": Unknown,
        "unexpected": Unknown,
        "backend_timeout": Unknown,
        "throttled": Unknown,
        "bad_gateway": Unknown,
        "gateway_timeout": Unknown,
        "maintenance": Unknown,
        "waf": Throttled,
    },
    BINANCE_FUTURES: {
        "unknown": Unknown,
        "unexpected": Unknown,
        "backend_timeout": Unknown,
        "unavailable": Throttled,
        "internal": Throttled,
        "throttled": Throttled,
        "bad_gateway": Unknown,
        "gateway_timeout": Unknown,
        "maintenance": Unknown,
        "waf": Throttled,
    },
    BYBIT_SPOT: _BYBIT,
    BYBIT_FUTURES: _BYBIT,
    UPBIT: {
        "unknown": Unknown,
        "internal": Unknown,
        "bad_gateway": Unknown,
        "gateway_timeout": Unknown,
        "maintenance": Unknown,
        "market_offline": Throttled,
    },
}
"""What each of the exchange's own failures proves of a cancel."""


def failures(terms: Terms) -> list[str]:
    return list(OUTCOMES[terms])


def ambiguous(terms: Terms) -> list[str]:
    return [name for name, outcome in OUTCOMES[terms].items() if outcome is Unknown]


@each("failure", REAL, failures)
async def test_an_error_proves_what_the_exchange_says_that_it_proves(
    trader: Trader, floor: Floor, order: Order, failure: str
) -> None:
    """It lives on; what proves nothing is tried again, what was understood is not."""
    expected = OUTCOMES[trader.terms][failure]
    floor.fault("error", "cancel", variant=failure, times=None)

    outcome = await trader.exchange.cancel(order)

    assert type(outcome) is expected
    assert floor.count("cancel") == (TRIES if expected is Unknown else 1)
    assert floor.row(order)["live"]


@each("failure", REAL, ambiguous)
async def test_a_failure_that_passes_is_not_noticed(trader: Trader, floor: Floor, order: Order, failure: str) -> None:
    """After a pause that grows."""
    pauses = len(trader.clock.slept)
    floor.fault("error", "cancel", variant=failure, times=2)

    outcome = await trader.cancel(order)

    assert isinstance(outcome, trader.terms.cancel)
    first, second = trader.clock.slept[pauses:]
    assert 0.1 <= first <= 0.2 <= second <= 0.4
    assert (await trader.shown(order)).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("kind", ["timeout", "reset", "close", "garbage", "truncated"])
@pytest.mark.usefixtures("impatient")
async def test_a_lost_answer_is_asked_for_again(
    trader: Trader, floor: Floor, order: Order, kind: str, taken: bool
) -> None:
    """Where the first cancel took effect, the second finds the order ended: read back, it is cancelled."""
    took_effect = taken or kind == "truncated"
    floor.fault(kind, "cancel", taken=taken)

    outcome = await trader.cancel(order)

    assert isinstance(outcome, trader.terms.cancel_of_ended if took_effect else trader.terms.cancel)
    assert floor.count("cancel") == 2
    assert (await trader.shown(order)).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("kind", ["timeout", "reset", "close", "garbage"])
@pytest.mark.usefixtures("impatient")
async def test_answers_that_are_all_lost_prove_nothing(trader: Trader, floor: Floor, order: Order, kind: str) -> None:
    """The order may live, or not: here it does."""
    floor.fault(kind, "cancel", times=None)

    outcome = await trader.exchange.cancel(order)

    assert isinstance(outcome, Unknown)
    assert floor.count("cancel") == TRIES
    assert (await trader.shown(order)).status is OrderStatus.OPEN


@pytest.mark.parametrize("body", ["[]", "null", "{}", '{"orderId": 12', "0"])
async def test_an_answer_that_is_no_order_proves_nothing(trader: Trader, floor: Floor, order: Order, body: str) -> None:
    """With HTTP 200, whatever it says."""
    floor.fault("garbage", "cancel", body=body, times=None)

    assert isinstance(await trader.exchange.cancel(order), Unknown)

    assert (await trader.shown(order)).status is OrderStatus.OPEN


@pytest.mark.parametrize("kind", ["slow", "drip"])
async def test_an_answer_may_take_its_time(trader: Trader, floor: Floor, order: Order, kind: str) -> None:
    """It is waited for."""
    floor.fault(kind, "cancel", delay_ms=60)

    assert isinstance(await trader.cancel(order), trader.terms.cancel)

    assert floor.count("cancel") == 1


async def test_an_order_that_is_not_shown_yet_is_not_found(trader: Trader, floor: Floor) -> None:
    """Which is not an end: it appears, and is cancelled then."""
    order = trader.limit()
    floor.fault("invisible", "create", delay_ms=3000)
    await trader.send(order)
    trader.clock.turn(1)

    at_first = await trader.exchange.cancel(order)
    trader.clock.turn(2)

    assert isinstance(at_first, NotFound)
    assert isinstance(await trader.cancel(order), trader.terms.cancel)
    assert (await trader.shown(order)).status is OrderStatus.CANCELLED


@which([BINANCE_SPOT])
async def test_only_a_cancel_that_the_exchange_refuses_is_refused(trader: Trader, floor: Floor, order: Order) -> None:
    """R17: the same code as for an order that is unknown, told apart by its words."""
    words = "Order was not canceled due to cancel restrictions."
    floor.fault("error", "cancel", status=400, body={"code": -2011, "msg": words})

    assert isinstance(await trader.exchange.cancel(order), Refused)

    assert floor.row(order)["live"]


@which(WITH_STOPS)
@pytest.mark.parametrize("taken", [True, False])
async def test_a_lost_answer_to_the_cancel_of_a_stop_is_asked_for_again(
    trader: Trader, floor: Floor, taken: bool
) -> None:
    """In whatever book it is."""
    stop = trader.stop()
    await trader.placed(stop)
    floor.fault("reset", "cancel", taken=taken)

    outcome = await trader.cancel(stop)

    assert isinstance(outcome, Gone | NotFound if taken else trader.terms.cancel_of_stop)
    assert (await trader.shown(stop)).status is OrderStatus.CANCELLED
