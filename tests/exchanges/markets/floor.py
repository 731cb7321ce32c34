"""The exchange's side of a market at the simulator: what came in, what is on the book, and what the market does."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import Absent, OrderStatus
from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY
from infra.simulator.model import WALLET_OF, Venue
from tests.exchanges.markets.terms import Terms
from tests.exchanges.moves import A_MOMENT, Trader


@dataclass(frozen=True, slots=True)
class Floor:
    """Of one market."""

    control: Control
    terms: Terms

    def move_price(self, ratio: str) -> None:
        """1 is where it started."""
        self.control.set_price(self.terms.name, self.terms.native, self.terms.price * Decimal(ratio))

    def offer(self, quantity: str) -> None:
        """So much of the base is there to be traded, and no more."""
        self.control.set_liquidity(self.terms.name, self.terms.native, quantity)

    def fill(self, order: Order, quantity: str | None = None) -> None:
        """The market takes so much of a resting order, or the rest of it."""
        row = self.row(order)
        live = next(one for one in self.orders() if one["id"] == row["child_id"]) if row["child_id"] else row
        self.control.fill(str(live["id"]), quantity)

    def orders(self) -> list[dict[str, Any]]:
        """Whatever became of them."""
        return self.control.orders(venue=self.terms.name)

    def row(self, order: Order) -> dict[str, Any]:
        """The one order under that client id."""
        (row,) = self.control.orders(venue=self.terms.name, client_id=order.client_order_id)
        return row

    def fault(self, kind: str, operation: str, **fields: Any) -> None:
        """The next request of that operation meets it."""
        self.control.fault(kind, exchange=self.terms.name, operation=operation, **fields)

    def count(self, operation: str) -> int:
        """How many such requests came in, of both books."""
        names = (operation, f"algo-{operation}")
        return sum(row["operation"] in names for row in self.control.requests(venue=self.terms.name))

    def deposit(self, asset: str, amount: Decimal) -> None:
        """In the wallet that this market trades out of; a negative amount withdraws."""
        wallet = WALLET_OF[cast(Venue, self.terms.name)]
        self.control.deposit(self.terms.exchange, TEST_KEY, asset, amount, wallet)

    def position(self) -> Decimal:
        """What is held of a contract."""
        rows = self.control.positions(self.terms.exchange, TEST_KEY)
        return sum((Decimal(row["amount"]) for row in rows if row["venue"] == self.terms.name), Decimal(0))


async def assert_on_book(trader: Trader, floor: Floor, order: Order, is_there: bool = True) -> None:
    """Once at most at the exchange; and a look-up says the same."""
    assert [row["client_id"] for row in floor.orders()] == [order.client_order_id] * is_there
    if is_there:
        assert (await trader.shown(order)).status is OrderStatus.OPEN
    else:
        trader.clock.turn(A_MOMENT)
        assert await trader.exchange.find(order) == Absent()
