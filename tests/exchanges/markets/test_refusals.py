"""What is refused before anything is sent, with words that say what to use instead; and the rules that decide it."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import Absent, NotPlaced, OrderStatus, PlaceOutcome, Side, Unknown
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.exchanges.rules_book import GOOD_FOR
from tests.exchanges.conftest import OpenMarket, StartProcess
from tests.exchanges.markets.cases import each, which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.memory import RulesInMemory
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

BY_AMOUNT = {"quantity": None, "quote_amount": Decimal(100_000)}
BY_PERCENT = {"quantity": None, "percent": Decimal(10)}

NOT_OFFERED = [
    (BINANCE_SPOT, OrderType.STOP_LIMIT, {"post_only": True}, "use LIMIT"),
    (BINANCE_SPOT, OrderType.MARKET, {"post_only": True}, "use LIMIT"),
    (BINANCE_FUTURES, OrderType.MARKET, BY_AMOUNT, "use quantity, or a LIMIT order"),
    (BINANCE_FUTURES, OrderType.MARKET, BY_PERCENT, "use quantity, or a LIMIT order"),
    (BINANCE_FUTURES, OrderType.LIMIT, {**BY_PERCENT, "side": Side.SELL}, "use quantity"),
    (BINANCE_FUTURES, OrderType.STOP_MARKET, {"post_only": True}, "use LIMIT"),
    (BYBIT_FUTURES, OrderType.MARKET, BY_AMOUNT, "use quantity, or a LIMIT order"),
    (BYBIT_FUTURES, OrderType.MARKET, BY_PERCENT, "use quantity, or a LIMIT order"),
    (BYBIT_FUTURES, OrderType.LIMIT, {**BY_PERCENT, "side": Side.SELL}, "use quantity"),
    (BYBIT_FUTURES, OrderType.LIMIT, {"symbol": "BTC/USDC"}, "use a symbol such as BTC/USDT"),
    (UPBIT, OrderType.MARKET, {"quantity": Decimal("0.1"), "quote_amount": None}, "use quote_amount"),
    (UPBIT, OrderType.MARKET, {**BY_AMOUNT, "side": Side.SELL}, "use quantity"),
    (UPBIT, OrderType.STOP_MARKET, {}, "send MARKET or LIMIT"),
    (UPBIT, OrderType.STOP_LIMIT, {}, "send MARKET or LIMIT"),
    (UPBIT, OrderType.LIMIT, {"market": "futures"}, "use spot"),
]

HALTED: dict[Terms, type[PlaceOutcome]] = {
    BINANCE_SPOT: NotPlaced,
    BINANCE_FUTURES: NotPlaced,
    BYBIT_SPOT: Unknown,
    BYBIT_FUTURES: Unknown,
    UPBIT: NotPlaced,
}
"""The answer to a create while trading stands still: Bybit's codes for that are in no table of what they prove."""


async def refused(trader: Trader, floor: Floor, order: Order) -> OrderNotAcceptedError:
    """Why; and that the exchange heard nothing of it."""
    with pytest.raises(OrderNotAcceptedError) as caught:
        await trader.send(order)
    assert floor.count("create") == 0
    assert floor.orders() == []
    return caught.value


