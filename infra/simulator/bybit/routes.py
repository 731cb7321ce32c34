"""Bybit's operations by method and path; the venue of each follows from `category`."""

from typing import Any

from infra.simulator.bybit import account, market, orders, reads
from infra.simulator.world import Route


def _route(operation: str, handler: Any, group: str = "", *, signed: bool = True) -> Route:
    return Route(operation, "bybit-spot", handler, signed, group=group)


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/v5/market/time"): _route("time", market.server_time, signed=False),
    ("GET", "/v5/market/instruments-info"): _route("rules", market.instruments_info, signed=False),
    ("GET", "/v5/market/tickers"): _route("price", market.tickers, signed=False),
    ("POST", "/v5/order/create"): _route("create", orders.create, "trade"),
    ("POST", "/v5/order/cancel"): _route("cancel", orders.cancel, "trade"),
    ("POST", "/v5/order/cancel-all"): _route("cancel-all", orders.cancel_all, "trade"),
    ("GET", "/v5/order/realtime"): _route("query", reads.realtime, "read"),
    ("GET", "/v5/order/history"): _route("history", reads.history, "read"),
    ("GET", "/v5/execution/list"): _route("fills", reads.executions, "read"),
    ("GET", "/v5/position/list"): _route("positions", account.positions, "read"),
    ("GET", "/v5/account/wallet-balance"): _route("balance", account.wallet_balance, "read"),
    ("GET", "/v5/account/info"): _route("account", account.info),
    ("GET", "/v5/user/query-api"): _route("account", account.query_api),
    ("GET", "/v5/asset/coin/query-info"): _route("account", account.coins),
}
