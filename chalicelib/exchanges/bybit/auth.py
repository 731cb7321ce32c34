"""Signs Bybit's requests: HMAC-SHA256 over time, key, window and what is sent (bybit-exchange/docs, v5/guide)."""

import hashlib
import hmac
from collections.abc import Generator

import httpx

from chalicelib.domain.secrets import Credentials


class BybitAuth(httpx.Auth):
    """Headers only: query and body go out as they are. Bybit refuses the request after timestamp + window (10002)."""

    requires_request_body = True

    def __init__(self, credentials: Credentials, timestamp_ms: int, window_ms: int) -> None:
        self._credentials = credentials
        self._timestamp = str(timestamp_ms)
        self._window = str(window_ms)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        sent = request.url.query if request.method == "GET" else request.content
        key = self._credentials.api_key
        signed = f"{self._timestamp}{key}{self._window}".encode() + sent
        request.headers.setdefault("Content-Type", "application/json")  # reads carry it too in Bybit's examples
        request.headers["X-BAPI-API-KEY"] = key
        request.headers["X-BAPI-TIMESTAMP"] = self._timestamp
        request.headers["X-BAPI-RECV-WINDOW"] = self._window
        request.headers["X-BAPI-SIGN"] = hmac.new(
            self._credentials.api_secret.encode(), signed, hashlib.sha256
        ).hexdigest()
        yield request
