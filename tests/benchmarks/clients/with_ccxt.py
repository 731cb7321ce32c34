"""ccxt's async client: one instance for each account, markets loaded once and given to all, its rate limiter off."""

import asyncio
from typing import Any

import ccxt.async_support as ccxt

from tests.benchmarks.clients.market import QUANTITY, SECRET, Market, key_of, new_client_id

_LEAN = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}
"""Spot only, and no list of currencies: less than ccxt loads unless it is told."""


class CcxtClient:
    def __init__(self, market: Market, url: str) -> None:
        self._market = market
        self._url = url
        self._exchanges: list[Any] = []

    async def open(self, accounts: int) -> None:
        self._exchanges = [self._make(number) for number in range(accounts)]
        first, *others = self._exchanges
        await first.load_markets()
        for exchange in others:
            exchange.set_markets_from_exchange(first)

    async def warm_up(self, accounts: int) -> None:
        await asyncio.gather(*(self.place(number, self.draft()) for number in range(accounts)))

    def draft(self) -> str:
        return new_client_id()

    async def place(self, account: int, order: str) -> None:
        exchange, parameters = self._exchanges[account], {"clientOrderId": order}
        answer = await exchange.create_order(self._market.symbol, "market", "sell", float(QUANTITY), None, parameters)
        if not answer["id"]:
            raise RuntimeError(f"the order under test went wrong: {answer}")

    async def close(self) -> None:
        await asyncio.gather(*(exchange.close() for exchange in self._exchanges))

    def _make(self, number: int) -> Any:
        settings = {"apiKey": key_of(number), "secret": SECRET, "enableRateLimit": False}
        exchange = getattr(ccxt, self._market.exchange)(settings)
        exchange.options |= _LEAN
        paths = {"public": "/api/v3", "private": "/api/v3", "sapi": "/sapi/v1"}
        binance = {name: self._url + path for name, path in paths.items()} if self._market.exchange == "binance" else {}
        exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], self._url) | binance
        return exchange
