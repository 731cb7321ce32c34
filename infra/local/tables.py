"""Creates the tables and queues of the CloudFormation template at any endpoint."""

import json
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

TEMPLATE = Path(__file__).parent.parent / "stack.yaml"

_CREATED = (
    "TableName",
    "BillingMode",
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "StreamSpecification",
)
_PATIENCE = 30.0


def table_properties(prefix: str) -> dict[str, dict[str, Any]]:
    """Properties of each table resource by its logical name, with the prefix filled in."""
    return {name: _resolved(properties, prefix) for name, properties in _properties("AWS::DynamoDB::Table")}


def queue_properties() -> dict[str, dict[str, Any]]:
    """Properties of each queue resource by its logical name."""
    return dict(_properties("AWS::SQS::Queue"))


def create_tables(client: Any, prefix: str) -> str:
    """Create what is missing; returns the ARN of the orders stream. Existing tables are taken as they are."""
    tables = table_properties(prefix)
    for properties in tables.values():
        _create(client, properties)
    for properties in tables.values():
        _wait_until_active(client, properties["TableName"])
        _enable_ttl(client, properties)
    table = client.describe_table(TableName=tables["Orders"]["TableName"])["Table"]
    return str(table["LatestStreamArn"])


def create_queues(client: Any) -> None:
    """Create the queues, each under its logical name: the server that has them serves one stack only."""
    for name, properties in queue_properties().items():
        attributes = {key: value if isinstance(value, str) else json.dumps(value) for key, value in properties.items()}
        client.create_queue(QueueName=name, Attributes=attributes)


@cache
def _resources() -> dict[str, dict[str, Any]]:
    resources: dict[str, dict[str, Any]] = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))["Resources"]
    return resources


def _properties(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, found["Properties"]) for name, found in _resources().items() if found["Type"] == kind)


def _create(client: Any, properties: dict[str, Any]) -> None:
    request = {name: properties[name] for name in _CREATED if name in properties}
    if "StreamSpecification" in request:
        request["StreamSpecification"] = {"StreamEnabled": True, **request["StreamSpecification"]}
    try:
        client.create_table(**request)
    except client.exceptions.ResourceInUseException:
        return


def _wait_until_active(client: Any, name: str) -> None:
    ends = time.monotonic() + _PATIENCE
    while client.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
        if time.monotonic() > ends:
            raise TimeoutError(f"table {name} does not become active")
        time.sleep(0.2)


def _enable_ttl(client: Any, properties: dict[str, Any]) -> None:
    specification = properties.get("TimeToLiveSpecification")
    if specification is None:
        return
    try:
        client.update_time_to_live(
            TableName=properties["TableName"],
            TimeToLiveSpecification=specification,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":  # «TimeToLive is already enabled»
            raise


def _resolved(value: Any, prefix: str) -> Any:
    """The template's one intrinsic function inside table properties is Fn::Sub of the prefix."""
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            return str(value["Fn::Sub"]).replace("${TablePrefix}", prefix)
        return {name: _resolved(part, prefix) for name, part in value.items()}
    return list(_items(value, prefix)) if isinstance(value, list) else value


def _items(values: list[Any], prefix: str) -> Iterator[Any]:
    return (_resolved(part, prefix) for part in values)
