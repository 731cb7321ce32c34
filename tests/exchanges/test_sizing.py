"""Contract of every Exchange: the exact request, sized and rounded before anything is sent (R1)."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import Absent, Side
from chalicelib.domain.ports import Exchange, OrderNotAcceptedError
from tests.exchanges.moves import limit, market, placed, stop

some_examples = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
amounts = st.decimals(min_value="0.001", max_value=1_000_000, places=12)
percents = st.decimals(min_value=1, max_value=100, places=4)


def with_percent(order: Order, percent: Decimal | int, side: Side = Side.BUY) -> Order:
    return replace(order, quantity=None, percent=Decimal(percent), side=side)


@pytest.mark.parametrize("order", [market(), limit(), stop()], ids=lambda order: order.order_type)
async def test_a_request_says_what_the_order_says(exchange: Exchange, order: Order) -> None:
    """Under the client id of the attempt at hand."""
    request = await exchange.prepare(replace(order, attempt=3, reduce_only=True))

    assert request.client_order_id == f"{order.order_id}-3"
    for name in ("symbol", "side", "order_type", "quantity", "price", "stop_price", "time_in_force", "post_only"):
        assert getattr(request, name) == getattr(order, name)
    assert request.reduce_only


@some_examples
@given(amounts, st.sampled_from([market(), limit(), stop()]))
async def test_a_quantity_is_rounded_down_and_by_less_than_a_step(
    exchange: Exchange, quantity: Decimal, order: Order
) -> None:
    """Never more than was asked for."""
    request = await exchange.prepare(replace(order, quantity=quantity))

    assert request.quantity is not None
    assert quantity - Decimal("0.00000001") < request.quantity <= quantity
    assert request.quote_amount is None


@some_examples
@given(amounts, amounts)
async def test_an_amount_of_a_limit_order_is_turned_into_a_quantity(
    exchange: Exchange, amount: Decimal, price: Decimal
) -> None:
    """At its own price, so that it costs no more than was asked for."""
    order = limit(quantity=None, quote_amount=amount * 1000, price=price)

    request = await exchange.prepare(order)

    assert request.quote_amount is None
    assert request.quantity is not None
    assert request.quantity * price <= amount * 1000 < (request.quantity + Decimal("0.00000002")) * price


async def test_an_amount_of_a_stop_order_is_turned_into_a_quantity_at_the_stop_price(exchange: Exchange) -> None:
    """It has no other price."""
    request = await exchange.prepare(stop(quantity=None, quote_amount=Decimal(7_000)))

    assert (request.quantity, request.quote_amount) == (Decimal("0.1"), None)


async def test_an_amount_of_a_market_order_stays_an_amount(exchange: Exchange) -> None:
    """The exchange knows the price."""
    request = await exchange.prepare(market(quantity=None, quote_amount=Decimal("123.45")))

    assert (request.quantity, request.quote_amount) == (None, Decimal("123.45"))


@some_examples
@given(percents)
async def test_a_percentage_of_a_purchase_is_one_of_the_free_quote(exchange: Exchange, percent: Decimal) -> None:
    """Never more than there is."""
    free = await exchange.free_balance("USDT")

    request = await exchange.prepare(with_percent(market(), percent))

    assert request.quantity is None
    assert request.quote_amount is not None
    assert free * percent / 100 - Decimal("0.00000001") < request.quote_amount <= free * percent / 100


@some_examples
@given(percents, st.sampled_from([market(), limit()]))
async def test_a_percentage_of_a_sale_is_one_of_the_free_base(
    exchange: Exchange, percent: Decimal, order: Order
) -> None:
    """At the market or at a price."""
    free = await exchange.free_balance("BTC")

    request = await exchange.prepare(with_percent(order, percent, Side.SELL))

    assert request.quote_amount is None
    assert request.quantity is not None
    assert free * percent / 100 - Decimal("0.00000001") < request.quantity <= free * percent / 100


async def test_a_percentage_of_a_limit_purchase_is_a_quantity_at_its_price(exchange: Exchange) -> None:
    """What the share of the balance buys there."""
    free = await exchange.free_balance("USDT")

    request = await exchange.prepare(with_percent(limit(price=Decimal(50_000)), 50))

    assert (request.quantity, request.quote_amount) == (free / 2 / 50_000, None)


@pytest.mark.parametrize(
    "order",
    [
        market(quantity=Decimal("1E-12")),
        limit(quantity=Decimal("1E-12")),
        limit(quantity=None, quote_amount=Decimal("1E-6")),
        with_percent(market(), Decimal("1E-12"), Side.SELL),
    ],
    ids=["quantity", "limit quantity", "limit amount", "percent"],
)
async def test_what_is_below_the_smallest_step_is_not_accepted(exchange: Exchange, order: Order) -> None:
    """The order's owner is told why; nothing is sent."""
    with pytest.raises(OrderNotAcceptedError) as caught:
        await exchange.prepare(order)

    assert caught.value.code == "BELOW_MINIMUM"
    assert caught.value.message
    assert await exchange.find(order) == Absent()


@some_examples
@given(st.sampled_from([*OrderType]), percents | st.none(), st.sampled_from([*Side]))
async def test_a_request_has_exactly_one_of_quantity_and_amount(
    exchange: Exchange, order_type: OrderType, percent: Decimal | None, side: Side
) -> None:
    """However the order was sized."""
    priced = {"price": Decimal(50_000)} if "LIMIT" in order_type else {}
    stopped = {"stop_price": Decimal(70_000)} if "STOP" in order_type else {}
    order = market(order_type=order_type, side=side, **priced, **stopped)

    request = await exchange.prepare(order if percent is None else with_percent(order, percent, side))

    assert (request.quantity is None) != (request.quote_amount is None)


@pytest.mark.parametrize("symbol", ["BTC/USDT", "ETH/USDT", "BTC/KRW", "DOGE/USDC"])
async def test_a_market_order_pays_about_the_last_price(exchange: Exchange, symbol: str) -> None:
    """Which limits on an order's worth are checked against."""
    price = await exchange.last_price(symbol)

    taken = await placed(exchange, market(symbol=symbol))

    assert price > 0
    assert taken.average_price == price


async def test_preparing_places_nothing(exchange: Exchange) -> None:
    """It is all that happens before the row says SENDING (R1)."""
    order = limit()

    await exchange.prepare(order)

    assert await exchange.find(order) == Absent()
    assert list(await exchange.open_orders()) == []
