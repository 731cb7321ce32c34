"""The few moves that tests of exchanges make again and again."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import CancelOutcome, ExchangeOrder, Found, Placed, PlaceOutcome, Side
from chalicelib.domain.ports import Exchange
from tests.desk import TurnableClock
from tests.exchanges.markets.terms import Terms
from tests.store import rows

WINDOW = 5.0
A_MOMENT = 1.0
"""Longer than any exchange takes to act on what it acknowledged."""


def market(**changes: Any) -> Order:
    """Buy 0.1 BTC at what it costs."""
    return rows.order(**{"order_type": OrderType.MARKET, "quantity": Decimal("0.1"), "price": None, **changes})


def limit(**changes: Any) -> Order:
    """Buy 0.1 BTC at 50,000."""
    return rows.order(**{"quantity": Decimal("0.1"), **changes})


def stop(**changes: Any) -> Order:
    """Buy 0.1 BTC once it costs 70,000."""
    return market(**{"order_type": OrderType.STOP_MARKET, "stop_price": Decimal(70_000), **changes})


async def send(exchange: Exchange, order: Order, window: float = WINDOW) -> PlaceOutcome:
    """Prepared, and placed now."""
    request = await exchange.prepare(order)
    return await exchange.place(request, await exchange.now(), window)


async def placed(exchange: Exchange, order: Order) -> ExchangeOrder:
    """The order as the exchange showed it when it took it."""
    outcome = await send(exchange, order)
    assert isinstance(outcome, Placed), outcome
    return outcome.order


async def shown(exchange: Exchange, order: Order) -> ExchangeOrder:
    """The order as a look-up shows it."""
    lookup = await exchange.find(order)
    assert isinstance(lookup, Found), lookup
    return lookup.order


def known(order: Order, found: ExchangeOrder) -> Order:
    """Our row once the exchange's id is in it."""
    return replace(order, exchange_order_id=found.exchange_order_id)


@dataclass(frozen=True, slots=True)
class Trader:
    """Trades at one exchange by its terms, and gives it the time that it needs."""

    terms: Terms
    exchange: Exchange
    clock: TurnableClock

    def at(self, ratio: str | int) -> Decimal:
        """A price, 1 being that of the market."""
        return self.terms.price * Decimal(ratio)

    def order(self, order_type: OrderType, **changes: Any) -> Order:
        """As the market offers it: by quantity where it can be. Buys unless told otherwise."""
        make = {
            OrderType.MARKET: self.market,
            OrderType.LIMIT: self.limit,
            OrderType.STOP_MARKET: self.stop,
            OrderType.STOP_LIMIT: self.stop_limit,
        }
        return make[order_type](**changes)

    def market(self, side: Side = Side.BUY, **changes: Any) -> Order:
        """0.1 BTC at what it costs."""
        size: dict[str, Any] = {}
        if side not in self.terms.sides_by_quantity:
            size = {"quantity": None, "quote_amount": self.at("0.1")}
        return market(**{**self._place(), "side": side, **size, **changes})

    def limit(self, **changes: Any) -> Order:
        """0.1 BTC at three quarters of what it costs: it rests where it is a purchase."""
        return limit(**{**self._place(), "price": self.at("0.75"), **changes})

    def stop(self, **changes: Any) -> Order:
        """0.1 BTC once it costs a quarter more, or a quarter less to be sold."""
        trigger = self.at("0.75" if changes.get("side") is Side.SELL else "1.25")
        return stop(**{**self._place(), "stop_price": trigger, **changes})

    def stop_limit(self, **changes: Any) -> Order:
        """As the stop, at a price of its own a little worse."""
        price = self.at("0.74" if changes.get("side") is Side.SELL else "1.26")
        return self.stop(**{"order_type": OrderType.STOP_LIMIT, "price": price, **changes})

    async def send(self, order: Order, window: float = WINDOW) -> PlaceOutcome:
        """Prepared, and placed now."""
        return await send(self.exchange, order, window)

    async def placed(self, order: Order) -> ExchangeOrder:
        """The order as a look-up shows it once the exchange has acted on it."""
        outcome = await self.send(order)
        assert isinstance(outcome, self.terms.answer), outcome
        return await self.shown(order)

    async def shown(self, order: Order) -> ExchangeOrder:
        """The order as a look-up shows it when the exchange has had its time."""
        self.clock.turn(A_MOMENT)
        return await shown(self.exchange, order)

    async def cancel(self, order: Order) -> CancelOutcome:
        """Asked for; the exchange then has its time."""
        outcome = await self.exchange.cancel(order)
        self.clock.turn(A_MOMENT)
        return outcome

    async def cancelled(self, order: Order) -> ExchangeOrder:
        """Asked for, and read back."""
        await self.cancel(order)
        return await self.shown(order)

    def _place(self) -> dict[str, Any]:
        return {"exchange": self.terms.exchange, "market": self.terms.market, "symbol": self.terms.symbol}
