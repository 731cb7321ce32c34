"""What people and TradingView do in one simulation, and what they were told: the other side of every promise."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from chalicelib.domain.alerts import Alert, CancelAlert
from chalicelib.domain.errors import (
    ConflictError,
    DatabaseUnavailableError,
    NotFoundError,
    RefusedError,
    SecretsUnavailableError,
)
from chalicelib.domain.events import AlertKey
from chalicelib.domain.orders import Order, OrderType, TimeInForce
from chalicelib.domain.outcomes import OrderStatus, Side
from chalicelib.domain.strategies import Account
from chalicelib.usecases import catalog
from chalicelib.usecases.alerts import AlertAnswer
from chalicelib.usecases.cancel_requests import delete_cancel, redrive
from tests.desk import cancel_alert, order_alert
from tests.simulation.chronicle import Chronicle
from tests.simulation.cloud import Cloud, OutOfTimeError
from tests.simulation.desk import SimulatedDesk
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.processes import ProcessDiedError
from tests.simulation.scheduler import SimulatedLoop
from tests.trading.floor import REST

STRATEGY = "s1"
TOKEN = "token-1"

_NO_ANSWER = (ProcessDiedError, OutOfTimeError, DatabaseUnavailableError, SecretsUnavailableError)
"""After these, TradingView sends its alert again, and a person presses the button again."""


@dataclass
class SentAlert:
    """An alert as its sender knows it, under one `alert_id`."""

    alert_id: str
    alert: Alert
    strategy_id: str
    first_at: datetime
    live_before: tuple[str, ...] = ()
    """Orders of the strategy that were live, and committed, before the first try."""
    answers: list[AlertAnswer] = field(default_factory=list)
    answered_at: datetime | None = None
    """When it was first accepted."""
    refusals: list[tuple[datetime, datetime, RefusedError]] = field(default_factory=list)
    """When the try began, when it was refused, and how."""
    last_at: datetime | None = None


@dataclass
class AskedCancel:
    """A cancel that was accepted, and whether it was taken back."""

    order_id: str
    at: datetime
    deleted_at: datetime | None = None


@dataclass
class Halt:
    """The switch was off between the first answer and the second request; None: not yet."""

    asked_at: datetime
    off_at: datetime | None = None
    on_asked_at: datetime | None = None
    on_at: datetime | None = None


@dataclass
class Told:
    """All promises that were made."""

    alerts: list[SentAlert] = field(default_factory=list)
    cancels: list[AskedCancel] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    """Orders whose cancel a person asked for, answered or not."""
    changed_accounts: set[str] = field(default_factory=set)
    disabled_at: dict[str, datetime] = field(default_factory=dict)
    """Accounts that trade no more, from the answer on."""
    halts: list[Halt] = field(default_factory=list)
    broken_rules: list[tuple[str, str, str]] = field(default_factory=list)
    """What an answer shows to be wrong: rule, order, words."""
    unexpected: list[str] = field(default_factory=list)
    """What no caller should ever see."""


class Workload:
    """Draws what to do, does it through the API, and keeps what was answered."""

    def __init__(
        self,
        loop: SimulatedLoop,
        cloud: Cloud,
        database: MemoryDatabase,
        chronicle: Chronicle,
        dice: random.Random,
    ) -> None:
        self.told = Told()
        self._loop = loop
        self._cloud = cloud
        self._database = database
        self._chronicle = chronicle
        self._dice = dice

    async def run(self, seconds: float, *, calm: bool) -> None:
        """Everything that is drawn, begun within so many seconds."""
        deeds = [self._trade() for _ in range(self._dice.randrange(1, 6))]
        deeds.append(self._cancel_all())
        for chance, deed in (
            (0.2, self._cancel_by_tag),
            (0.4, self._redrive),
            (0.2, self._change_account),
            (0.3 if calm else 0.15, self._halt),
        ):
            if self._dice.random() < chance:
                deeds.append(deed())
        await asyncio.gather(*(after_a_while(self._dice.uniform(0, seconds), deed) for deed in deeds))

    # Alerts

    async def _trade(self) -> None:
        alert = self._draw_alert()
        sent = self._begin(alert)
        tries = [self._send(sent)]
        if self._dice.random() < 0.3:
            self._chronicle.occurred("alert_sent_twice")
            tries.append(after_a_while(self._dice.choice((0, 0.02, 0.3, 4.0, 40.0)), self._send(sent)))
        cancels = asyncio.ensure_future(self._cancel_some(sent))
        await asyncio.gather(*tries)
        await cancels

    def _begin(self, alert: Alert) -> SentAlert:
        live = tuple(row.order_id for row in self._database.all(Order) if not row.terminal)
        sent = SentAlert(f"alert-{len(self.told.alerts) + 1}", alert, STRATEGY, self._loop.now(), live)
        self.told.alerts.append(sent)
        return sent

    async def _send(self, sent: SentAlert) -> None:
        """As TradingView: again where there was no answer, three times in all."""
        for _ in range(3):
            began = self._loop.now()
            try:
                answer = await self._cloud.call_api(
                    lambda desk: desk.alert(
                        sent.alert, alert_id=sent.alert_id, strategy=sent.strategy_id, body=sent.alert_id
                    )
                )
            except RefusedError as refusal:
                sent.refusals.append((began, self._loop.now(), refusal))
                self._chronicle.tell(f"{sent.alert_id} refused: {refusal.code}")
                return
            except _NO_ANSWER as error:
                self._chronicle.tell(f"{sent.alert_id} not answered: {type(error).__name__}")
                await asyncio.sleep(self._dice.choice((0.5, 3.0)))
                continue
            except Exception as error:
                self._surprise(f"alert {sent.alert_id}", error)
                return
            finally:
                sent.last_at = self._loop.now()
            sent.answers.append(answer)
            sent.answered_at = sent.answered_at or self._loop.now()
            self._chronicle.tell(f"{sent.alert_id} accepted as {answer.event.event_id}")
            return

    def _draw_alert(self) -> Alert:
        kind = self._dice.choices(
            (OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_MARKET, OrderType.STOP_LIMIT), (55, 25, 10, 10)
        )[0]
        tag = self._dice.choice((None, "a", "b"))
        if kind is OrderType.MARKET:
            return order_alert(kind, side=Side.SELL, tag=tag)
        if kind is OrderType.STOP_MARKET:
            return order_alert(kind, side=Side.SELL, stop_price=Decimal(50_000), tag=tag)
        if kind is OrderType.STOP_LIMIT:
            return order_alert(kind, side=Side.SELL, stop_price=Decimal(50_000), price=Decimal(49_000), tag=tag)
        if self._dice.random() < 0.1:
            return order_alert(kind, price=REST, time_in_force=TimeInForce.IOC, tag=tag)
        price = Decimal(61_000) if self._dice.random() < 0.1 else REST
        return order_alert(kind, price=price, tag=tag)

    async def _cancel_all(self) -> None:
        await self._send_cancel(cancel_alert())

    async def _cancel_by_tag(self) -> None:
        await self._send_cancel(cancel_alert("CANCEL", tag="a"))

    async def _send_cancel(self, alert: CancelAlert) -> None:
        sent = self._begin(alert)
        await self._send(sent)
        if self._dice.random() < 0.3:
            await self._send(sent)

    # Cancels

    async def _cancel_some(self, sent: SentAlert) -> None:
        """At the worst moments: from before the order is sent until long after."""
        await asyncio.sleep(self._dice.choice((0.0, 0.02, 0.1, 0.5, 2.0, 8.0, 30.0)))
        for _ in range(40):
            rows = [row for row in self._database.all(Order) if row.event_id in _events(sent, self._database)]
            if rows:
                break
            await asyncio.sleep(0.05)
        else:
            return
        await asyncio.gather(*(self._cancel(row.order_id) for row in rows if self._dice.random() < 0.6))

    async def _cancel(self, order_id: str) -> None:
        if self._dice.random() < 0.15:
            await asyncio.gather(self._ask(order_id), self._ask(order_id))
        else:
            await self._ask(order_id)
        if self._dice.random() < 0.1:
            await asyncio.sleep(self._dice.choice((0.0, 1.0, 10.0)))
            await self._take_back(order_id)

    async def _ask(self, order_id: str) -> None:
        """Until there is an answer: accepted, or queued already, is a promise."""
        before = self._database.get(Order, (order_id,))
        self.told.asked.add(order_id)
        accepted: list[bool] = []

        async def ask(desk: SimulatedDesk) -> None:
            try:
                proven = await desk.cancel(order_id)
                accepted.append(True)
                row = self._database.get(Order, (order_id,))
                if proven and row is not None and row.status is not OrderStatus.CANCELLED:
                    self.told.broken_rules.append(("R19", order_id, f"said to be cancelled, it is {row.status}"))
            except ConflictError as conflict:
                accepted.append(conflict.code == "ALREADY_QUEUED")
                raise

        for _ in range(3):
            if await self._try(f"cancel of {order_id}", ask):
                break
            accepted.clear()
            await asyncio.sleep(1.0)
        if before and before.placement:
            self._chronicle.occurred(f"cancel_while_{before.placement.lower()}")
        if any(accepted):
            self.told.cancels.append(AskedCancel(order_id, self._loop.now()))

    async def _take_back(self, order_id: str) -> None:
        if await self._try(f"DELETE of {order_id}", lambda desk: delete_cancel(desk.services, order_id)):
            row = self._database.get(Order, (order_id,))
            if row is not None and not row.cancel_requested and not row.terminal:
                self._chronicle.occurred("cancel_deleted")
                for cancel in self.told.cancels:
                    if cancel.order_id == order_id and cancel.deleted_at is None:
                        cancel.deleted_at = self._loop.now()

    async def _redrive(self) -> None:
        for row in self._database.all(Order):
            if row.cancel_requested and not row.terminal:
                await self._try(
                    f"redrive of {row.order_id}",
                    lambda desk, order_id=row.order_id: redrive(desk.services, order_id),  # type: ignore[misc]
                )

    async def _halt(self) -> None:
        halt = Halt(self._loop.now())
        self.told.halts.append(halt)
        await self._turn_switch(on=False)
        halt.off_at = self._loop.now()
        await asyncio.sleep(self._dice.choice((5.0, 45.0, 80.0)))
        halt.on_asked_at = self._loop.now()
        await self._turn_switch(on=True)
        halt.on_at = self._loop.now()

    async def _change_account(self) -> None:
        """To its exchange's test net, which is refused while it has live orders (R25); or out of trading."""
        account = self._dice.choice(self._database.all(Account))
        moves = self._dice.random() < 0.6
        given = catalog.AccountInput(
            exchange=account.exchange,
            market=account.market,
            testnet=not account.testnet if moves else account.testnet,
            enabled=moves,
            options={},
            credentials=None,
        )
        before = self._open_orders(account.account_id)
        self.told.changed_accounts.add(account.account_id)

        async def change(desk: SimulatedDesk) -> None:
            await catalog.put_account(desk.services, account.account_id, given)

        await self._try(f"change of {account.account_id}", change)
        changed = self._database.get(Account, (account.account_id,))
        if changed is not None and not moves and not changed.enabled:
            self.told.disabled_at[account.account_id] = self._loop.now()
        if changed is not None and changed.testnet is not account.testnet:
            for order_id in sorted(before & self._open_orders(account.account_id)):
                words = f"live while {account.account_id} went elsewhere"
                self.told.broken_rules.append(("R25", order_id, words))

    def _open_orders(self, account_id: str) -> set[str]:
        rows = self._database.all(Order)
        return {row.order_id for row in rows if row.account_id == account_id and row.status is OrderStatus.OPEN}

    async def _turn_switch(self, *, on: bool) -> None:
        """Until it is turned: somebody who is told that it moved just now tries again."""

        async def turn(desk: SimulatedDesk) -> object:
            try:
                return await catalog.set_switch(desk.services, on)
            except ConflictError as conflict:
                raise DatabaseUnavailableError(str(conflict)) from None

        for _ in range(20):
            if await self._try(f"switch {on=}", turn):
                return
            await asyncio.sleep(1.0)

    async def _try(self, what: str, work: Callable[[SimulatedDesk], Awaitable[Any]]) -> bool:
        """Whether it was answered; conflicts are answers too."""
        try:
            answer = await self._cloud.call_api(work)
            self._chronicle.tell(f"{what}: {answer}")
        except (ConflictError, NotFoundError) as answer:
            self._chronicle.tell(f"{what}: {answer}")
        except _NO_ANSWER as error:
            self._chronicle.tell(f"{what}: no answer, {type(error).__name__}")
            return False
        except Exception as error:
            self._surprise(what, error)
        return True

    def _surprise(self, what: str, error: Exception) -> None:
        self.told.unexpected.append(f"{what}: {error!r}")
        self._chronicle.tell(f"{what}: {error!r}")


async def after_a_while(seconds: float, work: Awaitable[None]) -> None:
    """The work, later."""
    await asyncio.sleep(seconds)
    await work


async def _alert(desk: SimulatedDesk, sent: SentAlert) -> AlertAnswer:
    return await desk.alert(sent.alert, alert_id=sent.alert_id, strategy=sent.strategy_id, body=sent.alert_id)


def _events(sent: SentAlert, database: MemoryDatabase) -> set[str]:
    """The event of an alert, which the database knows before its sender does."""
    known = database.get(AlertKey, (f"{sent.strategy_id}#id#{sent.alert_id}",))
    return {known.event_id} if known else set()
