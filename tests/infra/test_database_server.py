"""The embedded database as a server: its connections, whom it refuses, and its command."""

import http.client
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.local.database import Database, serve
from infra.local.tables import create_queues
from tests.infra.dynamodb_requests import (
    REGION,
    client_of,
    code_of,
    post,
)


def test_a_hundred_connections_at_once_are_answered_and_kept_open(database: Database) -> None:
    """Each sends two requests over its one connection."""
    start = threading.Barrier(100)

    def talk(_: int) -> list[int]:
        connection = http.client.HTTPConnection("127.0.0.1", database.port, timeout=30)
        start.wait()
        statuses = [post(connection).status for _ in range(2)]
        connection.close()
        return statuses

    with ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(talk, range(100)))

    assert statuses == [[200, 200]] * 100


def test_web_pages_and_unknown_services_are_refused(database: Database) -> None:
    """A page in a browser on this machine must not read the secrets; the connection survives the refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", database.port, timeout=30)

    page = post(connection, Origin="http://example.com").status
    unknown = post(connection, **{"X-Amz-Target": "AWSEvents.PutEvents"}).status
    known = post(connection).status
    connection.close()

    assert (page, unknown, known) == (403, 400, 200)


def test_secrets_are_kept_per_region_and_forgotten_by_reset(database: Database) -> None:
    """Secrets Manager is served beside DynamoDB, and reset empties both."""
    here, elsewhere = (client_of(database.url, "secretsmanager", region) for region in (REGION, "eu-west-1"))
    here.create_secret(Name="key", SecretString="value")

    value = here.get_secret_value(SecretId="key")["SecretString"]
    other_region = code_of(elsewhere.get_secret_value, SecretId="key")
    database.reset()
    after_reset = code_of(here.get_secret_value, SecretId="key")

    assert (value, other_region, after_reset) == ("value", *["ResourceNotFoundException"] * 2)


def test_queues_are_served_and_forgotten_by_reset(database: Database) -> None:
    """With the template's own properties, and twice the same is once."""
    sqs = client_of(database.url, "sqs")

    create_queues(sqs)
    create_queues(sqs)
    url = sqs.get_queue_url(QueueName="DeadLetters")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    database.reset()

    assert (attributes["SqsManagedSseEnabled"], attributes["MessageRetentionPeriod"]) == ("true", "1209600")
    assert code_of(sqs.get_queue_url, QueueName="DeadLetters") == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_stopped_database_drops_the_connections_it_had() -> None:
    """A client of a killed database must notice, not talk on to a thread that is still there."""
    stopped = serve()
    connection = http.client.HTTPConnection("127.0.0.1", stopped.port, timeout=30)
    post(connection)

    stopped.stop()

    assert connection.sock is not None
    assert connection.sock.recv(1) == b""
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        post(http.client.HTTPConnection("127.0.0.1", stopped.port, timeout=30))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_a_signal_ends_it_quietly(number: signal.Signals) -> None:
    """One line says where; then it answers; then it is gone with nothing on stderr."""
    with _command("--port", "0") as command:
        assert command.stdout is not None
        url = command.stdout.readline().removeprefix("database listening on ").strip()
        tables = client_of(url, "dynamodb").list_tables()["TableNames"]
        command.send_signal(number)
        rest, errors = command.communicate(timeout=10)

    assert tables == []
    assert (command.returncode, rest, errors) == (0, "", "")


def test_the_command_ends_with_the_process_that_started_it() -> None:
    """The end of standard input is how it learns of that."""
    with _command("--port", "0", "--exit-with-parent") as command:
        assert command.stdout is not None
        assert command.stdout.readline().startswith("database listening on http://127.0.0.1:")
        _, errors = command.communicate(timeout=10)

    assert (command.returncode, errors) == (0, "")


def test_the_command_says_that_its_port_is_taken() -> None:
    """One line on stderr and exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with _command("--port", port) as command:
            output, errors = command.communicate(timeout=10)

    assert (command.returncode, output) == (1, "")
    assert errors.startswith(f"database: cannot listen on 127.0.0.1:{port}: ")
    assert errors.count("\n") == 1


def _command(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local.database", *options],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
