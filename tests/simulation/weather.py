"""Everything that goes wrong in one simulation, drawn from its seed: at each request, each delivery, each process."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.ports import Update
from chalicelib.exchanges.dialect import Purpose
from infra.simulator.control import Control
from tests.simulation.chronicle import Chronicle
from tests.simulation.direct import Passage
from tests.simulation.memory_database import StreamRecord
from tests.simulation.memory_store import Moment, PassingFaultError
from tests.simulation.processes import PROCESS, Process
from tests.simulation.scheduler import SimulatedLoop
from tests.trading.floor import MARKETS

_VENUES = tuple(terms.name for terms in MARKETS)
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError, httpx.WriteTimeout)
_AFTER_SENDING = (httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError)

_ONE_REQUEST = ("timeout", "reset", "close", "error", "garbage", "truncated", "slow", "drip", "late")
_NEVER_TAKEN = ("rate_limit", "ban")
_OF_CREATES = ("invisible", "engine_delay", "reject")

_SHORTLY_BEFORE = 8.8
"""Seconds after which a sender still has the time for its create."""

_ALMOST_TOO_LATE_MS = 9500
SLOW_ENGINE_MS = 45_000
"""Longer than any exchange may take with a request (R12): what was concluded absent turns up."""

_RESTRICTED = {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}

_REFUSALS: dict[str, dict[str, Any]] = {
    "binance-spot": {"status": 400, "body": _RESTRICTED},
    "bybit-spot": {"variant": "processing"},
    "bybit-linear": {"variant": "processing"},
}
"""The cancels that an exchange says no to, for good as far as it goes."""


_UNKNOWN_TO_BINANCE: dict[str, Any] = {"status": 400, "body": {"code": -2013, "msg": "Order does not exist."}}
_NOT_IN_BYBITS_LIST: dict[str, Any] = {
    "status": 200,
    "body": {"retCode": 0, "retMsg": "OK", "result": {"nextPageCursor": "", "list": []}, "retExtInfo": {}, "time": 0},
}
_NO_SUCH_ORDER: dict[str, dict[str, Any]] = {
    "binance-spot": _UNKNOWN_TO_BINANCE,
    "binance-usdm": _UNKNOWN_TO_BINANCE,
    "bybit-spot": _NOT_IN_BYBITS_LIST,
    "bybit-linear": _NOT_IN_BYBITS_LIST,
    "upbit": {"status": 404, "body": {"error": {"name": "order_not_found", "message": "주문을 찾지 못했습니다."}}},
}


@dataclass
class Climate:
    """How often, for each request or each call: probabilities. All zero: a calm day."""

    throttled: float = 0.0
    """A request to the database does not arrive."""
    unheard: float = 0.0
    """A request to the database succeeds, and its answer is lost."""
    lost: float = 0.0
    """A request does not reach the exchange."""
    creates_lost: float = 0.0
    """A create does not reach the exchange, nor perhaps the attempt after it."""
    unanswered: float = 0.0
    """The exchange's answer is lost."""
    slow_answers: float = 0.0
    """The database's answer takes seconds: a sender gets to its create shortly before the deadline."""
    slow_reads: float = 0.0
    """What an exchange tells is overtaken by what it tells later."""
    killed: float = 0.0
    """A process is killed at a request, before it is sent or after its answer."""
    doomed: float = 0.0
    """A call's process is killed at some step of it."""
    frozen: float = 0.0
    """A process stands still at a request."""
    stalled: float = 0.0
    """The machine stands still before it reads its clock."""
    losing: float = 0.0
    """A stream record, a wake-up call, or a run of a schedule does not come."""
    doubling: float = 0.0
    """Stream records come twice, late, or in another order."""
    cold: float = 0.2
    """A call meets a new process although an idle one is there."""
    database_latency: float = 0.01
    """Seconds, at most."""
    exchange_jitter: float = 0.05


