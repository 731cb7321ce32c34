"""Orders that would be left alone on an exchange if the tables went."""

from typing import Any

from chalicelib.domain.outcomes import OrderStatus
from infra.deployment.aws import Aws

_LIVE = tuple(status.value for status in OrderStatus if not status.terminal)
_BATCH = 100


def live_orders(aws: Aws, table_prefix: str) -> list[str]:
    """Ids of the orders that are, or may be, on a real exchange."""
    client = aws.client("dynamodb")
    table = f"{table_prefix}-orders"
    keys = [{"order_id": {"S": order_id}} for order_id in _indexed(client, table)]
    found: list[str] = []
    for start in range(0, len(keys), _BATCH):
        found += _live(client, table, keys[start : start + _BATCH])
    return sorted(found)


def _indexed(client: Any, table: str) -> list[str]:
    pages = client.get_paginator("query").paginate(
        TableName=table,
        IndexName="live",
        KeyConditionExpression="live_shard = :all",
        ExpressionAttributeValues={":all": {"S": "0"}},
    )
    return [item["order_id"]["S"] for page in pages for item in page["Items"]]


def _live(client: Any, table: str, keys: list[dict[str, Any]]) -> list[str]:
    found = []
    while keys:
        answer = client.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        rows = answer["Responses"].get(table, ())
        found += [row["order_id"]["S"] for row in rows if _is_live(row)]
        keys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
    return found


def _is_live(row: dict[str, Any]) -> bool:
    return row["status"]["S"] in _LIVE and row["exchange"]["S"] != "mock"
