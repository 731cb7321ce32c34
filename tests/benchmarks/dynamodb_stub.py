"""A DynamoDB that answers after 4 ms and stores nothing: what a fan-out costs is then ours, not the database's.

`python -m tests.benchmarks.dynamodb_stub` prints its port. Reads find the rows that were put under `/rows`.
"""

import asyncio
import json
import sys

LATENCY = 0.004


class Stub(asyncio.Protocol):
    """One connection: HTTP/1.1, keep-alive, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        if len(rest) >= length:
            self._buffer = rest[length:]
            asyncio.get_running_loop().call_later(LATENCY, self._answer)

    def _answer(self) -> None:
        """Writes succeed, reads find nothing: the alert under test is warm and reads nothing before it answers."""
        body = json.dumps({}).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
        if self._transport is not None:
            self._transport.write(head + body)


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Stub, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