@pytest.mark.parametrize(
    ("trader", "order_type", "changes", "instead"),
    NOT_OFFERED,
    indirect=["trader"],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_what_is_not_offered_is_refused_with_what_to_use_instead(
    trader: Trader, floor: Floor, order_type: OrderType, changes: dict[str, Any], instead: str
) -> None:
    """Without a single request."""
    error = await refused(trader, floor, trader.order(order_type, **changes))

    assert error.code == "NOT_OFFERED"
    assert instead in error.message
    assert not error.passing
    assert floor.control.requests() == []


@pytest.mark.parametrize("quantity", ["1E-12", "0"])
async def test_a_quantity_below_the_smallest_step_is_refused(trader: Trader, floor: Floor, quantity: str) -> None:
    """Nothing is left of it after rounding, and it is never rounded up."""
    error = await refused(trader, floor, trader.limit(quantity=Decimal(quantity)))

    assert (error.code, error.passing) == ("BELOW_MINIMUM", False)


def with_value(terms: Terms) -> list[OrderType]:
    """Types of which a purchase can be sized by quote amount."""
    return sorted(terms.order_types - (set() if Side.BUY in terms.sides_by_amount else {OrderType.MARKET}))


@each("order_type", REAL, with_value)
async def test_an_order_below_the_minimum_is_refused_with_the_minimum(
    trader: Trader, floor: Floor, order_type: OrderType
) -> None:
    """Of the value, or of the quantity where one step is worth more than that."""
    least = trader.terms.min_notional
    assert least is not None

    error = await refused(trader, floor, trader.order(order_type, quantity=None, quote_amount=least * Decimal("0.9")))

    assert error.code == "BELOW_MINIMUM"
    assert any(f"the market's minimum is {bound:f}" in error.message for bound in (least, trader.terms.quantity_step))
    assert not error.passing


@which(terms for terms in REAL if terms is not BYBIT_FUTURES)
async def test_a_market_order_below_the_minimum_value_is_the_exchanges_to_refuse(trader: Trader, floor: Floor) -> None:
    """Only it knows the price of a market order by quantity. One step of Bybit's contract is worth more anyway."""
    least = trader.terms.min_notional
    assert least is not None

    outcome = await trader.send(trader.market(Side.SELL, quantity=least * Decimal("0.9") / trader.terms.price))

    assert isinstance(outcome, NotPlaced)
    assert not outcome.retry
    assert floor.orders() == []


async def test_an_order_above_the_maximum_is_refused_with_the_maximum(trader: Trader, floor: Floor) -> None:
    """Of the quantity, or of the value where the market says so."""
    error = await refused(trader, floor, trader.limit(quantity=Decimal(1_000_000)))

    assert error.code == "ABOVE_MAXIMUM"
    assert "above the maximum" in error.message


@pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.LIMIT])
async def test_an_order_that_cannot_be_paid_is_not_placed(trader: Trader, floor: Floor, order_type: OrderType) -> None:
    """The exchange says so; nothing is the better for another try."""
    quote = trader.terms.quote
    floor.deposit(quote, -(await trader.exchange.free_balance(quote)))

    outcome = await trader.send(trader.order(order_type))

    assert isinstance(outcome, NotPlaced)
    assert not outcome.retry
    assert floor.orders() == []


async def test_a_market_that_stands_still_is_known_from_its_rules(trader: Trader, floor: Floor) -> None:
    """Before anything is sent."""
    floor.control.set_market_status(trader.terms.name, trader.terms.native, "halted")

    error = await refused(trader, floor, trader.limit())

    assert error.code == "MARKET_CLOSED"


async def test_a_market_that_came_to_a_halt_since_takes_nothing(trader: Trader, floor: Floor) -> None:
    """While the rules that are remembered still say that it trades."""
    await trader.placed(trader.limit())
    floor.control.set_market_status(trader.terms.name, trader.terms.native, "halted")
    order = trader.limit()

    outcome = await trader.send(order)

    assert isinstance(outcome, HALTED[trader.terms])
    assert await trader.exchange.find(order) == Absent()


async def test_a_market_that_is_not_listed_is_refused(trader: Trader, floor: Floor) -> None:
    """No rules, no order."""
    error = await refused(trader, floor, trader.limit(symbol=f"DOGE/{trader.terms.quote}"))

    assert error.code == "NOT_PREPARED"


async def test_rules_are_fetched_once_and_again_the_next_day(trader: Trader, floor: Floor) -> None:
    """However many orders are prepared at once."""
    await asyncio.gather(*(trader.exchange.prepare(trader.limit()) for _ in range(5)))
    first = rules_fetched(floor)
    await trader.exchange.prepare(trader.limit())
    on_that_day = rules_fetched(floor)
    trader.clock.turn(GOOD_FOR)
    await trader.exchange.prepare(trader.limit())

    assert [first, on_that_day, rules_fetched(floor)] == [1, 1, 2]


async def test_rules_are_shared_with_other_processes(
    trader: Trader, floor: Floor, open_market: OpenMarket, start_process: StartProcess
) -> None:
    """And between the accounts of one."""
    table = RulesInMemory()
    one, other = start_process(table), start_process(table)

    for process in (one, one, other):
        await open_market(trader.terms, process=process).prepare(trader.limit())

    assert rules_fetched(floor) == 1


async def test_a_new_rule_counts_the_next_day(trader: Trader, floor: Floor) -> None:
    """A market that trades again is not refused for ever."""
    floor.control.set_market_status(trader.terms.name, trader.terms.native, "halted")
    await refused(trader, floor, trader.limit())
    floor.control.set_market_status(trader.terms.name, trader.terms.native, "trading")
    trader.clock.turn(GOOD_FOR)

    assert (await trader.placed(trader.limit())).status is OrderStatus.OPEN


def rules_fetched(floor: Floor) -> int:
    """How often all that makes up a market's rules was asked for; Upbit keeps it in two places."""
    if floor.terms is UPBIT:
        assert floor.count("chance") == floor.count("rules")
    return floor.count("rules")
