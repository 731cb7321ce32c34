"""The app on empty tables. It is imported late: its settings and endpoints must be in the environment first."""

import io
import logging
import os
from collections.abc import Iterator
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


@pytest.fixture
def logged(api: ApiDesk) -> Iterator[io.StringIO]:
    """Everything that our own loggers say at DEBUG, in the form in which Lambda prints it."""
    ours = logging.getLogger("chalicelib")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ours.handlers[0].formatter)
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    yield stream
    ours.removeHandler(handler)
    ours.setLevel(level)
