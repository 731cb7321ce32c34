"""The same signed POST to Binance with nothing around it: how much of an order's cost is the HTTP library's own."""

import asyncio
import hashlib
import hmac
import json
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.benchmarks.clients.market import QUANTITY, SECRET, Market, key_of, new_client_id

_PATH = "/api/v3/order"


class _Floor:
    def __init__(self, market: Market, url: str) -> None:
        if market.exchange != "binance":
            raise ValueError("the floors know Binance's signature only")
        self._url = url

    async def warm_up(self, accounts: int) -> None:
        await asyncio.gather(*(self.place(number, self.draft()) for number in range(accounts)))

    def draft(self) -> str:
        return new_client_id()

    async def place(self, account: int, order: str) -> None:
        raise NotImplementedError


class PlainHttpx(_Floor):
    """One AsyncClient for each account."""

    async def open(self, accounts: int) -> None:
        clients = (httpx.AsyncClient(verify=False, trust_env=False) for _ in range(accounts))  # noqa: S501 - no TLS here
        self._clients = list(clients)

    async def place(self, account: int, order: str) -> None:
        url, client = self._url + _PATH, self._clients[account]
        _check((await client.post(url, content=_signed(order), headers=_headers(account))).text)

    async def close(self) -> None:
        await asyncio.gather(*(client.aclose() for client in self._clients))


class PlainHttpClient(_Floor):
    """http.client of the standard library, which waits: one account only."""

    async def open(self, accounts: int) -> None:
        self._connection = HTTPConnection(urlsplit(self._url).netloc)

    async def place(self, account: int, order: str) -> None:
        self._connection.request("POST", _PATH, _signed(order), _headers(account))
        _check(self._connection.getresponse().read().decode())

    async def close(self) -> None:
        self._connection.close()


def _headers(account: int) -> dict[str, str]:
    return {"X-MBX-APIKEY": key_of(account), "Content-Type": "application/x-www-form-urlencoded"}


def _signed(order: str) -> bytes:
    body = (
        f"symbol=BTCUSDT&side=SELL&type=MARKET&quantity={QUANTITY}&newClientOrderId={order}"
        f"&newOrderRespType=RESULT&recvWindow=5000&timestamp={int(time.time() * 1000)}"
    )
    signature = hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    return f"{body}&signature={signature}".encode()


def _check(text: str) -> None:
    answer: Any = json.loads(text)
    if answer.get("status") != "FILLED":
        raise RuntimeError(f"the order under test went wrong: {answer}")
