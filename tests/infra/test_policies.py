"""The functions' policies and the API's, as they are rendered: exact, complete, and without what nobody may."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.deployment.policies import TRADINGVIEW, WEBHOOK_PATH, api_policy, function_names, function_policy
from tests.infra.iam import as_list, is_allowed, statements
from tests.simulation.rights import NAMES, policy_of

ROOT = Path(__file__).parent.parent.parent

API, STREAMED, SCHEDULED = "api_handler", ("fire_cancels", "place_ready"), ("sweep", "reconcile")
FUNCTIONS = (API, *STREAMED, *SCHEDULED)
ALL_BUT_API = (*STREAMED, *SCHEDULED)

ACCOUNT = "eu-west-1:123456789012"
TABLE = f"arn:aws:dynamodb:{ACCOUNT}:table/trading-bot-dev-"
SECRET = f"arn:aws:secretsmanager:{ACCOUNT}:secret:trading-bot-dev/"
LAMBDA = f"arn:aws:lambda:{ACCOUNT}:function:trading-bot-dev"
LOGS = f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/trading-bot-dev"
TABLES = (
    "orders",
    "cancel_queue",
    "strategy_order_logs",
    "strategies",
    "accounts",
    "alerts",
    "market_rules",
    "mock_exchange",
    "system",
)


def allows(function: str, action: str, resource: str) -> bool:
    return is_allowed(policy_of(function), action, resource)


def pairs(function: str, **options: bool) -> Iterator[tuple[str, str]]:
    """Every action and resource of a policy."""
    for statement in statements(function_policy(function, NAMES, **options)):
        for action in as_list(statement["Action"]):
            yield from ((action, resource) for resource in as_list(statement["Resource"]))


@cache
def known_to_aws() -> dict[str, dict[str, Any]]:
    """AWS's own list of actions, in small letters: of each, the kinds of resources that it can be allowed on."""
    from cfnlint.data import AdditionalSpecs
    from cfnlint.helpers import load_resource

    services = load_resource(AdditionalSpecs, "Policies.json")
    return {
        f"{service}:{name}": action for service, known in services.items() for name, action in known["Actions"].items()
    }


def group_of(function: str) -> str:
    """Its log group."""
    return LOGS if function == API else f"{LOGS}-{function}"


def open_ended(function: str) -> dict[str, str]:
    """Resources that may end in a star, with the reason."""
    return {
        f"{TABLE}orders/stream/*": "ListStreams is asked before anybody can know which one it is",
        f"{SECRET}accounts/*": "one secret for each account that a person makes; AWS adds six characters to its name",
        f"{group_of(function)}:*": "one stream of its own group for each container",
    }


# The documents


def test_every_function_has_a_policy_and_every_policy_a_function() -> None:
    """In policies.yaml, in app.py as Chalice registers it, and in config.json."""
    from app import app

    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    handlers: list[Any] = [*app.event_sources, *app.pure_lambda_functions]
    registered = {API, *(handler.name for handler in handlers)}

    assert set(function_names()) == set(FUNCTIONS) == registered == set(config["lambda_functions"])
    assert config["autogen_policy"] is False
    for function, settings in config["lambda_functions"].items():
        assert settings["iam_policy_file"] == f"policies/{function}.json"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_statement_names_its_service_and_its_account(function: str) -> None:
    """Each action belongs to the service of its resource; the resource is of this account, and of this deployment."""
    for action, resource in pairs(function):
        service = action.partition(":")[0]
        assert re.fullmatch(
            rf"[a-z]+:[A-Za-z]+ arn:aws:{service}:{ACCOUNT}:.*trading-bot-dev.*", f"{action} {resource}"
        )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_aws_knows_every_action(function: str) -> None:
    """A slip of the pen would grant nothing. AWS's list has no resource for ListStreams, its examples have this one."""
    for action, resource in pairs(function, tracing=True, in_vpc=True):
        assert action.lower() in known_to_aws()
        has_arn = known_to_aws()[action.lower()].get("Resources") or action == "dynamodb:ListStreams"
        assert has_arn or resource == "*"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_document_fits_into_a_role(function: str) -> None:
    """IAM counts the characters that are not blank of all policies within a role: 10,240 at most."""
    text = json.dumps(function_policy(function, NAMES, tracing=True, in_vpc=True), separators=(",", ":"))

    assert len(text) < 10_240


