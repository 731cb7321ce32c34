"""Runs the benchmarks and prints one table."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from infra.local.database import serve
from tests.benchmarks.fan_out import fan_out
from tests.benchmarks.imports import imports
from tests.benchmarks.requests import requests_before_the_exchange, requests_of_an_idle_sweep
from tests.benchmarks.table import Row, print_table

_PLACEHOLDERS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}


def main() -> int:
    """All of them; a figure over its budget is shown, not an error."""
    os.environ.update(_PLACEHOLDERS, AWS_DEFAULT_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true")
    rows: list[Row] = []
    with serve() as database:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = database.url
        client = boto3.client("dynamodb")
        rows += asyncio.run(requests_before_the_exchange(client))
        database.reset()
        rows += asyncio.run(requests_of_an_idle_sweep(client))
    with _stub() as port:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://127.0.0.1:{port}"
        rows += asyncio.run(fan_out())
    rows += imports()
    print_table(rows)
    return 0


@contextmanager
def _stub() -> Iterator[int]:
    command = [sys.executable, "-m", "tests.benchmarks.dynamodb_stub"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()


if __name__ == "__main__":
    raise SystemExit(main())
