"""Creates that go wrong on their way, at every market: the outcome says what is proven, and no more (R8)."""

from typing import Any

import pytest

from chalicelib.domain.outcomes import Absent, Duplicate, NotPlaced, OrderStatus, PlaceOutcome, Unknown
from tests.exchanges.conftest import OpenMarket
from tests.exchanges.markets.cases import each
from tests.exchanges.markets.conftest import SHORT
from tests.exchanges.markets.floor import Floor, assert_on_book
from tests.exchanges.markets.terms import (
    BINANCE_FUTURES,
    BINANCE_SPOT,
    BYBIT_FUTURES,
    BYBIT_SPOT,
    REAL,
    UPBIT,
    Terms,
)
from tests.exchanges.moves import Trader

_BYBIT: dict[str, type[PlaceOutcome]] = {
    "server_timeout": Unknown,
    "unknown": Unknown,
    "duplicate_request": Duplicate,
    "throttled": Unknown,
    "backend_timeout": Unknown,
    "order_timeout": Unknown,
    "internal": Unknown,
    "bad_gateway": Unknown,
    "gateway_timeout": Unknown,
    "maintenance": Unknown,
    "http_429": Unknown,
    "access_too_frequent": NotPlaced,
}

OUTCOMES: dict[Terms, dict[str, type[PlaceOutcome]]] = {
    BINANCE_SPOT: {
        "unknown": Unknown,
        "internal": Unknown,
        "unexpected": Unknown,
        "backend_timeout": Unknown,
        "throttled": Unknown,
        "bad_gateway": Unknown,
        "gateway_timeout": Unknown,
        "maintenance": Unknown,
        "waf": NotPlaced,
    },
    BINANCE_FUTURES: {
        "unknown": Unknown,
        "unexpected": Unknown,
        "backend_timeout": Unknown,
        "unavailable": NotPlaced,
        "internal": NotPlaced,
        "throttled": NotPlaced,
        "bad_gateway": Unknown,
        "gateway_timeout": Unknown,
        "maintenance": Unknown,
        "waf": NotPlaced,
    },
    BYBIT_SPOT: _BYBIT,
    BYBIT_FUTURES: _BYBIT,
    UPBIT: {
        "unknown": Unknown,
        "internal": Unknown,
        "bad_gateway": Unknown,
        "gateway_timeout": Unknown,
        "maintenance": Unknown,
        "market_offline": NotPlaced,
    },
}
"""What each of the exchange's own failures proves of a create. Every NotPlaced but Upbit's is worth another try."""


def failures(terms: Terms) -> list[tuple[str, bool]]:
    """Each of its own failures, and whether the order was taken all the same where that cannot be known."""
    known = OUTCOMES[terms].items()
    return [(name, taken) for name, outcome in known for taken in (False, True) if outcome is Unknown or not taken]


@each("failure", REAL, failures)
async def test_an_error_proves_what_the_exchange_says_that_it_proves(
    trader: Trader, floor: Floor, failure: tuple[str, bool]
) -> None:
    """A look-up tells the truth afterwards."""
    variant, taken = failure
    order, expected = trader.limit(), OUTCOMES[trader.terms][variant]
    floor.fault("error", "create", variant=variant, taken=taken)

    outcome = await trader.send(order)

    assert type(outcome) is expected
    if isinstance(outcome, NotPlaced):
        assert outcome.retry == (trader.terms is not UPBIT)
        trader.clock.turn(outcome.retry_after)
    await assert_on_book(trader, floor, order, taken)
    assert floor.count("create") == 1


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("kind", ["timeout", "reset", "close", "garbage"])
@pytest.mark.usefixtures("impatient")
async def test_a_lost_answer_proves_nothing(trader: Trader, floor: Floor, kind: str, taken: bool) -> None:
    """Whether the exchange had taken the order or not: it looks the same, and nothing is sent again."""
    order = trader.limit()
    floor.fault(kind, "create", taken=taken)

    outcome = await trader.send(order, SHORT)

    assert isinstance(outcome, Unknown)
    assert floor.count("create") == 1
    await assert_on_book(trader, floor, order, taken)


async def test_half_an_answer_proves_nothing(trader: Trader, floor: Floor) -> None:
    """The order was taken."""
    order = trader.limit()
    floor.fault("truncated", "create")

    outcome = await trader.send(order)

    assert isinstance(outcome, Unknown)
    await assert_on_book(trader, floor, order)


@pytest.mark.parametrize("body", ['{"orderId": 12', "[]", "null", '""', "{}", '{"retCode": 0}', "0", "\x00"])
async def test_an_answer_that_is_no_order_proves_nothing(trader: Trader, floor: Floor, body: str) -> None:
    """With HTTP 200, whatever it says."""
    order = trader.limit()
    floor.fault("garbage", "create", body=body, taken=True)

    outcome = await trader.send(order)

    assert isinstance(outcome, Unknown)
    await assert_on_book(trader, floor, order)


