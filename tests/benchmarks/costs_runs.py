"""Measures one of each thing that the backend does in a month."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import boto3

from chalicelib.settings import EXCHANGE_URLS
from infra.local.environment import SWEEP_FUNCTION
from infra.local.tables import create_tables
from tests.benchmarks.costs_app import ADMIN_TOKEN, HUNT_EVERY, App, Used
from tests.benchmarks.costs_counting import AwsCounter, printed
from tests.benchmarks.simulated import simulator

PREFIX = "costs"


@dataclass
class Runs:
    """What is measured, by the thing that is done; the bill is made of these."""

    sweep: Used
    reconcile: Used
    hunt: Used
    """A reconcile with an orphan hunt; nothing is open."""
    market: Used
    limit: Used
    resting: Used
    """The same with the orders of one LIMIT alert open."""
    cancel: Used


@contextmanager
def running_app() -> Iterator[App]:
    """The app on a database and exchanges of its own, each in its own process."""
    with ExitStack() as stack:
        database = stack.enter_context(_database())
        exchanges = stack.enter_context(simulator(1))
        os.environ |= _environment(database, exchanges.url)
        client, streams = boto3.client("dynamodb"), boto3.client("dynamodbstreams")
        stream_arn = create_tables(client, PREFIX)
        os.environ["ORDERS_STREAM_ARN"] = stream_arn
        counter = stack.enter_context(AwsCounter(client, PREFIX).in_place())
        app = App(exchanges, stream_arn, streams, counter)
        app.set_up()
        yield app


def run_everything(app: App) -> Runs:
    """Each is done once before, so that only what is done each time is measured; a cold start is measured apart."""
    with printed():
        for work in (app.market, app.limit, app.cancel, app.sweep, app.hunt):
            work()
        sweep, reconcile = app.measured(app.sweep, _nothing), app.measured(app.reconcile, app.hunt)
        hunt = app.measured(app.hunt, _nothing)
        market = app.measured(app.market, app.forget)
        limit = app.measured(app.limit, app.forget)
        app.cancel_all()
        app.limit()
        app.hunt()
        resting = app.measured(app.hunt, _nothing)
        app.cancel_all()
        cancel = app.measured(app.cancel, app.rest)
        app.check_placed()
    return Runs(sweep, reconcile, hunt, market, limit, resting, cancel)


@contextmanager
def _database() -> Iterator[str]:
    """In a process of its own, so that its work is not taken for the app's; it ends with its standard input."""
    command = [sys.executable, "-m", "infra.local.database", "--port", "0", "--exit-with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]


def _environment(database: str, exchanges: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_DYNAMODB": database,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": database,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": database,
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "ENVIRONMENT": "costs",
        "LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_DISABLED": "false",
        "TABLE_PREFIX": PREFIX,
        "SWEEP_FUNCTION_NAME": SWEEP_FUNCTION,
        "AWS_ENDPOINT_URL_LAMBDA": database,
        "USE_MOCK_EXCHANGE": "false",
        "RECONCILE_INTERVAL": f"{HUNT_EVERY:g}",
        **dict.fromkeys(EXCHANGE_URLS, exchanges),
    }


def _nothing() -> None:
    """Nothing comes before."""
