"""One alert on five accounts of five markets, the answer to one of them lost after acceptance (R8, R12, R26)."""

from decimal import Decimal

import pytest

from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.usecases.alerts import AlertAnswer
from tests.exchanges.markets.terms import BYBIT_SPOT, Terms
from tests.trading.floor import MARKETS, UPBIT, Floor

END = {OrderType.LIMIT: OrderStatus.OPEN, OrderType.MARKET: OrderStatus.FILLED}
each_kind = pytest.mark.parametrize("kind", END)
each_troubled = pytest.mark.parametrize("troubled", MARKETS, ids=str)


@each_kind
async def test_every_account_gets_its_order(floor: Floor, kind: OrderType) -> None:
    """One each, at its own market, and the log row counts five."""
    await floor.trade_at(*MARKETS)

    answer, rows = await floor.send(kind)

    assert [(row.exchange, row.market) for row in rows] == [(terms.exchange, terms.market) for terms in MARKETS]
    await assert_each_has_one(floor, answer, kind)


@each_troubled
@pytest.mark.parametrize(("kind", "fault"), [(OrderType.LIMIT, "timeout"), (OrderType.MARKET, "close")])
async def test_an_order_whose_answer_is_lost_is_adopted_once(
    floor: Floor, kind: OrderType, fault: str, troubled: Terms
) -> None:
    """The others have theirs at once; this one is found, and never sent a second time."""
    await floor.trade_at(*MARKETS)
    floor.control.fault(fault, exchange=troubled.name, operation="create", taken=True)

    answer, at_once = await floor.send(kind)

    assert_others_have(END[kind], at_once, troubled)
    await assert_each_has_one(floor, answer, kind)


@pytest.mark.parametrize("troubled", [BYBIT_SPOT, UPBIT], ids=str)
async def test_an_order_that_cannot_be_looked_up_either_is_adopted_later(floor: Floor, troubled: Terms) -> None:
    """Until the exchange shows it, nothing is concluded: it stays PENDING, UNKNOWN, and counts for neither side."""
    await floor.trade_at(*MARKETS)
    floor.control.fault("close", exchange=troubled.name, operation="create", taken=True)
    allow_look_ups = floor.refuse_look_ups(troubled)

    answer, at_once = await floor.send(OrderType.MARKET)

    assert_others_have(OrderStatus.FILLED, at_once, troubled)
    (unknown,) = [row for row in at_once if row.account_id == troubled.name]
    assert (unknown.status, unknown.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)
    log = await floor.event(answer)
    assert (log.total_accounts, log.successful_accounts, log.failed_accounts) == (5, 4, 0)
    allow_look_ups()
    await assert_each_has_one(floor, answer, OrderType.MARKET)


def assert_others_have(status: OrderStatus, rows: list[Order], troubled: Terms) -> None:
    """One account's trouble is no other's."""
    others = {row.account_id: row.status for row in rows if row.account_id != troubled.name}
    assert others == {terms.name: status for terms in MARKETS if terms is not troubled}


async def assert_each_has_one(floor: Floor, answer: AlertAnswer, kind: OrderType) -> None:
    """Once everything is settled: sent once, there once, and counted."""
    rows = await floor.settle(*answer.event.order_ids)
    assert [(row.status, row.attempt) for row in rows] == [(END[kind], 1)] * 5
    assert [floor.ids_on_book(terms) for terms in MARKETS] == [[row.order_id] for row in rows]
    assert [len(floor.creates(terms)) for terms in MARKETS] == [1] * 5
    log = await floor.event(answer)
    assert (log.total_accounts, log.successful_accounts, log.failed_accounts) == (5, 5, 0)
    filled = Decimal("0.1") if kind is OrderType.MARKET else Decimal(0)
    assert [result.filled_quantity for result in log.results] == [filled] * 5