def draw_climate(dice: random.Random) -> Climate:
    """A stormy one, of which each kind of fault may be left out."""

    def rate(*rates: float) -> float:
        return dice.choice((0.0, *rates))

    return Climate(
        throttled=rate(0.005, 0.03),
        unheard=rate(0.005, 0.03),
        lost=rate(0.02, 0.1),
        creates_lost=dice.choice((0.0, 0.0, 0.0, 0.7)),
        unanswered=rate(0.02, 0.1),
        slow_answers=rate(0.0, 0.02),
        slow_reads=rate(0.02, 0.1),
        killed=rate(0.002, 0.01),
        doomed=rate(0.1, 0.4),
        frozen=rate(0.001, 0.005),
        stalled=rate(0.0, 0.0005),
        losing=rate(0.1, 0.5),
        doubling=rate(0.2),
        cold=dice.choice((0.1, 0.5)),
        database_latency=dice.choice((0.002, 0.01, 0.05)),
        exchange_jitter=dice.choice((0.001, 0.05, 0.3)),
    )


class Weather:
    """What the simulated parts ask before they go on."""

    def __init__(self, loop: SimulatedLoop, climate: Climate, chronicle: Chronicle, dice: random.Random) -> None:
        self.climate = climate
        self.over = False
        self.dawdling = False
        """The next order that is recorded as SENDING in the background is sent shortly before its deadline."""
        self._no_database = 0
        self._loop = loop
        self._chronicle = chronicle
        self._dice = dice

    def clear(self, controls: Sequence[Control]) -> None:
        """From here on nothing goes wrong any more."""
        self.over = True
        for control in controls:
            control.clear_faults()
        self._chronicle.tell("☀ the faults are over")

    def between(self, least: float, most: float) -> float:
        """A number."""
        return self._dice.uniform(least, most)

    def pick(self, count: int) -> int:
        """One of so many."""
        return self._dice.randrange(count)

    def cold_start(self) -> bool:
        """Whether the next call meets a new process."""
        return self._dice.random() < self.climate.cold

    def doom(self, process: Process) -> None:
        """Perhaps it is killed at one of the steps of this call."""
        if self._strikes(self.climate.doomed):
            process.dies_at = process.steps + self._dice.randrange(1, 400)
            process.on_doom = lambda: self._chronicle.fault("killed at a step", process.name)

    def loses(self, what: str) -> bool:
        """Whether this one does not come."""
        lost = self._strikes(self.climate.losing)
        if lost:
            self._chronicle.fault(what)
        return lost

    def stream_pause(self) -> float:
        """Until the next batch is read."""
        return self.between(0.05, 0.4) if not self._strikes(self.climate.doubling) else self.between(1.0, 8.0)

    def rearranged(self, records: Sequence[StreamRecord]) -> list[list[StreamRecord]]:
        """The batches in which these come: some lost, some twice, some in another order."""
        kept = [record for record in records if not self.loses("stream record lost")]
        batches = [list(kept)] if kept else []
        if kept and self._strikes(self.climate.doubling):
            self._chronicle.fault("stream records twice")
            batches.append(list(kept))
        if len(kept) > 1 and self._strikes(self.climate.doubling):
            self._chronicle.fault("stream records out of order")
            self._dice.shuffle(batches[0])
        return batches

    def stall(self) -> float:
        """Seconds, before a process reads its clock."""
        if PROCESS.get() is None or not self._strikes(self.climate.stalled):
            return 0.0
        seconds = self._dice.choice((2.0, 7.0))
        self._chronicle.fault("machine stood still", f"{seconds:.0f} s")
        return seconds

    async def outage(self, seconds: float) -> None:
        """Until then no request reaches the database: longer than anybody tries again."""
        self._chronicle.fault("database outage", f"{seconds:.1f} s")
        self._no_database += 1
        await asyncio.sleep(seconds)
        self._no_database -= 1

    async def at_database(self, moment: Moment) -> None:
        """A step of MemoryStore."""
        await asyncio.sleep(self._dice.uniform(0.0, self.climate.database_latency))
        if self.over:
            return
        await self._strike_process(f"{moment.operation} {'answered' if moment.done else 'sent'}")
        if self._no_database and not moment.done:
            raise PassingFaultError("outage")
        if moment.done and self.dawdling and moment.operation == "commit" and _is_sending(moment):
            self.dawdling = False
            self._chronicle.fault("sent shortly before the deadline")
            await asyncio.sleep(_SHORTLY_BEFORE)
        if moment.done and self._strikes(self.climate.slow_answers):
            self._chronicle.fault("database slow", moment.operation)
            await asyncio.sleep(self._dice.uniform(3.0, 9.5))
        if self._strikes(self.climate.unheard if moment.done else self.climate.throttled):
            kind = "database answer lost" if moment.done else "database throttled"
            self._chronicle.fault(kind, moment.operation)
            raise PassingFaultError(kind)

    async def at_exchange(self, passage: Passage) -> None:
        """A step of DirectSender."""
        await asyncio.sleep(self._dice.uniform(0.0, self.climate.exchange_jitter))
        if self._chronicle.told:
            reply = passage.reply
            words = f"← {reply.status} {reply.body[:150].decode(errors='replace')}" if reply else "→"
            self._chronicle.tell(f"{passage.host[8:]} {passage.call.method} {passage.call.path} {words}")
        if self.over:
            return
        create = passage.call.purpose is Purpose.CREATE
        where = f"{passage.call.method} {passage.call.path} {'answered' if passage.answered else 'to be sent'}"
        if await self._strike_process(where) and create:
            self._chronicle.occurred("frozen_before_send" if not passage.answered else "frozen_after_answer")
        if passage.answered and passage.call.purpose is Purpose.READ and self._strikes(self.climate.slow_reads):
            self._chronicle.fault("exchange answer slow", where)
            await asyncio.sleep(self._dice.uniform(0.5, 9.0))
        if passage.answered and self._strikes(self.climate.unanswered):
            self._chronicle.fault("exchange answer lost", where)
            if create:
                self._chronicle.occurred("answer_lost_after_create")
            raise self._dice.choice(_AFTER_SENDING)("lost on the way back")
        if not passage.answered and self._strikes(self.climate.creates_lost if create else self.climate.lost):
            self._chronicle.fault("exchange request lost", where)
            if create:
                self._chronicle.occurred("create_never_arrived")
            raise self._dice.choice(_BEFORE_SENDING)("lost on the way there")

    async def _strike_process(self, where: str) -> bool:
        """Perhaps it dies here, perhaps it stands still: True for the latter."""
        process = PROCESS.get()
        if process is None:
            return False
        if self._strikes(self.climate.killed):
            self._chronicle.fault("killed at a request", f"{process.name}: {where}")
            await process.die()
        if not self._strikes(self.climate.frozen):
            return False
        seconds = self._dice.choice((2.0, 12.0, 40.0, 90.0))
        self._chronicle.fault("frozen", f"{process.name} for {seconds:.0f} s: {where}")
        process.freeze()
        self._loop.outside(_thaw_after(process, seconds))
        await asyncio.sleep(0)
        return True

    def _strikes(self, probability: float) -> bool:
        return not self.over and probability > 0 and self._dice.random() < probability


