"""Metrics on standard output: CloudWatch's embedded format, silent on command, and never in anybody's way."""

import io
import sys

import pytest

from chalicelib.aws.metrics import CloudWatchMeter
from chalicelib.domain.metrics import Metric
from tests.meters import figures_in, lines_in


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests are spared the lines."""
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")


@pytest.fixture
def meter() -> CloudWatchMeter:
    return CloudWatchMeter("prod")


def test_what_is_urgent_is_written_at_once(meter: CloudWatchMeter, capsys: pytest.CaptureFixture[str]) -> None:
    """One line of JSON, from which CloudWatch makes a metric: name, unit, dimensions, value."""
    meter.emit(Metric.ORPHANS_FOUND)

    (line,) = lines_in(capsys.readouterr().out)
    definition = {"Name": "OrphansFound", "Unit": "Count"}
    assert line["_aws"]["CloudWatchMetrics"] == [
        {"Namespace": "TradingBot", "Dimensions": [["stage"]], "Metrics": [definition]}
    ]
    assert (line["stage"], line["OrphansFound"]) == ("prod", [1.0])
    assert line["_aws"]["Timestamp"] > 0


def test_a_name_of_the_service_in_the_environment_adds_no_dimension(
    meter: CloudWatchMeter, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm finds a metric by exactly its dimensions."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "trading-bot")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Elsewhere")

    meter.emit(Metric.CANCELS_FAILED)

    assert figures_in(capsys.readouterr().out) == {("CancelsFailed", "stage=prod"): [1.0]}


def test_what_is_tallied_waits_for_the_flush_and_is_written_once(
    meter: CloudWatchMeter, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each set of dimensions."""
    for _ in range(3):
        meter.tally(Metric.EXCHANGE_REQUESTS, exchange="binance")
    meter.tally(Metric.EXCHANGE_ERRORS, exchange="binance")
    meter.tally(Metric.EXCHANGE_REQUESTS, exchange="bybit")
    before = capsys.readouterr().out

    meter.flush()
    meter.flush()

    printed = capsys.readouterr().out
    assert before == ""
    assert len(list(lines_in(printed))) == 2
    assert figures_in(printed) == {
        ("ExchangeRequests", "exchange=binance", "stage=prod"): [3.0],
        ("ExchangeErrors", "exchange=binance", "stage=prod"): [1.0],
        ("ExchangeRequests", "exchange=bybit", "stage=prod"): [1.0],
    }


def test_counts_add_up_percentages_keep_the_highest_and_times_keep_each(
    meter: CloudWatchMeter, capsys: pytest.CaptureFixture[str]
) -> None:
    """CloudWatch needs each time for its percentiles."""
    for value in (2.0, 7.0, 5.0):
        meter.tally(Metric.ORDERS, value, status="FILLED")
        meter.tally(Metric.RATE_LIMIT_USE, value, exchange="upbit")
        meter.tally(Metric.ALERT_TO_EXCHANGE, value)

    meter.flush()

    assert figures_in(capsys.readouterr().out) == {
        ("Orders", "stage=prod", "status=FILLED"): [14.0],
        ("RateLimitUse", "exchange=upbit", "stage=prod"): [7.0],
        ("AlertToExchange", "stage=prod"): [2.0, 7.0, 5.0],
    }


@pytest.mark.parametrize("count", [20, 99, 100, 250])
def test_however_many_times_were_taken_all_are_written(
    meter: CloudWatchMeter, capsys: pytest.CaptureFixture[str], count: int
) -> None:
    """CloudWatch reads a hundred values of a line at most."""
    for number in range(count):
        meter.tally(Metric.CANCEL_LATENCY, float(number))

    meter.flush()

    printed = capsys.readouterr().out
    assert figures_in(printed) == {("CancelLatency", "stage=prod"): [float(number) for number in range(count)]}
    assert all(len(line["CancelLatency"]) <= 100 for line in lines_in(printed))


def test_powertools_own_switch_silences_it(
    meter: CloudWatchMeter, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much there is to be said."""
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    for _ in range(200):
        meter.tally(Metric.CANCEL_LATENCY, 1.0)

    meter.emit(Metric.ORPHANS_FOUND)
    meter.flush()

    assert capsys.readouterr().out == ""


def test_a_meter_that_cannot_write_harms_nobody(
    meter: CloudWatchMeter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so in the log, and what comes later is written again."""
    closed = io.StringIO()
    closed.close()
    meter.tally(Metric.CANCEL_RETRIES)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "stdout", closed)
        meter.emit(Metric.ORPHANS_FOUND)
        meter.flush()
    healed = io.StringIO()
    monkeypatch.setattr(sys, "stdout", healed)

    meter.emit(Metric.CANCELS_FAILED)

    assert [vars(record)["metrics"] for record in caplog.records] == [["OrphansFound"], ["CancelRetries"]]
    assert figures_in(healed.getvalue()) == {("CancelsFailed", "stage=prod"): [1.0]}
