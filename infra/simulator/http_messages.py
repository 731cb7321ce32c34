"""HTTP/1.1 on asyncio streams: one request in, one answer out, whole or broken as a fault demands."""

import asyncio
import socket
import struct
import time
from email.utils import formatdate
from functools import lru_cache
from http.client import responses as phrases

from infra.simulator.service import Delivery
from infra.simulator.wire import Reply, Request

MAX_HEAD = 65_536
_HOLD_S = 600.0  # nobody waits longer for an answer that never comes


class UnreadableError(Exception):
    """What came in is no HTTP request."""


async def read_request(reader: asyncio.StreamReader, peer: str) -> Request | None:
    """None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise UnreadableError("the head is too long") from error
    first, *lines = head.decode("latin-1")[:-4].split("\r\n")
    try:
        method, target, _version = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    except ValueError as error:
        raise UnreadableError("not a request") from error
    body = await _read_body(reader, headers)
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body, peer)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
        return body
    return await reader.readexactly(int(headers.get("content-length") or 0))


async def deliver(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delivery: Delivery, *, last: bool
) -> bool:
    """Put an answer on the wire, or what the fault wants instead; whether the connection goes on."""
    if delivery.mode == "send":
        writer.write(_encoded(delivery.reply, last=last))
        await writer.drain()
        return not last
    if delivery.mode == "drip":
        await _drip(writer, _encoded(delivery.reply, last=last), delivery.duration_ms)
        return not last
    if delivery.mode == "truncate":
        writer.write(_encoded(delivery.reply, last=last)[: -max(1, len(delivery.reply.body) // 2)])
        await writer.drain()
    elif delivery.mode == "hold":
        await _until_gone(reader)
    elif delivery.mode == "reset":
        _reset(writer)
    return False


def _encoded(reply: Reply, *, last: bool) -> bytes:
    headers = {
        "Date": _date(int(time.time())),
        "Content-Type": reply.content_type,
        "Content-Length": str(len(reply.body)),
        "Connection": "close" if last else "keep-alive",
        **reply.headers,
    }
    head = [f"HTTP/1.1 {reply.status} {phrases.get(reply.status, '')}"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + reply.body


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


async def _drip(writer: asyncio.StreamWriter, data: bytes, duration_ms: int) -> None:
    split = data.index(b"\r\n\r\n") + 4
    body = data[split:]
    writer.write(data[:split])
    pieces = max(1, min(len(body), 20))
    size = -(-len(body) // pieces) or 1
    for start in range(0, len(body), size):
        await asyncio.sleep(duration_ms / 1000 / pieces)
        writer.write(body[start : start + size])
        await writer.drain()


async def _until_gone(reader: asyncio.StreamReader) -> None:
    try:
        async with asyncio.timeout(_HOLD_S):
            while await reader.read(4096):
                pass
    except (TimeoutError, ConnectionError):
        pass


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closing with nothing to linger for sends RST."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
