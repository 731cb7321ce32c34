"""Which exchange answers which path; the paths of the three do not collide."""

from infra.simulator.binance import errors as binance_errors
from infra.simulator.binance import routes as binance_routes
from infra.simulator.binance.front import BinanceFront
from infra.simulator.bybit import errors as bybit_errors
from infra.simulator.bybit import routes as bybit_routes
from infra.simulator.bybit.front import BybitFront
from infra.simulator.upbit import errors as upbit_errors
from infra.simulator.upbit import routes as upbit_routes
from infra.simulator.upbit.front import UpbitFront
from infra.simulator.world import Front

_BINANCE = BinanceFront()
_FRONTS: dict[str, Front] = {
    "/api/": _BINANCE,
    "/sapi/": _BINANCE,
    "/fapi/": _BINANCE,
    "/dapi/": _BINANCE,
    "/v5/": BybitFront(),
    "/v1/": UpbitFront(),
}
OPERATIONS = frozenset(
    {"open"}  # Bybit's query without an id
    | {route.operation for each in (binance_routes, bybit_routes, upbit_routes) for route in each.ROUTES.values()}
)
VARIANTS = binance_errors.VARIANTS | bybit_errors.VARIANTS | upbit_errors.VARIANTS


def front_of(path: str) -> Front | None:
    return next((front for prefix, front in _FRONTS.items() if path.startswith(prefix)), None)
