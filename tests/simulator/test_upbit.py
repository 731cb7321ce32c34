"""Upbit: burnt identifiers, nonces, won rules, and cancels that answer before they act."""

from typing import Any

import httpx
import pytest

from infra.simulator.control import Control
from infra.simulator.instruments import TEST_KEY
from tests.simulator.signing import UpbitClient


def refusal(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["error"]["name"]


def test_create_answers_201_and_an_order_that_waits(upbit: UpbitClient, control: Control) -> None:
    """Even of an order that has traded already."""
    answer = upbit.limit(price="85000000", identifier="x")
    order = upbit.send("GET", "/v1/order", identifier="x").json()

    assert answer.status_code == 201
    assert (answer.json()["state"], answer.json()["executed_volume"]) == ("wait", "0")
    assert (order["state"], order["executed_volume"], order["paid_fee"]) == ("done", "0.01", "420")
    assert order["trades"][0]["funds"] == "840000"


def test_an_identifier_is_burnt_for_ever_even_when_its_order_failed(upbit: UpbitClient, control: Control) -> None:
    """A duplicate does not prove that an order exists."""
    poor = upbit.limit(volume="10", identifier="burnt")
    again = upbit.limit(identifier="burnt")
    query = upbit.send("GET", "/v1/order", identifier="burnt")

    assert refusal(poor) == (400, "insufficient_funds_bid")
    assert refusal(again) == (400, "duplicate_identifier")
    assert refusal(query) == (404, "order_not_found")
    assert control.orders() == []


def test_a_second_order_with_the_same_identifier_is_refused(upbit: UpbitClient, control: Control) -> None:
    """Filled or not: the true at-most-once key."""
    upbit.post(market="KRW-BTC", side="bid", ord_type="price", price="10000", identifier="once")
    again = upbit.post(market="KRW-BTC", side="bid", ord_type="price", price="10000", identifier="once")

    assert again.status_code == 400
    assert len(control.orders()) == 1


def test_a_nonce_serves_once(upbit: UpbitClient, control: Control) -> None:
    """A replayed token is refused, whatever it carries."""
    upbit.nonce = "6a1f5d2e-0b54-4a5e-9d1c-3f8f2b7c9e10"

    first, second = upbit.limit(), upbit.limit()

    assert first.status_code == 201
    assert refusal(second) == (401, "nonce_used")
    assert len(control.orders()) == 1


def test_tokens_are_checked(upbit: UpbitClient, control: Control, http: httpx.Client) -> None:
    """Both algorithms pass; a wrong secret, hash or key does not."""
    for upbit.algorithm in ("HS256", "HS512"):
        assert upbit.send("GET", "/v1/accounts").status_code == 200
    wrong_hash = http.get("/v1/orders/open?market=KRW-BTC", headers={"Authorization": f"Bearer {upbit.token('a=b')}"})
    no_hash = http.get("/v1/orders/open?market=KRW-BTC", headers={"Authorization": f"Bearer {upbit.token('')}"})
    no_token = http.get("/v1/accounts")
    upbit.secret = "wrong"
    forged = upbit.send("GET", "/v1/accounts")
    upbit.key = "unknown"
    unknown = upbit.send("GET", "/v1/accounts")

    assert refusal(wrong_hash) == refusal(no_hash) == (401, "invalid_query_payload")
    assert refusal(no_token) == refusal(forged) == (401, "jwt_verification")
    assert refusal(unknown) == (401, "invalid_access_key")


@pytest.mark.parametrize("name", ["expired_access_key", "no_authorization_ip", "out_of_scope"])
def test_a_denied_key_is_told_why(upbit: UpbitClient, control: Control, name: str) -> None:
    """By name; the status is not to be branched on."""
    control.deny_key("upbit", TEST_KEY, name)

    assert refusal(upbit.limit())[1] == name


def test_the_hash_is_over_the_unencoded_query(upbit: UpbitClient, http: httpx.Client) -> None:
    """With bare brackets in the names of lists, encoded or not on the way."""
    hashed = "market=KRW-BTC&states[]=wait&states[]=watch"
    for sent in (hashed, hashed.replace("[]", "%5B%5D")):
        headers = {"Authorization": f"Bearer {upbit.token(hashed)}"}
        assert http.get(f"/v1/orders/open?{sent}", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"side": "buy"}, "validation_error"),
        ({"ord_type": "stop"}, "validation_error"),
        ({"market": "KRW-NOPE"}, "validation_error"),
        ({"volume": "x"}, "validation_error"),
        ({"time_in_force": "gtc"}, "validation_error"),
        ({"time_in_force": "post_only", "smp_type": "cancel_maker"}, "validation_error"),
        ({"ord_type": "best"}, "validation_error"),
        ({"ord_type": "market"}, "create_bid_error"),
        ({"ord_type": "price"}, "create_bid_error"),
        ({"side": "ask", "ord_type": "market"}, "create_ask_error"),
        ({"price": "80000500"}, "invalid_price_bid"),
        ({"price": "80000500", "side": "ask"}, "invalid_price_ask"),
        ({"market": "USDT-BTC", "price": "59000.001"}, "invalid_price_bid"),
        ({"market": "USDT-BTC", "price": "59000", "volume": "0.000008"}, "under_min_total_bid"),
        ({"volume": "0.00001"}, "under_min_total_bid"),
        ({"volume": "0.00001", "side": "ask"}, "under_min_total_ask"),
        ({"volume": "10"}, "insufficient_funds_bid"),
        ({"volume": "20", "side": "ask", "price": "90000000"}, "insufficient_funds_ask"),
    ],
)
def test_a_wrong_order_is_refused_by_name(
    upbit: UpbitClient, control: Control, change: dict[str, str], name: str
) -> None:
    """One mistake each; nothing is placed."""
    assert refusal(upbit.limit(**change)) == (400, name)
    assert control.orders() == []


