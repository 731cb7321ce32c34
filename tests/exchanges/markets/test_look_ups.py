"""Look-ups at every market: repeated where that helps; one that failed, or that lags behind, is no absence (R12)."""

from decimal import Decimal

import pytest

from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import Absent, Found, LookupFailed, OrderStatus, Side
from chalicelib.domain.ports import OrderNotAcceptedError
from tests.exchanges.markets.cases import each, which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import BINANCE_FUTURES, BYBIT, REAL, WITH_STOPS, Terms
from tests.exchanges.moves import Trader, known


def books(terms: Terms) -> list[str]:
    """The operations that a look-up of a limit order is made of."""
    return ["query", "history", "fills"] if terms.exchange == "bybit" else ["query"]


def stop_books(terms: Terms) -> list[str]:
    """Those of a stop: triggered, it may be among the plain orders."""
    return [*books(terms), *(["algo-query"] if terms is BINANCE_FUTURES else [])]


@pytest.mark.parametrize("kind", ["error", "reset", "close", "timeout"])
@pytest.mark.usefixtures("impatient")
async def test_a_look_up_is_made_again(trader: Trader, floor: Floor, order: Order, kind: str) -> None:
    """It harms nobody."""
    floor.fault(kind, "query", variant="bad_gateway", times=2)

    lookup = await trader.exchange.find(order)

    assert isinstance(lookup, Found)
    assert floor.count("query") >= 3


@which(BYBIT)
@pytest.mark.parametrize("variant", ["server_timeout", "unknown", "throttled", "backend_timeout"])
async def test_a_failure_within_http_200_is_a_failure_too(trader: Trader, floor: Floor, variant: str) -> None:
    """A look-up is made again, and an order that needs the balance is not refused for good."""
    order = trader.limit()
    await trader.placed(order)
    floor.fault("error", "query", variant=variant)
    lookup = await trader.exchange.find(order)
    floor.control.fault("error", exchange="bybit", operation="balance", variant=variant, times=None)

    with pytest.raises(OrderNotAcceptedError) as caught:
        await trader.exchange.prepare(trader.limit(quantity=None, percent=Decimal(10)))

    assert isinstance(lookup, Found)
    assert caught.value.passing


@each("book", REAL, books)
@pytest.mark.parametrize("kind", ["error", "reset", "garbage"])
async def test_a_book_that_could_not_be_read_is_no_absence(trader: Trader, floor: Floor, book: str, kind: str) -> None:
    """R12: a failed look-up is not a sighting, however much the others say."""
    floor.fault(kind, book, times=None)

    assert isinstance(await trader.exchange.find(trader.limit()), LookupFailed)


@each("book", WITH_STOPS, stop_books)
@pytest.mark.parametrize("kind", ["error", "garbage"])
async def test_of_the_books_of_a_stop_all_must_have_been_read(
    trader: Trader, floor: Floor, book: str, kind: str
) -> None:
    """None alone proves an absence."""
    floor.fault(kind, book, times=None)

    assert isinstance(await trader.exchange.find(trader.stop()), LookupFailed)


@pytest.mark.parametrize("body", ["null", "[]", "{}", '{"retCode": 0}', '{"retCode": 0, "result": {}}', '"x"', "0"])
async def test_an_answer_that_is_no_order_is_no_absence(trader: Trader, floor: Floor, order: Order, body: str) -> None:
    """With HTTP 200, whatever it says."""
    for book in books(trader.terms):
        floor.fault("garbage", book, body=body, times=None)

    assert isinstance(await trader.exchange.find(order), LookupFailed)


@which(BYBIT)
async def test_an_order_that_the_first_list_has_forgotten_is_found_in_the_next(trader: Trader, floor: Floor) -> None:
    """Bybit forgets closed orders there when it restarts."""
    filled, cancelled = trader.market(Side.SELL), trader.limit()
    await trader.placed(filled)
    await trader.placed(cancelled)
    await trader.cancel(cancelled)
    trader.clock.turn(1)

    floor.control.restart_bybit()

    assert (await trader.shown(filled)).status is OrderStatus.FILLED
    assert (await trader.shown(cancelled)).status is OrderStatus.CANCELLED


@which(BYBIT)
async def test_while_the_lists_lag_behind_a_fill_there_is_no_absence(trader: Trader, floor: Floor) -> None:
    """R12: what has fills exists, though no list shows it."""
    order = trader.market(Side.SELL)
    await trader.placed(order)
    floor.control.set_delays(bybit_history=60_000)
    trader.clock.turn(1)
    floor.control.restart_bybit()

    assert isinstance(await trader.exchange.find(order), LookupFailed)


async def test_an_order_is_remembered_for_as_long_as_is_known(trader: Trader, floor: Floor) -> None:
    """Beyond it the absence of an order proves nothing (R12)."""
    order = trader.limit()
    taken = await trader.placed(order)
    await trader.cancel(order)
    floor.control.restart_bybit()
    kept_for = order.facts.forgets_after

    trader.clock.turn((kept_for or 30 * 86_400) - 60)
    before = await trader.exchange.find(known(order, taken))
    trader.clock.turn(120)
    afterwards = await trader.exchange.find(known(order, taken))

    assert isinstance(before, Found)
    assert (afterwards == Absent()) == (kept_for is not None)