@pytest.mark.parametrize("function", FUNCTIONS)
def test_statements_have_ids_of_their_own(function: str) -> None:
    """IAM refuses two of the same name, and characters other than letters and digits."""
    found = [statement["Sid"] for statement in statements(policy_of(function))]

    assert len(found) == len(set(found))
    assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in found)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_stars_stand_only_where_no_exact_name_exists(function: str) -> None:
    """Never in an action."""
    for action, resource in pairs(function):
        assert not re.search(r"[*?]", action)
        assert not re.search(r"[*?]", resource) or resource in open_ended(function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_tracing_and_a_network_add_what_they_take_and_nothing_else(function: str) -> None:
    """There are no ARNs for it."""
    plain = set(pairs(function))
    traced = set(pairs(function, tracing=True)) - plain
    networked = set(pairs(function, in_vpc=True)) - plain

    assert traced == {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}
    assert {resource for _, resource in networked} == {"*"}
    assert {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"} <= {
        action for action, _ in networked
    }
    assert all(action.startswith("ec2:") for action, _ in networked)


def test_nobody_knows_other_names() -> None:
    """A function of no policy is an error, not a role without rights."""
    with pytest.raises(KeyError):
        function_policy("sweeper", NAMES)


# What Lambda does with a function's rights


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_its_own_log_and_no_other(function: str) -> None:
    """Its group is made by the deployment."""
    for other in FUNCTIONS:
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            assert allows(function, action, f"{group_of(other)}:log-stream:2026/11/21/[$LATEST]0a1b") is (
                function == other
            )
        assert not allows(function, "logs:CreateLogGroup", group_of(other))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_stream_is_read_for_the_functions_on_it(function: str) -> None:
    """What they give up is reported with their rights too."""
    reads = function in STREAMED
    for action in ("DescribeStream", "GetRecords", "GetShardIterator"):
        assert allows(function, f"dynamodb:{action}", NAMES.orders_stream) is reads
    assert allows(function, "dynamodb:ListStreams", NAMES.orders_stream) is reads
    assert allows(function, "sqs:SendMessage", NAMES.dead_letters) is reads


# What nobody may


def forbidden() -> Iterator[tuple[str, str, str]]:
    """Function, action and resource."""
    for function in FUNCTIONS:
        yield from ((function, *call) for call in for_nobody())
    for function in ALL_BUT_API:
        yield from ((function, *call) for call in for_the_api_alone())
    for function in (*STREAMED, API):
        yield function, "dynamodb:Query", f"{TABLE}cancel_queue/index/due"
    for function in STREAMED:
        for action in ("Query", "Scan", "PutItem"):
            yield function, f"dynamodb:{action}", f"{TABLE}orders"
        for index in ("live", "live_by_strategy", "by_day", "by_strategy", "attention"):
            yield function, "dynamodb:Query", f"{TABLE}orders/index/{index}"
    for function in SCHEDULED:
        yield function, "dynamodb:GetRecords", NAMES.orders_stream
    yield "sweep", "lambda:InvokeFunction", f"{LAMBDA}-sweep"  # R27
    yield "sweep", "dynamodb:PutItem", f"{TABLE}orders"
    yield "fire_cancels", "dynamodb:PutItem", f"{TABLE}market_rules"


def for_nobody() -> Iterator[tuple[str, str]]:
    """Tables, code, roles, other stages, other people's things."""
    for table in TABLES:
        for action in ("CreateTable", "DeleteTable", "UpdateTable", "UpdateTimeToLive", "UpdateContinuousBackups"):
            yield f"dynamodb:{action}", TABLE + table
        for action in ("PartiQLDelete", "PartiQLUpdate", "BatchWriteItem", "RestoreTableFromBackup"):
            yield f"dynamodb:{action}", TABLE + table
    for table in set(TABLES) - {"strategies", "accounts"}:
        yield "dynamodb:Scan", TABLE + table
    for table in ("orders", "strategy_order_logs", "alerts", "system", "market_rules", "mock_exchange"):
        yield "dynamodb:DeleteItem", TABLE + table
    for table in TABLES:
        for action in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"):
            yield f"dynamodb:{action}", TABLE.replace("trading-bot-dev", "trading-bot-prod") + table
            yield f"dynamodb:{action}", TABLE.replace("eu-west-1", "eu-west-2") + table
            yield f"dynamodb:{action}", TABLE.replace("123456789012", "210987654321") + table
            yield f"dynamodb:{action}", f"{TABLE}{table}-copy"
    for name in (*FUNCTIONS, "other"):
        own = LAMBDA if name == API else f"{LAMBDA}-{name}"
        for action in ("UpdateFunctionCode", "UpdateFunctionConfiguration", "CreateFunction", "DeleteFunction"):
            yield f"lambda:{action}", own
        for action in ("AddPermission", "PutFunctionConcurrency", "CreateEventSourceMapping", "PublishLayerVersion"):
            yield f"lambda:{action}", own
        if name != "sweep":
            yield "lambda:InvokeFunction", own
        yield "iam:PutRolePolicy", f"arn:aws:iam::123456789012:role/trading-bot-dev-{name}"
        yield "iam:PassRole", f"arn:aws:iam::123456789012:role/trading-bot-dev-{name}"
        yield "sts:AssumeRole", f"arn:aws:iam::123456789012:role/trading-bot-dev-{name}"
    for action in ("CreateStack", "UpdateStack", "DeleteStack", "ExecuteChangeSet"):
        yield f"cloudformation:{action}", f"arn:aws:cloudformation:{ACCOUNT}:stack/trading-bot-dev/1"
    for action in ("PutSecretValue", "DeleteSecret", "UpdateSecret", "PutResourcePolicy"):
        yield f"secretsmanager:{action}", NAMES.admin_token
    for secret in ("other-Ab12Cd", "accountsx/main-Ab12Cd"):
        yield "secretsmanager:GetSecretValue", SECRET + secret
    yield (
        "secretsmanager:GetSecretValue",
        SECRET.replace("trading-bot-dev", "trading-bot-prod") + "accounts/main-Ab12Cd",
    )
    yield "secretsmanager:ListSecrets", "*"
    yield "sqs:ReceiveMessage", NAMES.dead_letters
    yield "sqs:PurgeQueue", NAMES.dead_letters
    yield "s3:GetObject", "arn:aws:s3:::anything"
    yield "ec2:CreateNetworkInterface", "*"
    yield "xray:PutTraceSegments", "*"
    yield "execute-api:Invoke", "arn:aws:execute-api:eu-west-1:123456789012:abc/api/POST/api/v1/webhook"


def for_the_api_alone() -> Iterator[tuple[str, str]]:
    """Who lets people in, takes alerts and keeps keys."""
    yield "secretsmanager:GetSecretValue", NAMES.admin_token
    for action in ("CreateSecret", "PutSecretValue", "DeleteSecret"):
        yield f"secretsmanager:{action}", f"{SECRET}accounts/main-Ab12Cd"
    for action in ("GetItem", "PutItem", "UpdateItem", "DeleteItem"):
        yield f"dynamodb:{action}", f"{TABLE}alerts"
    for table in ("strategies", "accounts"):
        yield "dynamodb:DeleteItem", TABLE + table
        yield "dynamodb:PutItem", TABLE + table
    yield "dynamodb:UpdateItem", f"{TABLE}accounts"
    yield "dynamodb:PutItem", f"{TABLE}strategy_order_logs"


def test_nobody_may_what_is_forbidden() -> None:
    """Whatever the documents come to say."""
    allowed = [call for call in forbidden() if allows(*call)]

    assert not allowed


def test_what_is_forbidden_would_be_found() -> None:
    """Every call of that list is one that AWS knows, and that a careless policy allows."""
    assert {action for _, action, _ in forbidden() if action.lower() not in known_to_aws()} == set()
    careless = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}

    assert all(is_allowed(careless, action, resource) for _, action, resource in forbidden())
    assert len(list(forbidden())) > 500


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_may_end_a_cancel_request_for_which_nobody_asks(function: str) -> None:
    """R14: of all rows, this is the one that each of them may have to delete."""
    deletable = {table for table in TABLES if allows(function, "dynamodb:DeleteItem", TABLE + table)}

    assert deletable == ({"cancel_queue", "strategies", "accounts"} if function == API else {"cancel_queue"})


