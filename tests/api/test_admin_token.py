"""The admin token of a deployed stage comes from Secrets Manager, and is rotated without a deployment."""

import io
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import runtime
from chalicelib.aws.admin_token import AdminToken
from tests.api.desk import Answer, ApiDesk
from tests.desk import TurnableClock

SECRET = "trading-bot-test/admin-token"
OLD, NEW = "hidden-first-token", "hidden-second-token"
MARK = "hidden-"


class CountedSecrets:
    """Secrets Manager itself, and how often it was asked."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.asked = 0

    def get_secret_value(self, **arguments: Any) -> Any:
        self.asked += 1
        return self._client.get_secret_value(**arguments)


class Stage:
    """A deployed stage: its API, its secret, and the time."""

    def __init__(self, api: ApiDesk, secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._api = api
        self._secrets = secrets
        self.clock = TurnableClock()
        self.counted = CountedSecrets(secrets)
        settings = replace(runtime.settings(), admin_token=None, admin_token_secret=SECRET)
        kept = AdminToken(SECRET, self.clock, self.counted)
        monkeypatch.setattr(runtime, "settings", lambda: settings)
        monkeypatch.setattr(runtime, "admin_token", lambda: kept)
        self.kept = kept

    def store(self, **value: Any) -> None:
        """Make the secret, with this value."""
        self._secrets.create_secret(Name=SECRET, **value)

    def rotate(self, token: str) -> None:
        self._secrets.put_secret_value(SecretId=SECRET, SecretString=token)

    def lose(self) -> None:
        """As it is when somebody has deleted it, or has taken the right to read it."""
        self._secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)

    def ask(self, token: str) -> Answer:
        return self._api.call("GET", "/api/v1/controls", headers={"Authorization": f"Bearer {token}"})

    def let_in(self, token: str) -> bool:
        """Whether this token opens the API; any answer but 200 and 401 is a failure."""
        status = self.ask(token).status
        assert status in (200, 401)
        return status == 200


@pytest.fixture
def stage(api: ApiDesk, secrets: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Without its secret yet."""
    return Stage(api, secrets, monkeypatch)


@pytest.mark.parametrize("stored", [OLD, f"  {OLD}\n"])
def test_the_secret_s_text_is_the_token(stage: Stage, stored: str) -> None:
    """Without blanks around it, which no header can carry."""
    stage.store(SecretString=stored)

    assert stage.let_in(OLD)
    assert not stage.let_in(NEW)
    assert not stage.let_in("")


def test_it_is_read_once_a_minute(stage: Stage) -> None:
    """On the first call, and then not for each."""
    stage.store(SecretString=OLD)
    before = stage.counted.asked

    for seconds in (0, 30, 29):
        stage.clock.turn(seconds)
        assert stage.let_in(OLD)
    within_a_minute = stage.counted.asked
    stage.clock.turn(1)
    assert stage.let_in(OLD)

    assert (before, within_a_minute, stage.counted.asked) == (0, 1, 2)


def test_who_brings_no_bearer_token_makes_nobody_ask_for_the_secret(stage: Stage, api: ApiDesk) -> None:
    """A stranger costs nothing."""
    stage.store(SecretString=OLD)

    answers = [api.call("GET", "/api/v1/controls", headers=headers) for headers in ({}, {"Authorization": "Basic x"})]

    assert [answer.status for answer in answers] == [401, 401]
    assert stage.counted.asked == 0


def test_a_rotated_token_works_at_once(stage: Stage) -> None:
    """What does not match is compared with what the secret says by then; the old one has ended with that."""
    stage.store(SecretString=OLD)
    assert stage.let_in(OLD)
    stage.clock.turn(5.1)
    stage.rotate(NEW)

    assert stage.let_in(NEW)
    assert not stage.let_in(OLD)


def test_the_old_token_ends_within_a_minute_though_nobody_brings_the_new_one(stage: Stage) -> None:
    """Until then the kept one counts."""
    stage.store(SecretString=OLD)
    assert stage.let_in(OLD)
    stage.rotate(NEW)

    stage.clock.turn(59)
    assert stage.let_in(OLD)
    stage.clock.turn(1)
    assert not stage.let_in(OLD)


def test_wrong_tokens_ask_for_the_secret_every_five_seconds_at_most(stage: Stage) -> None:
    """Whoever guesses does not use up the limits of Secrets Manager."""
    stage.store(SecretString=OLD)

    for _ in range(20):
        assert not stage.let_in("guessed")
        stage.clock.turn(1)

    assert stage.counted.asked == 4


