"""Upbit's operations by method and path, with their rate-limit groups."""

from typing import Any

from infra.simulator.upbit import orders, quotation, reads
from infra.simulator.world import Route


def _route(operation: str, handler: Any, group: str = "default", *, signed: bool = True) -> Route:
    return Route(operation, "upbit", handler, signed, group=group)


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/v1/market/all"): _route("rules", quotation.market_all, "market", signed=False),
    ("GET", "/v1/ticker"): _route("price", quotation.ticker, "ticker", signed=False),
    ("GET", "/v1/orderbook"): _route("price", quotation.orderbook, "orderbook", signed=False),
    ("GET", "/v1/orderbook/instruments"): _route("rules", quotation.instruments, "orderbook", signed=False),
    ("POST", "/v1/orders"): _route("create", orders.create, "order"),
    ("POST", "/v1/orders/test"): _route("test", orders.test, "order-test"),
    ("DELETE", "/v1/order"): _route("cancel", orders.cancel),
    ("DELETE", "/v1/orders/uuids"): _route("cancel-all", orders.cancel_many),
    ("DELETE", "/v1/orders/open"): _route("cancel-all", orders.cancel_open, "order-cancel-all"),
    ("GET", "/v1/order"): _route("query", reads.order),
    ("GET", "/v1/orders/uuids"): _route("query", reads.orders_by_ids),
    ("GET", "/v1/orders/open"): _route("open", reads.open_orders),
    ("GET", "/v1/orders/closed"): _route("history", reads.closed_orders),
    ("GET", "/v1/orders/chance"): _route("chance", reads.chance),
    ("GET", "/v1/api_keys"): _route("keys", reads.api_keys),
    ("GET", "/v1/accounts"): _route("balance", reads.accounts),
}
