"""Services for benchmarks: the real store and use cases, an exchange that only takes its time."""

import asyncio
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from chalicelib.aws.waker import SleepingWaker
from chalicelib.domain.alerts import Sender
from chalicelib.domain.clock import Budget, SystemClock
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order, OrderRequest, Venue
from chalicelib.domain.outcomes import (
    Absent,
    CancelOutcome,
    ExchangeOrder,
    Lookup,
    OrderStatus,
    Placed,
    PlaceOutcome,
    Unknown,
)
from chalicelib.domain.policy import Policy
from chalicelib.domain.ports import Exchange, Secrets
from chalicelib.domain.strategies import Account, AccountShare, Strategy, token_hash
from chalicelib.store.database import Database
from chalicelib.store.dynamo import DynamoStore
from chalicelib.usecases.alerts import AlertAnswer, execute_alert
from chalicelib.usecases.services import Services, Setup
from tests.desk import NoSecrets, order_alert

PREFIX = "bench"
TOKEN = "bench-token"
_NOW = datetime(2026, 11, 21, tzinfo=UTC)
_bodies = itertools.count()


class SlowExchange:
    """Fills each order after the next of `latencies`; `on_place` is called when the request would leave."""

    def __init__(self, on_place: Callable[[], None]) -> None:
        self.latencies: Iterator[float] = itertools.repeat(0.0)
        self._on_place = on_place

    def venue_for(self, account: Account) -> Venue:
        return Venue("slow", "spot", False, "nowhere")

    async def session(self, account: Account, venue: Venue, blocked_until: datetime | None = None) -> Exchange:
        return self

    async def prepare(self, order: Order) -> OrderRequest:
        return OrderRequest(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            quantity=order.quantity,
            quote_amount=None,
            price=None,
            stop_price=None,
            time_in_force=None,
            post_only=False,
            reduce_only=False,
        )

    async def now(self) -> datetime:
        return datetime.now(UTC)

    async def place(self, request: OrderRequest, timestamp: datetime, window: float) -> PlaceOutcome:
        self._on_place()
        await asyncio.sleep(next(self.latencies))
        order = ExchangeOrder(
            exchange_order_id=f"x-{request.client_order_id}",
            client_order_id=request.client_order_id,
            symbol=request.symbol,
            side=request.side,
            status=OrderStatus.FILLED,
            quantity=request.quantity,
            filled_quantity=request.quantity or Decimal(0),
            average_price=Decimal(60000),
            updated_at=timestamp,
        )
        return Placed(order)

    async def use_up_id(self, order: Order) -> PlaceOutcome:
        return Unknown("not here")

    async def cancel(self, order: Order) -> CancelOutcome:
        return Unknown("not here")

    async def find(self, order: Order) -> Lookup:
        return Absent()

    async def open_orders(self) -> Sequence[ExchangeOrder]:
        return []

    async def free_balance(self, asset: str) -> Decimal:
        return Decimal(1)

    async def balances(self) -> Mapping[str, Decimal]:
        return {}

    async def last_price(self, symbol: str) -> Decimal:
        return Decimal(60000)

    async def key_expires_at(self) -> datetime | None:
        return None


class BenchDesk:
    """Warm services: `count` tells how many DynamoDB requests the SDK has sent."""

    def __init__(self) -> None:
        clock = SystemClock()
        database = Database(clock, "us-east-1")
        self.count = 0
        self._counting = threading.Lock()
        self.count_at_place: list[int] = []
        database.connection.client.meta.events.register("before-send.dynamodb", self._counted)
        self._exchange = SlowExchange(lambda: self.count_at_place.append(self.count))
        secrets: Secrets = NoSecrets()
        self.services = Services(
            store=DynamoStore(database, PREFIX),
            exchanges=self._exchange,
            clock=clock,
            ids=Ids("bench-"),
            policy=Policy(),
            waker=SleepingWaker(),
            secrets=secrets,
        )

    def remember(self, strategy_id: str, accounts: int) -> Setup:
        """Put a strategy over that many accounts into memory, as a warm process has it."""
        names = [f"{strategy_id}-{number}" for number in range(accounts)]
        strategy = Strategy(
            strategy_id=strategy_id,
            name=strategy_id,
            enabled=True,
            symbols=("BTC/USDT",),
            accounts=tuple(AccountShare(name, Decimal(1)) for name in names),
            max_order_notional=None,
            token_hash=token_hash(TOKEN),
            halted=False,
            created_at=_NOW,
            updated_at=_NOW,
        )
        rows = {name: _account(name) for name in names}
        setup = Setup(strategy, rows, {})
        self.services.cache[strategy_id] = setup
        return setup

    async def alert(self, strategy_id: str, latencies: Sequence[float] = (0.0,)) -> AlertAnswer:
        """A MARKET alert with a body of its own; the exchange takes these times, in turn, for its orders."""
        self._exchange.latencies = itertools.cycle(latencies)
        body = hashlib.sha256(str(next(_bodies)).encode()).hexdigest()
        sender = Sender(strategy_id, TOKEN, None, body)
        return await execute_alert(self.services, sender, order_alert(), Budget(self.services.clock, 20))

    def _counted(self, **_: Any) -> None:
        with self._counting:
            self.count += 1


def _account(name: str) -> Account:
    return Account(
        account_id=name,
        exchange="slow",
        market="spot",
        testnet=False,
        enabled=True,
        created_at=_NOW,
        updated_at=_NOW,
    )
