"""Fixtures for all tests: the embedded database in this process, the use cases on it, the app on it."""

import copy
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from infra.local.database import Database as Server
from infra.local.database import serve
from infra.local.tables import create_tables
from tests.browser import chromium
from tests.workers import pytest_collection_modifyitems, pytest_xdist_auto_num_workers, pytest_xdist_make_scheduler

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_auto_num_workers", "pytest_xdist_make_scheduler"]

PREFIX = "trading-bot-test"
ADMIN_TOKEN = "test-admin-token"
REGION = "us-east-1"

# The same commit gives the same answer, here and on the next machine; `--hypothesis-profile=explore` looks further.
settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile("repeat")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`infra/test --browser`."""
    parser.addoption("--browser", action="store_true", help="fail where there is no browser for the tests of the page")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A `s` among thousands of dots tells nobody that a part was left out."""
    skipped = terminalreporter.stats.get("skipped", [])
    if chromium.find() is None and any(report.nodeid.startswith("tests/browser/") for report in skipped):
        terminalreporter.write_line(
            f"The tests of the page in a browser were left out: {chromium.MISSING}", yellow=True
        )


def pytest_configure(config: pytest.Config) -> None:
    """No test may reach anybody's AWS account, and importing the app needs its settings."""
    if config.option.browser and chromium.find() is None:
        raise pytest.UsageError(chromium.MISSING)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "TABLE_PREFIX": PREFIX,
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "ENVIRONMENT": "test",
        "ORDER_ID_PREFIX": "test-",
        "POWERTOOLS_METRICS_DISABLED": "true",
    }


@pytest.fixture(scope="session")
def database_server() -> Iterator[Server]:
    """The embedded DynamoDB and Secrets Manager, one for the session."""
    with serve() as server:
        for service in ("DYNAMODB", "DYNAMODB_STREAMS", "SECRETS_MANAGER"):
            os.environ[f"AWS_ENDPOINT_URL_{service}"] = server.url
        yield server


@pytest.fixture(scope="session")
def dynamodb(database_server: Server) -> Any:
    """A plain client, to look at what is stored."""
    import boto3

    return boto3.client("dynamodb", endpoint_url=database_server.url)


@pytest.fixture(scope="session")
def lay_tables(database_server: Server, dynamodb: Any) -> Callable[[], str]:
    """Lays empty tables in place of everything stored; returns the ARN of the orders stream.

    They are made once and copied from then on, for making them takes longer than most tests do.
    """
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.dynamodb.models import dynamodb_backends

    from infra.local import moto_safety

    database_server.reset()
    stream_arn = create_tables(dynamodb, PREFIX)
    made = copy.deepcopy(dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables)

    def lay() -> str:
        database_server.reset()
        with moto_safety.LOCK:
            dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables = copy.deepcopy(made)
        return stream_arn

    return lay


@pytest.fixture
def tables(lay_tables: Callable[[], str], database_server: Server) -> Iterator[str]:
    """Empty tables; the value is the ARN of the orders stream."""
    yield lay_tables()
    database_server.reset()
