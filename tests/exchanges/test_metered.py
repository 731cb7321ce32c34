"""Requests to exchanges as figures: how many, how many without a usable answer, how much of the limits is used."""

from collections.abc import AsyncIterator

import pytest

from chalicelib.domain.metrics import Metric
from chalicelib.domain.orders import Venue
from chalicelib.domain.outcomes import Found, NotPlaced
from chalicelib.exchanges.http_exchange import HttpExchange
from chalicelib.exchanges.markets import Markets
from chalicelib.exchanges.transport import Transport
from infra.simulator import Simulator
from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY
from tests.exchanges.conftest import Key, SharedClock
from tests.exchanges.markets.cases import which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.memory import RulesInMemory
from tests.exchanges.markets.terms import REAL, UPBIT, Terms
from tests.exchanges.markets.test_clocks_and_keys import REFUSALS
from tests.exchanges.moves import Trader
from tests.meters import MemoryMeter


@pytest.fixture
def meter() -> MemoryMeter:
    return MemoryMeter()


@pytest.fixture(params=REAL, ids=str)
async def trader(
    request: pytest.FixtureRequest, simulator: Simulator, clock: SharedClock, meter: MemoryMeter
) -> AsyncIterator[Trader]:
    """Somebody who trades at each real market in turn, and is measured."""
    terms: Terms = request.param
    clock.lead(simulator.control)
    transport = Transport(simulator.url)

    async def on_block(until: object) -> None:
        """Nobody else is to be told."""

    markets = Markets(clock, RulesInMemory(), 3, lambda host: transport, meter)
    exchange: HttpExchange = markets.open(Venue(terms.exchange, terms.market, False, simulator.url), Key(), on_block)[0]
    yield Trader(terms, exchange, clock)
    await transport.aclose()


@pytest.fixture
def floor(trader: Trader, control: Control) -> Floor:
    """The other side of that market."""
    return Floor(control, trader.terms)


class Figures:
    """Those of the trader's exchange since they were taken last."""

    def __init__(self, meter: MemoryMeter, terms: Terms) -> None:
        self._meter = meter
        self._exchange = terms.exchange

    def take(self) -> tuple[float, float]:
        """Requests, and errors among them."""
        counted = [
            sum(self._meter.values(metric, exchange=self._exchange))
            for metric in (Metric.EXCHANGE_REQUESTS, Metric.EXCHANGE_ERRORS)
        ]
        self._meter.readings.clear()
        return counted[0], counted[1]

    def use(self) -> list[float]:
        """Percent of the limits, of each answer."""
        return self._meter.values(Metric.RATE_LIMIT_USE, exchange=self._exchange)


@pytest.fixture
def figures(trader: Trader, meter: MemoryMeter) -> Figures:
    return Figures(meter, trader.terms)


async def test_every_request_is_counted_under_its_exchange(trader: Trader, floor: Floor, figures: Figures) -> None:
    """As many as came in there."""
    await trader.placed(trader.limit())

    requests, errors = figures.take()

    assert requests == len(floor.control.requests())
    assert errors == 0


async def test_a_refusal_on_its_merits_is_no_error(trader: Trader, floor: Floor, figures: Figures) -> None:
    """That the balance does not suffice is business."""
    floor.deposit(trader.terms.quote, -await trader.exchange.free_balance(trader.terms.quote))

    refused = await trader.send(trader.limit())

    assert isinstance(refused, NotPlaced)
    assert not refused.retry
    assert figures.take()[1] == 0


@pytest.mark.parametrize("variant", ["bad_gateway", "internal", "maintenance"])
async def test_an_exchange_that_fails_is_an_error_each_time(
    trader: Trader, floor: Floor, figures: Figures, variant: str
) -> None:
    """A read is made again, and succeeds."""
    order = trader.limit()
    await trader.placed(order)
    figures.take()
    floor.fault("error", "query", variant=variant)

    found = await trader.exchange.find(order)

    assert isinstance(found, Found)
    assert figures.take() == (2, 1)


async def test_an_answer_that_is_lost_is_an_error(trader: Trader, floor: Floor, figures: Figures) -> None:
    """The connection broke."""
    order = trader.limit()
    await trader.placed(order)
    figures.take()
    floor.fault("reset", "query")

    await trader.exchange.find(order)

    assert figures.take() == (2, 1)


async def test_a_rate_limit_is_an_error_and_uses_all_there_is(trader: Trader, floor: Floor, figures: Figures) -> None:
    """429, or what the exchange says instead."""
    order = trader.limit()
    await trader.exchange.prepare(order)
    figures.take()
    floor.fault("rate_limit", "create", retry_after=1)

    await trader.send(order)

    assert figures.use()[-1] == 100.0
    assert figures.take()[1] == 1


async def test_a_refused_key_is_an_error(trader: Trader, floor: Floor, figures: Figures) -> None:
    """Somebody has to store another one."""
    order = trader.limit()
    await trader.placed(order)
    figures.take()
    floor.control.deny_key(trader.terms.exchange, TEST_KEY, REFUSALS[trader.terms.exchange])

    await trader.exchange.find(order)

    requests, errors = figures.take()
    assert requests == errors > 0


async def test_the_use_of_limits_grows_with_the_calls(trader: Trader, figures: Figures) -> None:
    """By the exchange's own count where it has one, else by ours; never beyond a hundred."""
    order = trader.limit()
    await trader.placed(order)

    for _ in range(5):
        await trader.exchange.find(order)

    seen = figures.use()[-5:]
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[-1] <= 100


@which([UPBIT])
async def test_the_exchanges_own_count_is_what_is_told(trader: Trader, figures: Figures) -> None:
    """Twelve creates a second at Upbit: after three, a quarter of them is gone."""
    requests = [await trader.exchange.prepare(trader.limit()) for _ in range(3)]
    trader.clock.turn(5)

    for request in requests:
        await trader.exchange.place(request, await trader.exchange.now(), 5.0)

    assert figures.use()[-1] == pytest.approx(25.0)
