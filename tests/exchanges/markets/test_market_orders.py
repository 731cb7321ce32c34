"""MARKET orders at every real market, to their ends: by quantity, by quote amount, by percentage, and cut short."""

from decimal import Decimal

import pytest

from chalicelib.domain.outcomes import ExchangeOrder, OrderStatus, Side
from chalicelib.exchanges.rounding import round_down
from tests.exchanges.markets.cases import each, which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import (
    BINANCE_FUTURES,
    BINANCE_SPOT,
    BYBIT_FUTURES,
    BYBIT_SPOT,
    FUTURES,
    REAL,
    SPOT,
    UPBIT,
)
from tests.exchanges.moves import Trader, known

CUT_SHORT = {
    BINANCE_SPOT: OrderStatus.EXPIRED,
    BINANCE_FUTURES: OrderStatus.EXPIRED,
    BYBIT_SPOT: OrderStatus.FILLED,
    BYBIT_FUTURES: OrderStatus.CANCELLED,
    UPBIT: OrderStatus.CANCELLED,
}
"""How a market order ends that finds too little to trade with: Bybit spot has one word for that and a refund."""


@each("side", REAL, lambda terms: sorted(terms.sides_by_quantity))
async def test_a_quantity_is_traded_to_the_step(trader: Trader, floor: Floor, side: Side) -> None:
    """What was asked for, rounded down."""
    order = trader.market(side, quantity=Decimal("0.123456789"))

    taken = await trader.placed(order)

    expected = round_down(Decimal("0.123456789"), trader.terms.quantity_step)
    assert (taken.status, taken.filled_quantity) == (OrderStatus.FILLED, expected)
    assert taken.average_price == trader.terms.price
    assert Decimal(floor.row(order)["quantity"]) == expected


@each("side", REAL, lambda terms: sorted(terms.sides_by_amount))
async def test_an_amount_buys_or_sells_for_no_more_than_it(trader: Trader, floor: Floor, side: Side) -> None:
    """It is sent as it is: the exchange turns it into a quantity."""
    amount = round_down(trader.at("0.01234567"), Decimal(1)) or Decimal(0)
    order = trader.market(side, quantity=None, quote_amount=amount)

    taken = await trader.placed(order)

    assert (taken.status, taken.quote_amount, taken.quantity) == (OrderStatus.FILLED, amount, None)
    assert amount - trader.at(1) * trader.terms.quantity_step < taken.filled_quantity * trader.terms.price <= amount
    assert Decimal(floor.row(order)["quote_quantity"]) == amount


@each("side", SPOT, lambda terms: sorted(terms.sides_by_percent))
async def test_a_percentage_is_one_of_what_is_free(trader: Trader, side: Side) -> None:
    """Of the money to buy, of the coin to sell; what an open order holds is not free."""
    await trader.placed(trader.limit(side=side, price=trader.at("0.5" if side is Side.BUY else "2")))
    free = await trader.exchange.free_balance(trader.terms.quote if side is Side.BUY else trader.terms.base)

    taken = await trader.placed(trader.market(side, quantity=None, quote_amount=None, percent=Decimal(25)))

    share = free / 4 / (trader.terms.price if side is Side.BUY else 1)
    assert taken.status is OrderStatus.FILLED
    assert share - trader.terms.quantity_step * 2 < taken.filled_quantity <= share


@each("side", SPOT, lambda terms: sorted(terms.sides_by_percent))
async def test_all_of_it_can_be_traded(trader: Trader, side: Side) -> None:
    """The fee included, where it comes on top."""
    order = trader.market(side, quantity=None, quote_amount=None, percent=Decimal(100))

    taken = await trader.placed(order)

    assert taken.status is OrderStatus.FILLED
    left = await trader.exchange.free_balance(trader.terms.quote if side is Side.BUY else trader.terms.base)
    assert left < (trader.at("0.001") if side is Side.BUY else trader.terms.quantity_step)


@which(SPOT)
async def test_what_was_traded_is_in_the_balances(trader: Trader) -> None:
    """And an open order's cost is not free."""

    async def free() -> tuple[Decimal, Decimal]:
        exchange, terms = trader.exchange, trader.terms
        return await exchange.free_balance(terms.base), await exchange.free_balance(terms.quote)

    coins, money = await free()
    await trader.placed(trader.market(Side.SELL))
    coins_after, money_after = await free()
    await trader.placed(trader.limit())
    _, money_held = await free()

    assert coins_after == coins - Decimal("0.1")
    assert trader.at("0.099") < money_after - money < trader.at("0.1")
    assert money_held <= money_after - trader.at("0.075")


async def test_a_coin_that_is_not_held_has_a_balance_of_zero(trader: Trader) -> None:
    """It is in no list of balances."""
    assert await trader.exchange.free_balance("DOGE") == 0


async def test_a_market_order_that_is_cut_short_ends_with_what_it_got(trader: Trader, floor: Floor) -> None:
    """Whatever the exchange calls it."""
    floor.offer("0.04")

    taken = await trader.placed(trader.market(Side.SELL))

    assert (taken.status, taken.filled_quantity) == (CUT_SHORT[trader.terms], Decimal("0.04"))
    assert taken.average_price == trader.terms.price


@each("side", REAL, lambda terms: sorted(terms.sides_by_amount))
async def test_an_amount_that_is_cut_short_ends_with_what_it_got(trader: Trader, floor: Floor, side: Side) -> None:
    """Of a purchase by amount Upbit, too, says only that it is over: something was bought."""
    floor.offer("0.04")

    taken = await trader.placed(trader.market(side, quantity=None, quote_amount=trader.at("0.1")))

    expected = OrderStatus.FILLED if trader.terms is UPBIT else CUT_SHORT[trader.terms]
    assert (taken.status, taken.filled_quantity) == (expected, Decimal("0.04"))


@which(FUTURES)
@pytest.mark.parametrize("side", Side)
async def test_a_contract_is_a_position(trader: Trader, floor: Floor, side: Side) -> None:
    """Long or short, without owning the coin."""
    await trader.placed(trader.market(side))

    assert floor.position() == (Decimal("0.1") if side is Side.BUY else Decimal("-0.1"))


@pytest.mark.parametrize("trader", [BINANCE_FUTURES, BYBIT_FUTURES], indirect=True, ids=str)
async def test_the_margin_of_positions_and_orders_is_not_free(trader: Trader) -> None:
    """At a leverage of 20."""
    before = await trader.exchange.free_balance("USDT")
    await trader.placed(trader.market())
    with_position = await trader.exchange.free_balance("USDT")
    await trader.placed(trader.limit())

    assert before - with_position > trader.at("0.1") / 20
    assert with_position - await trader.exchange.free_balance("USDT") == trader.at("0.075") / 20


async def test_a_market_order_at_its_end_is_found_by_either_id(trader: Trader) -> None:
    """With all that it got, as often as it is asked for."""
    order = trader.market(Side.SELL)

    seen: list[ExchangeOrder] = [await trader.placed(order)]
    trader.clock.turn(3600)
    seen += [await trader.shown(order), await trader.shown(known(order, seen[0]))]

    assert seen[0] == seen[1] == seen[2]
