"""The control API over HTTP, the command line, and the process."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from infra.simulator import Simulator, serve
from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from tests.simulator.conftest import NO_TLS
from tests.simulator.signing import BinanceClient, UpbitClient

ROOT = Path(__file__).parents[2]


def test_every_command_is_a_post_with_json(binance: BinanceClient, http: httpx.Client) -> None:
    """The same names and arguments as in Python."""
    binance.limit(newClientOrderId="x")

    http.post("/_simulator/fill", json={"order": "x", "quantity": "0.004"})
    http.post("/_simulator/set_price", json={"venue": "upbit", "symbol": "KRW-BTC", "price": "90000000"})
    http.post("/_simulator/fault", json={"kind": "error", "exchange": "upbit", "status": 502})
    (order,) = http.get("/_simulator/orders?venue=binance-spot&live=true").json()["result"]
    state = http.get("/_simulator/state").json()["result"]

    assert (order["client_id"], order["filled"]) == ("x", "0.004")
    assert state["prices"]["upbit KRW-BTC"] == "90000000"
    assert http.get("/v1/market/all").status_code == 502


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "nope", {}, 404),
        ("GET", "reset", None, 404),
        ("POST", "_do", {}, 404),
        ("POST", "set_price", {"venue": "nyse", "symbol": "X", "price": "1"}, 400),
        ("POST", "fault", {"kind": "explosion"}, 400),
        ("POST", "fill", {"order": "unknown"}, 400),
        ("POST", "set_price", {"venue": "upbit", "symbol": "KRW-BTC", "price": "a lot"}, 400),
        ("POST", "fault", {"kind": "error", "operation": "plaec"}, 400),
        ("POST", "set_price", {}, 400),
        ("POST", "set_price", [], 400),
    ],
)
def test_mistakes_are_told(http: httpx.Client, method: str, path: str, body: object, status: int) -> None:
    """And change nothing."""
    answer = http.request(method, f"/_simulator/{path}", json=body)

    assert answer.status_code == status
    assert answer.json()["error"]


def test_the_control_api_tells_its_commands(http: httpx.Client) -> None:
    """With their arguments."""
    commands = http.get("/_simulator/").json()["commands"]

    assert commands["hold_clock"] == "(self, ms: int) -> None Let time stand still at this moment."
    assert {"fault", "hold_answers", "add_account", "set_price", "orders", "state"} <= commands.keys()


def test_one_connection_serves_many_accounts(http: httpx.Client, binance: BinanceClient, control: Control) -> None:
    """Added over HTTP, each with the usual money; the connection is kept alive."""
    for number in range(20):
        http.post("/_simulator/add_account", json={"exchange": "binance", "key": f"k-{number}", "secret": TEST_SECRET})

    connections = set()
    for number in range(20):
        binance.key = f"k-{number}"
        answer = binance.limit(newClientOrderId="same")
        assert answer.status_code == 200
        connections.add(answer.extensions["network_stream"].get_extra_info("client_addr"))

    assert len(connections) == 1
    assert len({order["account"] for order in control.orders(client_id="same")}) == 20


def test_accounts_come_with_their_own_money(binance: BinanceClient, control: Control) -> None:
    """Deposits add to it."""
    control.add_account("binance", "poor", TEST_SECRET, {"spot": {"USDT": "10"}})
    binance.key = "poor"

    refused = binance.limit()
    control.deposit("binance", "poor", "USDT", "1000")

    assert refused.json()["code"] == -2010
    assert binance.limit().status_code == 200
    assert [order["account"] for order in control.orders(key="poor")] == ["poor"]


def test_markets_can_be_added(binance: BinanceClient, upbit: UpbitClient, control: Control) -> None:
    """With rules of their own."""
    control.add_market("binance-spot", "SOLUSDT", "SOL", "USDT", "150", tick="0.01", step="0.001", min_quantity="0.001")

    order = binance.order(symbol="SOLUSDT", type="MARKET", quantity="1.234").json()

    assert (order["status"], order["cummulativeQuoteQty"]) == ("FILLED", "185.10000000")


def test_the_exchange_can_end_an_order_by_itself(binance: BinanceClient, control: Control) -> None:
    """As self-trade prevention or a delisting would."""
    binance.limit(newClientOrderId="x")

    control.end_order("x", "expired", note="EXPIRED_IN_MATCH")

    found = binance.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="x").json()
    assert found["status"] == "EXPIRED_IN_MATCH"


def test_the_journal_tells_what_came_in(binance: BinanceClient, upbit: UpbitClient, control: Control) -> None:
    """Who sent which client id how often; no signature is kept."""
    control.fault("close", operation="create", exchange="upbit")
    binance.limit(newClientOrderId="x")
    binance.limit(newClientOrderId="x")
    with pytest.raises(httpx.RemoteProtocolError):
        upbit.limit(identifier="y")

    creates = control.requests(operation="create")

    assert [(row["client_id"], row["status"]) for row in creates] == [("x", 200), ("x", 400), ("y", None)]
    assert {row["key"] for row in creates} == {TEST_KEY}
    assert "signature" not in str(creates)


def test_many_clients_at_once_lose_nothing(simulator: Simulator, control: Control) -> None:
    """Every order is on the book once, and the money is all there."""

    def place(number: int) -> int:
        with httpx.Client(base_url=simulator.url, trust_env=False, verify=NO_TLS) as http:
            client = BinanceClient(http, simulator.world.clock.now_ms)
            return client.limit(quantity="0.001", newClientOrderId=f"n-{number}").status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(place, range(40)))

    assert statuses == [200] * 40
    assert len({order["id"] for order in control.orders()}) == 40
    assert float(control.balances("binance", TEST_KEY)["spot"]["USDT"]["locked"]) == 40 * 59


def test_reset_forgets_everything(binance: BinanceClient, control: Control) -> None:
    """Orders, money, time, faults, keys."""
    control.add_account("binance", "other", TEST_SECRET)
    control.hold_clock(1_700_000_000_000)
    control.fault("maintenance")
    control.reset()

    answer = binance.limit()

    assert answer.status_code == 200
    assert len(control.orders()) == 1
    with pytest.raises(KeyError):
        control.balances("binance", "other")


def test_browsers_are_kept_out(http: httpx.Client) -> None:
    """A web page must not command it."""
    assert http.post("/_simulator/reset", headers={"Origin": "https://example.com"}).status_code == 403


def test_unknown_paths(http: httpx.Client) -> None:
    """In the form of the exchange that they would belong to."""
    assert http.get("/").status_code == 404
    assert http.get("/api/v3/nope").status_code == 404
    assert http.get("/v5/nope").json()["retCode"] == 10017
    assert http.get("/v1/nope").status_code == 404


def test_two_simulators_share_nothing() -> None:
    """Each has its port and its books; a port that is taken is an error."""
    with serve() as one, serve() as other:
        with httpx.Client(base_url=one.url, trust_env=False) as http:
            BinanceClient(http, one.world.clock.now_ms).limit()

        assert (len(one.control.orders()), len(other.control.orders())) == (1, 0)
        with pytest.raises(OSError, match="in use"):
            serve(one.port)


COMMAND = (sys.executable, "-m", "infra.simulator", "--port")


@contextmanager
def command(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the URL that its one line tells; it is gone afterwards."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*COMMAND, "0", *options], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().removeprefix("simulator listening on ").strip()
        finally:
            process.kill()


def test_the_command_serves_until_its_parent_is_gone() -> None:
    """It prints where; the end of its standard input ends it."""
    with command("--exit-with-parent", "--no-rate-limits") as (process, url):
        answer = httpx.get(f"{url}/api/v3/ping", trust_env=False)
        assert process.stdin is not None
        process.stdin.close()

        assert process.wait(timeout=5) == 0
        assert answer.json() == {}
        assert "x-mbx-used-weight-1m" not in answer.headers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_even_while_a_client_waits(number: signal.Signals) -> None:
    """With status 0 and no further word."""
    with command("--latency-ms", "60000") as (process, url), socket.create_connection(address(url)) as client:
        client.sendall(b"GET /api/v3/ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        process.send_signal(number)

        assert process.wait(timeout=5) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_a_busy_port_ends_the_command_with_one_line(simulator: Simulator) -> None:
    """It names the port."""
    ended = subprocess.run([*COMMAND, str(simulator.port)], cwd=ROOT, capture_output=True, text=True, timeout=20)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1
    assert f"cannot listen on port {simulator.port}" in ended.stderr
    assert "in use" in ended.stderr


@pytest.mark.parametrize("port", ["70000", "-1", "http"])
def test_a_port_that_is_none_is_told(port: str) -> None:
    """Before anything is started."""
    ended = subprocess.run([*COMMAND, port], cwd=ROOT, capture_output=True, text=True, timeout=20)

    assert ended.returncode == 2
    assert "a port is a number from 0 to 65535" in ended.stderr


def address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)