# The API

ADMIN = ("203.0.113.0/29", "2001:db8::/64")
AN_ADMIN, AN_ADMIN_6, A_STRANGER = "203.0.113.5", "2001:db8::5", "198.51.100.9"
ALERTS_FROM = tuple(block.removesuffix("/32") for block in TRADINGVIEW)


@cache
def routes() -> tuple[str, ...]:
    """All that the app serves beside /ping and the webhook, as a caller asks for it."""
    from app import app

    served = (f"{method}{path}" for path, methods in app.routes.items() for method in methods)
    others = sorted({re.sub(r"\{\w+\}", "x", route) for route in served} - {"GET/ping", f"POST{WEBHOOK_PATH}"})
    assert "GET/api/v1/orders/x" in others
    return tuple(others)


@cache
def policy(webhook: tuple[str, ...] = TRADINGVIEW, admin: tuple[str, ...] = ADMIN) -> dict[str, Any]:
    return api_policy(webhook, admin, "api")


def may_call(document: dict[str, Any], source_ip: str, path: str, stage: str = "api") -> bool:
    return is_allowed(document, "execute-api:Invoke", f"execute-api:/{stage}/{path}", source_ip=source_ip)


@pytest.mark.parametrize("source_ip", [*ALERTS_FROM, AN_ADMIN, AN_ADMIN_6, A_STRANGER])
@pytest.mark.parametrize("admin", [ADMIN, ()])
def test_a_sign_of_life_is_for_everybody(source_ip: str, admin: tuple[str, ...]) -> None:
    """And nothing beside it under its name."""
    document = policy(admin=admin)

    assert may_call(document, source_ip, "GET/ping")
    is_admin = source_ip in (AN_ADMIN, AN_ADMIN_6) and bool(admin)
    for path in ("POST/ping", "GET/ping/x", "GET/x/ping", "GET/pingx"):
        assert may_call(document, source_ip, path) is is_admin


