"""Requests with the wrong time or an old key, at every market: for another try, and put right by then (R2)."""

import pytest

from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import Found, LookupFailed, NotPlaced, OrderStatus, Throttled
from chalicelib.domain.secrets import Credentials
from infra.simulator.instruments import TEST_KEY
from tests.exchanges.conftest import Key, OpenMarket
from tests.exchanges.markets.cases import which
from tests.exchanges.markets.floor import Floor, assert_on_book
from tests.exchanges.markets.terms import WITH_CLOCK
from tests.exchanges.moves import Trader

REFUSALS = {"binance": "any", "bybit": "expired", "upbit": "expired_access_key"}
"""How an exchange refuses an old key."""

each_skew = pytest.mark.parametrize("skew", [20_000, -20_000])
"""Ahead and behind, by more than any exchange forgives."""


@which(WITH_CLOCK)
@each_skew
async def test_the_exchanges_time_is_the_one_that_counts(trader: Trader, floor: Floor, skew: int) -> None:
    """R2: whatever our own clock says."""
    floor.control.set_clock_skew(trader.terms.exchange, skew)

    taken = await trader.placed(trader.limit())

    assert taken.status is OrderStatus.OPEN
    assert (await trader.exchange.now() - trader.clock.now()).total_seconds() * 1000 == pytest.approx(skew, abs=2)


@which(WITH_CLOCK)
@each_skew
async def test_a_create_with_a_wrong_time_is_for_another_try(trader: Trader, floor: Floor, skew: int) -> None:
    """Nothing was placed; the same request goes with the next time stamp."""
    order = trader.limit()
    request, signed_at = await trader.exchange.prepare(order), await trader.exchange.now()
    floor.control.set_clock_skew(trader.terms.exchange, skew)

    refused = await trader.exchange.place(request, signed_at, 5.0)
    again = await trader.exchange.place(request, await trader.exchange.now(), 5.0)

    assert isinstance(refused, NotPlaced)
    assert refused.retry
    assert isinstance(again, trader.terms.answer)
    await assert_on_book(trader, floor, order)


@which(WITH_CLOCK)
@each_skew
async def test_a_cancel_with_a_wrong_time_is_for_another_try(
    trader: Trader, floor: Floor, order: Order, skew: int
) -> None:
    """The next try goes with the exchange's time."""
    floor.control.set_clock_skew(trader.terms.exchange, skew)

    outcomes = [await trader.cancel(order) for _ in range(2)]

    assert isinstance(outcomes[0], Throttled)
    assert isinstance(outcomes[1], trader.terms.cancel)
    assert (await trader.shown(order)).status is OrderStatus.CANCELLED


@which(WITH_CLOCK)
@each_skew
async def test_a_look_up_with_a_wrong_time_is_made_again_with_the_right_one(
    trader: Trader, floor: Floor, order: Order, skew: int
) -> None:
    """The exchange's clock was set meanwhile."""
    floor.control.set_clock_skew(trader.terms.exchange, skew)

    assert isinstance(await trader.exchange.find(order), Found)


async def test_a_key_that_was_changed_is_loaded_once(
    trader: Trader, floor: Floor, order: Order, open_market: OpenMarket
) -> None:
    """Reads go on with the new one by themselves; the old one is refused from now on."""
    key = with_new_key(floor)
    exchange = open_market(trader.terms, key=key)

    assert isinstance(await exchange.find(order), Found)

    assert key.next is None


async def test_a_create_with_a_changed_key_is_for_another_try(
    trader: Trader, floor: Floor, open_market: OpenMarket
) -> None:
    """Nothing was placed, and the next try has the new key."""
    order = trader.limit()
    request = await trader.exchange.prepare(order)
    exchange = open_market(trader.terms, key=with_new_key(floor))

    outcomes = [await exchange.place(request, await exchange.now(), 5.0) for _ in range(2)]

    assert isinstance(outcomes[0], NotPlaced)
    assert outcomes[0].retry
    assert isinstance(outcomes[1], trader.terms.answer)


async def test_a_cancel_with_a_changed_key_is_for_another_try(
    trader: Trader, floor: Floor, order: Order, open_market: OpenMarket
) -> None:
    """No refusal of the cancel (R17)."""
    exchange = open_market(trader.terms, key=with_new_key(floor))

    outcomes = [await exchange.cancel(order) for _ in range(2)]

    assert isinstance(outcomes[0], Throttled)
    assert isinstance(outcomes[1], trader.terms.cancel)


def with_new_key(floor: Floor) -> Key:
    """The account's key is another one now; who has the old one is refused, and may load the new one."""
    key = Key()
    key.next = Credentials("new-key", "new-secret")
    exchange = floor.terms.exchange
    floor.control.add_key(exchange, "new-key", "new-secret", of_key=TEST_KEY)
    floor.control.deny_key(exchange, TEST_KEY, REFUSALS[exchange])
    return key


async def test_a_key_that_stays_wrong_proves_nothing_of_an_order(trader: Trader, floor: Floor, order: Order) -> None:
    """A look-up fails; it does not say that there is none."""
    floor.control.deny_key(trader.terms.exchange, TEST_KEY, REFUSALS[trader.terms.exchange])

    assert isinstance(await trader.exchange.find(order), LookupFailed)
