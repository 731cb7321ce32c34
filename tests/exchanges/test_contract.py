"""Contract of every Exchange: outcomes say what is on the book, and the book says what was asked (R2, R8, R13).

Where exchanges differ, the terms of each say how.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.domain.orders import OrderType, TimeInForce
from chalicelib.domain.outcomes import (
    Absent,
    Acknowledged,
    CancelAcknowledged,
    Cancelled,
    Duplicate,
    Found,
    Gone,
    NotFound,
    NotPlaced,
    OrderStatus,
    Placed,
    Side,
)
from tests.exchanges.markets.cases import each, which
from tests.exchanges.markets.terms import ALL, Terms
from tests.exchanges.moves import WINDOW, Trader, known


def by(test: Callable[[Terms], bool]) -> pytest.MarkDecorator:
    """The implementations whose terms are so."""
    return which(terms for terms in ALL if test(terms))


def resting_types(terms: Terms) -> list[OrderType]:
    """Those that wait for a price."""
    return sorted(terms.order_types - {OrderType.MARKET})


each_resting = each("order_type", ALL, resting_types)
each_type = each("order_type", ALL, lambda terms: sorted(terms.order_types))


async def open_ids(trader: Trader) -> list[str]:
    """The client ids of what is open."""
    trader.clock.turn(1)
    return sorted(order.client_order_id for order in await trader.exchange.open_orders())


@each("side", ALL, lambda terms: sorted(terms.sides_by_quantity))
async def test_a_market_order_by_quantity_fills(trader: Trader, side: Side) -> None:
    """All of it, at some price, under our client id."""
    order = trader.market(side)

    taken = await trader.placed(order)

    assert (taken.status, taken.filled_quantity, taken.side) == (OrderStatus.FILLED, Decimal("0.1"), side)
    assert (taken.client_order_id, taken.symbol) == (order.client_order_id, order.symbol)
    assert taken.average_price == await trader.exchange.last_price(order.symbol)


@each("side", ALL, lambda terms: sorted(terms.sides_by_amount))
async def test_a_market_order_by_quote_amount_fills_for_about_that_amount(trader: Trader, side: Side) -> None:
    """Never for more."""
    amount = trader.at("0.0173")

    taken = await trader.placed(trader.market(side, quantity=None, quote_amount=amount))

    assert (taken.status, taken.side) == (OrderStatus.FILLED, side)
    assert taken.average_price is not None
    assert amount * Decimal("0.999") < taken.filled_quantity * taken.average_price <= amount


@each_resting
async def test_a_limit_or_stop_order_rests(trader: Trader, order_type: OrderType) -> None:
    """Open, unfilled, and shown among the open orders as it was asked for."""
    order = trader.order(order_type)

    taken = await trader.placed(order)

    assert (taken.status, taken.filled_quantity, taken.average_price) == (OrderStatus.OPEN, Decimal(0), None)
    (listed,) = await trader.exchange.open_orders()
    assert replace(listed, exchange_order_id=taken.exchange_order_id) == taken


async def test_an_order_that_may_not_rest_ends_unfilled(trader: Trader) -> None:
    """Nothing to trade with at its price: its end is an answer, not a refusal."""
    taken = await trader.placed(trader.limit(time_in_force=TimeInForce.IOC))

    assert (taken.status, taken.filled_quantity) == (trader.terms.unfilled, Decimal(0))
    assert await open_ids(trader) == []


async def test_an_order_that_is_all_or_nothing_leaves_nothing(trader: Trader) -> None:
    """It ends, or is refused outright."""
    order = trader.limit(time_in_force=TimeInForce.FOK)

    outcome = await trader.send(order)

    if trader.terms.unfilled_fok is None:
        assert isinstance(outcome, NotPlaced)
        assert await trader.exchange.find(order) == Absent()
    else:
        assert (await trader.shown(order)).status is trader.terms.unfilled_fok
    assert await open_ids(trader) == []


async def test_an_order_good_till_cancelled_rests(trader: Trader) -> None:
    """Said or not, it is the same."""
    taken = await trader.placed(trader.limit(time_in_force=TimeInForce.GTC))

    assert taken.status is OrderStatus.OPEN


@each_type
async def test_what_is_on_the_book_is_the_order_that_was_sent(trader: Trader, order_type: OrderType) -> None:
    """R13: by its look-up the order can be told from a stranger's."""
    order = trader.order(order_type)
    row = replace(order, request=await trader.exchange.prepare(order))

    taken = await trader.placed(order)

    assert row.is_same_as(taken)
    assert row.is_same_as(await trader.shown(known(order, taken)))
    assert (taken.updated_at is not None) == trader.terms.tells_updates


