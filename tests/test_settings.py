"""Every environment variable: its default, what it takes, and one line that names it where a value cannot be used."""

import re
from operator import attrgetter
from typing import Any

import pytest

from chalicelib.settings import SettingsError, default_order_id_prefix, load_settings
from infra.local.environment import read_settings

SECRET_ARN = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:trading-bot-prod/admin-token-AbCdEf"

DEFAULTS = {
    "CANCEL_QUEUE_INTERVAL": ("policy.cancel_queue_interval", 10),
    "MAX_CANCEL_RETRIES": ("policy.max_cancel_retries", 5),
    "MARKET_ORDER_TIMEOUT": ("policy.market_order_timeout", 10),
    "EXCHANGE_TIMEOUT": ("policy.exchange_timeout", 30),
    "EXCHANGE_MAX_RETRIES": ("policy.exchange_max_retries", 3),
    "USE_MOCK_EXCHANGE": ("use_mock_exchange", True),
    "LOG_LEVEL": ("log_level", "INFO"),
    "ENVIRONMENT": ("environment", "development"),
    "ADMIN_TOKEN": ("admin_token", None),
    "ADMIN_TOKEN_SECRET": ("admin_token_secret", None),
    "TABLE_PREFIX": ("table_prefix", "trading-bot-development"),
    "ALERT_DEDUPE_SECONDS": ("policy.alert_dedupe_seconds", 30),
    "MAX_ALERT_AGE": ("policy.max_alert_age", 60),
    "MAX_SEND_DELAY": ("policy.max_send_delay", 60),
    "RECONCILE_INTERVAL": ("policy.reconcile_interval", 300),
}

GIVEN = [
    ("CANCEL_QUEUE_INTERVAL", "2.5", 2.5),
    ("MAX_CANCEL_RETRIES", "3", 3),
    ("MARKET_ORDER_TIMEOUT", "5", 5),
    ("EXCHANGE_TIMEOUT", "20", 20),
    ("EXCHANGE_MAX_RETRIES", "0", 0),
    ("USE_MOCK_EXCHANGE", "false", False),
    ("USE_MOCK_EXCHANGE", "0", False),
    ("USE_MOCK_EXCHANGE", "TRUE", True),
    ("LOG_LEVEL", "debug", "DEBUG"),
    ("ENVIRONMENT", "prod", "prod"),
    ("ADMIN_TOKEN", "a-token", "a-token"),
    ("ADMIN_TOKEN_SECRET", "trading-bot-prod/admin-token", "trading-bot-prod/admin-token"),
    ("ADMIN_TOKEN_SECRET", SECRET_ARN, SECRET_ARN),
    ("TABLE_PREFIX", "mine", "mine"),
    ("ALERT_DEDUPE_SECONDS", "45", 45),
    ("MAX_ALERT_AGE", "0", 0),
    ("MAX_SEND_DELAY", "120", 120),
    ("RECONCILE_INTERVAL", "60", 60),
]

NUMBERS = (
    "CANCEL_QUEUE_INTERVAL",
    "MAX_CANCEL_RETRIES",
    "MARKET_ORDER_TIMEOUT",
    "EXCHANGE_TIMEOUT",
    "EXCHANGE_MAX_RETRIES",
    "ALERT_DEDUPE_SECONDS",
    "MAX_ALERT_AGE",
    "MAX_SEND_DELAY",
    "RECONCILE_INTERVAL",
)

URLS = ("BINANCE_SPOT_URL", "BINANCE_FUTURES_URL", "BYBIT_URL", "UPBIT_URL")

BAD = [
    *((name, value) for name in NUMBERS for value in ("-1", "ten", "nan", "inf", "1e9", "1,5")),
    *((name, "2.5") for name in ("MAX_CANCEL_RETRIES", "EXCHANGE_MAX_RETRIES")),
    ("CANCEL_QUEUE_INTERVAL", "0"),
    ("MAX_CANCEL_RETRIES", "0"),
    ("USE_MOCK_EXCHANGE", "maybe"),
    ("LOG_LEVEL", "LOUD"),
    ("ENVIRONMENT", "two words"),
    ("ENVIRONMENT", "dev\nLOG_LEVEL=DEBUG"),
    ("ADMIN_TOKEN_SECRET", "two words"),
    ("TABLE_PREFIX", "no/slash"),
    ("ORDER_ID_PREFIX", "12345678"),
    ("ORDER_ID_PREFIX", "no_ünï"),
    *((name, value) for name in URLS for value in ("api.example.com", "ftp://example.com", "https://example.com/path")),
]


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_variable_that_is_not_set_or_empty_has_its_default(name: str) -> None:
    """A fresh deployment needs no variable at all, and trades on the mock."""
    attribute, default = DEFAULTS[name]

    assert attrgetter(attribute)(load_settings({})) == default
    assert attrgetter(attribute)(load_settings({name: ""})) == default


@pytest.mark.parametrize(("name", "text", "value"), GIVEN)
def test_a_variable_that_is_set_counts(name: str, text: str, value: Any) -> None:
    """Values are typed; flags and levels are read in any case."""
    chosen = load_settings({name: text})

    assert attrgetter(DEFAULTS[name][0])(chosen) == value


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_bad_value_stops_the_start_with_one_line_that_names_the_variable(name: str, text: str) -> None:
    """Whoever deploys reads what to change, and nothing else."""
    with pytest.raises(SettingsError) as stopped:
        load_settings({name: text})

    message = str(stopped.value)
    assert message.startswith(f"{name} must be ")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("name", URLS)
