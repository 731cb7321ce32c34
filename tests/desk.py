"""A trading desk for tests of the use cases: real store, real mock exchange, a clock that can be turned."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from chalicelib.aws.credentials import AccountCredentials
from chalicelib.aws.waker import SleepingWaker
from chalicelib.domain.alerts import Alert, CancelAlert, OrderAlert, Sender
from chalicelib.domain.cancels import CancelRequest
from chalicelib.domain.clock import Budget
from chalicelib.domain.events import EventLog
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import Side
from chalicelib.domain.policy import Policy
from chalicelib.domain.strategies import AccountShare
from chalicelib.exchanges.directory import Directory
from chalicelib.store.database import Database
from chalicelib.store.dynamo import DynamoStore
from chalicelib.store.mock_book import TableMockBook
from chalicelib.store.rules_table import SharedRules
from chalicelib.usecases import catalog
from chalicelib.usecases.alerts import AlertAnswer, execute_alert
from chalicelib.usecases.services import Services
from tests.conftest import PREFIX, REGION
from tests.meddling_store import MeddlingStore
from tests.scripted_exchange import ScriptedExchange

START = datetime(2026, 11, 21, 3, 20, 15, tzinfo=UTC)


class TurnableClock:
    """Stands still until it is turned; a sleep turns it."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.turn(seconds)

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=max(0.0, seconds))


class NoSecrets:
    """Keeps nothing."""

    async def put(self, account_id: str, credentials: dict[str, Any]) -> str:
        return f"secret-of-{account_id}"

    async def delete(self, secret_name: str) -> None:
        return None


class RecordingWaker:
    """Remembers who was to be woken."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    async def wake(self, cancel_ids: Any) -> None:
        self.calls.append(list(cancel_ids))


class Desk:
    """Services on the embedded database, and the few moves that tests make again and again.

    `scripted` trades on an exchange that answers by script instead of the mock.
    """

    def __init__(self, policy: Policy | None = None, *, scripted: bool = False) -> None:
        self.clock = TurnableClock()
        self.exchange = ScriptedExchange(self.clock)
        database = _database()
        database.clock = self.clock
        self.book = TableMockBook(database)
        self.waker = RecordingWaker()
        mock = Directory(
            self.clock,
            self.book,
            SharedRules(database),
            lambda account: AccountCredentials(account.account_id, account.secret_name, None, self.clock),
            use_mock=True,
            urls={},
            max_retries=3,
        )
        self.services = Services(
            store=MeddlingStore(DynamoStore(database, PREFIX)),  # type: ignore[arg-type]
            exchanges=self.exchange if scripted else mock,
            clock=self.clock,
            ids=Ids("test-"),
            policy=policy or Policy(),
            waker=self.waker,
            secrets=NoSecrets(),
        )
        self.store: Any = self.services.store

    def another_process(self) -> Services:
        """Services as a second Lambda has them: the same tables, nothing remembered."""
        return replace(self.services, cache={}, key_ends={}, waker=SleepingWaker())

    def budget(self, seconds: float = 20.0) -> Budget:
        return Budget(self.clock, seconds)

    async def account(self, name: str, **options: Any) -> None:
        """Create or change a mock account; it succeeds at once unless told otherwise."""
        chosen = {"success_rate": 1.0, "delay_ms": 0.0, **options}
        await catalog.put_account(
            self.services,
            name,
            catalog.AccountInput(
                exchange="mock", market="spot", testnet=False, enabled=True, options=chosen, credentials=None
            ),
        )

    async def strategy(self, name: str = "s1", *accounts: str, enabled: bool = True, token: str = "token-1") -> None:
        """Create or change a strategy over existing accounts."""
        await catalog.put_strategy(
            self.services,
            name,
            catalog.StrategyInput(
                name=name,
                enabled=enabled,
                symbols=["BTC/USDT", "ETH/USDT"],
                accounts=[AccountShare(account, Decimal(1)) for account in accounts or ("m1",)],
                max_order_notional=None,
                token=token,
            ),
        )

    async def alert(self, alert: Alert, *, alert_id: str | None = None, **sender: str) -> AlertAnswer:
        """Send an alert as TradingView would."""
        body = json.dumps([str(alert), alert_id])
        who = Sender(
            strategy_id=sender.get("strategy", "s1"),
            token=sender.get("token", "token-1"),
            alert_id=alert_id,
            body_hash=hashlib.sha256(sender.get("body", body).encode()).hexdigest(),
        )
        return await execute_alert(self.services, who, alert, self.budget())

    async def order(self, order_id: str) -> Order:
        row = await self.store.get(Order, order_id)
        assert row is not None
        return row

    async def request(self, order_id: str) -> CancelRequest:
        row = await self.store.get(CancelRequest, order_id)
        assert row is not None
        return row

    async def event(self, answer: AlertAnswer) -> EventLog:
        row = await self.store.get(EventLog, answer.event.strategy_id, answer.event.event_id)
        assert row is not None
        return row

    async def limit_order(self, account: str = "m1", **alert: Any) -> Order:
        """A READY order on one account."""
        await self.account(account)
        await self.strategy("s1", account)
        answer = await self.alert(order_alert(OrderType.LIMIT, price=Decimal(50000), **alert))
        return await self.order(answer.event.order_ids[0])


@cache
def _database() -> Database:
    """One client for all tests: building one costs more than most tests do."""
    return Database(TurnableClock(), REGION)


def order_alert(kind: OrderType = OrderType.MARKET, **fields: Any) -> OrderAlert:
    """A buy of 0.1 BTC, unless told otherwise."""
    values: dict[str, Any] = {
        "order_type": kind,
        "symbol": "BTC/USDT",
        "side": Side.BUY,
        "quantity": Decimal("0.1"),
        "quote_amount": None,
        "percent": None,
        "price": None,
        "stop_price": None,
        "time_in_force": None,
        "post_only": False,
        "reduce_only": False,
        "tag": None,
        "timestamp": None,
    }
    return OrderAlert(**{**values, **fields})


def cancel_alert(kind: str = "CANCEL_ALL", **fields: Any) -> CancelAlert:
    """Cancel everything, unless told otherwise."""
    values: dict[str, Any] = {"kind": kind, "symbol": None, "order_id": None, "tag": None, "timestamp": None}
    return CancelAlert(**{**values, **fields})
