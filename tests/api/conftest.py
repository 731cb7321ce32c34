"""The app on empty tables. It is imported late: its settings and endpoints must be in the environment first."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.database import Database as Server
from infra.local.tables import create_tables, table_properties
from tests.api.desk import ApiDesk
from tests.conftest import PREFIX


@pytest.fixture(scope="package")
def package_tables(database_server: Server, dynamodb: Any) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """The tables, made once, for making them takes longer than most of these tests: stream, and keys by name."""
    stream_arn = create_tables(dynamodb, PREFIX)
    keys = {
        table["TableName"]: [key["AttributeName"] for key in table["KeySchema"]]
        for table in table_properties(PREFIX).values()
    }
    yield stream_arn, keys
    database_server.reset()


@pytest.fixture(scope="session")
def secrets(database_server: Server) -> Any:
    """A plain client, to look at what is kept."""
    import boto3

    return boto3.client("secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"])


@pytest.fixture
def tables(package_tables: tuple[str, dict[str, list[str]]], dynamodb: Any, secrets: Any) -> Iterator[str]:
    """Empty tables and no secrets; the value is the ARN of the orders stream."""
    stream_arn, keys = package_tables
    yield stream_arn
    for table, key_names in keys.items():
        empty(dynamodb, table, key_names)
    for secret in secrets.list_secrets()["SecretList"]:
        secrets.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)


@pytest.fixture
def api(tables: str, dynamodb: Any) -> ApiDesk:
    """Nothing is there yet."""
    from chalice.test import Client

    import app
    from chalicelib import runtime

    runtime.services().cache.clear()
    return ApiDesk(Client(app.app).http, app, dynamodb)


@pytest.fixture
def desk(api: ApiDesk) -> ApiDesk:
    """Account m1 and strategy s1, ready to trade."""
    api.account()
    api.strategy()
    return api


def empty(dynamodb: Any, table: str, key_names: list[str]) -> None:
    """Delete every item."""
    items = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
    requests = [{"DeleteRequest": {"Key": {name: item[name] for name in key_names}}} for item in items]
    for start in range(0, len(requests), 25):
        dynamodb.batch_write_item(RequestItems={table: requests[start : start + 25]})