def test_an_exchange_can_be_given_another_host(name: str) -> None:
    """Scheme, host and port are kept; a slash at the end is not part of them."""
    chosen = load_settings({name: "http://127.0.0.1:9001/"})

    assert chosen.exchange_urls == {name: "http://127.0.0.1:9001"}


@pytest.mark.parametrize("exchange", ["BINANCE", "BYBIT", "UPBIT"])
def test_an_exchange_s_keys_serve_accounts_without_their_own(exchange: str) -> None:
    """Both halves or none."""
    chosen = load_settings({f"{exchange}_API_KEY": "the-key", f"{exchange}_API_SECRET": "the-secret"})

    (keys,) = chosen.exchange_keys.values()
    assert list(chosen.exchange_keys) == [exchange.lower()]
    assert (keys.api_key, keys.api_secret) == ("the-key", "the-secret")
    assert load_settings({}).exchange_keys == {}


@pytest.mark.parametrize("exchange", ["BINANCE", "BYBIT", "UPBIT"])
@pytest.mark.parametrize(("given", "missing"), [("KEY", "SECRET"), ("SECRET", "KEY")])
def test_half_a_key_stops_the_start_and_is_not_repeated(exchange: str, given: str, missing: str) -> None:
    """One line that names the variable; the other half's value stays out of it."""
    with pytest.raises(SettingsError) as stopped:
        load_settings({f"{exchange}_API_{given}": "the-half-itself"})

    message = str(stopped.value)
    assert f"{exchange}_API_{missing}" in message
    assert len(message.splitlines()) == 1
    assert "the-half-itself" not in message


def test_two_places_for_the_admin_token_stop_the_start() -> None:
    """Which of them counts is not guessed; neither value is repeated."""
    with pytest.raises(SettingsError) as stopped:
        load_settings({"ADMIN_TOKEN": "the-token-itself", "ADMIN_TOKEN_SECRET": "a-secret-s-name"})

    message = str(stopped.value)
    assert "ADMIN_TOKEN and ADMIN_TOKEN_SECRET" in message
    assert "choose one" in message
    assert len(message.splitlines()) == 1
    assert "-itself" not in message


def test_settings_can_be_printed_without_the_keys() -> None:
    """Invariant 10: whoever logs the settings some day logs no keys."""
    keys = {"BINANCE_API_KEY": "the-key-itself", "BINANCE_API_SECRET": "the-secret-itself"}

    chosen = load_settings(keys)

    assert "-itself" not in repr(chosen)


def test_names_follow_the_stage() -> None:
    """Tables and order ids of two stages are told apart without further settings."""
    chosen = load_settings({"ENVIRONMENT": "prod"})

    assert chosen.table_prefix == "trading-bot-prod"
    assert chosen.order_id_prefix == "prod-"


def test_an_order_id_prefix_of_seven_characters_is_taken() -> None:
    """Seven characters, a ULID and the attempt fit in the 36 of a client order id."""
    chosen = load_settings({"ORDER_ID_PREFIX": "abc_-12"})

    assert chosen.order_id_prefix == "abc_-12"


@pytest.mark.parametrize(
    "stage", ["a", "dev", "staging", "production", "production-eu", "production_eu", "feature-1", "-", "2024"]
)
def test_every_stage_has_a_default_prefix_that_is_itself_acceptable(stage: str) -> None:
    """R29: the prefix is part of every client order id, so it must fit whatever the stage is called."""
    prefix = default_order_id_prefix(stage)

    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,6}", prefix)


def test_stages_with_a_common_beginning_have_different_prefixes() -> None:
    """R29: two stages on one exchange account leave each other alone."""
    stages = ["production", "production-eu", "production-us", "prod", "productioneu"]

    assert len({default_order_id_prefix(stage) for stage in stages}) == len(stages)


def test_the_lease_outlives_the_longest_exchange_work_by_more_than_ten_seconds() -> None:
    """R15: whatever the timeouts are set to."""
    usual = load_settings({}).policy
    inverted = load_settings({"EXCHANGE_TIMEOUT": "3", "MARKET_ORDER_TIMEOUT": "25"}).policy

    assert usual.lease > usual.exchange_timeout + 10
    assert inverted.lease > inverted.market_order_timeout + 10


def test_the_local_stack_fires_its_schedules_every_minute_unless_told_otherwise() -> None:
    """LOCAL_SCHEDULE_SECONDS and PORT concern the local stack only."""
    usual = read_settings({})
    chosen = read_settings({"LOCAL_SCHEDULE_SECONDS": "0.5", "PORT": "9000"})

    assert (usual.schedule_seconds, usual.port) == (60, 8000)
    assert (chosen.schedule_seconds, chosen.port) == (0.5, 9000)


@pytest.mark.parametrize(
    ("name", "text"),
    [("LOCAL_SCHEDULE_SECONDS", "0"), ("LOCAL_SCHEDULE_SECONDS", "soon"), ("PORT", "0"), ("PORT", "80.5")],
)
def test_a_bad_value_stops_the_local_stack_as_well(name: str, text: str) -> None:
    """One line that names the variable, before anything starts."""
    with pytest.raises(SettingsError) as stopped:
        read_settings({name: text})

    assert str(stopped.value).startswith(f"{name} must be ")
    assert len(str(stopped.value).splitlines()) == 1
