"""Starting and stopping a simulator inside a process."""

import asyncio
import threading
from types import TracebackType
from typing import Self

from infra.simulator.control import Control
from infra.simulator.server import HOST, Server
from infra.simulator.world import World


class Simulator:
    """Answers at `url` from a thread of its own until `stop`; `control` commands it."""

    def __init__(self, port: int = 0) -> None:
        self.world = World()
        self._server = Server(self.world)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._started = threading.Event()
        self._failure: OSError | None = None
        self._port = port
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def control(self) -> Control:
        return self._server.control

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def stop(self) -> None:
        """Drop every connection and free the port."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._server.start(self._port))
        except OSError as error:
            self._failure = error
            self._loop.close()
            return
        finally:
            self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._server.stop())
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(port: int = 0) -> Simulator:
    """Start a simulator in this process; port 0 takes any free one. Raises OSError if the port is taken."""
    return Simulator(port)
