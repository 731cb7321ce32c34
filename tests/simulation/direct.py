"""The adapters' way to the simulated exchanges without a socket: the same signed bytes, the same broken answers.

The exchange acts on a request outside of the process that sent it: neither a kill nor a timeout takes it back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import httpx

from chalicelib.exchanges.dialect import Answer, Call
from chalicelib.exchanges.sources import SenderTo
from chalicelib.exchanges.transport import build_request, parse
from infra.simulator.clock import Clock
from infra.simulator.model import EXCHANGE_OF
from infra.simulator.service import Delivery, handle
from infra.simulator.wire import Reply, Request
from infra.simulator.world import World
from tests.simulation.scheduler import SimulatedLoop


@dataclass(frozen=True, slots=True)
class Passage:
    """A request on its way to an exchange (`answered` is False), or its answer on the way back."""

    host: str
    call: Call
    answered: bool
    signed: Request
    """As it is on the wire."""
    reply: Reply | None = None


Step = Callable[[Passage], Awaitable[None]]


async def go_on(passage: Passage) -> None:
    """A step at which nothing happens."""


class VirtualSimulatorClock(Clock):
    """The exchanges live in the loop's time."""

    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._loop = loop

    def now_ms(self) -> int:
        return int(self._loop.now().timestamp() * 1000)


def world_in(loop: SimulatedLoop) -> World:
    """Exchanges with empty books, in the loop's time; the ids that they give follow from its seed."""
    world = World()
    world.clock = VirtualSimulatorClock(loop)
    world.reset()
    world.engine._random.seed(loop.seed)  # left alone, it draws and counts from the moment of its start
    for number, venue in enumerate(EXCHANGE_OF, start=1):
        world.engine.number_from(venue, number * 1_000_000)
    return world


class DirectSender:
    """Implements Sender. `step` is awaited before the request reaches the exchange, and before its answer is read.

    There it can be delayed, or lost by raising what httpx raises: ConnectError where nothing was sent, ReadTimeout
    or ReadError where that is not known.
    """

    def __init__(
        self, loop: SimulatedLoop, world: World, host: str, step: Step = go_on, peer: str = "127.0.0.1"
    ) -> None:
        self._loop = loop
        self._world = world
        self._host = host
        self._step = step
        self._peer = peer

    async def send(self, call: Call, auth: httpx.Auth | None, seconds: float) -> Answer:
        """As Transport sends: `seconds` bound the wait for an answer."""
        request = build_request(self._host, call, seconds)
        signed = request if auth is None else _signed(request, auth)
        wire = _on_the_wire(signed, self._peer)
        await self._step(Passage(self._host, call, answered=False, signed=wire))
        served = self._loop.outside(handle(self._world, wire), "exchange")
        try:
            async with asyncio.timeout(seconds):
                reply = await _delivered(await asyncio.shield(served))
        except TimeoutError:
            raise httpx.ReadTimeout("no answer in time") from None
        await self._step(Passage(self._host, call, answered=True, signed=wire, reply=reply))
        return _read(reply)


def direct_to(
    loop: SimulatedLoop,
    world: World,
    step: Step = go_on,
    peer: str = "127.0.0.1",
    worlds: Mapping[str, World] | None = None,
) -> SenderTo:
    """For a directory of exchanges: every host is one of this world, but for those in `worlds`. `peer`: the address of
    the process."""
    others = worlds or {}
    return lambda host: DirectSender(loop, others.get(host, world), host, step, peer)


def _signed(request: httpx.Request, auth: httpx.Auth) -> httpx.Request:
    flow = auth.sync_auth_flow(request)
    signed = next(flow)
    flow.close()
    return signed


def _on_the_wire(request: httpx.Request, peer: str) -> Request:
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(request.method, path, query, headers, request.read(), peer)


async def _delivered(delivery: Delivery) -> Reply:
    """What of an answer reaches the client. Raises what a client sees of a broken one."""
    match delivery.mode:
        case "hold":
            await _for_ever()
        case "reset":
            raise httpx.ReadError("connection reset by peer")
        case "close":
            raise httpx.RemoteProtocolError("server disconnected without sending a response")
        case "truncate":
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
        case "drip":
            await asyncio.sleep(delivery.duration_ms / 1000)
    return delivery.reply


async def _for_ever() -> NoReturn:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody knows this future")


def _read(reply: Reply) -> Answer:
    headers = {"Content-Type": reply.content_type, **reply.headers}
    response = httpx.Response(reply.status, headers=headers, content=reply.body)
    return Answer(response.status_code, response.headers, response.text, parse(response.text))
