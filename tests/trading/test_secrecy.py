"""Keys, secrets, signatures and tokens appear nowhere: no log at DEBUG, no exception, no row, no answer."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib import runtime
from chalicelib.aws.credentials import AccountCredentials
from chalicelib.aws.secrets import ManagedSecrets
from chalicelib.domain.orders import OrderType
from chalicelib.exchanges.dialect import Call, Purpose
from chalicelib.settings import load_settings
from chalicelib.store.database import Database
from infra.simulator import Simulator
from tests.api.desk import ApiDesk
from tests.conftest import PREFIX, REGION
from tests.exchanges.conftest import SharedClock
from tests.exchanges.markets.terms import BINANCE_FUTURES, BINANCE_SPOT, BYBIT_SPOT, Terms
from tests.trading.conftest import OpenFloor
from tests.trading.floor import ENVIRONMENT, UPBIT, Floor
from tests.trading.life import KEYS, Heard, Life, Story, leaks, signature_of, written_out
from tests.trading.wire import Wire

OURS_AND_HTTP = ("chalicelib", "httpcore")
OF_AWS = ("botocore", "boto3", "urllib3", "aws_lambda_powertools")


@contextmanager
def started_at_debug() -> Iterator[None]:
    """As a process starts with LOG_LEVEL=DEBUG; afterwards all loggers are as they were."""
    loggers = [logging.getLogger(name) for name in ("", *OURS_AND_HTTP, *OF_AWS)]
    before = [(logger.level, logger.handlers, logger.propagate) for logger in loggers]
    runtime.configure_logging(load_settings({"LOG_LEVEL": "DEBUG"}))
    try:
        yield
    finally:
        for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.handlers, logger.propagate = handlers, propagate


@contextmanager
def listening(*names: str) -> Iterator[Heard]:
    """To these loggers and their children, all at DEBUG."""
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.level, logger.handlers, logger.propagate) for logger in loggers]
    heard = Heard()
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.handlers = [*logger.handlers, heard]
        logger.propagate = False
    try:
        yield heard
    finally:
        for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.handlers, logger.propagate = handlers, propagate


@pytest.fixture(scope="module")
def lived(
    shared_simulator: Simulator,
    lay_tables: Callable[[], str],
    dynamodb: Any,
) -> tuple[Life, Heard]:
    """One life for all tests here, through the app, and what was heard of it."""
    from chalice.test import Client

    import app

    clock, wire = SharedClock(), Wire()
    lay_tables()
    shared_simulator.control.reset()
    clock.lead(shared_simulator.control)
    floor = Floor(shared_simulator, Database(clock, REGION), clock, wire, {})
    with pytest.MonkeyPatch.context() as patch, started_at_debug(), listening(*OURS_AND_HTTP) as heard:
        patch.setattr(runtime, "services", lambda: floor.services)
        try:
            life = Story(ApiDesk(Client(app.app).http, app, dynamodb), floor, wire).play()
        finally:
            runtime.run(wire.aclose())
    return life, heard


def test_the_life_was_a_whole_one(lived: tuple[Life, Heard]) -> None:
    """Signed requests of all exchanges, errors, ends of every kind, and all loggers at DEBUG."""
    life, heard = lived

    assert {"FILLED", "CANCELLED", "REJECTED"} <= life.statuses
    paths = {request.url.path for request in life.signed}
    assert {
        "/api/v3/order",
        "/fapi/v1/order",
        "/v5/order/create",
        "/v5/order/cancel",
        "/v1/orders",
        "/v1/order",
    } <= paths
    assert sum("Error" in error for error in life.errors) > 10
    assert [name for name in OURS_AND_HTTP if not heard.said_by(name)] == []
    assert any("10004" in text for text in heard.said_by("chalicelib")), "Bybit's signature error was not met"
    seen = leaks([written_out(request) for request in life.signed], life.signed)
    assert {"JWT", "header of a key", "binance key", "bybit key"} < seen.keys(), "leaks are not seen"
    assert {f"signature {signature_of(request)[:8]}" for request in life.signed} < seen.keys()


@pytest.mark.parametrize("place", ["answers", "errors", "rows"])
def test_no_secret_is_shown_or_stored(lived: tuple[Life, Heard], place: str) -> None:
    """In no answer of the API, in nothing that an adapter raises, in no row of any table."""
    life, _ = lived

    assert leaks(getattr(life, place), life.signed) == {}


@pytest.mark.parametrize("library", ["chalicelib", "httpcore", "httpx"])
def test_no_logger_tells_a_secret_at_debug(lived: tuple[Life, Heard], library: str) -> None:
    """Not even when somebody turns it on by itself."""
    life, heard = lived

    assert leaks(heard.said_by(library), life.signed) == {}


async def test_the_aws_libraries_do_not_tell_the_keys_that_they_carry(
    tables: str, clock: SharedClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A key is stored, and loaded, while the root logger is at DEBUG, as Lambda's own log level may put it."""
    key, secret = KEYS["binance"]

    with caplog.at_level(logging.DEBUG), started_at_debug():
        name = await ManagedSecrets(PREFIX).put("a1", {"api_key": key, "api_secret": secret})
        loaded = await AccountCredentials("a1", name, None, clock).get()

    assert loaded.api_key == key
    assert leaks([f"{record.name} {record.getMessage()}" for record in caplog.records], []) == {}


@pytest.mark.parametrize(
    ("terms", "status", "body"),
    [
        pytest.param(terms, 400, {"code": -1022, "msg": "Signature for this request is not valid: SENT"})
        for terms in (BINANCE_SPOT, BINANCE_FUTURES)
    ]
    + [
        pytest.param(BYBIT_SPOT, 200, {"retCode": 10004, "retMsg": "error sign! origin_string[SENT]", "time": 0}),
        pytest.param(
            UPBIT,
            401,
            {"error": {"name": "jwt_verification", "message": "Failed to verify SENT"}},
        ),
    ],
)
async def test_an_exchange_that_echoes_what_was_signed_is_not_quoted(
    open_floor: OpenFloor, wire: Wire, terms: Terms, status: int, body: dict[str, Any]
) -> None:
    """As Bybit does in its signature error, so might the others: the row keeps none of it."""
    key, secret = KEYS[terms.exchange]
    name = terms.exchange.upper()
    floor = open_floor({**ENVIRONMENT, f"{name}_API_KEY": key, f"{name}_API_SECRET": secret})
    floor.control.add_account(terms.exchange, key, secret)
    await floor.trade_at(terms)

    def echo(call: Call) -> None:
        words = re.sub(r'["\\]', "", written_out(wire.signed[-1]))
        if call.purpose is Purpose.CREATE:
            said = json.loads(json.dumps(body).replace("SENT", words))
            floor.control.fault("error", exchange=terms.name, operation="create", status=status, body=said)

    wire.on_signed = echo
    answer, _ = await floor.send(OrderType.MARKET)
    wire.on_signed = None

    order = await floor.only(answer)
    assert order.error
    assert leaks([str(order), str(answer)], wire.signed) == {}
