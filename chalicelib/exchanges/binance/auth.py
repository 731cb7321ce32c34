"""Signs Binance's requests: HMAC-SHA256 over the bytes that go out (binance-spot-api-docs, request security)."""

import hashlib
import hmac
from collections.abc import Generator

import httpx

from chalicelib.domain.secrets import Credentials


class BinanceAuth(httpx.Auth):
    """Adds the window, the time given and, last, the signature to the form body, or else to the query.

    What is signed is the query followed by the body, percent-encoded as sent (-1022 otherwise).
    """

    requires_request_body = True

    def __init__(self, credentials: Credentials, timestamp_ms: int, window_ms: int) -> None:
        self._credentials = credentials
        self._stamp = f"recvWindow={window_ms}&timestamp={timestamp_ms}".encode()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["X-MBX-APIKEY"] = self._credentials.api_key
        yield self._in_body(request) if request.content else self._in_query(request)

    def _in_query(self, request: httpx.Request) -> httpx.Request:
        request.url = request.url.copy_with(query=_joined(request.url.query, self._stamp))
        final = request.url.query
        request.url = request.url.copy_with(query=_joined(final, self._signature(final)))
        return request

    def _in_body(self, request: httpx.Request) -> httpx.Request:
        body = _joined(request.content, self._stamp)
        headers = request.headers.copy()
        headers.pop("Content-Length", None)
        return httpx.Request(
            request.method,
            request.url,
            headers=headers,
            content=_joined(body, self._signature(request.url.query + body)),
            extensions=request.extensions,
        )

    def _signature(self, signed: bytes) -> bytes:
        digest = hmac.new(self._credentials.api_secret.encode(), signed, hashlib.sha256).hexdigest()
        return f"signature={digest}".encode()


def _joined(parameters: bytes, more: bytes) -> bytes:
    return parameters + b"&" + more if parameters else more
