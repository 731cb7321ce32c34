"""Connections to the simulator that a test can hold, and that remember what was signed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from chalicelib.exchanges.dialect import Answer, Call, Purpose
from chalicelib.exchanges.transport import Transport

PATIENCE = 0.3
"""Seconds, by the machine's clock, that creates and cancels wait for answers: a test need not wait for all of ten."""

NO_PATIENCE = 0.1
"""Where it is known that no answer will come."""


@dataclass
class Hold:
    """Stops one create on its way until it is released."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def stop(self) -> None:
        """Say that it is here, and wait."""
        self.reached.set()
        await self.released.wait()


class Wire:
    """What lies between the adapters of all processes and the exchanges."""

    def __init__(self) -> None:
        self.signed: list[httpx.Request] = []
        """As they go out, signatures included."""
        self.on_signed: Callable[[Call], None] | None = None
        """What happens between signing and sending."""
        self._before: Hold | None = None
        self._after: Hold | None = None
        self._hopeless = False
        self._opened: list[Transport] = []
        self._under_way: set[asyncio.Task[Any]] = set()

    def connect(self, host: str) -> Transport:
        """In place of the adapters' own connections."""
        self._opened.append(_Connection(self, host))
        return self._opened[-1]

    def hold_next_create(self) -> Hold:
        """Once it is signed, before a byte of it goes out."""
        self._before = Hold()
        return self._before

    def hold_next_answer(self) -> Hold:
        """The exchange has acted on a create, and its answer is under way."""
        self._after = Hold()
        return self._after

    def expect_no_answer(self) -> None:
        """To the next create: it need not be waited for."""
        self._hopeless = True

    def patience(self, call: Call, seconds: float) -> float:
        """How long an answer to this call is waited for."""
        if call.purpose is Purpose.READ:
            return seconds
        if call.purpose is Purpose.CREATE and self._hopeless:
            self._hopeless = False
            return NO_PATIENCE
        return min(seconds, PATIENCE)

    async def aclose(self) -> None:
        """Close all connections, once nothing is under way on them."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=1.0)
        for transport in self._opened:
            await transport.aclose()

    def begin(self) -> None:
        """The task that runs now is about to send."""
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def leaving(self, call: Call, request: httpx.Request) -> None:
        """A signed request is about to go out."""
        self.signed.append(request)
        if self.on_signed is not None:
            self.on_signed(call)
        if call.purpose is Purpose.CREATE and self._before is not None:
            hold, self._before = self._before, None
            await hold.stop()

    async def answered(self, call: Call) -> None:
        """An answer is about to be read."""
        if call.purpose is Purpose.CREATE and self._after is not None:
            hold, self._after = self._after, None
            await hold.stop()


class _Connection(Transport):
    def __init__(self, wire: Wire, host: str) -> None:
        super().__init__(host)
        self._wire = wire

    async def send(self, call: Call, auth: httpx.Auth | None, seconds: float) -> Answer:
        self._wire.begin()
        patience = self._wire.patience(call, seconds)
        answer = await super().send(call, auth and _Watched(auth, self._wire, call), patience)
        await self._wire.answered(call)
        return answer


class _Watched(httpx.Auth):
    """Signs as the adapter does."""

    def __init__(self, auth: httpx.Auth, wire: Wire, call: Call) -> None:
        self._auth = auth
        self._wire = wire
        self._call = call

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        async for signed in self._auth.async_auth_flow(request):
            await self._wire.leaving(self._call, signed)
            yield signed
