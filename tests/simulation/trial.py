"""One simulation: a seed draws the work and what goes wrong; then the faults end, and the books are compared."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.policy import Policy
from chalicelib.exchanges.dialect import Purpose
from infra.simulator.control import Control
from tests.simulation import memory_store
from tests.simulation.asked import Asked, NotedRules, NotedVault
from tests.simulation.chronicle import Chronicle
from tests.simulation.cloud import FIRE, PLACE, RECONCILE, SWEEP, Cloud
from tests.simulation.desk import SimulatedDesk
from tests.simulation.direct import Passage, world_in
from tests.simulation.judge import AT_ONCE, Judge, late_cancels
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.outsiders import Outsiders
from tests.simulation.scheduler import ProcessClock, SimulatedLoop
from tests.simulation.watch import Violation, Watch
from tests.simulation.weather import (
    Climate,
    Weather,
    answer_late,
    blackout,
    draw_climate,
    hide_orders,
    limit_rates,
    settle_in,
    slow_engine,
    spoil_exchanges,
    take_time,
)
from tests.simulation.workload import Workload, after_a_while

ELSEWHERE = "https://moved.example"
"""Where new orders go once somebody has changed the settings; orders that exist stay where they are."""

PROMPT_OF_THE_SENDER = 3.0
"""Seconds within which a cancel ends on a calm day, once its order is on the book: by its sender alone (R11)."""

PROMPT = 4.0
"""The same where the sweep may come first, and waits two seconds between its looks."""

PROMPT_IF_LIMITED = 15.0
"""The same where an exchange has asked to be left alone for some seconds: sooner than any schedule would come by."""

SETTLED_WITHIN = 1200.0
"""Seconds; hunts come every RECONCILE_INTERVAL, 300 at most, and what was concluded is looked at after 600."""

_LOOK_EVERY = 5.0
_LOOKS = 360
_AFTERWARDS = 150.0
"""Seconds for which a settled system is watched: what still comes up in that time was not settled."""


@dataclass
class Result:
    """What one seed gave."""

    seed: int
    calm: bool
    orders: int
    cancels: int
    alerts: int
    faults: Counter[str]
    occurrences: Counter[str]
    violations: Sequence[Violation]
    settled_after: float
    """Seconds from the end of the faults until nothing was left to be settled."""
    lines: Sequence[str]
    asked: frozenset[tuple[str, str]]
    """Every function and call of the store, of secrets and of Lambda."""


def run_trial(seed: int, *, told: bool = False) -> Result:
    """The same seed gives the same result, and the same lines where they are told."""
    logging.disable(logging.CRITICAL)  # expected failures by the thousand
    try:
        return _Trial(seed, told=told).run()
    finally:
        logging.disable(logging.NOTSET)


class _Trial:
    def __init__(self, seed: int, *, told: bool) -> None:
        dice = self._dice = random.Random(f"trial {seed}")
        self._seed = seed
        self._loop = loop = SimulatedLoop(seed)
        self._chronicle = Chronicle(loop, told=told)
        self._world, self._elsewhere = world_in(loop), world_in(loop)
        self._controls = [Control(self._world), Control(self._elsewhere)]
        self._database = MemoryDatabase(ProcessClock(loop))
        self._asked = Asked()
        self._vault = NotedVault(self._asked)
        self._calm = dice.random() < 0.15
        self._moves = not self._calm and dice.random() < 0.1
        self._slow_engine = not self._calm and dice.random() < 0.06
        self._prompt: float | None = PROMPT
        self._policy = Policy(reconcile_interval=dice.choice((60.0, 300.0)))
        climate = Climate(database_latency=dice.choice((0.01, 0.1))) if self._calm else draw_climate(dice)
        self._weather = Weather(loop, climate, self._chronicle, dice)
        self._cloud = Cloud(loop, self._database, self._weather, self._chronicle, self._build)
        self._cloud.on_wake = lambda: self._asked.note("wake")
        self._watch = Watch(loop, self._database, self._chronicle)
        self._workload = Workload(loop, self._cloud, self._database, self._chronicle, dice)
        hand = SimulatedDesk(
            loop,
            self._database,
            self._world,
            dice,
            policy=self._policy,
            at_database=self._asked.seen_by(memory_store.go_on),
            vault=self._vault,
        )
        self._outsiders = Outsiders(
            hand, self._database, self._controls, self._world.engine, self._vault, self._chronicle, dice
        )
        self._outsiders.loses_rows = not self._moves  # nobody could know where to look for the order
        self._judge = Judge(
            self._database,
            [self._world, self._elsewhere],
            self._watch,
            self._workload.told,
            self._outsiders.traces,
            self._policy,
            slow_engine=self._slow_engine,
            calm=self._calm,
        )
        self._watch.may_contradict = self._slow_engine
        self._watch.lost_requests = self._outsiders.traces.lost_requests
        if self._calm:
            self._watch.send_patience = AT_ONCE  # else a process may stand still between its look and its write
        self._urls: dict[str, str] = {}

    def run(self) -> Result:
        try:
            return self._loop.run(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> Result:
        await self._outsiders.set_up()
        self._begin()
        seconds = self._dice.choice((20.0, 60.0, 150.0))
        deeds = [self._workload.run(seconds, calm=self._calm), self._outsiders.run(seconds, calm=self._calm)]
        for wanted, deed in (
            (self._moves, self._move),
            (not self._calm and self._dice.random() < 0.3, self._cut_database_off),
            (not self._calm and self._dice.random() < 0.15, self._black_out),
            (not self._calm and self._dice.random() < 0.1, self._dawdle),
        ):
            if wanted:
                deeds.append(after_a_while(self._dice.uniform(0, seconds), deed()))
        self._cloud.start()
        await asyncio.gather(*deeds)
        await asyncio.sleep(self._dice.choice((0.0, 10.0, 60.0)))
        judged = self._calm and self._prompt is not None
        late = list(late_cancels(self._watch, self._database, self._prompt, self._loop.now())) if judged else []
        settled_after, violations = await self._settle()
        orders, cancels = self._judge.counts()
        left_over = [Violation("R28", "-", f"left behind: {words}") for words in self._cloud.left_over]
        refused = [
            Violation("rights", "-", f"{function} may not {right}, which `{use}` takes")
            for function, use, right in self._asked.refused()
        ]
        unheard = [Violation("R28", "-", f"nobody heard of {report}") for report in self._loop.unhandled]
        return Result(
            seed=self._seed,
            calm=self._calm,
            orders=orders,
            cancels=cancels,
            alerts=len(self._workload.told.alerts),
            faults=self._chronicle.faults,
            occurrences=self._chronicle.occurrences,
            violations=[*violations, *late, *left_over, *unheard, *refused],
            settled_after=settled_after,
            lines=self._chronicle.lines,
            asked=frozenset(self._asked.uses),
        )

    def _begin(self) -> None:
        dice = self._dice
        lags = dice.choice(((0.0,), (0.0, 0.0, 0.3, 2.0)))
        self._database.index_lag = lambda: dice.choice(lags)
        settle_in(self._controls[0], dice, calm=self._calm)
        self._elsewhere.engine.skew_ms.update(self._world.engine.skew_ms)
        if self._calm:
            self._begin_calm()
            return
        spoil_exchanges(self._controls[0], self._chronicle, dice, self._outsiders.venues)
        if self._slow_engine:
            slow_engine(self._controls[0], self._chronicle, dice, self._outsiders.venues)

    def _begin_calm(self) -> None:
        """Nothing is lost, so that it can be said what has to happen at once: by the sender alone (R11), without
        anything waiting for the minute (R18, R27), and however many of the hints are missing (R30)."""
        dice, control = self._dice, self._controls[0]
        alone = dice.random() < 0.3
        self._cloud.streams[FIRE] = not alone and dice.random() < 0.5
        self._cloud.streams[PLACE] = dice.random() < 0.75
        self._cloud.schedules[SWEEP] = self._cloud.wakes = not alone
        self._cloud.schedules[RECONCILE] = not alone and dice.random() < 0.5
        if dice.random() < 0.5:
            answer_late(control, self._chronicle, dice, longest=2500 if alone else 7000)
        if alone:
            self._prompt = PROMPT_OF_THE_SENDER
            return
        match dice.choice(("limits", "hidden", "nothing", "nothing")):
            case "limits":
                self._prompt = PROMPT_IF_LIMITED
                limit_rates(control, self._chronicle, dice)
            case "hidden":
                self._prompt = None
                hide_orders(control, self._chronicle)

    def _build(self, function: str) -> SimulatedDesk:
        ahead = 0.0 if self._calm else self._dice.uniform(-0.5, 0.5)
        return SimulatedDesk(
            self._loop,
            self._database,
            self._world,
            self._dice,
            policy=self._policy,
            at_database=self._asked.seen_by(self._weather.at_database),
            at_exchange=self._at_exchange,
            worlds={ELSEWHERE: self._elsewhere},
            urls=dict(self._urls),
            vault=self._vault,
            rules=NotedRules(self._asked),
            ahead=ahead,
            stall=self._weather.stall,
        )

    async def _at_exchange(self, passage: Passage) -> None:
        if passage.call.purpose is Purpose.CREATE and not passage.answered:
            self._watch.look_at_create(passage)
        await self._weather.at_exchange(passage)

    async def _cut_database_off(self) -> None:
        await self._weather.outage(self._dice.choice((1.0, 4.0, 12.0)))

    async def _black_out(self) -> None:
        await blackout(self._controls[0], self._chronicle, self._dice, self._outsiders.venues)

    async def _dawdle(self) -> None:
        """A create goes out shortly before its deadline, and its engine takes all the time that it may (R12)."""
        self._cloud.streams[PLACE] = False
        self._weather.dawdling = True
        take_time(self._controls[0])

    async def _move(self) -> None:
        """Somebody deploys other settings: from now on new processes trade elsewhere."""
        self._chronicle.fault("settings changed")
        self._urls = dict.fromkeys(("BINANCE_SPOT_URL", "BINANCE_FUTURES_URL", "BYBIT_URL", "UPBIT_URL"), ELSEWHERE)

    async def _settle(self) -> tuple[float, list[Violation]]:
        """Nothing goes wrong any more, and everything runs: how long until all is well, and what is not."""
        self._weather.clear(self._controls)
        self._judge.refusals = self._chronicle.faults["lying in wait: refused cancel"] > 0
        self._database.index_lag = lambda: 0.0
        self._cloud.streams = dict.fromkeys(self._cloud.streams, True)
        self._cloud.schedules = dict.fromkeys(self._cloud.schedules, True)
        self._cloud.wakes = True
        began = self._loop.time()
        violations = self._judge.verdict()
        for _ in range(_LOOKS):
            if not violations:
                break
            await asyncio.sleep(_LOOK_EVERY)
            violations = self._judge.verdict()
        took = self._loop.time() - began
        if took > SETTLED_WITHIN and not self._slow_engine:
            self._watch.violations.append(Violation("late", "-", f"settled only after {took:.0f} s"))
        if not violations:
            await asyncio.sleep(_AFTERWARDS)
            violations = self._judge.verdict()
        if violations and self._slow_engine:  # what came long after the faults were over is looked for in its turn
            await asyncio.sleep(_LOOK_EVERY * _LOOKS)
            violations = self._judge.verdict()
        return took, violations
