"""Which exchange answers which path; the paths of the three do not collide."""

from infra.simulator.binance.front import BinanceFront
from infra.simulator.bybit.front import BybitFront
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


def front_of(path: str) -> Front | None:
    return next((front for prefix, front in _FRONTS.items() if path.startswith(prefix)), None)
