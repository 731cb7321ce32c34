"""Bybit from outside: routes, limits, authentication, and the envelope around every answer."""

import json
from dataclasses import replace

from infra.simulator.bybit.auth import authenticate
from infra.simulator.bybit.errors import BybitError, envelope, failure
from infra.simulator.bybit.limits import BAN_MS
from infra.simulator.bybit.routes import ROUTES
from infra.simulator.model import Venue
from infra.simulator.wire import Reply, Request, form_pairs
from infra.simulator.world import Call, Route


class BybitFront:
    """The category decides the market, so a route's venue is known only with the parameters."""

    def route(self, request: Request) -> Route:
        route, params = ROUTES.get((request.method, request.path)), _parameters(request)
        venue: Venue = "bybit-linear" if params.get("category") == "linear" else "bybit-spot"
        if route is None:
            return Route("unknown", venue, signed=False)
        lists = route.operation == "query" and not (params.get("orderId") or params.get("orderLinkId"))
        return replace(route, venue=venue, operation="open" if lists else route.operation)

    def key_of(self, request: Request) -> str:
        return request.header("X-BAPI-API-KEY")

    def failure(self, call: Call, variant: str) -> Reply:
        return failure(variant, call.now_ms)

    def rate_limited(self, call: Call, retry_after: int) -> Reply:
        reply = envelope(10006, "Too many visits. Exceeded the API Rate Limit.", {}, call.now_ms)
        limit = call.world.bybit_limits.per_second.get((call.route.group, call.route.venue), 10)
        reply.headers = _headers(limit, 0, call.now_ms + retry_after * 1000)
        return reply

    def banned(self, call: Call, until_ms: int) -> Reply:
        return failure("access_too_frequent", call.now_ms)

    def answer(self, call: Call) -> Reply:
        if self._banned_ip(call):
            return self.banned(call, 0)
        if call.route.handler is None:
            return envelope(10017, "Route not found.", {}, call.now_ms)
        headers: dict[str, str] = {}
        try:
            call.params = _parameters(call.request)
            if call.route.signed:
                authenticate(call)
                headers = self._count(call)
            reply = envelope(0, "OK", call.route.handler(call), call.now_ms)
        except BybitError as error:
            reply = envelope(error.code, error.message, {}, call.now_ms)
            headers = error.headers if isinstance(error, LimitError) else headers
        reply.headers |= headers
        return reply

    def _banned_ip(self, call: Call) -> bool:
        limits, peer, now = call.world.bybit_limits, call.request.peer, call.world.clock.now_ms()
        if not call.world.limits_on["bybit"]:
            return False
        if limits.bans.until_ms(peer, now) is None and not limits.ip.take(peer, limits.per_ip, now).allowed:
            limits.bans.ban(peer, now + BAN_MS)
        return limits.bans.until_ms(peer, now) is not None

    def _count(self, call: Call) -> dict[str, str]:
        limits, route = call.world.bybit_limits, call.route
        limit = limits.per_second.get((route.group, route.venue))
        if limit is None or not call.world.limits_on["bybit"]:
            return {}
        key = f"{call.account.name} {route.operation} {route.venue}"
        usage = limits.endpoint.take(key, limit, call.now_ms)
        headers = _headers(limit, usage.left, usage.reset_ms)
        if not usage.allowed:
            raise LimitError(headers)
        return headers


class LimitError(BybitError):
    """10006; nothing of the request was done."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(10006, "Too many visits. Exceeded the API Rate Limit.")
        self.headers = headers


def _headers(limit: int, left: int, reset_ms: int) -> dict[str, str]:
    return {
        "X-Bapi-Limit": str(limit),
        "X-Bapi-Limit-Status": str(left),
        "X-Bapi-Limit-Reset-Timestamp": str(reset_ms),
    }


def _parameters(request: Request) -> dict[str, object]:
    if request.method != "POST":
        return dict(form_pairs(request.query))
    try:
        body = json.loads(request.body or b"{}", parse_float=str, parse_int=str)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
