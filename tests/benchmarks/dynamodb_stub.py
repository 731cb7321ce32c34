"""A DynamoDB that answers after 4 ms and stores nothing: what a fan-out costs is then ours, not the database's.

`python -m tests.benchmarks.dynamodb_stub` prints its port and serves until its standard input ends.
"""

import asyncio
import sys

LATENCY = 0.004

_WRITES = frozenset({b"TransactWriteItems", b"UpdateItem", b"PutItem"})
_TARGET, _LENGTH = b"x-amz-target:", b"content-length:"


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
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        headers = head.split(b"\r\n")
        length = int(_header(headers, _LENGTH))
        if len(body) >= length:
            self._buffer = body[length:]
            asyncio.get_running_loop().call_later(LATENCY, self._answer, _header(headers, _TARGET))

    def _answer(self, target: bytes) -> None:
        """Writes succeed. A read is refused: "no such row" would send the alert under test astray unseen."""
        operation = target.rpartition(b".")[2]
        status, body = (b"200 OK", b"{}")
        if operation not in _WRITES:
            status = b"400 Bad Request"
            body = b'{"__type":"ValidationException","message":"the stub does not serve %b"}' % operation
        if self._transport is not None:
            self._transport.write(
                b"HTTP/1.1 %b\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n%b"
                % (status, len(body), body)
            )


def _header(headers: list[bytes], name: bytes) -> bytes:
    return next(line[len(name) :].strip() for line in headers if line.lower().startswith(name))


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Stub, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
