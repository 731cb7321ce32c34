"""Limits and bans: honoured to the second, shared through the database, and over when they are over (R17)."""

from datetime import datetime

import pytest

from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.clock import seconds_between
from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import CancelAcknowledged, Cancelled, OrderStatus
from chalicelib.domain.strategies import Account, Ban, ban_name
from chalicelib.usecases.cancelling import process_cancel
from tests.exchanges.markets.terms import BINANCE_FUTURES, BINANCE_SPOT, BYBIT_FUTURES, BYBIT_SPOT, Terms
from tests.trading.floor import MARKETS, ONE_OF_EACH, UPBIT, WITH_CLOCK, Floor

LIMIT, MARKET = OrderType.LIMIT, OrderType.MARKET

BANNED = 45
"""Seconds that the simulator bans for. Bybit does not say how long, and is given ten minutes; Upbit ten seconds."""


at_each_exchange = pytest.mark.parametrize("terms", ONE_OF_EACH, ids=str)


@pytest.mark.parametrize("terms", WITH_CLOCK, ids=str)
async def test_a_create_that_met_a_limit_is_sent_again_when_the_exchange_allows_it(floor: Floor, terms: Terms) -> None:
    """Under the same id and deadline, not a moment before Retry-After, or Bybit's reset, has passed (R9)."""
    await floor.trade_at(terms)
    floor.control.fault("rate_limit", exchange=terms.name, operation="create", retry_after=4)

    answer, _ = await floor.send(MARKET)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.attempt) == (OrderStatus.FILLED, 1)
    refused, taken = floor.creates(terms)
    assert taken["at_ms"] - refused["at_ms"] >= 4000
    assert floor.ids_on_book(terms) == [order.order_id]


async def test_a_limit_order_that_met_a_limit_at_upbit_gets_a_new_identifier(floor: Floor) -> None:
    """The one that was refused counts as used."""
    await floor.trade_at(UPBIT)
    floor.control.fault("rate_limit", exchange="upbit", operation="create")

    answer, _ = await floor.send(LIMIT)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.attempt) == (OrderStatus.OPEN, 2)
    refused, taken = floor.creates(UPBIT)
    assert (refused["status"], taken["status"]) == (429, 201)
    assert taken["at_ms"] - refused["at_ms"] >= 1000
    assert floor.ids_on_book(UPBIT) == [f"{order.order_id}-2"]


@pytest.mark.parametrize("terms", [*WITH_CLOCK, UPBIT], ids=str)
async def test_a_ban_that_one_process_met_keeps_another_away(floor: Floor, terms: Terms) -> None:
    """It has met nobody, reads of the ban in the database, and does not send so much as a ping until it is over."""
    await floor.trade_at(terms)
    until = await met_a_ban(floor, terms)
    reached = len(floor.control.requests())
    floor.services = floor.another_process()
    floor.clock.turn(max(0.0, seconds_between(floor.clock.now(), until) - 20.0))

    answer, _ = await floor.send(LIMIT)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert order.status is OrderStatus.OPEN
    first_knock = floor.control.requests()[reached]
    assert first_knock["at_ms"] >= int(until.timestamp() * 1000), f"{first_knock['operation']} came too early"
    assert floor.ids_on_book(terms) == [order.client_order_id]


async def test_a_warm_process_learns_of_the_ban_from_its_next_alert(floor: Floor) -> None:
    """It has a session and the strategy in memory; the ban has raised the strategy's version."""
    terms = BINANCE_SPOT
    await floor.trade_at(terms)
    answer, _ = await floor.send(MARKET)
    await floor.settle(*answer.event.order_ids)
    warm, floor.services = floor.services, floor.another_process()
    await met_a_ban(floor, terms)
    reached = len(floor.control.requests())

    floor.services = warm
    answer = await floor.sell()

    (result,) = answer.event.results
    assert (result.status, result.error) == ("REJECTED", "the exchange's rate limit leaves no room now")
    assert len(floor.control.requests()) == reached


@pytest.mark.parametrize("terms", [BYBIT_SPOT, UPBIT], ids=str)
async def test_the_others_trade_on_while_one_is_banned(floor: Floor, terms: Terms) -> None:
    """A ban at one exchange is no reason to miss a trade at another."""
    others = [other for other in MARKETS if other.exchange != terms.exchange]
    await floor.trade_at(terms, *others)
    before, _ = await floor.send(MARKET)
    await floor.settle(*before.event.order_ids)
    floor.control.fault("ban", exchange=terms.name, retry_after=BANNED)

    answer, _ = await floor.send(MARKET)

    rows = await floor.settle(*answer.event.order_ids)
    assert {row.account_id: row.status for row in rows} == {
        terms.name: OrderStatus.REJECTED,
        **{other.name: OrderStatus.FILLED for other in others},
    }


