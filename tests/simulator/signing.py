"""Clients that sign by the exchanges' rules and do nothing else; they share no code with the simulator or the app."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx

from infra.simulator.instruments import TEST_KEY, TEST_SECRET


def hex_signature(secret: str, text: str) -> str:
    """HMAC-SHA256, as Binance and Bybit want it."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class BinanceClient:
    def __init__(self, http: httpx.Client, now_ms: Callable[[], int]) -> None:
        self.http = http
        self.now_ms = now_ms
        self.key, self.secret = TEST_KEY, TEST_SECRET

    def send(self, method: str, path: str, **params: Any) -> httpx.Response:
        query = urlencode({"timestamp": self.now_ms(), **params})
        signed = f"{query}&signature={hex_signature(self.secret, query)}"
        headers = {"X-MBX-APIKEY": self.key}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return self.http.request(method, path, content=signed, headers=headers)
        return self.http.request(method, f"{path}?{signed}", headers=headers)

    def order(self, path: str = "/api/v3/order", **params: Any) -> httpx.Response:
        """A BUY of BTCUSDT unless told otherwise."""
        return self.send("POST", path, **({"symbol": "BTCUSDT", "side": "BUY"} | params))

    def limit(self, path: str = "/api/v3/order", **params: Any) -> httpx.Response:
        """0.01 at 59000: it rests."""
        defaults = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "59000"}
        return self.order(path, **(defaults | params))


class BybitClient:
    def __init__(self, http: httpx.Client, now_ms: Callable[[], int]) -> None:
        self.http = http
        self.now_ms = now_ms
        self.key, self.secret = TEST_KEY, TEST_SECRET

    def _headers(self, payload: str) -> dict[str, str]:
        now = str(self.now_ms())
        return {
            "X-BAPI-API-KEY": self.key,
            "X-BAPI-TIMESTAMP": now,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": hex_signature(self.secret, f"{now}{self.key}5000{payload}"),
            "Content-Type": "application/json",
        }

    def get(self, path: str, **params: Any) -> httpx.Response:
        query = urlencode(params)
        return self.http.get(f"{path}?{query}", headers=self._headers(query))

    def post(self, path: str, **body: Any) -> httpx.Response:
        content = json.dumps(body)
        return self.http.post(path, content=content, headers=self._headers(content))

    def create(self, category: str = "spot", **body: Any) -> Any:
        """A resting limit buy of 0.01 BTC at 59000 unless told otherwise; the body of the answer."""
        defaults = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"}
        return self.post("/v5/order/create", category=category, **(defaults | body)).json()

    def rows(self, path: str, category: str = "spot", **params: Any) -> list[Any]:
        body = self.get(path, category=category, symbol="BTCUSDT", **params).json()
        assert body["retCode"] == 0, body
        return list(body["result"]["list"])

    def row(self, category: str = "spot", **params: Any) -> Any:
        """The one order that realtime shows."""
        (row,) = self.rows("/v5/order/realtime", category, **params)
        return row


class UpbitClient:
    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.key, self.secret = TEST_KEY, TEST_SECRET
        self.algorithm = "HS512"
        self.nonce: str | None = None

    def token(self, hashed: str) -> str:
        claims = {"access_key": self.key, "nonce": self.nonce or str(uuid.uuid4())}
        if hashed:
            claims |= {"query_hash": hashlib.sha512(hashed.encode()).hexdigest(), "query_hash_alg": "SHA512"}
        head = f"{_part({'alg': self.algorithm, 'typ': 'JWT'})}.{_part(claims)}"
        digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[self.algorithm]
        signature = hmac.new(self.secret.encode(), head.encode(), digest).digest()
        return f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    def _headers(self, hashed: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(hashed)}"}

    def send(self, method: str, path: str, **params: str) -> httpx.Response:
        query = "&".join(f"{name}={value}" for name, value in params.items())
        return self.http.request(method, f"{path}?{query}" if query else path, headers=self._headers(query))

    def post(self, path: str = "/v1/orders", **body: Any) -> httpx.Response:
        hashed = "&".join(f"{name}={value}" for name, value in body.items())
        return self.http.post(path, json=body, headers=self._headers(hashed))

    def limit(self, **body: Any) -> httpx.Response:
        """A resting bid of 0.01 BTC at 80 million won unless told otherwise."""
        defaults = {"market": "KRW-BTC", "side": "bid", "ord_type": "limit", "volume": "0.01", "price": "80000000"}
        return self.post(**(defaults | body))


def _part(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
