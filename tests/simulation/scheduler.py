"""A deterministic event loop: virtual time, a seeded choice of what runs next.

Nothing real is touched: no threads, no sockets, no clock of the machine. The same seed and the same work give the same
schedule, as long as the work itself draws only on seeded dice and iterates over nothing that hashes by address.
"""

import asyncio
import contextlib
import contextvars
import heapq
import itertools
import math
import random
from asyncio import events
from collections.abc import Callable, Coroutine, Generator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from chalicelib.domain.clock import after, utc_text
from tests.simulation.processes import PROCESS, Process

T = TypeVar("T")
Work = Coroutine[Any, Any, T] | Generator[Any, None, T]

START = datetime(2026, 11, 21, 3, 20, 15, tzinfo=UTC)
MAX_STEPS = 5_000_000

_MICROSECONDS = 1_000_000
_PLACES_TO_WAIT = 100
_CROWD = 1000  # tasks, after which those that ended are forgotten


class DeadlockError(Exception):
    """Nothing is ready, nothing is planned, and the main task still waits."""


class RunawayError(Exception):
    """More steps than any honest schedule takes."""


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Runs one simulation. `on_step` is told of every step: its number, the time, the process and what runs.

    `unhandled` collects what asyncio would log: exceptions that nobody retrieved, callbacks that raised.
    """

    def __init__(self, seed: int, on_step: Callable[[str], None] | None = None) -> None:
        self.seed = seed
        self.unhandled: list[dict[str, Any]] = []
        self.steps = 0
        self._dice = random.Random(seed)
        self._shared_dice = random.Random(f"shared {seed}").getstate()  # what code draws on that asks for no dice
        self._on_step = on_step
        self._now = 0
        self._ready: list[asyncio.Handle] = []
        self._planned: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._sequence = itertools.count(1)
        self._tasks: dict[asyncio.Task[Any], Process | None] = {}
        self._crowd = _CROWD
        self._running = False
        self._closed = False

    def now(self) -> datetime:
        """The virtual time."""
        return START + timedelta(microseconds=self._now)

    def pass_time(self, seconds: float) -> None:
        """Time goes on while nobody acts."""
        self._now += int(seconds * _MICROSECONDS)

    def process(self, name: str) -> Process:
        """A new process, alive and without tasks."""
        return Process(self, name)

    def outside(self, work: Work[T], name: str = "") -> "asyncio.Task[T]":
        """A task of no process, whoever starts it: nothing kills it."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, None)
        return self.create_task(work, name=name or None, context=context)

    def run(self, work: Work[T]) -> T:
        """The result of the main task. Raises DeadlockError and RunawayError."""
        result: T = self.run_until_complete(self.outside(work, "main"))
        return result

    def run_until_complete(self, future: Any) -> Any:
        self._running = True
        before, dice = events._get_running_loop(), random.getstate()
        events._set_running_loop(self)
        random.setstate(self._shared_dice)
        try:
            while not future.done():
                self._step()
        finally:
            self._shared_dice = random.getstate()
            random.setstate(dice)
            events._set_running_loop(before)
            self._running = False
            self._report_unheard()
        return future.result()

    def close(self) -> None:
        """The simulation is over and was judged: only now may the coroutines of the dead be taken apart."""
        self._closed = True
        self._ready, self._planned = [], []
        before = events._get_running_loop()
        events._set_running_loop(self)  # what is taken apart may start tasks, which are taken apart in their turn
        try:
            while self._tasks:
                _take_apart(self._tasks.popitem()[0])
        finally:
            events._set_running_loop(before)

    def make_ready(self, handles: list[asyncio.Handle]) -> None:
        """They run in any order."""
        self._ready += handles

    def time(self) -> float:
        return self._now / _MICROSECONDS

    def call_soon(self, callback: Any, *args: Any, context: contextvars.Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if not self._closed:
            self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        # Never less than a microsecond, so that who waits for a moment gets there; to the nanosecond, for floats err.
        due = self._now + max(0, math.ceil(round(delay * _MICROSECONDS, 3)))
        handle = asyncio.TimerHandle(due / _MICROSECONDS, callback, args, self, context)
        if not self._closed:
            heapq.heappush(self._planned, (due, next(self._sequence), handle))
        return handle

    def call_at(
        self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_later(when - self.time(), callback, *args, context=context)

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Work[T], **options: Any) -> "asyncio.Task[T]":
        """Named by number within this loop; kept, so that nothing is destroyed before `close`."""
        context = options.get("context")
        process = PROCESS.get() if context is None else context.get(PROCESS)
        name = options.get("name") or getattr(coro, "__qualname__", "task")
        label = f"{process.name if process else 'outside'}/{name}#{next(self._sequence)}"
        task = asyncio.Task(coro, loop=self, name=label, context=context)
        self._tasks[task] = process
        if len(self._tasks) >= self._crowd:
            self._forget_ended()
            self._crowd = 2 * len(self._tasks) + _CROWD
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._closed:
            self.unhandled.append(context)

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return self._closed

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> "asyncio.Future[Any]":
        """At some later step of the same process, at once: there are no threads."""
        future = self.create_future()

        def run() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_soon(run)
        return future

    def unfinished(self, process: Process) -> list[str]:
        """Names of the tasks of a process that have not ended."""
        return [task.get_name() for task, owner in self._tasks.items() if owner is process and not task.done()]

    def get_debug(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Its entry is dropped when its time comes."""

    def _step(self) -> None:
        """One callback, drawn from all that are ready; with none ready, time goes on to the next planned one."""
        self._make_due_ready()
        if not self._ready:
            if not self._planned:
                raise DeadlockError(f"after {self.steps} steps everybody waits for somebody else")
            self._now = self._planned[0][0]
            self._make_due_ready()
        at = self._dice.randrange(len(self._ready))
        self._ready[at], self._ready[-1] = self._ready[-1], self._ready[at]
        handle = self._ready.pop()
        process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if handle.cancelled() or (process is not None and not process.admits(handle)):
            return
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise RunawayError(f"{self.steps} steps, and no end")
        if self._on_step is not None:
            self._on_step(f"{self.steps} {utc_text(self.now())} {process.name if process else '-'} {_what(handle)}")
        handle._run()

    def _make_due_ready(self) -> None:
        while self._planned and (self._planned[0][0] <= self._now or self._planned[0][2].cancelled()):
            handle = heapq.heappop(self._planned)[2]
            if not handle.cancelled():
                self._ready.append(handle)

    def _forget_ended(self) -> None:
        self._tasks = {task: process for task, process in self._tasks.items() if not task.done() or _unheard(task)}

    def _report_unheard(self) -> None:
        """As asyncio would, but not whenever the garbage collector comes by. The dead can hear nothing."""
        for task, process in self._tasks.items():
            if task.done() and _unheard(task):
                task._log_traceback = False
                if process is None or process.alive:
                    self.unhandled.append(
                        {"message": "nobody heard of it", "task": task, "exception": task.exception()}
                    )


class ProcessClock:
    """Implements Clock with virtual time; `ahead`: seconds by which this clock is wrong."""

    def __init__(self, loop: SimulatedLoop, ahead: float = 0.0, stall: Callable[[], float] | None = None) -> None:
        """`stall`: seconds for which the machine stands still before it reads its clock: between any two of our steps
        any time may pass."""
        self.ahead = ahead
        self._loop = loop
        self._stall = stall

    def now(self) -> datetime:
        if self._stall is not None and (seconds := self._stall()) > 0:
            self._loop.pass_time(seconds)
        return after(self._loop.now(), self.ahead)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def _unheard(task: "asyncio.Task[Any]") -> bool:
    """Whether it raised and nobody has asked for it."""
    unheard: bool = task._log_traceback
    return unheard


def _what(handle: asyncio.Handle) -> str:
    callback = handle._callback  # type: ignore[attr-defined]
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return owner.get_name()
    return getattr(callback, "__qualname__", type(callback).__name__)


def _take_apart(task: "asyncio.Task[Any]") -> None:
    """A suspended coroutine would run its finally blocks whenever it is collected; here it does so at once."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    work: Any = task.get_coro()
    for _ in range(_PLACES_TO_WAIT):  # a finally block may wait in its turn, and is ended there
        with contextlib.suppress(BaseException):  # whatever it still says, nobody listens
            work.close()
            return
