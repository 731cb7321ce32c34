"""The simulator's connections: one port on loopback for all exchanges and for the control API."""

import asyncio
import contextlib
import logging
import traceback

from infra.simulator.control import Control
from infra.simulator.control_http import answer_control
from infra.simulator.http_messages import MAX_HEAD, UnreadableError, deliver, read_request
from infra.simulator.service import Delivery, handle
from infra.simulator.wire import Request, html_reply
from infra.simulator.world import World

HOST = "127.0.0.1"
CONTROL_PREFIX = "/_simulator/"

logger = logging.getLogger(__name__)


class Server:
    """Serves within a running event loop."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.control = Control(world)
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> None:
        """Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._connected, HOST, port, limit=MAX_HEAD, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, UnreadableError):
            pass  # a client that goes away, or speaks no HTTP, is no event
        except asyncio.CancelledError:
            pass  # the server stops
        finally:
            writer.close()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        going = True
        while going:
            request = await read_request(reader, peer)
            if request is None:
                return
            last = request.header("Connection").lower() == "close"
            going = await deliver(reader, writer, await self._delivery(request), last=last)

    async def _delivery(self, request: Request) -> Delivery:
        if "origin" in request.headers:
            # No exchange client sends it, every browser does: a web page has no business here.
            return Delivery(html_reply(403, "403 not for browsers"))
        try:
            if request.path.startswith(CONTROL_PREFIX):
                return Delivery(answer_control(self.control, request))
            return await handle(self.world, request)
        except Exception:
            logger.error("the simulator itself failed:\n%s", traceback.format_exc())
            return Delivery(html_reply(599, "the simulator itself failed"))
