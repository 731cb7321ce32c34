"""Upbit from outside: routes, limits, authentication, and the answer or the refusal."""

import json

from infra.simulator.upbit.auth import authenticate, claims_in
from infra.simulator.upbit.errors import UpbitError, blocked, failure, invalid, too_many
from infra.simulator.upbit.limits import BLOCK_MS, QUOTATION, STRIKES_TO_BLOCK
from infra.simulator.upbit.routes import ROUTES
from infra.simulator.wire import Reply, Request, form_pairs, json_reply
from infra.simulator.world import Call, Route


class UpbitFront:
    def route(self, request: Request) -> Route:
        return ROUTES.get((request.method, request.path), Route("unknown", "upbit", signed=False))

    def key_of(self, request: Request) -> str:
        return str(claims_in(request).get("access_key") or "")

    def failure(self, call: Call, variant: str) -> Reply:
        return failure(variant)

    def rate_limited(self, call: Call, retry_after: int) -> Reply:
        reply = too_many(quotation=call.route.group in QUOTATION)
        reply.headers["Remaining-Req"] = _remaining(call.route.group or "default", 0)
        return reply

    def banned(self, call: Call, until_ms: int) -> Reply:
        return blocked(max(1, -(-(until_ms - call.world.clock.now_ms()) // 1000)))

    def answer(self, call: Call) -> Reply:
        if call.route.handler is None:
            return UpbitError(404, 404, "no Route matched with those values").reply()
        try:
            call.params = _parameters(call.request)
            refusal = self._over_limit(call)
            if refusal is not None:
                return refusal
            if call.route.signed:
                authenticate(call)
            status = 201 if call.route.operation in ("create", "test") else 200
            reply = json_reply(status, call.route.handler(call))
        except UpbitError as error:
            reply = error.reply()
        if call.remaining is not None:
            reply.headers["Remaining-Req"] = _remaining(call.route.group, call.remaining)
        return reply

    def _over_limit(self, call: Call) -> Reply | None:
        limits, group, now = call.world.upbit_limits, call.route.group, call.now_ms
        credential = call.world.credentials.get(("upbit", call.key))
        who = call.request.peer if group in QUOTATION or credential is None else credential.account.name
        if not call.world.limits_on["upbit"]:
            return None
        until = limits.bans.until_ms(who, now)
        if until is not None:
            return self.banned(call, until)
        usage = limits.windows[group].take(who, limits.groups[group][0], now)
        if usage.allowed:
            call.remaining = usage.left
            limits.bans.forgive(who)
            return None
        if limits.bans.strike(who) >= STRIKES_TO_BLOCK:
            limits.blocks[who] = limits.blocks.get(who, 0) + 1
            limits.bans.ban(who, now + BLOCK_MS * limits.blocks[who])
        return self.rate_limited(call, 1)


def _remaining(group: str, left: int) -> str:
    """`min` is dead and always large."""
    return f"group={group}; min=1800; sec={left}"


def _parameters(request: Request) -> dict[str, object]:
    """Names of lists keep their brackets off: `states[]=wait&states[]=watch` is `states`."""
    if request.method == "POST":
        if "json" not in request.header("Content-Type"):
            raise invalid("Content-Type must be application/json")
        try:
            body = json.loads(request.body or b"{}", parse_float=str, parse_int=str)
        except ValueError:
            raise invalid("the body is not JSON") from None
        return dict(body) if isinstance(body, dict) else {}
    pairs = form_pairs(request.query)
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            lists.setdefault(name[:-2], []).append(value)
    return {**{name: value for name, value in pairs if not name.endswith("[]")}, **lists}
