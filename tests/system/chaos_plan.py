"""What clients will do, drawn before it begins: alerts, their resends, and cancels at the worst moments."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.system.chaos_stage import SYMBOLS, TOKEN

_KINDS = {"MARKET": 25, "LIMIT": 40, "STOP_MARKET": 8, "STOP_LIMIT": 8, "CANCEL": 15, "CANCEL_ALL": 4}
_STRATEGIES = {"everywhere": 4, "bybit": 2, "binance": 2, "upbit": 2}
_PRICES = {"BTC/USDT": (60_000, "0.003"), "ETH/USDT": (3_000, "0.06")}
_RESENT = 0.3
_CANCELLED = 0.45
_SOON = 4.0


@dataclass(frozen=True, slots=True)
class SendAlert:
    """Send this body, again and again until it is answered; a resend is one more of the same."""

    at: float
    body: Mapping[str, Any]

    @property
    def alert_id(self) -> str:
        return str(self.body["alert_id"])


@dataclass(frozen=True, slots=True)
class CancelOrders:
    """Ask the admin API to cancel every order that came of that alert."""

    at: float
    strategy: str
    alert_id: str


Step = SendAlert | CancelOrders


def draw_plan(dice: random.Random, alerts: int, seconds: float) -> list[Step]:
    """So many alerts within these seconds, and what belongs to them, in order of time."""
    plan: list[Step] = []
    sent: list[SendAlert] = []
    for number, at in enumerate(sorted(dice.uniform(0, seconds) for _ in range(alerts))):
        step = SendAlert(at, _body(dice, f"alert-{number:05}", sent[-20:]))
        sent += [step] if "tag" in step.body and step.body["order_type"] != "CANCEL" else []
        plan += [step, *_resends(dice, step), *_cancels(dice, step)]
    return sorted(plan, key=lambda step: step.at)


def _body(dice: random.Random, alert_id: str, earlier: list[SendAlert]) -> dict[str, Any]:
    kind = _drawn(dice, _KINDS)
    strategy = _drawn(dice, _STRATEGIES)
    body: dict[str, Any] = {"token": TOKEN, "alert_id": alert_id, "strategy": strategy, "order_type": kind}
    if kind == "CANCEL_ALL":
        return body if dice.random() < 0.3 else {**body, "symbol": dice.choice(SYMBOLS)}
    if kind == "CANCEL" and earlier:
        target = dice.choice(earlier).body
        return {**body, "strategy": target["strategy"], "tag": target["tag"]}
    kind = "LIMIT" if kind == "CANCEL" else kind
    symbol = dice.choice(list(SYMBOLS))
    order = {"symbol": symbol, "side": "buy", "tag": alert_id, "order_type": kind}
    return {**body, **order, **_terms(dice, kind, *_PRICES[symbol])}


def _terms(dice: random.Random, kind: str, price: int, quantity: str) -> dict[str, str]:
    """Limits lie below the market, where falling prices reach some of them; stops lie above it."""
    below, above = str(int(price * dice.uniform(0.8, 0.98))), str(int(price * dice.uniform(1.02, 1.2)))
    match kind:
        case "MARKET":
            return {"quote_amount": "200"}
        case "LIMIT":
            return {"quantity": quantity, "price": below}
        case "STOP_MARKET":
            return {"quantity": quantity, "stop_price": above}
        case _:
            return {"quantity": quantity, "stop_price": above, "price": above}


def _resends(dice: random.Random, step: SendAlert) -> Iterator[SendAlert]:
    """At the same moment, or some seconds later."""
    while dice.random() < _RESENT:
        yield SendAlert(step.at + dice.choice([0, dice.uniform(0, 3)]), step.body)


def _cancels(dice: random.Random, step: SendAlert) -> Iterator[CancelOrders]:
    if "tag" not in step.body or step.body["order_type"] == "CANCEL":
        return
    while dice.random() < _CANCELLED:
        yield CancelOrders(step.at + dice.uniform(0, _SOON), step.body["strategy"], step.alert_id)


def _drawn(dice: random.Random, weights: Mapping[str, int]) -> str:
    return dice.choices(list(weights), list(weights.values()))[0]