def spoil_exchanges(control: Control, chronicle: Chronicle, dice: random.Random, venues: Sequence[str]) -> None:
    """Failures of the exchanges themselves, which lie in wait for the requests that will come there."""
    for _ in range(dice.randrange(0, 7)):
        kind = dice.choice((*_ONE_REQUEST, *_NEVER_TAKEN, *_OF_CREATES, "refused cancel"))
        venue = dice.choice(venues)
        operation = dice.choice(("create", "create", "cancel", "query", None))
        times = dice.choice((1, 1, 3))
        if kind == "refused cancel":
            venue = dice.choice([name for name in venues if name in _REFUSALS] or sorted(_REFUSALS))
            control.fault("error", exchange=venue, operation="cancel", times=dice.choice((1, 3, 8)), **_REFUSALS[venue])
        elif kind in _OF_CREATES:
            reason = "EC_Others" if kind == "reject" else ""
            delay = dice.choice((300, 2000, 8000 if kind == "engine_delay" else 14_000))
            control.fault(kind, exchange=venue, operation="create", times=times, delay_ms=delay, reason=reason)
        elif kind in _NEVER_TAKEN:
            control.fault(kind, exchange=venue, operation=operation, times=times, retry_after=dice.choice((1, 5, 40)))
        else:
            taken = dice.random() < 0.5
            variant = dice.choice(("unknown", "bad_gateway") if taken else ("unknown", "internal", "throttled"))
            fields = {"operation": operation, "times": times, "taken": taken, "variant": variant}
            control.fault(kind, exchange=venue, delay_ms=_delay(kind, venue, dice, taken=taken), **fields)
        chronicle.fault(f"lying in wait: {kind}", f"{venue} {operation} ×{times}")


