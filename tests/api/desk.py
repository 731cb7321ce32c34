"""The API as its users see it, and the few moves that its tests make again and again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import runtime
from chalicelib.domain.ports import Change
from tests.api.described import assert_described
from tests.conftest import ADMIN_TOKEN, PREFIX

TOKEN = "a-webhook-token"
TABLES = (
    "orders",
    "cancel_queue",
    "strategy_order_logs",
    "strategies",
    "accounts",
    "alerts",
    "market_rules",
    "mock_exchange",
    "system",
)
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}
ALERT: dict[str, Any] = {
    "strategy": "s1",
    "token": TOKEN,
    "order_type": "MARKET",
    "symbol": "BTCUSDT",
    "side": "buy",
    "quantity": "0.1",
}
EVENT_FIELDS = {
    "event_id",
    "strategy_id",
    "order_type",
    "duplicate",
    "total_accounts",
    "successful_accounts",
    "failed_accounts",
    "execution_results",
}
RESULT_FIELDS = {
    "account_id",
    "exchange",
    "order_id",
    "status",
    "placement",
    "exchange_order_id",
    "filled_quantity",
    "average_price",
    "error",
}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, Any]
    raw: bytes

    @property
    def code(self) -> str:
        """The error's code; asserts that it is in the contract's form, and nothing besides."""
        assert set(self.body) == {"error"}
        error = self.body["error"]
        assert set(error) == {"code", "message", "details"}
        assert isinstance(error["message"], str)
        assert isinstance(error["details"], list)
        assert error["message"]
        return str(error["code"])

    @property
    def fields(self) -> list[str]:
        """The fields that an error complains of."""
        return [detail["field"] for detail in self.body["error"]["details"]]

    @property
    def results(self) -> list[dict[str, Any]]:
        """A webhook's answer by account."""
        return list(self.body["execution_results"])

    @property
    def order_id(self) -> str:
        """The one order of a webhook's answer."""
        (result,) = self.results
        return str(result["order_id"])


class ApiDesk:
    """Calls routes as API Gateway would, functions as Lambda would, and looks into the tables.

    Every answer must be one that the API's own description has.
    """

    def __init__(self, http: Any, functions: Any, dynamodb: Any) -> None:
        self._http = http
        self.functions = functions
        self.dynamodb = dynamodb

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """With the admin token, unless other headers are given; a body that is not bytes goes as JSON."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        got = self._http.request(method, path, headers=dict(ADMIN if headers is None else headers), body=data)
        assert_described(method, path, got.status_code, got.headers, got.body)
        return Answer(got.status_code, got.json_body, got.headers, got.body)

    def get(self, path: str) -> Answer:
        return self.call("GET", f"/api/v1/{path}")

    def put(self, path: str, body: Any) -> Answer:
        return self.call("PUT", f"/api/v1/{path}", body)

    def post(self, path: str) -> Answer:
        return self.call("POST", f"/api/v1/{path}")

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", f"/api/v1/{path}")

    def account(self, name: str = "m1", options: Mapping[str, Any] | None = None, **fields: Any) -> Answer:
        """A mock account that succeeds at once, unless told otherwise."""
        chosen = {"success_rate": 1, "delay_ms": 0, **(options or {})}
        return self.put(f"accounts/{name}", {"exchange": "mock", "options": chosen, **fields})

    def strategy(self, name: str = "s1", *accounts: str, **fields: Any) -> Answer:
        """A strategy over existing accounts."""
        shares = [{"account_id": account} for account in accounts or ("m1",)]
        body = {"name": name, "symbols": ["BTC/USDT", "ETH/USDT"], "accounts": shares, "token": TOKEN, **fields}
        return self.put(f"strategies/{name}", body)

    def webhook(self, body: bytes, content_type: str = "application/json") -> Answer:
        """Exactly these bytes, from somebody without an admin token."""
        return self.call("POST", "/api/v1/webhook", body, {"Content-Type": content_type})

    def alert(self, **fields: Any) -> Answer:
        """A market order of 0.1 BTC, unless told otherwise; a field that is None is left out."""
        body = {name: value for name, value in {**ALERT, **fields}.items() if value is not None}
        return self.webhook(json.dumps(body).encode())

    def limit(self, **fields: Any) -> Answer:
        """A limit order, stored and not sent yet."""
        return self.alert(**{"order_type": "LIMIT", "price": 50000, **fields})

    def open_order(self, **fields: Any) -> str:
        """The id of a limit order that rests on the mock's book."""
        order_id = self.limit(**fields).order_id
        self.place(order_id)
        return order_id

    def place(self, order_id: str) -> Any:
        """Hand the READY order over as the stream does."""
        return self.functions.place_ready(self.record(order_id), None)

    def record(self, order_id: str, old: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A stream event with the order's row as it is now."""
        images = {"NewImage": self.item("orders", {"order_id": order_id}), **({"OldImage": old} if old else {})}
        change = {"Keys": {"order_id": {"S": order_id}}, "SequenceNumber": "17", **images}
        return {"Records": [{"eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": change}]}

    def order(self, order_id: str) -> dict[str, Any]:
        return dict(self.get(f"orders/{order_id}").body)

    def cancel(self, order_id: str) -> Answer:
        return self.post(f"cancel-queue/orders/{order_id}/cancel")

    def commit(self, *changes: Change) -> None:
        """Write rows as a use case would."""
        runtime.run(runtime.services().store.commit(*changes))

    def row(self, kind: Any, *key: str) -> Any:
        """A row as the domain sees it."""
        return runtime.run(runtime.services().store.get(kind, *key))

    def item(self, table: str, key: Mapping[str, str]) -> dict[str, Any]:
        """An item as DynamoDB has it."""
        typed = {name: {"S": value} for name, value in key.items()}
        return dict(self.dynamodb.get_item(TableName=f"{PREFIX}-{table}", Key=typed, ConsistentRead=True)["Item"])

    def make_unreadable(self, table: str, key: Mapping[str, str]) -> None:
        """The item is as newer code may have written it."""
        self.dynamodb.update_item(
            TableName=f"{PREFIX}-{table}",
            Key={name: {"S": value} for name, value in key.items()},
            UpdateExpression="SET updated_at = :newer",
            ExpressionAttributeValues={":newer": {"S": "a newer kind of time"}},
        )

    def items(self, table: str) -> list[dict[str, Any]]:
        return list(self.dynamodb.scan(TableName=f"{PREFIX}-{table}", ConsistentRead=True)["Items"])

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All tables, to compare and to search."""
        return {table: sorted(self.items(table), key=str) for table in TABLES}

    def fill_at_exchange(self, account: str, order_id: str) -> None:
        """The mock's book shows the order filled, as after a trade."""
        key = {"account_id": {"S": account}, "client_order_id": {"S": order_id}}
        self.dynamodb.update_item(
            TableName=f"{PREFIX}-mock_exchange",
            Key=key,
            UpdateExpression="SET #s = :filled, filled_quantity = quantity",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":filled": {"S": "FILLED"}},
        )
