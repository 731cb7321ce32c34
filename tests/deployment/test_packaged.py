"""The uploaded package works by itself, and its functions do nothing that their policies do not allow.

One story in the order in which it happens; every step is a process that was started from what was uploaded.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import Cloud
from infra.simulator import Simulator
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from infra.simulator.running import serve
from tests.deployment.account import roles, secrets
from tests.deployment.calls import needed
from tests.deployment.desk import DeploymentDesk, check_out
from tests.deployment.functions import Functions, Invocation, api_event, stream_event
from tests.infra.iam import is_allowed

LONG_AGO = "2026-01-01T00:00:00.000Z"
ORDERS = "/api/v1/cancel-queue/orders/{order_id}/cancel"


class Story:
    """A deployed stage that trades at the simulator's Binance, and a person with the admin token."""

    def __init__(self, cloud: Cloud, simulator: Simulator, folder: Path, packages: Path) -> None:
        cloud.reset()
        self.simulator = simulator
        self.desk = DeploymentDesk(cloud, check_out(folder / "checkout", packages))
        self.desk.deploy(USE_MOCK_EXCHANGE="false", BINANCE_SPOT_URL=simulator.url)
        self.functions = Functions(self.desk, folder / "unpacked")
        self.token = secrets(self.desk.client)["trading-bot-dev/admin-token"]
        self.stream = self.desk.client("dynamodb").describe_table(TableName="trading-bot-dev-orders")["Table"][
            "LatestStreamArn"
        ]
        self._seen = 0

    def api(self, method: str, resource: str, body: Any = None, **parameters: str) -> tuple[int, Any]:
        event = api_event(method, resource, body, token=self.token, **parameters)
        answer = self.functions.invoke("api_handler", event).result
        return answer["statusCode"], json.loads(answer["body"] or "null")

    def alert(self, **fields: Any) -> Any:
        """As TradingView sends it; the answer's one result."""
        body = {"strategy": "s1", "token": "webhook-token", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.01"}
        answer = self.functions.invoke("api_handler", api_event("POST", "/api/v1/webhook", {**body, **fields})).result
        document = json.loads(answer["body"])
        assert answer["statusCode"] in (200, 202), document
        return document["execution_results"][0]

    def new_records(self) -> list[dict[str, Any]]:
        """What the stream holds since the last look."""
        client = self.desk.client("dynamodbstreams")
        (shard,) = client.describe_stream(StreamArn=self.stream)["StreamDescription"]["Shards"]
        iterator = client.get_shard_iterator(
            StreamArn=self.stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records: list[dict[str, Any]] = client.get_records(ShardIterator=iterator)["Records"]
        fresh, self._seen = records[self._seen :], len(records)
        return fresh

    def stream_to(self, function: str, records: list[dict[str, Any]]) -> Invocation:
        return self.functions.invoke(function, stream_event(records, self.stream))

    def order(self, order_id: str) -> dict[str, Any]:
        return self._item("orders", "order_id", order_id)

    def request(self, order_id: str) -> dict[str, Any]:
        return self._item("cancel_queue", "cancel_id", order_id)

    def on_exchange(self, order_id: str) -> dict[str, Any]:
        (found,) = [order for order in self.simulator.control.orders() if order["client_id"] == order_id]
        return found

    def _item(self, table: str, key: str, value: str) -> dict[str, Any]:
        found = self.desk.client("dynamodb").get_item(
            TableName=f"trading-bot-dev-{table}", Key={key: {"S": value}}, ConsistentRead=True
        )
        return {name: next(iter(part.values())) for name, part in found["Item"].items()}


@pytest.fixture(scope="module")
def story(cloud: Cloud, packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with serve() as simulator:
        yield Story(cloud, simulator, tmp_path_factory.mktemp("story"), packages)


def test_a_person_sets_up_an_account_with_the_token_that_the_deployment_made(story: Story) -> None:
    account = {
        "exchange": "binance",
        "market": "spot",
        "credentials": {"api_key": TEST_KEY, "api_secret": TEST_SECRET},
    }
    strategy = {
        "name": "s1",
        "symbols": ["BTC/USDT"],
        "accounts": [{"account_id": "main", "weight": "1"}],
        "token": "webhook-token",
    }

    stranger = story.functions.invoke("api_handler", api_event("GET", "/api/v1/orders", token="guessed")).result
    health = story.functions.invoke("api_handler", api_event("GET", "/health")).result
    created = [
        story.api("PUT", "/api/v1/accounts/{account_id}", account, account_id="main")[0],
        story.api("PUT", "/api/v1/strategies/{strategy_id}", strategy, strategy_id="s1")[0],
    ]

    assert stranger["statusCode"] == 401
    assert json.loads(health["body"]) == {"status": "healthy", "environment": "dev", "database": "connected"}
    assert created == [201, 201]


def test_an_alert_goes_in_and_an_order_comes_out(story: Story) -> None:
    result = story.alert(order_type="MARKET", alert_id="1")

    assert result["status"] == "FILLED"
    assert Decimal(result["filled_quantity"]) == Decimal("0.01")
    assert story.on_exchange(result["order_id"])["state"] == "filled"


def test_a_stream_record_places_an_order(story: Story) -> None:
    story.new_records()
    result = story.alert(order_type="LIMIT", price="40000", alert_id="2")

    done = story.stream_to("place_ready", story.new_records())

    assert result["status"] == "PENDING"
    assert done.result == {"batchItemFailures": []}
    assert story.order(result["order_id"])["status"] == "OPEN"
    assert story.on_exchange(result["order_id"])["state"] == "open"


def test_a_stream_record_fires_a_cancel(story: Story) -> None:
    """Its first try by the person's own call got no answer, so it waits in the queue."""
    order_id = _open_order(story, "3")
    story.simulator.control.fault("timeout", taken=False, exchange="binance", operation="cancel")
    status, _ = story.api("POST", ORDERS, order_id=order_id)
    waiting = story.request(order_id)
    _make_due(story, "cancel_queue", cancel_id=order_id, next_retry_at=LONG_AGO)
    record = story.new_records()[-1]
    record["dynamodb"]["OldImage"]["status"] = {"S": "PENDING"}

    done = story.stream_to("fire_cancels", [record])

    assert status == 202
    assert waiting["status"] == "PENDING"
    assert done.result == {"batchItemFailures": []}
    assert story.request(order_id)["status"] == "SUCCESS"
    assert story.on_exchange(order_id)["state"] == "canceled"


def test_the_schedule_sweeps_the_queue(story: Story) -> None:
    order_id = _open_order(story, "4")
    story.simulator.control.fault("timeout", taken=False, exchange="binance", operation="cancel")
    status, _ = story.api("POST", ORDERS, order_id=order_id)

    done = story.functions.invoke("sweep", _scheduled("sweep"))

    assert status == 202
    assert done.result["iterations"] >= 1
    assert story.request(order_id)["status"] == "SUCCESS"
    assert story.on_exchange(order_id)["state"] == "canceled"


def test_the_schedule_reconciles_and_measures(story: Story) -> None:
    """An order that was filled meanwhile is seen; the levels go out as CloudWatch takes them."""
    order_id = _open_order(story, "5")
    story.simulator.control.set_price("binance-spot", "BTCUSDT", "39000")
    _make_due(story, "orders", order_id=order_id, check_at=LONG_AGO)

    done = story.functions.invoke("reconcile", _scheduled("reconcile"))

    metrics = {
        name["Name"]: line[name["Name"]]
        for line in done.lines
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ())
        for name in directive["Metrics"]
        if directive["Namespace"] == "TradingBot"
    }
    assert story.order(order_id)["status"] == "FILLED"
    assert metrics.keys() >= {"QueuedCancels", "OldestQueuedCancel", "FailedCancels", "AttentionOrders"}
    assert metrics["FailedCancels"] in (0, [0])
    story.simulator.control.set_price("binance-spot", "BTCUSDT", "50000")


def test_every_line_of_the_functions_logs_says_what_it_is_about(story: Story) -> None:
    order_id = _open_order(story, "6")
    event_id = story.order(order_id)["event_id"]
    event = api_event("POST", ORDERS, token=story.token, order_id=order_id)

    lines = [line for line in story.functions.invoke("api_handler", event).lines if "_aws" not in line]

    assert lines
    assert {line["correlation_id"] for line in lines if line.get("order_id") == order_id} == {event_id}
    assert all(line["correlation_id"] for line in lines)


def test_every_call_that_was_made_is_allowed_by_its_function_s_policy(story: Story) -> None:
    """Those of the steps above, held to the roles as they were deployed."""
    found = story.desk.client("secretsmanager").list_secrets()["SecretList"]
    known = {secret["Name"]: secret["ARN"] for secret in found}
    policies = {name: next(iter(role["policies"].values())) for name, role in roles(story.desk.client).items()}
    made: dict[str, set[str]] = {}
    refused = []
    for call in story.desk.cloud.calls():
        if not call.access_key_id.startswith("trading-bot-dev"):
            continue
        role = "trading-bot-dev-api_handler" if call.access_key_id == "trading-bot-dev" else call.access_key_id
        for action, resource in needed(call, known):
            made.setdefault(role, set()).add(action)
            if not is_allowed(policies[role], action, resource):
                refused.append(f"{role}: {action} on {resource}")

    assert refused == []
    assert made.keys() == policies.keys()
    assert "secretsmanager:GetSecretValue" in made["trading-bot-dev-place_ready"]
    assert {"dynamodb:PutItem", "dynamodb:UpdateItem"} <= made["trading-bot-dev-api_handler"]


def _open_order(story: Story, alert_id: str) -> str:
    """Placed by the stream's function and resting at the exchange; records up to then are read."""
    story.new_records()
    order_id: str = story.alert(order_type="LIMIT", price="40000", alert_id=alert_id)["order_id"]
    story.stream_to("place_ready", story.new_records())
    story.new_records()
    assert story.order(order_id)["status"] == "OPEN"
    return order_id


def _make_due(story: Story, table: str, **values: str) -> None:
    """As time would: the first value is the row's key, the second when it is due."""
    (key, key_value), (attribute, value) = values.items()
    story.desk.client("dynamodb").update_item(
        TableName=f"trading-bot-dev-{table}",
        Key={key: {"S": key_value}},
        UpdateExpression=f"SET {attribute} = :due",
        ExpressionAttributeValues={":due": {"S": value}},
    )


def _scheduled(name: str) -> dict[str, Any]:
    """What EventBridge sends for a rate rule."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-21T12:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:events:us-east-1:123456789012:rule/trading-bot-dev-{name}-event"],
        "detail": {},
    }
