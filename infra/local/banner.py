"""What `infra/run` prints once everything runs: where to look, and lines to try."""

import json

from infra.local import demo
from infra.local.environment import DEMO_ADMIN_TOKEN
from infra.local.exchanges import set_by_user

_HEADER = '-H "Authorization: Bearer $ADMIN_TOKEN"'
_ORDER = {"order_type": "LIMIT", "side": "buy", "symbol": "BTCUSDT", "price": "50000"}


def banner(
    base: str, database_url: str, table_prefix: str, admin_token: str, schedule_seconds: float, exchanges: str
) -> str:
    """The lines; a user's own admin token is not among them."""
    is_ours = admin_token == DEMO_ADMIN_TOKEN
    header = f"-H 'Authorization: Bearer {admin_token}'" if is_ours else _HEADER
    market = _alert("demo", order_type="MARKET", side="buy", symbol="BTCUSDT", quote_amount="100")
    slow = _alert("demo-slow", **_ORDER, quantity="0.01", tag="first")
    cancel = _alert("demo-slow", order_type="CANCEL", tag="first")
    return f"""
trading-bot runs at {base}
  database  {database_url}   tables {table_prefix}-*
  exchanges {exchanges}
  schedules every {schedule_seconds:g} s    admin token {admin_token if is_ours else "yours, from ADMIN_TOKEN"}

A market order on each account of the demo:
  curl -s {base}/api/v1/webhook -d '{market}'
A limit order that its exchange acknowledges after 6 s, cancelled before that, and the queue:
  curl -s {base}/api/v1/webhook -d '{slow}'
  curl -s {base}/api/v1/webhook -d '{cancel}'
  curl -s '{base}/api/v1/cancel-queue?limit=5' {header}
  curl -s '{base}/api/v1/orders?limit=5' {header}
"""


def slow_exchange(base: str, simulator_url: str) -> str:
    """The same hard case at a simulated exchange, through its real adapter."""
    fault = json.dumps({"ms": 6000, "exchange": "bybit"}, separators=(",", ":"))
    limit = _alert("demo", **_ORDER, quantity="0.001", tag="second")
    cancel = _alert("demo", order_type="CANCEL", tag="second")
    return f"""The same on the exchanges of the demo, with Bybit slow to answer once:
  curl -s {simulator_url}/_simulator/hold_answers -d '{fault}'
  curl -s {base}/api/v1/webhook -d '{limit}'
  curl -s {base}/api/v1/webhook -d '{cancel}'
"""


def exchanges_line(simulator_url: str | None, *, on_mock: bool) -> str:
    """Where orders go."""
    if on_mock:
        return "the mock"
    own = ", ".join(set_by_user())
    if simulator_url is None:
        return f"as set by {own}"
    return f"simulated at {simulator_url}" + (f"   but as set by {own}" if own else "")


def _alert(strategy: str, **fields: str) -> str:
    return json.dumps({"strategy": strategy, "token": demo.TOKEN, **fields}, separators=(",", ":"))