def test_tradingview_has_four_addresses() -> None:
    """And no fifth."""
    assert len(ALERTS_FROM) == len(set(ALERTS_FROM)) == 4


@pytest.mark.parametrize("source_ip", ALERTS_FROM)
def test_tradingview_may_send_alerts_and_do_nothing_else(source_ip: str) -> None:
    """From each of its addresses, and not from the next one."""
    for document in (policy(), policy(admin=())):
        assert may_call(document, source_ip, f"POST{WEBHOOK_PATH}")
        for path in (*routes(), f"GET{WEBHOOK_PATH}", f"PUT{WEBHOOK_PATH}", f"POST{WEBHOOK_PATH}/x", "POST/x"):
            assert not may_call(document, source_ip, path)
    first, _, last = source_ip.rpartition(".")
    assert not may_call(policy(), f"{first}.{int(last) + 1}", f"POST{WEBHOOK_PATH}")


@pytest.mark.parametrize("source_ip", [AN_ADMIN, AN_ADMIN_6])
def test_people_may_do_all_but_send_alerts(source_ip: str) -> None:
    """By any method of its path."""
    assert [path for path in routes() if not may_call(policy(), source_ip, path)] == []
    for method in ("POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"):
        assert not may_call(policy(), source_ip, f"{method}{WEBHOOK_PATH}")


def test_people_may_send_alerts_where_the_settings_say_so() -> None:
    """TradingView then has to be named too."""
    document = policy(webhook=(*TRADINGVIEW, "203.0.113.5/32"))

    assert may_call(document, AN_ADMIN, f"POST{WEBHOOK_PATH}")
    assert may_call(document, ALERTS_FROM[0], f"POST{WEBHOOK_PATH}")
    assert not may_call(document, "203.0.113.6", f"POST{WEBHOOK_PATH}")
    assert may_call(document, "203.0.113.6", "GET/api/v1/orders")

    assert not may_call(policy(webhook=("203.0.113.5/32",)), ALERTS_FROM[0], f"POST{WEBHOOK_PATH}")


def test_nobody_is_let_in_where_nobody_is_named() -> None:
    """The default: closed."""
    everybody = (*ALERTS_FROM, AN_ADMIN, AN_ADMIN_6, A_STRANGER, "127.0.0.1")

    assert not any(may_call(policy(admin=()), source_ip, path) for source_ip in everybody for path in routes())


def test_a_stranger_is_refused_everything() -> None:
    """Whose address is beside an admin's, too."""
    for source_ip in (A_STRANGER, "203.0.113.8", "203.0.112.255", "2001:db8:0:1::5"):
        assert not any(may_call(policy(), source_ip, path) for path in (*routes(), f"POST{WEBHOOK_PATH}"))


@pytest.mark.parametrize("source_ip", [*ALERTS_FROM, AN_ADMIN, A_STRANGER])
def test_another_stage_of_the_api_is_closed(source_ip: str) -> None:
    """What somebody publishes by hand is nobody's."""
    for path in ("GET/ping", f"POST{WEBHOOK_PATH}", *routes()):
        assert not may_call(policy(), source_ip, path, stage="test")
