"""Rate limits and bans at every market: nothing is sent until the exchange allows it, and then it goes."""

from datetime import datetime

from chalicelib.domain.clock import after
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import Found, LookupFailed, NotPlaced, OrderStatus, Placed, Throttled
from chalicelib.exchanges.http_exchange import HttpExchange
from infra.simulator.instruments import TEST_KEY
from tests.exchanges.conftest import Key, OpenMarket
from tests.exchanges.markets.cases import which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import BINANCE_FUTURES, BINANCE_SPOT, BYBIT_FUTURES, BYBIT_SPOT, REAL, UPBIT
from tests.exchanges.moves import WINDOW, Trader

CREATES = {BINANCE_SPOT: 50, BINANCE_FUTURES: 200, BYBIT_SPOT: 20, BYBIT_FUTURES: 10, UPBIT: 12}
"""How many an account may send in one go."""


async def test_a_rate_limit_of_creates_says_when_to_come_back(trader: Trader, floor: Floor) -> None:
    """Nothing was placed; until then nothing is sent, and then it goes."""
    order = trader.limit()
    floor.fault("rate_limit", "create", retry_after=1)

    refused = await trader.send(order)
    at_once = await trader.send(order)
    trader.clock.turn(1.001)
    later = await trader.send(order)

    assert isinstance(refused, NotPlaced)
    assert isinstance(at_once, NotPlaced)
    assert refused.retry
    assert at_once.retry
    assert 0 < at_once.retry_after <= 1
    assert isinstance(later, trader.terms.answer)
    assert floor.count("create") == 2
    assert [row["client_id"] for row in floor.orders()] == [order.client_order_id]


async def test_after_a_rate_limit_the_order_can_be_cancelled_as_soon_as_the_exchange_says(
    trader: Trader, floor: Floor
) -> None:
    """Nothing that is live may have to wait for longer than that."""
    order = trader.limit()
    await trader.placed(order)
    floor.fault("rate_limit", "create", retry_after=2)
    await trader.send(trader.limit())
    trader.clock.turn(2.001)

    ended = await trader.cancelled(order)

    assert ended.status is OrderStatus.CANCELLED


async def test_a_rate_limit_of_cancels_says_when_to_come_back(trader: Trader, floor: Floor, order: Order) -> None:
    """It is no refusal (R17), and nothing is sent until then."""
    floor.fault("rate_limit", "cancel", retry_after=1)

    refused = await trader.exchange.cancel(order)
    at_once = await trader.exchange.cancel(order)

    assert isinstance(refused, Throttled)
    assert isinstance(at_once, Throttled)
    assert at_once.retry_after > 0
    assert floor.count("cancel") == 1
    trader.clock.turn(60)
    assert isinstance(await trader.cancel(order), trader.terms.cancel)


async def test_a_look_up_waits_for_a_limit_to_pass(trader: Trader, floor: Floor, order: Order) -> None:
    """A moment of it."""
    started_at = trader.clock.now()
    floor.fault("rate_limit", "query", retry_after=1)

    assert isinstance(await trader.exchange.find(order), Found)

    assert trader.clock.now() >= after(started_at, 0.999)


async def test_a_ban_ends_creates_until_its_end(trader: Trader, floor: Floor, blocks: list[datetime]) -> None:
    """Not another request is made; other processes are told."""
    order = trader.limit()
    request, signed_at = await trader.exchange.prepare(order), await trader.exchange.now()
    banned_at = trader.clock.now()
    floor.control.fault("ban", exchange=trader.terms.exchange, retry_after=60)

    outcomes = [await trader.exchange.place(request, signed_at, 5.0) for _ in range(3)]

    requests = floor.count("create")
    assert all(isinstance(outcome, NotPlaced) and outcome.retry for outcome in outcomes)
    assert requests == 1
    assert len(blocks) == 1
    assert blocks[0] >= after(banned_at, 10)


async def test_a_ban_stops_cancels_too(trader: Trader, floor: Floor, order: Order, blocks: list[datetime]) -> None:
    """Not one is sent until its end, and then it goes."""
    floor.control.fault("ban", exchange=trader.terms.exchange, retry_after=60)

    banned = [await trader.exchange.cancel(order) for _ in range(3)]

    assert all(isinstance(outcome, Throttled) for outcome in banned)
    assert floor.count("cancel") == 1
    trader.clock.turn(max(61.0, (blocks[-1] - trader.clock.now()).total_seconds()))
    assert isinstance(await trader.cancel(order), trader.terms.cancel)


async def test_a_look_up_does_not_wait_for_the_end_of_a_ban(
    trader: Trader, floor: Floor, order: Order, blocks: list[datetime]
) -> None:
    """It fails; and nothing is sent before the time that the exchange was understood to have named."""
    floor.control.fault("ban", exchange=trader.terms.exchange, retry_after=60)
    banned = await trader.exchange.cancel(order)
    known_by_then = len(floor.control.requests())

    lookup = await trader.exchange.find(order)

    sent_at = [row["at_ms"] for row in floor.control.requests()[known_by_then:]]
    assert isinstance(banned, Throttled)
    assert isinstance(lookup, LookupFailed)
    assert all(at_ms >= int(blocks[0].timestamp() * 1000) for at_ms in sent_at)


@which(terms for terms in REAL if terms is not UPBIT)
async def test_a_ban_is_the_addresss(trader: Trader, floor: Floor, open_market: OpenMarket) -> None:
    """Another account behind it sends nothing either."""
    other = another_account(floor, open_market)
    request = await other.prepare(trader.limit())
    floor.control.fault("ban", exchange=trader.terms.exchange, retry_after=60)
    await trader.send(trader.limit())

    outcome = await other.place(request, await other.now(), WINDOW)

    assert isinstance(outcome, NotPlaced)
    assert floor.count("create") == 1


@which([UPBIT])
async def test_a_ban_is_the_accounts(trader: Trader, floor: Floor, open_market: OpenMarket) -> None:
    """Upbit counts by account: the others go on."""
    other = another_account(floor, open_market)
    request = await other.prepare(trader.limit())
    floor.control.fault("ban", exchange="upbit", key=TEST_KEY, retry_after=60)
    await trader.send(trader.limit())

    outcome = await other.place(request, await other.now(), WINDOW)

    assert isinstance(outcome, Placed)


def another_account(floor: Floor, open_market: OpenMarket) -> HttpExchange:
    """In the same process."""
    floor.control.add_account(floor.terms.exchange, "another-key", "another-secret")
    return open_market(floor.terms, key=Key("another-key", "another-secret"))


async def test_creates_beyond_the_budget_are_not_sent(trader: Trader, floor: Floor) -> None:
    """The adapter says itself when there is room again, before the exchange has to; cancels go on meanwhile."""
    orders = [trader.limit(quantity=None, quote_amount=trader.at("0.003")) for _ in range(CREATES[trader.terms] + 1)]

    outcomes = [await trader.send(order) for order in orders]

    last = outcomes.pop()
    assert all(isinstance(outcome, trader.terms.answer) for outcome in outcomes)
    assert isinstance(last, NotPlaced)
    assert last.retry
    assert floor.count("create") == len(outcomes)
    await trader.cancel(orders[0])
    assert floor.count("cancel") == 1
    trader.clock.turn(last.retry_after)
    assert isinstance(await trader.send(orders[-1]), trader.terms.answer)
