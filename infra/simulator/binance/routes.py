"""Binance's operations by method and path, with their weights (rest-api.md; the USD-M docstrings)."""

from typing import Any

from infra.simulator.binance import spot_orders, spot_reads, usdm_algo, usdm_orders, usdm_reads
from infra.simulator.world import Route


def _spot(operation: str, handler: Any, weight: int = 1, of_all: int = 0, *, signed: bool = True) -> Route:
    return Route(operation, "binance-spot", handler, signed, weight, of_all)


def _usdm(operation: str, handler: Any, weight: int = 1, of_all: int = 0, *, signed: bool = True) -> Route:
    return Route(operation, "binance-usdm", handler, signed, weight, of_all)


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/api/v3/ping"): _spot("ping", spot_reads.ping, signed=False),
    ("GET", "/api/v3/time"): _spot("time", spot_reads.server_time, signed=False),
    ("GET", "/api/v3/exchangeInfo"): _spot("rules", spot_reads.exchange_info, 20, signed=False),
    ("GET", "/api/v3/ticker/price"): _spot("price", spot_reads.ticker_price, 2, 4, signed=False),
    ("GET", "/api/v3/ticker/bookTicker"): _spot("price", spot_reads.book_ticker, 2, 4, signed=False),
    ("POST", "/api/v3/order"): _spot("create", spot_orders.create, 0),
    ("POST", "/api/v3/order/test"): _spot("test", spot_orders.test),
    ("DELETE", "/api/v3/order"): _spot("cancel", spot_orders.cancel, 0),
    ("GET", "/api/v3/order"): _spot("query", spot_orders.query, 4),
    ("GET", "/api/v3/openOrders"): _spot("open", spot_orders.open_orders, 6, 80),
    ("DELETE", "/api/v3/openOrders"): _spot("cancel-all", spot_orders.cancel_all),
    ("GET", "/api/v3/allOrders"): _spot("history", spot_orders.all_orders, 20),
    ("GET", "/api/v3/myTrades"): _spot("fills", spot_reads.my_trades, 20),
    ("GET", "/api/v3/account"): _spot("balance", spot_reads.account, 20),
    ("GET", "/sapi/v1/capital/config/getall"): _spot("account", spot_reads.coins, 10),
    ("GET", "/sapi/v1/margin/allPairs"): _spot("account", spot_reads.no_pairs),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): _spot("account", spot_reads.no_pairs, 10),
    ("GET", "/dapi/v1/exchangeInfo"): _spot("rules", spot_reads.no_symbols, signed=False),
    ("GET", "/fapi/v1/ping"): _usdm("ping", spot_reads.ping, signed=False),
    ("GET", "/fapi/v1/time"): _usdm("time", spot_reads.server_time, signed=False),
    ("GET", "/fapi/v1/exchangeInfo"): _usdm("rules", usdm_reads.exchange_info, signed=False),
    ("GET", "/fapi/v1/ticker/price"): _usdm("price", usdm_reads.ticker_price, 1, 2, signed=False),
    ("GET", "/fapi/v2/ticker/price"): _usdm("price", usdm_reads.ticker_price, 1, 2, signed=False),
    ("GET", "/fapi/v1/ticker/bookTicker"): _usdm("price", spot_reads.book_ticker, 2, 5, signed=False),
    ("GET", "/fapi/v1/premiumIndex"): _usdm("price", usdm_reads.premium_index, 1, 10, signed=False),
    ("POST", "/fapi/v1/order"): _usdm("create", usdm_orders.create, 0),
    ("POST", "/fapi/v1/order/test"): _usdm("test", usdm_orders.test, 0),
    ("DELETE", "/fapi/v1/order"): _usdm("cancel", usdm_orders.cancel),
    ("GET", "/fapi/v1/order"): _usdm("query", usdm_orders.query),
    ("GET", "/fapi/v1/openOrder"): _usdm("query", usdm_orders.query_open),
    ("GET", "/fapi/v1/openOrders"): _usdm("open", usdm_orders.open_orders, 1, 40),
    ("DELETE", "/fapi/v1/allOpenOrders"): _usdm("cancel-all", usdm_orders.cancel_all),
    ("GET", "/fapi/v1/allOrders"): _usdm("history", usdm_orders.all_orders, 5),
    ("GET", "/fapi/v1/userTrades"): _usdm("fills", usdm_reads.user_trades, 5),
    ("POST", "/fapi/v1/countdownCancelAll"): _usdm("countdown", usdm_orders.countdown_cancel_all, 10),
    ("POST", "/fapi/v1/algoOrder"): _usdm("algo-create", usdm_algo.create, 0),
    ("DELETE", "/fapi/v1/algoOrder"): _usdm("algo-cancel", usdm_algo.cancel),
    ("GET", "/fapi/v1/algoOrder"): _usdm("algo-query", usdm_algo.query),
    ("GET", "/fapi/v1/openAlgoOrders"): _usdm("algo-open", usdm_algo.open_orders, 1, 40),
    ("DELETE", "/fapi/v1/algoOpenOrders"): _usdm("algo-cancel-all", usdm_algo.cancel_all),
    ("GET", "/fapi/v1/allAlgoOrders"): _usdm("algo-history", usdm_algo.all_orders, 5),
    ("GET", "/fapi/v2/balance"): _usdm("balance", usdm_reads.balance, 5),
    ("GET", "/fapi/v3/balance"): _usdm("balance", usdm_reads.balance, 5),
    ("GET", "/fapi/v2/account"): _usdm("balance", usdm_reads.account, 5),
    ("GET", "/fapi/v3/account"): _usdm("balance", usdm_reads.account, 5),
    ("GET", "/fapi/v2/positionRisk"): _usdm("positions", usdm_reads.position_risk, 5),
    ("GET", "/fapi/v3/positionRisk"): _usdm("positions", usdm_reads.position_risk, 5),
    ("GET", "/fapi/v1/positionSide/dual"): _usdm("position-mode", usdm_reads.position_mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): _usdm("position-mode", usdm_reads.set_position_mode),
    ("GET", "/fapi/v1/leverageBracket"): _usdm("leverage", usdm_reads.leverage_bracket),
    ("POST", "/fapi/v1/leverage"): _usdm("leverage", usdm_reads.set_leverage),
}