async def test_bybits_ban_of_the_address_is_one_of_both_its_markets(floor: Floor) -> None:
    """Stop everything for ten minutes, its documents say: one host, one address."""
    for terms in (BYBIT_SPOT, BYBIT_FUTURES):
        await floor.open_account(terms)
    await floor.strategy("s1", BYBIT_FUTURES.name)
    answer, _ = await floor.send(MARKET)
    await floor.settle(*answer.event.order_ids)
    await floor.strategy("s1", BYBIT_SPOT.name)
    await met_a_ban(floor, BYBIT_SPOT)
    reached = len(floor.control.requests())

    await floor.strategy("s1", BYBIT_FUTURES.name)
    await floor.sell()

    assert len(floor.control.requests()) == reached


@at_each_exchange
async def test_a_cancel_during_a_ban_waits_for_its_end_and_then_succeeds(floor: Floor, terms: Terms) -> None:
    """It was accepted, it counts as no refusal, and it does not knock before the time."""
    await floor.trade_at(terms)
    answer, _ = await floor.send(LIMIT)
    (open_order,) = await floor.settle(*answer.event.order_ids)
    ban = floor.control.fault("ban", exchange=terms.name, retry_after=BANNED)

    proven = await floor.cancel(open_order.order_id)

    until = await banned_until(floor, terms)
    request = await floor.request(open_order.order_id)
    assert not proven
    assert (request.status, request.retry_count) == (CancelStatus.PENDING, 0)
    assert request.next_retry_at >= until
    floor.control.clear_faults(ban)
    reached = len(floor.control.requests())
    floor.clock.turn(seconds_between(floor.clock.now(), until) - 1.0)
    await process_cancel(floor.services, open_order.order_id, "sweep", floor.budget())
    assert len(floor.control.requests()) == reached
    (order,) = await floor.settle(open_order.order_id)
    assert order.status is OrderStatus.CANCELLED
    assert floor.on_book(terms, live=True) == []


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        (BINANCE_SPOT, {"X-MBX-USED-WEIGHT-1M": "5700"}),
        (BINANCE_FUTURES, {"X-MBX-USED-WEIGHT-1M": "2280"}),
        (UPBIT, {"Remaining-Req": "group=default; min=1800; sec=3"}),
    ],
    ids=str,
)
async def test_a_cancel_passes_where_there_is_no_room_for_reads(
    floor: Floor, terms: Terms, told: dict[str, str]
) -> None:
    """So much of the limit is used, the exchange says, that the rest is kept for cancels."""
    await floor.trade_at(terms)
    answer, _ = await floor.send(LIMIT)
    (order,) = await floor.settle(*answer.event.order_ids)
    account = await floor.store.get(Account, terms.name)
    session = await floor.services.exchanges.session(account, order.venue)
    floor.control.fault("error", exchange=terms.name, operation="cancel", status=500, headers=told)

    outcome = await session.cancel(order)
    await session.find(order)

    assert isinstance(outcome, Cancelled | CancelAcknowledged)
    heard, sent_again = floor.control.requests(venue=terms.name, operation="cancel")
    assert sent_again["at_ms"] - heard["at_ms"] < 1000
    reads = [row["at_ms"] for row in floor.control.requests(venue=terms.name, operation="query")]
    assert [at_ms for at_ms in reads if heard["at_ms"] <= at_ms < heard["at_ms"] + 1000] == []


async def met_a_ban(floor: Floor, terms: Terms) -> datetime:
    """A market order runs into one, and ends. Until when the exchange is to be left alone."""
    fault = floor.control.fault("ban", exchange=terms.name, retry_after=BANNED)
    answer, _ = await floor.send(MARKET)
    (order,) = await floor.settle(*answer.event.order_ids)
    assert order.status is OrderStatus.REJECTED
    floor.control.clear_faults(fault)
    return await banned_until(floor, terms)


async def banned_until(floor: Floor, terms: Terms) -> datetime:
    """As all processes can read it."""
    ban = await floor.store.get(Ban, ban_name(terms.name))
    assert ban is not None, "the ban is not in the database"
    until: datetime = ban.blocked_until
    return until
