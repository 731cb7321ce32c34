"""Binance from outside: routes, limits, authentication, and the answer or the refusal."""

from infra.simulator.binance.auth import authenticate, parameters
from infra.simulator.binance.errors import BinanceError, failure
from infra.simulator.binance.limits import BAN_MS, STRIKES_TO_BAN
from infra.simulator.binance.routes import ROUTES
from infra.simulator.model import Venue
from infra.simulator.wire import Reply, Request, html_reply, json_reply
from infra.simulator.world import Call, Route

_CREATES = ("create", "algo-create")


class BinanceFront:
    """Both markets; each has its own weight and order counts."""

    def route(self, request: Request) -> Route:
        venue: Venue = "binance-usdm" if request.path.startswith("/fapi/") else "binance-spot"
        return ROUTES.get((request.method, request.path), Route("unknown", venue, signed=False))

    def key_of(self, request: Request) -> str:
        return request.header("X-MBX-APIKEY")

    def failure(self, call: Call, variant: str) -> Reply:
        return failure(call.route.venue, variant)

    def rate_limited(self, call: Call, retry_after: int) -> Reply:
        window = call.world.binance_limits.weight[call.route.venue]
        message = (
            f"Too much request weight used; current limit is {window.limit} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        reply = BinanceError(-1003, message, 429, retry_after).reply()
        used = max(window.limit + 1, window.used(call.request.peer, call.world.clock.now_ms()))
        reply.headers["X-MBX-USED-WEIGHT-1M"] = str(used)
        return reply

    def banned(self, call: Call, until_ms: int) -> Reply:
        message = (
            f"Way too much request weight used; IP banned until {until_ms}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        left = max(1, -(-(until_ms - call.world.clock.now_ms()) // 1000))
        return BinanceError(-1003, message, 418, left).reply()

    def answer(self, call: Call) -> Reply:
        if call.route.handler is None:
            return html_reply(404, "404 Not Found")
        try:
            call.params = dict(parameters(call.request))
            refusal = self._over_limit(call)
            if refusal is not None:
                return refusal
            if call.route.signed:
                authenticate(call)
                self._check_order_count(call)
            reply = json_reply(200, call.route.handler(call))
            if call.route.operation in _CREATES:
                self._count_order(call)
        except BinanceError as error:
            reply = error.reply()
            self._weigh_failure(call)
        reply.headers |= self._usage(call)
        return reply

    def _over_limit(self, call: Call) -> Reply | None:
        limits, peer, now = call.world.binance_limits, call.request.peer, call.world.clock.now_ms()
        window, route = limits.weight[call.route.venue], call.route
        if not call.world.limits_on["binance"]:
            return None
        weight = route.weight_of_all if route.weight_of_all and "symbol" not in call.params else route.weight
        over = window.add(peer, now, weight) > window.limit
        who = f"{route.venue} {peer}"
        until = limits.bans.until_ms(who, now)
        if until is None and over and limits.bans.strike(who) >= STRIKES_TO_BAN:
            until = now + BAN_MS
            limits.bans.ban(who, until)
        if until is not None:
            return self.banned(call, until)
        if over:
            return self.rate_limited(call, window.ends_in_s(now))
        limits.bans.forgive(who)
        return None

    def _check_order_count(self, call: Call) -> None:
        if call.route.operation not in _CREATES or not call.world.limits_on["binance"]:
            return
        units = {"10S": "10 SECOND", "1M": "1 MINUTE", "1D": "1 DAY"}
        for name, window in call.world.binance_limits.orders[call.route.venue].items():
            if window.used(call.account.name, call.now_ms) >= window.limit:
                message = f"Too many new orders; current limit is {window.limit} orders per {units[name]}."
                raise BinanceError(-1015, message, 429, window.ends_in_s(call.now_ms))

    def _weigh_failure(self, call: Call) -> None:
        """Creates and cancels are free of weight only when they succeed (since 2026-04-02)."""
        if call.route.weight == 0 and call.world.limits_on["binance"]:
            window = call.world.binance_limits.weight[call.route.venue]
            window.add(call.request.peer, call.world.clock.now_ms())

    def _count_order(self, call: Call) -> None:
        if not call.world.limits_on["binance"]:
            return
        for window in call.world.binance_limits.orders[call.route.venue].values():
            window.add(call.account.name, call.now_ms)

    def _usage(self, call: Call) -> dict[str, str]:
        limits, now = call.world.binance_limits, call.world.clock.now_ms()
        if not call.world.limits_on["binance"]:
            return {}
        used = str(limits.weight[call.route.venue].used(call.request.peer, now))
        headers = {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}
        if call.route.operation in _CREATES and call.credential is not None:
            for name, window in limits.orders[call.route.venue].items():
                headers[f"X-MBX-ORDER-COUNT-{name}"] = str(window.used(call.account.name, call.now_ms))
        return headers
