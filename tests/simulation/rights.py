"""What the store and its neighbours ask of AWS, call by call, and whether a function's policy allows it.

`tests/simulation/test_rights.py` holds the table here to the requests that the real ones send.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from infra.deployment.policies import function_policy
from tests.infra.iam import as_list, is_allowed, statements
from tests.infra.names import NAMES

Right = tuple[str, str]
"""An action, and a resource as infra/policies.yaml names it."""

TABLES = {
    "Order": "orders",
    "CancelRequest": "cancel_queue",
    "EventLog": "strategy_order_logs",
    "AlertKey": "alerts",
    "Strategy": "strategies",
    "Account": "accounts",
    "Switch": "system",
    "Heartbeat": "system",
    "Ban": "system",
}
"""Of each kind of row."""

BY_KIND = {
    "get": ("GetItem",),
    "get_all": ("BatchGetItem",),
    # Alone or in a transaction; whoever did not hear the answer reads the row (R4).
    "Insert": ("PutItem", "GetItem"),
    "Update": ("UpdateItem", "GetItem"),
    "Delete": ("DeleteItem", "GetItem"),
    "Check": ("ConditionCheckItem",),
}
"""Calls on rows of some kind: `get Order`, `Update Order`."""

CALLS: dict[str, tuple[Right, ...]] = {
    "due_orders": (("Query", "orders/index/live"),),
    "live_orders": (("Query", "orders/index/live_by_strategy"),),
    "live_orders_of_account": (("Query", "orders/index/live"),),
    "list_orders": (("Query", "orders/index/by_strategy"), ("Query", "orders/index/by_day")),
    "newest_orders": (("Query", "orders/index/by_day"),),
    "count_attention": (("Query", "orders/index/attention"),),
    "attention_orders": (("Query", "orders/index/attention"),),
    "due_cancels": (("Query", "cancel_queue/index/due"),),
    "next_cancel_at": (("Query", "cancel_queue/index/due"),),
    "list_cancels": (("Query", "cancel_queue/index/by_status"), ("Query", "cancel_queue/index/by_day")),
    "count_cancels": (("Query", "cancel_queue/index/by_status"),),
    "oldest_cancel": (("Query", "cancel_queue/index/by_status"),),
    "oldest_request": (("Query", "cancel_queue/index/by_status"),),
    "unsettled_events": (("Query", "strategy_order_logs/index/unsettled"),),
    "recent_events": (("Query", "strategy_order_logs"),),
    "list_events": (("Query", "strategy_order_logs"),),
    "strategies": (("Scan", "strategies"),),
    "accounts": (("Scan", "accounts"),),
    "ping": (("Query", "system"),),
    "rules.get": (("GetItem", "market_rules"),),
    "rules.put": (("PutItem", "market_rules"),),
    "mock.add": (("PutItem", "mock_exchange"),),
    "mock.get": (("GetItem", "mock_exchange"),),
    "mock.close": (("PutItem", "mock_exchange"),),
    "mock.open_orders": (("Query", "mock_exchange"),),
    "mock.count_call": (("UpdateItem", "mock_exchange"),),
    "secrets.put": (("PutSecretValue", "account-secrets"), ("CreateSecret", "account-secrets")),
    "secrets.delete": (("DeleteSecret", "account-secrets"),),
    "credentials.get": (("GetSecretValue", "account-secrets"),),
    "admin_token.get": (("GetSecretValue", "admin-token"),),
    "wake": (("InvokeFunction", "sweep"),),
}
"""All others; those of the store bear their own name."""

# Whoever works on an order may come to all of this, however seldom.
_ANYBODY = {
    *("mock.get", "mock.close", "mock.count_call"),  # no account of the simulations trades at the mock
    *("get Ban", "Insert Ban", "Update Ban", "strategies", "Update Strategy"),  # the exchange wants to be left alone
    "Insert CancelRequest",  # an order that had ended lives (R5)
    "Delete CancelRequest",  # nobody asks for that cancel any more: its order has no flag (R14)
    *("get Account", "get Strategy", "get Switch"),  # is an order still wanted at an exchange that forgets no request
    "credentials.get",
}
_SENDING = {"mock.add", "rules.get", "rules.put"}
_SETTLING = {"Check Order", "recent_events"}

BEYOND_SIMULATION = {
    "api_handler": _ANYBODY
    | _SENDING
    | {"wake", "admin_token.get", "ping", "accounts", "list_orders", "list_cancels", "list_events"}
    | {"count_cancels", "oldest_request", "count_attention", "attention_orders", "newest_orders"}
    | {"get_all Ban", "Delete Strategy", "Delete Account", "secrets.put", "secrets.delete"},
    "fire_cancels": _ANYBODY | {"wake"},
    "place_ready": _ANYBODY | _SENDING | {"wake"},
    "sweep": _ANYBODY | _SENDING | _SETTLING,
    "reconcile": _ANYBODY | _SENDING | _SETTLING | {"wake", "mock.open_orders"},
}
"""What a function's code leads to, and some hundred simulations never or seldom show."""


def rights_of(use: str) -> Iterator[Right]:
    """What one call takes. Raises KeyError for a call that nobody knows."""
    call, _, kind = use.partition(" ")
    if kind:
        yield from ((action, TABLES[kind]) for action in BY_KIND[call])
    else:
        yield from CALLS[use]


@cache
def is_granted(function: str, right: Right) -> bool:
    """By the policy as it is deployed."""
    return is_allowed(policy_of(function), *_asked_for(right))


@cache
def policy_of(function: str) -> dict[str, Any]:
    """The document that NAMES give."""
    return function_policy(function, NAMES)


def granted(function: str) -> Iterator[tuple[str, str]]:
    """Every action and resource of the document, as they stand there."""
    for statement in statements(policy_of(function)):
        for action in as_list(statement["Action"]):
            yield from ((action, resource) for resource in as_list(statement["Resource"]))


def idle_rights(function: str, uses: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Actions and resources of a function's policy that none of these calls takes; what Lambda itself does with its
    rights, for the log and the stream, is left out."""
    asked = [_asked_for(right) for use in uses for right in rights_of(use)]
    for action, pattern in granted(function):
        alone = {"Statement": {"Effect": "Allow", "Action": action, "Resource": pattern}}
        of_lambda = action.partition(":")[0] in ("logs", "sqs") or "/stream/" in pattern
        if not of_lambda and not any(is_allowed(alone, *call) for call in asked):
            yield action, pattern


def _asked_for(right: Right) -> tuple[str, str]:
    """The action with its service, and the ARN, for which AWS would look in the policy."""
    action, resource = right
    match resource:
        case "account-secrets":
            name = f"secret:{NAMES.table_prefix}/accounts/main-Xy34Zw"
            return f"secretsmanager:{action}", NAMES.arn("secretsmanager", name)
        case "admin-token":
            return f"secretsmanager:{action}", NAMES.admin_token
        case "sweep":
            return f"lambda:{action}", NAMES.arn("lambda", f"function:{NAMES.function_prefix}-sweep")
        case _:
            return f"dynamodb:{action}", NAMES.arn("dynamodb", f"table/{NAMES.table_prefix}-{resource}")