@pytest.mark.parametrize("kind", ["slow", "drip"])
async def test_an_answer_may_take_its_time(trader: Trader, floor: Floor, kind: str) -> None:
    """It is waited for."""
    order = trader.limit()
    floor.fault(kind, "create", delay_ms=60)

    assert isinstance(await trader.send(order), trader.terms.answer)

    await assert_on_book(trader, floor, order)


@pytest.mark.usefixtures("impatient")
async def test_a_request_may_arrive_when_nobody_waits_for_it_any_more(trader: Trader, floor: Floor) -> None:
    """Absent at first, which proves nothing (R12), and then there it is."""
    order = trader.limit()
    floor.fault("late", "create", delay_ms=100)

    outcome = await trader.send(order, SHORT)
    at_first = await trader.exchange.find(order)
    trader.clock.turn(0.1)

    assert isinstance(outcome, Unknown)
    assert at_first == Absent()
    await assert_on_book(trader, floor, order)


@pytest.mark.usefixtures("impatient")
async def test_a_request_that_arrives_after_its_window_places_nothing(trader: Trader, floor: Floor) -> None:
    """R12: from then on absence is proof; but not where requests do not expire."""
    order = trader.limit()
    floor.fault("late", "create", delay_ms=1000)

    await trader.send(order, SHORT)
    trader.clock.turn(1)

    await assert_on_book(trader, floor, order, not trader.terms.requests_expire)


async def test_maintenance_proves_nothing_of_a_create(trader: Trader, floor: Floor) -> None:
    """A page of the gateway's, with HTTP 503."""
    order = trader.limit()
    request, signed_at = await trader.exchange.prepare(order), await trader.exchange.now()
    floor.control.fault("maintenance", exchange=trader.terms.exchange)

    outcome = await trader.exchange.place(request, signed_at, 5.0)

    floor.control.clear_faults()
    assert isinstance(outcome, Unknown)
    await assert_on_book(trader, floor, order, False)


async def test_without_a_connection_nothing_was_sent(
    trader: Trader, floor: Floor, open_market: OpenMarket, deaf_port: int
) -> None:
    """The one kind of silence that proves something."""
    order = trader.limit()
    request = await trader.exchange.prepare(order)
    unreachable = open_market(trader.terms, host=f"http://127.0.0.1:{deaf_port}")

    outcome = await unreachable.place(request, trader.clock.now(), 5.0)

    assert isinstance(outcome, NotPlaced)
    assert outcome.retry
    await assert_on_book(trader, floor, order, False)


async def test_an_order_that_is_taken_and_then_rejected_is_read_back(trader: Trader, floor: Floor) -> None:
    """An acknowledgement is no more than that. Upbit has one word for every end."""
    order = trader.limit()
    floor.fault("reject", "create", reason="EC_Others")

    await trader.send(order)

    found = await trader.shown(order)
    assert found.status is (OrderStatus.CANCELLED if trader.terms is UPBIT else OrderStatus.REJECTED)
    assert found.filled_quantity == 0


async def test_an_order_may_be_taken_and_not_be_shown_for_a_while(trader: Trader, floor: Floor) -> None:
    """R12: a look-up reads a copy that lags behind; one sighting of nothing proves nothing."""
    order = trader.limit()
    floor.fault("invisible", "create", delay_ms=3000)

    outcome = await trader.send(order)
    trader.clock.turn(1)
    at_first = await trader.exchange.find(order)
    trader.clock.turn(2)

    assert isinstance(outcome, trader.terms.answer)
    assert at_first == Absent()
    assert (await trader.shown(order)).status is OrderStatus.OPEN


async def test_the_engine_may_be_slower_than_the_gateway(trader: Trader, floor: Floor) -> None:
    """Binance spot checks the window a second time there."""
    order, is_checked_again = trader.limit(), trader.terms is BINANCE_SPOT
    floor.fault("engine_delay", "create", delay_ms=6000)

    outcome = await trader.send(order)

    assert isinstance(outcome, NotPlaced if is_checked_again else trader.terms.answer)
    await assert_on_book(trader, floor, order, not is_checked_again)


async def test_a_create_is_never_sent_twice_by_an_adapter(trader: Trader, floor: Floor) -> None:
    """R9: that is decided where the order's row is."""
    faults: list[dict[str, Any]] = [{"kind": "error"}, {"kind": "reset"}, {"kind": "rate_limit"}]
    for fault in faults:
        floor.fault(**fault, operation="create")
        await trader.send(trader.limit())
        trader.clock.turn(60)

    assert floor.count("create") == len(faults)