@by(lambda terms: terms.answer is Placed)
@pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.LIMIT])
async def test_an_answer_shows_the_order_under_its_ids(trader: Trader, order_type: OrderType) -> None:
    """And what became of it, where the exchange waits for that."""
    order = trader.order(order_type)

    outcome = await trader.send(order)

    later = await trader.shown(order)
    assert isinstance(outcome, Placed)
    answer = outcome.order
    assert (answer.exchange_order_id, answer.client_order_id) == (later.exchange_order_id, later.client_order_id)
    if trader.terms.answer_shows_the_end or order_type is OrderType.LIMIT:
        assert (answer.status, answer.filled_quantity) == (later.status, later.filled_quantity)
    else:
        assert not answer.status.terminal


@by(lambda terms: terms.answer is Acknowledged)
@pytest.mark.parametrize("order_type", OrderType)
async def test_an_acknowledgement_is_not_an_order_yet(trader: Trader, order_type: OrderType) -> None:
    """R8: nobody sees it at first; then it is found under the id that was told."""
    order = trader.order(order_type)

    outcome = await trader.send(order)

    assert isinstance(outcome, Acknowledged)
    assert await trader.exchange.find(order) == Absent()
    assert (await trader.shown(order)).exchange_order_id == outcome.exchange_order_id


@each_resting
async def test_a_second_request_under_the_client_id_of_an_open_order_is_a_duplicate(
    trader: Trader, order_type: OrderType
) -> None:
    """The first one stands."""
    order = trader.order(order_type)
    first = await trader.placed(order)

    assert isinstance(await trader.send(order), Duplicate)

    assert await trader.shown(order) == first
    assert await open_ids(trader) == [order.client_order_id]


@by(lambda terms: terms.ids_serve_once)
async def test_a_client_id_is_taken_for_ever(trader: Trader) -> None:
    """After the order's end, too: a late repeat must not place it anew."""
    filled, cancelled = trader.market(), trader.limit()
    await trader.placed(filled)
    await trader.placed(cancelled)
    await trader.cancel(cancelled)

    assert [type(await trader.send(order)) for order in (filled, cancelled)] == [Duplicate, Duplicate]
    assert await open_ids(trader) == []


@by(lambda terms: not terms.ids_serve_once)
async def test_a_client_id_may_be_free_again_after_the_orders_end(trader: Trader) -> None:
    """Why nobody sends a second time before the absence of the first is proven (R9); a look-up shows the last."""
    order = trader.market()
    first = await trader.placed(order)

    second = await trader.placed(order)

    assert second.exchange_order_id != first.exchange_order_id
    assert await trader.shown(known(order, first)) == first


async def test_another_attempt_of_an_order_is_another_order(trader: Trader) -> None:
    """R9: it has a client id of its own."""
    order = trader.limit()
    await trader.placed(order)

    await trader.placed(replace(order, attempt=2))

    assert await open_ids(trader) == [order.order_id, f"{order.order_id}-2"]


@pytest.mark.parametrize("late", [0.0, 4.9])
async def test_a_request_that_arrives_within_its_window_is_taken(trader: Trader, late: float) -> None:
    """Nobody is that quick."""
    order = trader.limit()
    request, signed_at = await trader.exchange.prepare(order), await trader.exchange.now()
    trader.clock.turn(late)

    outcome = await trader.exchange.place(request, signed_at, WINDOW)

    assert isinstance(outcome, trader.terms.answer)
    assert (await trader.shown(order)).status is OrderStatus.OPEN


@by(lambda terms: terms.requests_expire)
@pytest.mark.parametrize("late", [5.1, 3600.0])
async def test_a_request_that_arrives_after_its_window_places_nothing(trader: Trader, late: float) -> None:
    """R2: who was frozen and woke late is refused."""
    order = trader.limit()
    request, signed_at = await trader.exchange.prepare(order), await trader.exchange.now()
    trader.clock.turn(late)

    outcome = await trader.exchange.place(request, signed_at, WINDOW)

    trader.clock.turn(1)
    assert isinstance(outcome, NotPlaced)
    assert await trader.exchange.find(order) == Absent()


@by(lambda terms: not terms.requests_expire)
async def test_where_requests_do_not_expire_an_id_that_was_used_up_stops_them(trader: Trader) -> None:
    """R12: it cannot be placed any more, however late it comes."""
    order = trader.limit()
    request, signed_at = await trader.exchange.prepare(order), await trader.exchange.now()

    used_up = await trader.exchange.use_up_id(replace(order, request=request))
    trader.clock.turn(3600)
    outcome = await trader.exchange.place(request, signed_at, WINDOW)

    assert isinstance(used_up, NotPlaced)
    assert isinstance(outcome, Duplicate)
    assert await trader.exchange.find(order) == Absent()


async def test_an_order_is_found_by_its_client_id(trader: Trader) -> None:
    """R12: all that is known of an order whose answer was lost."""
    order = trader.limit()
    taken = await trader.placed(order)

    assert order.exchange_order_id is None
    assert await trader.shown(order) == taken


@each_type
async def test_an_order_is_found_by_its_exchange_id(trader: Trader, order_type: OrderType) -> None:
    """The id decides, whatever attempt the row is at by now."""
    order = trader.order(order_type)
    taken = await trader.placed(order)

    assert (await trader.shown(replace(known(order, taken), attempt=2))) == taken


