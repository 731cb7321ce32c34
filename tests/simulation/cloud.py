"""What AWS does around our code: containers that come, freeze and die; streams, schedules, wake-ups, time limits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chalicelib import handlers
from chalicelib.aws.waker import LambdaWaker
from chalicelib.domain.clock import Budget
from chalicelib.usecases.cancelling import process_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from chalicelib.usecases.sweep import Sweep
from tests.simulation.chronicle import Chronicle
from tests.simulation.desk import SimulatedDesk
from tests.simulation.memory_database import MemoryDatabase, StreamRecord
from tests.simulation.processes import Process, ProcessDiedError
from tests.simulation.scheduler import SimulatedLoop
from tests.simulation.weather import Weather

T = TypeVar("T")

API, PLACE, FIRE, SWEEP, RECONCILE = "api", "place_ready", "fire_cancels", "sweep", "reconcile"

TIMEOUTS = {API: 30.0, PLACE: 30.0, FIRE: 30.0, SWEEP: 75.0, RECONCILE: 75.0}
"""Seconds, after which Lambda kills a function."""

SWEEPS_AT_ONCE = 2
_RETRIES = 5
_BATCH = {PLACE: 10, FIRE: 25}


class OutOfTimeError(Exception):
    """Lambda killed the function for its time limit, or the gateway gave up."""


@dataclass
class Container:
    """A process that serves one function, one call at a time."""

    process: Process
    desk: SimulatedDesk
    calls: int = 0


@dataclass
class Cloud:
    """`build` makes a new process's desk. Each switch says whether that part works at all."""

    loop: SimulatedLoop
    database: MemoryDatabase
    weather: Weather
    chronicle: Chronicle
    build: Callable[[str], SimulatedDesk]
    streams: dict[str, bool] = field(default_factory=lambda: {PLACE: True, FIRE: True})
    schedules: dict[str, bool] = field(default_factory=lambda: {SWEEP: True, RECONCILE: True})
    wakes: bool = True
    on_wake: Callable[[], object] = lambda: None
    """Called by whoever wakes the sweep."""
    left_over: list[str] = field(default_factory=list)
    """Work that a function left behind when it returned (R28)."""
    _idle: dict[str, list[Container]] = field(default_factory=dict)
    _running: dict[str, int] = field(default_factory=dict)
    _number: int = 0
    _tasks: set["asyncio.Task[Any]"] = field(default_factory=set)

    async def call_api(self, work: Callable[[SimulatedDesk], Awaitable[T]]) -> T:
        """One request. Raises ProcessDiedError and OutOfTimeError beside what the work raises."""
        return await self._invoke(API, work)

    def start(self) -> None:
        """Streams and schedules run from now on, until the simulation ends."""
        for function in (PLACE, FIRE):
            self._spawn(self._stream(function))
        for function in (SWEEP, RECONCILE):
            self._spawn(self._schedule(function))

    async def _invoke(self, function: str, work: Callable[[SimulatedDesk], Awaitable[T]]) -> T:
        container = self._container(function)
        process = container.process
        process.thaw()
        self.weather.doom(process)
        container.calls += 1
        self._running[function] = self._running.get(function, 0) + 1
        try:
            async with asyncio.timeout(TIMEOUTS[function]):
                return await process.call(_at(container.desk, work))
        except TimeoutError:
            self.chronicle.fault("function out of time", function)
            if not process.frozen:
                process.kill()  # one that is frozen wakes after everybody has given it up
            raise OutOfTimeError(function) from None
        finally:
            self._running[function] -= 1
            if process.alive and not process.frozen:
                self.left_over += [f"{function}: {name}" for name in self.loop.unfinished(process)]
                process.dies_at = None
                process.freeze()
                self._idle.setdefault(function, []).append(container)

    def _container(self, function: str) -> Container:
        idle = [container for container in self._idle.get(function, []) if container.process.alive]
        if idle and not self.weather.cold_start():
            container = idle.pop(self.weather.pick(len(idle)))
            self._idle[function] = idle
            return container
        self._number += 1
        desk = self.build(function)
        if function != SWEEP:  # which never invokes itself (R27)
            desk.woken_by(CloudWaker(self, desk))
        return Container(self.loop.process(f"{function}-{self._number}"), desk)

    def wake(self, cancel_ids: Sequence[str]) -> None:
        """An asynchronous invocation: it may be lost, and is dropped while as many as may run do."""
        self.on_wake()
        if not self.wakes or self.weather.loses("wake-up lost"):
            return
        self.chronicle.occurred("sweep_woken")
        self.loop.outside(self._sweep(list(cancel_ids)))

    async def _sweep(self, named: Sequence[str]) -> None:
        if self._running.get(SWEEP, 0) >= SWEEPS_AT_ONCE:
            return
        if self._running.get(SWEEP, 0):
            self.chronicle.occurred("two_sweeps_at_once")

        async def run(desk: SimulatedDesk) -> None:
            await Sweep(desk.services, Budget(desk.clock, handlers.SWEEP_SECONDS), named).run()

        await self._quietly(SWEEP, run)

    async def _reconcile(self) -> None:
        async def run(desk: SimulatedDesk) -> None:
            await reconcile(desk.services, Budget(desk.clock, handlers.RECONCILE_SECONDS))

        await self._quietly(RECONCILE, run)

    async def _quietly(self, function: str, work: Callable[[SimulatedDesk], Awaitable[None]]) -> None:
        try:
            await self._invoke(function, work)
        except (ProcessDiedError, OutOfTimeError):
            pass
        except Exception as error:
            self.chronicle.fault("function raised", f"{function}: {error!r}")

    async def _schedule(self, function: str) -> None:
        await asyncio.sleep(self.weather.between(0.0, 60.0))
        while True:
            if self.schedules[function] and not self.weather.loses("schedule skipped"):
                self._spawn(self._sweep([]) if function == SWEEP else self._reconcile())
            await asyncio.sleep(60.0)

    async def _stream(self, function: str) -> None:
        """One shard: batches in order, a failed one again and again, then given up."""
        wanted = handlers.is_ready if function == PLACE else handlers.lets_cancel
        position = 0
        while True:
            await asyncio.sleep(self.weather.stream_pause())
            records = self.database.stream[position : position + 200]
            position += len(records)
            if not self.streams[function]:
                continue
            chosen = [record for record in records if wanted(record.as_lambda())]
            batches = self.weather.rearranged(chosen)
            for batch in batches:
                for start in range(0, len(batch), _BATCH[function]):
                    await self._deliver(function, batch[start : start + _BATCH[function]])

    async def _deliver(self, function: str, batch: Sequence[StreamRecord]) -> None:
        wanted, work = (handlers.is_ready, place_ready) if function == PLACE else (handlers.lets_cancel, process_cancel)

        async def run(desk: SimulatedDesk) -> Mapping[str, Any]:
            budget = Budget(desk.clock, desk.services.policy.inline_work)
            records = [record.as_lambda() for record in batch]
            return await handlers.work_through(
                records, wanted, lambda key, left: work(desk.services, key, "stream", left), budget
            )

        for attempt in range(_RETRIES + 1):
            try:
                answer = await self._invoke(function, run)
                failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
                numbers = [record.as_lambda()["dynamodb"]["SequenceNumber"] for record in batch]
                first = min((at for at, number in enumerate(numbers) if number in failed), default=None)
                if first is None:
                    return
                batch = batch[first:]
            except (ProcessDiedError, OutOfTimeError):
                pass
            self.chronicle.occurred("stream_batch_repeated")
            await asyncio.sleep(0.2 * 2**attempt)
        self.chronicle.occurred("stream_records_given_up")

    def _spawn(self, work: Any) -> None:
        task = self.loop.outside(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class CloudWaker(LambdaWaker):
    """The real one, but for the call to AWS."""

    def __init__(self, cloud: Cloud, desk: SimulatedDesk) -> None:
        super().__init__(desk.services.store, desk.services.clock, "sweep")
        self._cloud = cloud

    def _invoke(self, cancel_ids: list[str]) -> None:
        self._cloud.wake(cancel_ids)


async def _at(desk: SimulatedDesk, work: Callable[[SimulatedDesk], Awaitable[T]]) -> T:
    return await work(desk)
