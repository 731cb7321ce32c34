"""The app on empty tables. It is imported late: its settings and endpoints must be in the environment first."""

import os
from typing import Any

import pytest

from infra.local.database import Database as Server
from tests.api.desk import ApiDesk


@pytest.fixture(scope="session")
def secrets(database_server: Server) -> Any:
    """A plain client, to look at what is kept."""
    import boto3

    return boto3.client("secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"])


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