def test_a_secret_that_cannot_be_read_is_503_until_it_can(stage: Stage) -> None:
    """Nobody is let in, and nobody is told that the token is wrong; the next call asks again."""
    refused = stage.ask(OLD)
    stage.store(SecretString=OLD)

    assert (refused.status, refused.code) == (503, "SECRETS_UNAVAILABLE")
    assert stage.let_in(OLD)


def test_a_secret_without_text_is_503(stage: Stage) -> None:
    """Bytes are no token."""
    stage.store(SecretBinary=OLD.encode())

    answer = stage.ask(OLD)

    assert (answer.status, answer.code) == (503, "SECRETS_UNAVAILABLE")


def test_an_empty_secret_lets_nobody_in(stage: Stage) -> None:
    """Neither the empty token nor blanks; a token that is stored then works."""
    stage.store(SecretString=" ")

    answers = [stage.ask(given) for given in ("", " ", "None", OLD)]

    assert [(answer.status, answer.code) for answer in answers] == [(401, "UNAUTHORIZED")] * 4
    stage.clock.turn(5.1)
    stage.rotate(OLD)
    assert stage.let_in(OLD)


def test_a_token_that_cannot_be_read_again_goes_on_for_ten_minutes(stage: Stage) -> None:
    """An outage of Secrets Manager takes nobody's API away at once; a wrong token stays wrong meanwhile."""
    stage.store(SecretString=OLD)
    assert stage.let_in(OLD)
    stage.lose()

    stage.clock.turn(599)
    assert stage.let_in(OLD)
    assert not stage.let_in(NEW)
    stage.clock.turn(1)
    assert stage.ask(OLD).status == 503
    assert stage.ask(NEW).status == 503


def test_during_an_outage_the_secret_is_asked_for_every_five_seconds_at_most(stage: Stage) -> None:
    """Each try may take seconds, and somebody waits for it."""
    stage.store(SecretString=OLD)
    assert stage.let_in(OLD)
    stage.lose()
    stage.clock.turn(60)

    for _ in range(10):
        assert stage.let_in(OLD)
        stage.clock.turn(0.5)

    assert stage.counted.asked == 2


def test_an_outage_that_is_over_is_over(stage: Stage) -> None:
    """The next reading counts, however long it took."""
    stage.store(SecretString=OLD)
    assert stage.let_in(OLD)
    stage.lose()
    stage.clock.turn(3600)
    assert stage.ask(OLD).status == 503
    stage.store(SecretString=NEW)
    stage.clock.turn(5.1)

    assert stage.let_in(NEW)
    assert not stage.let_in(OLD)


def test_no_token_appears_in_a_log_or_an_answer(
    stage: Stage, logged: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """Right and wrong ones, rotated ones, empty ones and lost ones, at DEBUG."""
    answers = [stage.ask(OLD)]
    stage.store(SecretString=OLD)
    answers += [stage.ask(OLD), stage.ask(NEW)]
    stage.clock.turn(60)
    stage.rotate(NEW)
    answers += [stage.ask(OLD), stage.ask(NEW)]
    stage.clock.turn(60)
    stage.rotate(" ")
    answers.append(stage.ask(NEW))
    stage.lose()
    stage.clock.turn(600)
    answers.append(stage.ask(NEW))

    printed = capfd.readouterr()
    assert [answer.status for answer in answers] == [503, 200, 401, 401, 200, 401, 503]
    told = "".join(str(answer.body) + str(answer.headers) for answer in answers) + repr(stage.kept)
    assert MARK not in told + logged.getvalue() + printed.out + printed.err
    assert SECRET not in told
    failures = [line for line in map(json.loads, logged.getvalue().splitlines()) if line["level"] == "ERROR"]
    assert [line["message"] for line in failures] == [
        "the admin token cannot be read: ResourceNotFoundException",
        "the secret of the admin token is empty: nobody is let in",
        "the admin token cannot be read: ResourceNotFoundException",
    ]


def test_a_fresh_process_starts_without_the_secret_and_reads_it_when_somebody_asks(
    tables: str, secrets: Any, api: ApiDesk
) -> None:
    """By ADMIN_TOKEN_SECRET alone: functions that have no right to read it start too."""
    script = """
        from chalice.test import Client

        import app

        http = Client(app.app).http

        def controls(token):
            headers = {"Authorization": f"Bearer {token}"}
            return http.get("/api/v1/controls", headers=headers).status_code

        print(http.get("/ping").status_code, controls("good"))
        input()
        print(controls("good"), controls("bad"))
    """
    environment = {name: value for name, value in os.environ.items() if name != "ADMIN_TOKEN"}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**environment, "ADMIN_TOKEN_SECRET": SECRET},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        before = process.stdout.readline().split()
        secrets.create_secret(Name=SECRET, SecretString="good")
        after, _ = process.communicate("\n", timeout=60)

    assert before == ["200", "503"]
    assert after.split() == ["200", "401"]
