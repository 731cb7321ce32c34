"""Everything under /api/v1 but the webhook needs the admin token."""

from dataclasses import replace

import pytest

from chalicelib import runtime
from tests.api.desk import ApiDesk
from tests.conftest import ADMIN_TOKEN

ROUTES = [
    ("POST", "/api/v1/cancel-queue/orders/o1/cancel"),
    ("GET", "/api/v1/cancel-queue"),
    ("GET", "/api/v1/cancel-queue/c1"),
    ("DELETE", "/api/v1/cancel-queue/c1"),
    ("POST", "/api/v1/cancel-queue/c1/retry"),
    ("GET", "/api/v1/orders"),
    ("GET", "/api/v1/orders/o1"),
    ("DELETE", "/api/v1/orders/o1/attention"),
    ("GET", "/api/v1/strategy-order-logs"),
    ("GET", "/api/v1/strategy-order-logs/s1/e1"),
    ("GET", "/api/v1/strategies"),
    ("GET", "/api/v1/strategies/s1"),
    ("PUT", "/api/v1/strategies/s1"),
    ("DELETE", "/api/v1/strategies/s1"),
    ("GET", "/api/v1/accounts"),
    ("GET", "/api/v1/accounts/a1"),
    ("PUT", "/api/v1/accounts/a1"),
    ("DELETE", "/api/v1/accounts/a1"),
    ("POST", "/api/v1/accounts/a1/test"),
    ("GET", "/api/v1/controls"),
    ("PUT", "/api/v1/controls"),
    ("GET", "/api/v1/overview"),
]
PUBLIC = {
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/ping"),
    ("POST", "/api/v1/webhook"),
    ("GET", "/app"),
    ("GET", "/app/*/*"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
}


def plain(path: str) -> str:
    """A route's pattern with every parameter alike."""
    parts = (
        "*" if part.startswith("{") or part in ("o1", "c1", "s1", "e1", "a1") else part for part in path.split("/")
    )
    return "/".join(parts)


def test_every_route_is_either_public_or_listed_here(api: ApiDesk) -> None:
    """A new route cannot be forgotten by the tests below."""
    registered = {(method, plain(path)) for path, methods in api.functions.app.routes.items() for method in methods}

    assert registered == {(method, plain(path)) for method, path in ROUTES} | PUBLIC


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_refuses_whoever_brings_no_token(api: ApiDesk, method: str, path: str) -> None:
    """Before anything else is looked at, the body included."""
    answer = api.call(method, path, b"not even JSON", {})

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {ADMIN_TOKEN}",
        ADMIN_TOKEN,
        f"Bearer {ADMIN_TOKEN}x",
        f"Bearer {ADMIN_TOKEN[:-1]}",
        f"Bearer {ADMIN_TOKEN.upper()}",
        f"Bearer Bearer {ADMIN_TOKEN}",
        "Bearer tökén",
    ],
)
def test_a_wrong_token_or_scheme_is_refused(api: ApiDesk, header: str) -> None:
    """Every kind of wrong looks the same."""
    answer = api.call("GET", "/api/v1/controls", headers={"Authorization": header})

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert ADMIN_TOKEN.encode() not in answer.raw


@pytest.mark.parametrize("header", [f"Bearer {ADMIN_TOKEN}", f"bearer {ADMIN_TOKEN}", f"BEARER  {ADMIN_TOKEN} "])
@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_the_right_token_is_let_in(api: ApiDesk, name: str, header: str) -> None:
    """Header and scheme are read in any case."""
    answer = api.call("GET", "/api/v1/controls", headers={name: header})

    assert answer.status == 200


def test_a_deployment_without_an_admin_token_lets_nobody_in(api: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty token is not a token that an empty header could match."""
    unset = replace(runtime.settings(), admin_token=None)
    monkeypatch.setattr(runtime, "settings", lambda: unset)

    answers = [
        api.call("GET", "/api/v1/controls", headers={"Authorization": given}) for given in ("Bearer ", "Bearer None")
    ]

    assert [answer.status for answer in answers] == [401, 401]


@pytest.mark.parametrize(
    "path",
    [
        "orders/-o1",
        "orders/_o1",
        "orders/o.1",
        "orders/" + "o" * 65,
        "cancel-queue/c*1",
        "strategies/s%201",
        "accounts/a~1",
        "strategy-order-logs/s1/e$1",
        "orders?strategy_id=-s1",
        "strategy-order-logs?strategy_id=s.1",
    ],
)
def test_what_cannot_be_an_id_is_422(api: ApiDesk, path: str) -> None:
    """A letter or a digit, then up to 63 letters, digits, _ and -."""
    answer = api.get(path)

    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert len(answer.fields) == 1


@pytest.mark.parametrize(
    "path",
    ["orders/" + "o" * 64, "cancel-queue/c-1_x", "strategies/0", "accounts/a", "strategy-order-logs/s1/e1"],
)
def test_what_is_not_there_is_404(api: ApiDesk, path: str) -> None:
    """With the id in the message."""
    answer = api.get(path)

    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert path.rpartition("/")[2] in answer.body["error"]["message"]