def test_a_form_is_no_order(upbit: UpbitClient, http: httpx.Client) -> None:
    """Only JSON bodies are read."""
    headers = {"Authorization": f"Bearer {upbit.token('market=KRW-BTC')}"}

    assert refusal(http.post("/v1/orders", data={"market": "KRW-BTC"}, headers=headers)) == (400, "validation_error")


BID = {"side": "bid", "ord_type": "limit", "volume": "0.01"}


@pytest.mark.parametrize(
    ("body", "state", "volume"),
    [
        ({"ord_type": "price", "side": "bid", "price": "10000"}, "cancel", "0.00011904"),
        ({"ord_type": "price", "side": "bid", "price": "84000"}, "done", "0.001"),
        ({"ord_type": "market", "side": "ask", "volume": "0.01"}, "done", "0.01"),
        ({"ord_type": "best", "side": "bid", "price": "10000", "time_in_force": "ioc"}, "cancel", "0.00011904"),
        ({"ord_type": "best", "side": "ask", "volume": "0.01", "time_in_force": "fok"}, "done", "0.01"),
        (BID | {"price": "80000000", "time_in_force": "ioc"}, "cancel", "0"),
        (BID | {"price": "85000000", "time_in_force": "post_only"}, "cancel", "0"),
    ],
)
def test_orders_meet_the_market(upbit: UpbitClient, body: dict[str, str], state: str, volume: str) -> None:
    """At 84 million won. A market buy with a refunded remainder ends in `cancel`."""
    upbit.post(market="KRW-BTC", identifier="x", **body)

    order = upbit.send("GET", "/v1/order", identifier="x").json()

    assert (order["state"], order["executed_volume"]) == (state, volume)
    assert len(order["trades"]) == order["trades_count"]


def test_delete_answers_the_order_as_it_was(upbit: UpbitClient, control: Control) -> None:
    """It takes effect later, and the order can fill before."""
    order = upbit.limit(identifier="x").json()

    answer = upbit.send("DELETE", "/v1/order", uuid=order["uuid"])
    meanwhile = upbit.send("GET", "/v1/order", identifier="x").json()
    control.fill("x", "0.004")
    control.advance_clock(60)
    afterwards = upbit.send("GET", "/v1/order", identifier="x").json()
    again = upbit.send("DELETE", "/v1/order", identifier="x")

    assert (answer.status_code, answer.json()["state"]) == (200, "wait")
    assert meanwhile["state"] == "wait"
    assert (afterwards["state"], afterwards["executed_volume"], afterwards["locked"]) == ("cancel", "0.004", "0")
    assert refusal(again) == (404, "order_not_found")


def test_many_are_cancelled_at_once(upbit: UpbitClient, control: Control) -> None:
    """Without parameters: the latest 20 of everything."""
    for name in ("a", "b"):
        upbit.limit(identifier=name)
    upbit.post(market="KRW-ETH", side="ask", ord_type="limit", volume="0.1", price="5000000", identifier="eth")

    of_pair = upbit.send("DELETE", "/v1/orders/open", pairs="KRW-ETH").json()
    control.advance_clock(3000)
    of_all = upbit.send("DELETE", "/v1/orders/open").json()
    control.advance_clock(60)

    assert (of_pair["success"]["count"], of_all["success"]["count"]) == (1, 2)
    assert [order["state"] for order in control.orders()] == ["canceled"] * 3


