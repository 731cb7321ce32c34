"""Processes of a simulation: tasks that are killed, and stopped, together."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tests.simulation.scheduler import SimulatedLoop

T = TypeVar("T")

PROCESS: "contextvars.ContextVar[Process | None]" = contextvars.ContextVar("process", default=None)
"""Whose task it is; a task hands it on to the tasks that it starts."""


class ProcessDiedError(Exception):
    """What somebody outside sees of work whose process was killed."""


class Process:
    """Tasks that live and die together, as those of one operating system process do.

    Whatever a task of it starts belongs to it. Work that must survive it, such as what an exchange does with a request
    that has reached it, has to be started through the loop's `outside`.
    """

    def __init__(self, loop: "SimulatedLoop", name: str) -> None:
        self.name = name
        self.alive = True
        self.steps = 0
        self.dies_at: int | None = None
        """Killed instead of running its step of this number: at any await, if the number is drawn."""
        self.frozen = False
        self.on_doom: Callable[[], None] = _nobody_minds
        """Called when `dies_at` has come."""
        self.death: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._parked: list[asyncio.Handle] = []

    def start(self, work: Coroutine[Any, Any, T], name: str = "") -> "asyncio.Task[T]":
        """A task of this process. It never ends if the process is killed: outsiders use `call`."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, self)
        return self._loop.create_task(work, name=name or None, context=context)

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of work done in this process, for somebody outside of it. Raises ProcessDiedError."""
        task = self.start(work)
        first: list[asyncio.Future[Any]] = [task, self.death]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ProcessDiedError(self.name)

    def kill(self) -> None:
        """As kill -9: no task of it runs on, no finally block, no destructor.

        The task that calls this from inside goes on to its next await: use `die`.
        """
        if self.alive:
            self.alive, self._parked = False, []
            self.death.set_result(None)

    async def die(self) -> None:
        """Kill this process from inside; never returns."""
        self.kill()
        await self._loop.create_future()

    def freeze(self) -> None:
        """As SIGSTOP, or a Lambda container between two calls: time passes, nothing of it runs until `thaw`."""
        self.frozen = True

    def thaw(self) -> None:
        """Everything that became ready meanwhile is ready now."""
        self.frozen = False
        parked, self._parked = self._parked, []
        self._loop.make_ready(parked)

    def admits(self, handle: asyncio.Handle) -> bool:
        """Whether this step may be taken now; one that may not is parked, or dropped for good."""
        if self.alive and self.frozen:
            self._parked.append(handle)
        if not self.alive or self.frozen:
            return False
        self.steps += 1
        if self.steps == self.dies_at:
            self.kill()
            self.on_doom()
        return self.alive


def _nobody_minds() -> None:
    pass