@each_type
async def test_an_order_that_was_never_sent_is_absent(trader: Trader, order_type: OrderType) -> None:
    """So is an attempt that was not made."""
    order = trader.order(order_type)
    await trader.placed(order)

    assert await trader.exchange.find(trader.order(order_type)) == Absent()
    assert await trader.exchange.find(replace(order, attempt=2)) == Absent()


@each_resting
@pytest.mark.parametrize("by_id", [True, False], ids=["by exchange id", "by client id"])
async def test_a_cancel_ends_an_open_order(trader: Trader, order_type: OrderType, by_id: bool) -> None:
    """With the exchange's own word for it (R19), at once or when it is read back."""
    order = trader.order(order_type)
    taken = await trader.placed(order)
    is_stop = order_type is not OrderType.LIMIT

    outcome = await trader.exchange.cancel(known(order, taken) if by_id else order)

    ended = await trader.shown(order)
    assert isinstance(outcome, trader.terms.cancel_of_stop if is_stop else trader.terms.cancel)
    assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELLED, Decimal(0))
    if isinstance(outcome, Cancelled):
        assert outcome.order == ended
    assert await open_ids(trader) == []


@by(lambda terms: terms.cancel is CancelAcknowledged)
async def test_an_acknowledged_cancel_is_not_an_end_yet(trader: Trader) -> None:
    """R19: the order is open at first, and read back until it is not."""
    order = trader.limit()
    await trader.placed(order)

    await trader.exchange.cancel(order)

    lookup = await trader.exchange.find(order)
    assert isinstance(lookup, Found)
    assert lookup.order.status is OrderStatus.OPEN
    assert (await trader.shown(order)).status is OrderStatus.CANCELLED


async def test_a_cancel_of_a_filled_order_changes_nothing(trader: Trader) -> None:
    """It is gone, or not to be found, and its fill stands."""
    order = trader.market()
    taken = await trader.placed(order)

    outcome = await trader.cancel(order)

    assert isinstance(outcome, trader.terms.cancel_of_ended)
    assert await trader.shown(order) == taken


@each_resting
async def test_a_second_cancel_finds_the_order_ended(trader: Trader, order_type: OrderType) -> None:
    """Cancelling twice harms nobody."""
    order = trader.order(order_type)
    await trader.placed(order)
    ended = await trader.cancelled(order)

    outcome = await trader.cancel(order)

    assert isinstance(outcome, Gone | NotFound)
    assert await trader.shown(order) == ended


@each_resting
async def test_a_cancel_of_an_order_that_is_not_there_finds_nothing(trader: Trader, order_type: OrderType) -> None:
    """Which proves nothing: it may still be on its way (R19)."""
    order = trader.order(order_type)

    assert isinstance(await trader.exchange.cancel(order), NotFound)

    assert (await trader.placed(order)).status is OrderStatus.OPEN


async def test_open_orders_are_those_that_rest(trader: Trader) -> None:
    """Of every kind; not what filled, ended unfilled or was cancelled."""
    resting = [trader.order(order_type) for order_type in resting_types(trader.terms)]
    resting.append(trader.limit(side=Side.SELL, price=trader.at("1.5")))
    cancelled = trader.limit()
    for order in [*resting, cancelled, trader.market(), trader.limit(time_in_force=TimeInForce.IOC)]:
        await trader.placed(order)

    await trader.cancel(cancelled)

    assert await open_ids(trader) == sorted(order.client_order_id for order in resting)


async def test_the_free_balance_is_one_of_the_asset_asked_for(trader: Trader) -> None:
    """Of the money here, enough to buy a whole coin."""
    free = await trader.exchange.free_balance(trader.terms.quote)

    assert free > trader.terms.price


async def test_all_balances_are_what_is_free_of_each_asset(trader: Trader) -> None:
    """Nothing is listed of which there is nothing, and a resting order is not free."""
    before = await trader.exchange.balances()
    await trader.placed(trader.limit())
    trader.clock.turn(1)

    after = await trader.exchange.balances()

    quote = trader.terms.quote
    assert before[quote] > trader.terms.price
    assert all(free > 0 for free in before.values())
    assert after[quote] == await trader.exchange.free_balance(quote)
    assert (after[quote] < before[quote]) == (trader.terms.exchange != "mock")


async def test_the_exchange_has_a_time(trader: Trader) -> None:
    """Aware, and it goes on."""
    before = await trader.exchange.now()
    trader.clock.turn(1.5)

    assert (await trader.exchange.now() - before).total_seconds() == pytest.approx(1.5)


async def test_a_key_ends_in_the_future_or_not_at_all(trader: Trader) -> None:
    """Where keys end by themselves the exchange says when, of the very key that asks."""
    ends_at = await trader.exchange.key_expires_at()

    if trader.terms.keys_end:
        assert ends_at is not None
        assert 364 <= (ends_at - trader.clock.now()).days <= 365
    else:
        assert ends_at is None
