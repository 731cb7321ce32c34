"""A desk that trades at simulated exchanges, made through the API: orders and cancels in every state to look at."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.system.stack import Stack, order_ids, wait_for

_REFUSAL = {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}
ENVIRONMENT = {
    "RECONCILE_INTERVAL": "5",  # so that an order which disappears is missed soon
    "ENVIRONMENT": "dev",
    "MARKET_ORDER_TIMEOUT": "25",  # so long an order waits for an answer: pictures of it are taken meanwhile
}


class Desk:
    """What somebody who trades has set up: made through the API, with exchanges that misbehave where it is told."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        for strategy in ("demo", "demo-slow"):
            self._call("DELETE", f"strategies/{strategy}")
        for account in self._call("GET", "accounts")["items"]:
            self._call("DELETE", f"accounts/{account['account_id']}")
        for name in ("binance-main", "binance-grid", "binance-swing"):
            self._account(name, "binance")
        for name in ("bybit-main", "bybit-slow", "bybit-grid"):
            self._account(name, "bybit")
        for name in ("upbit-main", "upbit-krw"):
            self._account(name, "upbit")
        self._account("binance-perp", "binance", market="futures")
        self._stack.set_options("paper-1", success_rate=1, delay_ms=40)
        self._stack.set_options("paper-2", success_rate=1, delay_ms=90)
        weights = {"binance-main": "1", "bybit-main": "0.5", "upbit-main": "0.25"}
        self._strategy("trend", "Trend following", "BTC/USDT, ETH/USDT", weights, max_order_notional="25000")
        self._strategy("grid", "Grid on ETH", "ETH/USDT", {"binance-grid": "1", "bybit-grid": "1"})
        self._strategy("swing", "Swing", "BTC/USDT", {"binance-swing": "1", "bybit-slow": "1"})
        self._strategy("krw", "Won market", "BTC/KRW, ETH/KRW", {"upbit-krw": "1"})
        self._strategy("hedge", "Hedge with futures", "BTC/USDT", {"binance-perp": "1"}, enabled=False)
        self._strategy("paper", "On paper", "BTC/USDT, ETH/USDT, SOL/USDT", {"paper-1": "1", "paper-2": "2"})

    def trade(self) -> None:
        """Orders in each of their states."""
        self._alert("trend", order_type="MARKET", quote_amount="4000")
        self._alert("trend", order_type="MARKET", quote_amount="1500", symbol="ETH/USDT")
        self._alert("paper", order_type="MARKET", quantity="0.25")
        self._alert("paper", order_type="MARKET", side="sell", symbol="SOL/USDT", quantity="40")
        self._alert("krw", order_type="MARKET", symbol="BTC/KRW", quote_amount="5000000")
        resting = self._alert("trend", order_type="LIMIT", quantity="0.12", price="58250.5", tag="dip")
        self._alert("krw", order_type="LIMIT", symbol="ETH/KRW", quantity="0.8", price="4100000", tag="dip")
        self._alert("krw", order_type="LIMIT", symbol="BTC/KRW", quantity="90", price="83000000")
        self._alert("trend", order_type="LIMIT", quantity="0.05", price="57000", time_in_force="IOC")
        self._alert("swing", order_type="STOP_MARKET", side="sell", quantity="0.02", stop_price="54000", tag="stop")
        self._alert("paper", order_type="LIMIT", symbol="ETH/USDT", quantity="1.5", price="2875", tag="dip")
        self._alert("paper", order_type="CANCEL", tag="dip")
        wait_for(lambda: not self._call("GET", "orders?status=PENDING")["items"], 30, "all orders to be answered")
        self._stack.simulate("fill", order=resting[0], quantity="0.05")

    def cancel_while_pending(self) -> str:
        """An order that is partly filled and whose cancel is asked for before its exchange has answered at all."""
        self._misbehave("bybit-slow", "hold_answers", ms=1500)
        _, order_id = self._alert("swing", order_type="LIMIT", quantity="0.4", price="59120.5", tag="early")
        self._wait_sent(order_id)
        self._stack.simulate("fill", order=order_id, quantity="0.15")
        self._cancel(order_id)
        self._stack.wait_order(order_id, "CANCELLED", 20)
        return order_id

    def refuse_cancels(self) -> str:
        """A cancel that Binance refuses from now on; it is FAILED after half a minute."""
        self._misbehave("binance-grid", "fault", kind="error", status=400, body=_REFUSAL)
        refused, _ = self._grid()
        self._cancel(refused)
        return refused

    def hold_up(self) -> None:
        """Cancels that wait: for an acknowledgement, for a limit to pass, for the next try after refusals."""
        (limited,) = self._alert("krw", order_type="LIMIT", symbol="ETH/KRW", quantity="1.2", price="4050000")
        self._stack.wait_order(limited, "OPEN", 10)
        self._misbehave("upbit-krw", "fault", kind="ban", retry_after=240)
        self._cancel(limited)
        self._misbehave("bybit-slow", "hold_answers", ms=24_000)
        _, held = self._alert("swing", order_type="LIMIT", quantity="0.1", price="58900", tag="held")
        self._wait_sent(held)
        self._cancel(held)

    def refuse_last(self) -> str:
        """A cancel that Bybit refuses, and that counts down to its next try."""
        _, refused = self._grid()
        self._misbehave("bybit-grid", "fault", kind="error", variant="processing")
        self._cancel(refused)
        return refused

    def lose(self) -> str:
        """An order that Binance has taken, and shows to nobody afterwards: it calls for a person."""
        self._misbehave("binance-swing", "fault", kind="invisible", operation="create", delay_ms=3_600_000)
        lost, _ = self._alert("swing", order_type="LIMIT", side="sell", quantity="0.03", price="63400")
        wait_for(lambda: self._stack.order(lost)["attention"], 30, "the order to be missed")
        return lost

    def wait_failed(self, order_id: str) -> None:
        """Until the exchange has refused the cancel as often as it is tried."""
        self._wait_cancel(order_id, lambda row: row["status"] == "FAILED", 45)

    def wait_refused(self, order_id: str, times: int) -> None:
        """Until the cancel has been refused so often, or more often while nobody looked."""
        self._wait_cancel(order_id, lambda row: row["retry_count"] >= times, 45)

    def _grid(self) -> list[str]:
        made = self._alert("grid", order_type="LIMIT", symbol="ETH/USDT", quantity="2.4", price="2914.25", tag="rung")
        for order_id in made:
            self._stack.wait_order(order_id, "OPEN", 10)
        return made

    def _account(self, name: str, exchange: str, market: str = "spot") -> None:
        """With a key of its own, so that its exchange can treat it in its own way."""
        key = {"api_key": f"key-of-{name}", "api_secret": f"secret-of-{name}"}
        self._stack.simulate("add_account", exchange=exchange, key=key["api_key"], secret=key["api_secret"])
        self._call("PUT", f"accounts/{name}", {"exchange": exchange, "market": market, "credentials": key})

    def _strategy(
        self, name: str, title: str, symbols: str, weights: Mapping[str, str], *, enabled: bool = True, **limits: str
    ) -> None:
        body = {
            "name": title,
            "enabled": enabled,
            "symbols": symbols.split(", "),
            "accounts": [{"account_id": account, "weight": weight} for account, weight in weights.items()],
            "limits": limits,
            "token": token_of(name),
        }
        self._call("PUT", f"strategies/{name}", body)

    def _alert(self, strategy: str, **fields: str) -> list[str]:
        given = {"symbol": "BTC/USDT", "side": "buy", **fields}
        if fields["order_type"] == "CANCEL":
            given = fields
        answer = self._stack.alert(strategy=strategy, token=token_of(strategy), **given)
        assert answer.status_code in (200, 202), answer.text
        return order_ids(answer)

    def _cancel(self, order_id: str) -> None:
        self._call("POST", f"cancel-queue/orders/{order_id}/cancel")

    def _misbehave(self, account: str, command: str, operation: str = "cancel", **fields: Any) -> None:
        """How this account's exchange treats it: the next create is held, each cancel is refused."""
        aimed: dict[str, Any] = {"exchange": account.partition("-")[0], "key": f"key-of-{account}"}
        if command == "fault":
            aimed |= {"operation": operation, "times": 1 if operation == "create" else None}
        self._stack.simulate(command, **aimed, **fields)

    def _wait_sent(self, order_id: str) -> None:
        """Its exchange has the order, and has not said so."""
        wait_for(lambda: self._stack.simulate("orders", client_id=order_id), 10, "the order to reach its exchange")

    def _wait_cancel(self, order_id: str, holds: Callable[[Any], bool], seconds: float) -> None:
        wait_for(lambda: holds(self._call("GET", f"cancel-queue/{order_id}")), seconds, f"the cancel of {order_id}")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._stack.call(method, f"/api/v1/{path}", body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None


def token_of(strategy: str) -> str:
    return f"token-of-{strategy}"