def _delay(kind: str, venue: str, dice: random.Random, *, taken: bool) -> int:
    """Milliseconds. What was taken in time is executed within ENGINE_TIMEOUT; Upbit's requests never expire."""
    if kind == "late" and venue == "upbit":
        return dice.choice((2000, 45_000))
    return dice.choice((300, 2000, 9500 if kind == "late" and taken else 6000))


def slow_engine(control: Control, chronicle: Chronicle, dice: random.Random, venues: Sequence[str]) -> None:
    """An exchange that takes longer with a create than R12 allows for."""
    venue = dice.choice([name for name in venues if name != "upbit"] or ["binance-spot"])
    control.fault("late", exchange=venue, operation="create", delay_ms=SLOW_ENGINE_MS, taken=True)
    chronicle.fault("exchange: engine too slow", venue)


def take_time(control: Control) -> None:
    """The next create is executed just within ENGINE_TIMEOUT."""
    for venue in ("binance-spot", "binance-usdm", "bybit-spot", "bybit-linear"):
        control.fault("late", exchange=venue, operation="create", taken=True, delay_ms=_ALMOST_TOO_LATE_MS)


async def blackout(control: Control, chronicle: Chronicle, dice: random.Random, venues: Sequence[str]) -> None:
    """A create is taken, its answer is lost, and nobody can be asked for it for a while."""
    venue = dice.choice(venues)
    chronicle.fault("exchange: blackout", venue)
    control.fault("timeout", exchange=venue, operation="create", taken=True)
    asked = [
        control.fault("maintenance", exchange=venue, operation=operation) for operation in ("query", "history", "open")
    ]
    await asyncio.sleep(dice.choice((24.0, 50.0)))
    for fault in asked:
        control.clear_faults(fault)
    if dice.random() < 0.5:
        chronicle.fault("exchange: order overlooked once", venue)
        for operation in ("query", "history"):
            control.fault("error", exchange=venue, operation=operation, **_NO_SUCH_ORDER[venue])


def limit_rates(control: Control, chronicle: Chronicle, dice: random.Random) -> None:
    """Exchanges ask to be left alone for a moment: what happens on a calm day, too."""
    for venue in dice.sample(_VENUES, 3):
        operation, seconds = dice.choice(("create", "cancel")), dice.choice((1, 4))
        control.fault("rate_limit", exchange=venue, operation=operation, retry_after=seconds)
        chronicle.fault("exchange: rate_limit", f"{venue} {operation} for {seconds} s")


def answer_late(control: Control, chronicle: Chronicle, dice: random.Random, *, longest: int) -> None:
    """Exchanges take seconds to acknowledge what they have taken at once."""
    for venue in _VENUES:
        control.fault(
            "slow", exchange=venue, operation="create", times=3, delay_ms=dice.choice((1500, longest)), taken=True
        )
    chronicle.fault("exchange: late acknowledgements")


def hide_orders(control: Control, chronicle: Chronicle) -> None:
    """Bybit takes orders that it does not show for longer than any absence has to last (R12)."""
    for venue in ("bybit-spot", "bybit-linear"):
        control.fault("invisible", exchange=venue, operation="create", times=3, delay_ms=60_000)
    chronicle.fault("exchange: hidden for a minute")


def settle_in(control: Control, dice: random.Random, *, calm: bool) -> None:
    """Latency, and the time that passes where an exchange answers before it has acted."""
    control.set_latency(dice.choice((0, 30, 300)))
    if not calm and dice.random() < 0.3:
        control.set_delays(
            bybit_create=dice.choice((20, 3000)),
            upbit_cancel=dice.choice((50, 2000)),
            bybit_cancel=dice.choice((20, 1500)),
        )
    if not calm:
        for exchange in ("binance", "bybit", "upbit"):
            control.set_clock_skew(exchange, dice.choice((0, 0, -2500, 700, 2500)))


def _is_sending(moment: Moment) -> bool:
    """By a process that has more time than the deadline leaves."""
    process = PROCESS.get()
    if process is None or not process.name.startswith(("reconcile", "sweep")):
        return False
    for change in moment.subject:
        new = change.new if isinstance(change, Update) else change.row
        flagged = isinstance(new, Order) and new.cancel_requested
        if isinstance(new, Order) and new.placement is Placement.SENDING and not flagged:
            return True
    return False


async def _thaw_after(process: Process, seconds: float) -> None:
    await asyncio.sleep(seconds)
    process.thaw()
