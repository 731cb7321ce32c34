"""What happens beside the system: the market, the exchange's own app, an older backup, a key that changes."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from chalicelib.domain.cancels import CancelRequest
from chalicelib.domain.orders import Order, OrderRequest, OrderType, Placement, TimeInForce
from chalicelib.domain.outcomes import OrderStatus, Side
from chalicelib.domain.strategies import Account
from chalicelib.usecases import catalog
from infra.simulator.control import Control
from infra.simulator.engine import Engine
from tests.exchanges.markets.terms import Terms
from tests.simulation.chronicle import Chronicle
from tests.simulation.desk import SimulatedDesk
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.vault import Vault
from tests.simulation.workload import STRATEGY, after_a_while
from tests.trading.floor import MARKETS

_FIRST = {"api_key": "first-key", "api_secret": "first-secret"}
_SECOND = {"api_key": "second-key", "api_secret": "second-secret"}
_FAR_BELOW = Decimal(40_000)
"""Where no price of these simulations gets to."""


@dataclass
class Traces:
    """What outsiders did that a judge has to know of."""

    strangers: list[tuple[str, str]] = field(default_factory=list)
    """Venue and client id of orders that are not ours."""
    lost_rows: set[str] = field(default_factory=set)
    """Orders whose rows were lost."""
    lost_requests: set[str] = field(default_factory=set)
    """Orders whose cancel requests were lost."""
    impostors: set[str] = field(default_factory=set)
    """Orders in whose place the exchange shows others."""


class Outsiders:
    """`desk` is a process of their own, in which nothing goes wrong. The first control is that of the exchanges at
    which the accounts trade, others are of those where they trade later."""

    def __init__(
        self,
        desk: SimulatedDesk,
        database: MemoryDatabase,
        controls: Sequence[Control],
        engine: Engine,
        vault: Vault,
        chronicle: Chronicle,
        dice: random.Random,
    ) -> None:
        self.traces = Traces()
        self._desk = desk
        self._database = database
        self._control = controls[0]
        self._controls = controls
        self._engine = engine
        self._vault = vault
        self._chronicle = chronicle
        self._dice = dice
        self._markets = dice.sample(MARKETS, dice.choice((1, 2, 3, 5)))
        self.venues = [terms.name for terms in self._markets]
        self._rotating: Account | None = None
        self.loses_rows = True

    async def set_up(self) -> None:
        """Accounts and a strategy, before anything goes wrong."""
        names = [await self._desk.open_account(terms) for terms in self._markets]
        if self._dice.random() < 0.3:
            names.append(await self._open_rotating(self._dice.choice(self._markets)))
        await self._desk.strategy(STRATEGY, *names)
        await catalog.current_switch(self._desk.services)

    async def run(self, seconds: float, *, calm: bool) -> None:
        """Everything that is drawn, begun within so many seconds."""
        deeds = [
            deed()
            for chance, deed in (
                (0.5, self._move_market),
                (0.3, self._by_hand),
                (0.25, self._stranger),
                (0.0 if calm or not self.loses_rows else 0.08, self._lose_row),
                (0.0 if calm else 0.08, self._lose_request),
                (0.0 if calm else 0.08, self._swap),
            )
            if self._dice.random() < chance
        ]
        if self._rotating is not None and not calm:
            deeds.append(self._rotate(self._rotating))
        await asyncio.gather(*(after_a_while(self._dice.uniform(0, seconds), deed) for deed in deeds))

    async def _move_market(self) -> None:
        """Through all that rests and waits on one market, and back."""
        terms = self._dice.choice(self._markets)
        for price in (44_000, 60_000):
            self._chronicle.tell(f"the price at {terms.name} is {price}")
            self._control.set_price(terms.name, terms.native, price)
            await asyncio.sleep(self._dice.choice((0.05, 5.0)))

    async def _by_hand(self) -> None:
        """The market takes one of our orders, in part or whole, or somebody ends it in the exchange's app."""
        ours = None
        for _ in range(60):
            resting = [order for order in self._control.orders(live=True) if order["state"] == "open"]
            ours = [order for order in resting if self._desk.services.ids.own(order["client_id"])]
            if ours:
                break
            await asyncio.sleep(0.5)
        else:
            return
        order = self._dice.choice(ours)
        self._chronicle.tell(f"by hand at {order['venue']}: {order['client_id']}")
        if self._dice.random() < 0.6:
            self._chronicle.occurred("filled_by_the_market")
            self._control.fill(str(order["id"]), self._dice.choice((Decimal("0.03"), None)))
        else:
            self._chronicle.occurred("ended_elsewhere")
            self._control.end_order(str(order["id"]), self._dice.choice(("canceled", "expired")))

    async def _stranger(self) -> None:
        """An order of a person, or of another stage, on the same account: nobody's business here (R29)."""
        terms = self._dice.choice(self._markets)
        account = self._database.get(Account, (terms.name,))
        assert account is not None
        exchanges, client_id = (
            self._desk.services.exchanges,
            self._dice.choice(("web_1", "prod-01M7Y1WVT4MP1AFK8Z2SNNCA1T")),
        )
        session = await exchanges.session(account, exchanges.venue_for(account))
        request = OrderRequest(
            client_order_id=client_id,
            symbol=terms.symbol,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=Decimal("0.1"),
            quote_amount=None,
            price=_FAR_BELOW,
            stop_price=None,
            time_in_force=TimeInForce.GTC,
            post_only=False,
            reduce_only=False,
        )
        outcome = await session.place(request, await session.now(), 5.0)
        self._chronicle.tell(f"a stranger at {terms.name}: {outcome}")
        if any(order["live"] for order in self._control.orders(terms.name, client_id=client_id)):
            self._chronicle.occurred("stranger_on_the_book")
            self.traces.strangers.append((terms.name, client_id))

    async def _lose_request(self) -> None:
        """A backup of the queue that is older than a request."""
        row = await self._one_of(lambda row: row.cancel_requested and not row.terminal)
        if row is not None:
            self._chronicle.fault("cancel request lost", row.order_id)
            self.traces.lost_requests.add(row.order_id)
            self._database.lose(CancelRequest, (row.order_id,))

    async def _swap(self) -> None:
        """The exchange shows an order of twice the quantity under the client id of one that it was just sent."""
        row = await self._one_of(lambda row: row.placement in (Placement.SENDING, Placement.UNKNOWN))
        if row is None or row.request is None or row.request.quantity is None:
            return
        for _ in range(100):
            for order in self._engine.orders:
                if order.intent.client_id == row.client_order_id and order.live and order.intent.quantity:
                    self._chronicle.fault("another order under our id", row.order_id)
                    self.traces.impostors.add(row.order_id)
                    order.intent = replace(order.intent, quantity=order.intent.quantity * 2)
                    return
            await asyncio.sleep(0.01)

    async def _one_of(self, fits: Callable[[Order], bool]) -> Order | None:
        """An order's row that is so, once there is one."""
        for _ in range(300):
            rows = [row for row in self._database.all(Order) if fits(row)]
            if rows:
                return self._dice.choice(rows)
            await asyncio.sleep(0.1)
        return None

    async def _lose_row(self) -> None:
        """A table is restored from a backup that is older than an open order."""
        row = await self._one_of(lambda row: row.status is OrderStatus.OPEN)
        if row is None:
            return
        self._chronicle.fault("row lost", row.order_id)
        self.traces.lost_rows.add(row.order_id)
        if self._dice.random() < 0.5:  # the backups of the two tables may be of different ages
            self._database.lose(CancelRequest, (row.order_id,))
        self._database.lose(Order, (row.order_id,))

    async def _open_rotating(self, terms: Terms) -> str:
        """A second account at this market, with a key of its own."""
        name = f"{terms.name}-rotating"
        for control in self._controls:
            control.add_account(terms.exchange, *_FIRST.values())
        given = catalog.AccountInput(
            exchange=terms.exchange,
            market=terms.market,
            testnet=False,
            enabled=True,
            options={},
            credentials=_FIRST,
        )
        self._rotating, _ = await catalog.put_account(self._desk.services, name, given)
        return name

    async def _rotate(self, account: Account) -> None:
        """The new key works before the old one ends; it is stored a little before that, or after."""
        exchange = account.exchange
        self._chronicle.fault("key rotated", exchange)
        for control in self._controls:
            control.add_key(exchange, *_SECOND.values(), of_key=_FIRST["api_key"])
        stored_first = self._dice.random() < 0.5
        for store in (stored_first, not stored_first):
            if store:
                await self._vault.put(account.account_id, _SECOND)
            else:
                reason = "expired_access_key" if exchange == "upbit" else "expired"
                for control in self._controls:
                    control.deny_key(exchange, _FIRST["api_key"], reason)
            await asyncio.sleep(self._dice.choice((0.5, 5.0)))
