"""HTTP to one exchange for one account: one client on the shared SSL context, connections that are not stale.

Measured: a client shared by accounts costs twice the CPU at a fan-out of 20, an SSL context 30 ms.
"""

import json
import logging
import ssl
import time
from collections.abc import Callable
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import httpx

from chalicelib.exchanges.dialect import Answer, Call, Encoding

IDLE_LIMIT = 4.0
"""Seconds, by the wall clock, after which a connection is not used again: Lambda freezes between calls, and the
first POST on a connection that died meanwhile has an unknown outcome."""

CONNECT_TIMEOUT = 3.0


class _NoUrls(logging.Filter):
    """Keeps httpx from writing the URLs of requests, signatures and all, whatever its level."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.msg.startswith("HTTP Request:")


logging.getLogger("httpx").addFilter(_NoUrls())


@cache
def ssl_context() -> ssl.SSLContext:
    """One for the process."""
    return httpx.create_ssl_context(trust_env=False)


class Transport:
    """Sends calls; raises what httpx raises. The meaning of an exception is the caller's to decide."""

    def __init__(self, base_url: str, wall_clock: Callable[[], float] = time.time) -> None:
        self._base_url = base_url
        self._wall_clock = wall_clock
        self._client: httpx.AsyncClient | None = None
        self._used_at = 0.0
        self._in_flight = 0

    async def send(self, call: Call, auth: httpx.Auth | None, seconds: float) -> Answer:
        """One request and its answer; `seconds` bounds each of writing and reading."""
        client = await self._fresh_client()
        request = build_request(self._base_url, call, seconds)
        self._in_flight += 1
        try:
            response = await client.send(request, auth=auth)
        finally:
            self._in_flight -= 1
        self._used_at = self._wall_clock()
        text = response.content.decode("utf-8", "replace")
        return Answer(response.status_code, response.headers, text, parse(text))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _fresh_client(self) -> httpx.AsyncClient:
        now = self._wall_clock()
        idle = self._in_flight == 0  # a request under way must not lose its connection, and its answer with it
        if idle and self._client is not None and not 0 <= now - self._used_at <= IDLE_LIMIT:
            await self.aclose()
        if self._client is None:
            context: Any = ssl_context() if self._base_url.startswith("https") else False
            self._client = httpx.AsyncClient(
                verify=context,
                trust_env=False,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=20, keepalive_expiry=IDLE_LIMIT),
            )
            self._used_at = now
        return self._client


def build_request(base_url: str, call: Call, seconds: float) -> httpx.Request:
    """The request before it is signed: parameters in the order given, JSON without spaces."""
    arguments: dict[str, Any] = {}
    if call.params and call.encoding is Encoding.QUERY:
        arguments["params"] = dict(call.params)
    elif call.params and call.encoding is Encoding.FORM:
        arguments["data"] = dict(call.params)
    elif call.encoding is Encoding.JSON:
        arguments["content"] = json.dumps(dict(call.params), separators=(",", ":"), ensure_ascii=False)
        arguments["headers"] = {"Content-Type": "application/json"}
    extensions = {"timeout": _times(seconds)}
    return httpx.Request(call.method, _url(base_url + call.path), extensions=extensions, **arguments)


@lru_cache
def _times(seconds: float) -> dict[str, float | None]:
    return httpx.Timeout(seconds, connect=min(CONNECT_TIMEOUT, seconds), pool=min(CONNECT_TIMEOUT, seconds)).as_dict()


@lru_cache
def _url(url: str) -> httpx.URL:
    return httpx.URL(url)


def parse(text: str) -> Any:
    """The JSON of a body with exact decimals; None where it is none."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
