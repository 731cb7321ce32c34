"""What befalls the system while clients are busy: processes killed, exchanges that fail, prices that move."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.system.chaos_stage import ACCOUNTS, KILLED, Stage, spread

_FAULT_EVERY = 0.25
_KILL_EVERY = 4.0
_EVERYTHING = 0.2
"""How many of the kills take the whole stack."""

_MOVE_EVERY = 4.0
_MARKETS = {"BTC": (60_000, 0.003), "ETH": (3_000, 0.06)}
"""Price, and the quantity of one order."""

_OPERATIONS = {"create": 5, "cancel": 3, "query": 2, "open": 1}
_AMBIGUOUS = ("unknown", "bad_gateway", "gateway_timeout")
_ANY_FAILURE = (*_AMBIGUOUS, "internal", "throttled", "maintenance", "unavailable")


class Weather:
    """Kills and faults in threads of their own, until `stop`; what went wrong in a thread is raised there."""

    def __init__(self, stage: Stage, seed: int, killing_every: float = _KILL_EVERY) -> None:
        self._stage = stage
        self._stopping = threading.Event()
        self._failures: list[Exception] = []
        works = (self._fault, _FAULT_EVERY), (self._move, _MOVE_EVERY), (self._kill, killing_every)
        self._threads = [
            threading.Thread(
                target=self._repeat, args=(random.Random(f"{seed} {work.__name__}"), work, mean), daemon=True
            )
            for work, mean in works
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> Counter[str]:
        """Calm: no kills, no faults, prices as they were. Returns how many requests each kind of fault hit."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]
        self._stage.simulate("clear_faults")
        for venue in ACCOUNTS:
            self._set_prices(venue, 1)
        return Counter(row["fault"] for row in self._stage.simulate("requests") if row["fault"])

    def _repeat(self, dice: random.Random, work: Callable[[random.Random], None], mean: float) -> None:
        try:
            while not self._stopping.wait(spread(dice, mean)):
                work(dice)
        except Exception as error:
            self._failures.append(error)

    def _kill(self, dice: random.Random) -> None:
        if dice.random() < _EVERYTHING:
            self._stage.kill_everything(pause=dice.uniform(0, 3))
        else:
            self._stage.kill_process(dice.choice(KILLED))

    def _fault(self, dice: random.Random) -> None:
        venue = dice.choice(list(ACCOUNTS))
        operation = dice.choices(list(_OPERATIONS), list(_OPERATIONS.values()))[0]
        self._stage.simulate("fault", exchange=venue, **_drawn_fault(dice, venue, operation))

    def _move(self, dice: random.Random) -> None:
        """A fall that fills resting orders, or a rise that triggers stops, until the market is empty."""
        venue = dice.choice(list(ACCOUNTS))
        factor = dice.choice([dice.uniform(0.85, 0.98), dice.uniform(1.02, 1.1)])
        self._set_prices(venue, factor, orders=dice.uniform(0.3, 6))
        time.sleep(0.1)
        self._set_prices(venue, 1)

    def _set_prices(self, venue: str, factor: float, orders: float | None = None) -> None:
        """`orders`: as many as the market has the liquidity for."""
        for base, (price, quantity) in _MARKETS.items():
            market = {"venue": venue, "symbol": f"USDT-{base}" if venue == "upbit" else f"{base}USDT"}
            liquidity = None if orders is None else f"{quantity * orders:.3f}"
            self._stage.simulate("set_liquidity", **market, quantity=liquidity)
            self._stage.simulate("set_price", **market, price=str(int(price * factor)))


def _drawn_fault(dice: random.Random, venue: str, operation: str) -> dict[str, Any]:
    """One of those that an honest exchange may show: what is refused for certain was not taken."""
    taken = dice.random() < 0.6
    kinds: list[dict[str, Any]] = [
        {"kind": "slow", "taken": taken, "delay_ms": dice.randint(300, 7000)},
        {"kind": "slow", "taken": True, "delay_ms": dice.randint(300, 3000)},
        {"kind": dice.choice(["reset", "close", "timeout"]), "taken": taken},
        {"kind": "error", "taken": taken, "variant": dice.choice(_AMBIGUOUS if taken else _ANY_FAILURE)},
        {"kind": dice.choice(["garbage", "truncated"]), "taken": taken},
        {"kind": "late", "taken": taken, "delay_ms": dice.randint(300, 5000)},
        {"kind": "rate_limit", "retry_after": dice.randint(1, 2)},
    ]
    if operation == "create":
        kinds += [{"kind": "invisible", "delay_ms": dice.randint(500, 5000), "cancels": taken}] * 2
        kinds += [{"kind": "reject", "reason": "EC_Others"}] if venue.startswith("bybit") else []
    return {"operation": operation, **dice.choice(kinds)}