def test_lists_show_what_they_should(upbit: UpbitClient, control: Control) -> None:
    """Open, closed, by ids."""
    rows = {name: upbit.limit(identifier=name).json() for name in ("open", "gone")}
    upbit.post(market="KRW-BTC", side="ask", ord_type="market", volume="0.01", identifier="sold")
    upbit.send("DELETE", "/v1/order", identifier="gone")
    control.advance_clock(60)

    def names(path: str, **params: str) -> list[str]:
        return sorted(row["identifier"] for row in upbit.send("GET", path, **params).json())

    assert names("/v1/orders/open") == ["open"]
    assert names("/v1/orders/open", market="KRW-ETH") == []
    assert names("/v1/orders/closed") == ["gone", "sold"]
    assert names("/v1/orders/closed", state="done") == ["sold"]
    assert names("/v1/orders/uuids", **{"uuids[]": rows["gone"]["uuid"]}) == ["gone"]
    assert names("/v1/orders/uuids", **{"identifiers[]": "open"}) == ["open"]


def test_the_chance_and_the_tick_are_told(upbit: UpbitClient, http: httpx.Client) -> None:
    """Minimum, fee, allowed types; the tick by the price's band."""
    chance = upbit.send("GET", "/v1/orders/chance", market="KRW-BTC").json()
    (instrument,) = http.get("/v1/orderbook/instruments?markets=KRW-BTC").json()

    assert chance["market"]["bid"] == {"currency": "KRW", "min_total": "5000"}
    assert chance["bid_fee"] == "0.0005"
    assert instrument["tick_size"] == "1000"


def test_the_dollar_market_has_rules_and_money_of_its_own(
    upbit: UpbitClient, control: Control, http: httpx.Client
) -> None:
    """Bought with USDT; half a dollar at least, a cent as tick at large prices."""
    chance = upbit.send("GET", "/v1/orders/chance", market="USDT-BTC").json()
    (instrument,) = http.get("/v1/orderbook/instruments?markets=USDT-BTC").json()
    upbit.post(market="USDT-BTC", side="bid", ord_type="price", price="600", identifier="x")
    order = upbit.send("GET", "/v1/order", identifier="x").json()
    wallet = control.balances("upbit", TEST_KEY)["spot"]

    assert chance["market"]["bid"] == {"currency": "USDT", "min_total": "0.5"}
    assert (instrument["tick_size"], instrument["quote_currency"]) == ("0.01", "USDT")
    assert (order["state"], order["executed_volume"], order["paid_fee"]) == ("done", "0.01", "1.5")
    assert (float(wallet["USDT"]["free"]), float(wallet["KRW"]["free"])) == (100_000 - 601.5, 100_000_000)


@pytest.mark.parametrize(
    ("market", "price", "tick"),
    [
        ("KRW-BTC", "1000000", "1000"),
        ("KRW-BTC", "999999", "500"),
        ("KRW-BTC", "4999", "1"),
        ("KRW-BTC", "99.9", "0.1"),
        ("KRW-BTC", "9.99", "0.01"),
        ("KRW-BTC", "0.5", "0.001"),
        ("USDT-BTC", "10", "0.01"),
        ("USDT-BTC", "9.999", "0.001"),
        ("USDT-BTC", "0.5", "0.0001"),
        ("USDT-BTC", "0.00005", "0.00000001"),
    ],
)
def test_the_tick_follows_the_price(http: httpx.Client, control: Control, market: str, price: str, tick: str) -> None:
    """The bands of the two markets' documents."""
    control.set_price("upbit", market, price)

    (instrument,) = http.get(f"/v1/orderbook/instruments?markets={market}").json()

    assert instrument["tick_size"] == tick


def test_quotation_errors_have_numbers_for_names(http: httpx.Client) -> None:
    """Exchange calls have words."""
    assert refusal(http.get("/v1/ticker?markets=KRW-NOPE")) == (404, 404)
    assert refusal(http.get("/v1/ticker")) == (400, 400)


def test_a_market_under_maintenance_takes_no_orders(upbit: UpbitClient, control: Control) -> None:
    """By name."""
    control.set_market_status("upbit", "KRW-BTC", "halted")

    assert refusal(upbit.limit()) == (400, "market_offline")


def test_a_dry_run_places_nothing(upbit: UpbitClient, control: Control) -> None:
    """And burns no identifier."""
    body = {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "10000", "identifier": "x"}

    answer = upbit.post("/v1/orders/test", **body)

    assert answer.status_code == 201
    assert control.orders() == []
    assert upbit.post(**body).status_code == 201


def test_an_account_lists_its_keys_with_their_ends(upbit: UpbitClient, control: Control) -> None:
    """Each a year from now, in Korean time, and those of nobody else."""
    control.add_key("upbit", "second", "its-secret", TEST_KEY)
    control.add_account("upbit", "stranger", "another-secret")
    control.hold_clock(1_795_230_000_000)  # 2026-11-21T12:00:00+09:00

    keys = upbit.send("GET", "/v1/api_keys").json()

    end = "2027-11-21T12:00:00+09:00"
    assert keys == [{"access_key": key, "expire_at": end} for key in (TEST_KEY, "second")]
