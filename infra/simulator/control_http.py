"""The control API over HTTP: POST /_simulator/<method of Control> with its arguments as a JSON object.

GET serves those that only read, their arguments in the query; GET /_simulator/ tells what there is. A mistake is
answered with 400 and {"error": ...}.
"""

import inspect
import json
from typing import Any

from infra.simulator.control import Control
from infra.simulator.wire import Reply, Request, form_pairs, json_reply

READS = frozenset({"orders", "balances", "positions", "requests", "state", "faults"})
COMMANDS = frozenset(name for name in vars(Control) if not name.startswith("_") and callable(getattr(Control, name)))


def answer_control(control: Control, request: Request) -> Reply:
    name = request.path.removeprefix("/_simulator/")
    if request.method == "GET" and not name:
        return json_reply(200, {"commands": _commands()})
    if name not in COMMANDS or (request.method == "GET" and name not in READS):
        return json_reply(404, {"error": f"no {request.method} {name}", "commands": sorted(COMMANDS)})
    try:
        return json_reply(200, {"result": getattr(control, name)(**_arguments(request))})
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        return json_reply(400, {"error": f"{type(error).__name__}: {error}"})


def _commands() -> dict[str, str]:
    """Each with its arguments and what it does."""
    methods = {name: getattr(Control, name) for name in sorted(COMMANDS)}
    return {name: f"{inspect.signature(method)} {inspect.getdoc(method) or ''}" for name, method in methods.items()}


def _arguments(request: Request) -> dict[str, Any]:
    if request.method == "GET":
        return {name: _typed(value) for name, value in form_pairs(request.query)}
    arguments = json.loads(request.body or b"{}", parse_float=str)
    if not isinstance(arguments, dict):
        raise TypeError("the body must be a JSON object")
    return arguments


def _typed(value: str) -> str | bool:
    return {"true": True, "false": False}.get(value, value)
