"""The demo: accounts and strategies, made through the API like anybody else's."""

import json
import urllib.error
import urllib.request
from typing import Any

TOKEN = "demo-webhook-token"
_FAST = {"exchange": "mock", "options": {"success_rate": 1, "delay_ms": 50}}
_SLOW = {"exchange": "mock", "options": {"success_rate": 1, "delay_ms": 50, "place_delay_ms": 6000}}
_ON_MOCK: dict[str, dict[str, Any]] = {"demo-1": _FAST, "demo-2": _FAST, "demo-3": _FAST}
_ON_EXCHANGES: dict[str, dict[str, Any]] = {
    f"demo-{name}": {"exchange": name, "market": "spot"} for name in ("binance", "bybit", "upbit")
}


def create_demo(base: str, admin_token: str, *, on_mock: bool) -> None:
    """Create what is missing; what is there already is left as somebody made it."""
    trading = _ON_MOCK if on_mock else _ON_EXCHANGES
    for account_id, account in {**trading, "demo-slow-1": _SLOW}.items():
        _create(f"{base}/api/v1/accounts/{account_id}", admin_token, account)
    for strategy_id, accounts in {"demo": list(trading), "demo-slow": ["demo-slow-1"]}.items():
        body = {
            "name": f"{strategy_id}: made by infra/run",
            "symbols": ["BTC/USDT", "ETH/USDT"],
            "accounts": [{"account_id": name, "weight": "1"} for name in accounts],
            "token": TOKEN,
        }
        _create(f"{base}/api/v1/strategies/{strategy_id}", admin_token, body)


def _create(url: str, admin_token: str, body: dict[str, Any]) -> None:
    if _call("GET", url, admin_token) == 404:
        status = _call("PUT", url, admin_token, body)
        if status not in (200, 201):
            raise RuntimeError(f"PUT {url} answered {status}")


def _call(method: str, url: str, admin_token: str, body: dict[str, Any] | None = None) -> int:
    headers = {"Authorization": f"Bearer {admin_token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own loopback address
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
