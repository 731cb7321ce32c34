"""Those who send alerts and ask for cancels, and remember what they were told."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpx

from tests.system.chaos_books import Told
from tests.system.chaos_plan import CancelOrders, SendAlert, Step
from tests.system.stack import Stack

THREADS = 24
_PATIENCE = 40.0
"""Seconds for which a client repeats what was not answered."""

_TOO_LATE = 10.0
"""Seconds after which a step is left out: a machine that is too slow for the plan shall still come to its end."""

_REPEATED = frozenset({502, 503, 504})
"""Answers that promise nothing, and of which a client knows that it should try again."""


class Clients:
    """Carries a plan out with several threads. `counts`: what was sent and answered; `told`: what they rely on."""

    def __init__(self, stack: Stack, plan: Sequence[Step], seed: int) -> None:
        self.told = Told()
        self.counts: Counter[str] = Counter()
        self._stack = stack
        self._plan = iter(plan)
        self._orders: dict[str, list[str]] = {}
        """By alert_id, the orders that its answer named."""
        self._bodies: dict[str, Any] = {}
        self._targets: dict[str, set[str]] = {}
        """By the alert_id of a CANCEL, what it must find, as known when it was first sent."""
        self._lock = threading.Lock()
        self._failures: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._work, args=(random.Random(f"{seed} client {number}"),), daemon=True)
            for number in range(THREADS)
        ]

    def start(self) -> None:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def busy(self) -> bool:
        """Whether anybody has something left to do."""
        return any(thread.is_alive() for thread in self._threads)

    def finish(self) -> None:
        """Wait for the end of the plan. Raises what went wrong in a thread."""
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _work(self, dice: random.Random) -> None:
        try:
            while (step := self._next()) is not None:
                early = self._began + step.at - time.monotonic()
                if early > -_TOO_LATE:
                    time.sleep(max(0.0, early))
                    self._take(step, dice)
                else:
                    with self._lock:
                        self.counts["left out"] += 1
        except Exception as error:
            self._failures.append(error)

    def _next(self) -> Step | None:
        with self._lock:
            return next(self._plan, None)

    def _take(self, step: Step, dice: random.Random) -> None:
        if isinstance(step, SendAlert):
            self._send(step, dice)
        else:
            self._cancel(step, dice)

    def _send(self, step: SendAlert, dice: random.Random) -> None:
        with self._lock:
            if step.alert_id not in self._bodies:
                self.counts["alerts"] += 1
                self._bodies[step.alert_id] = step.body
                self._targets[step.alert_id] = self._known_targets(step)
        answer = self._repeat(lambda: self._stack.alert(**step.body), dice)
        if answer is not None:
            with self._lock:
                self._hear(step, answer)

    def _hear(self, step: SendAlert, answer: httpx.Response) -> None:
        if answer.status_code not in (200, 202):
            self.told.unexpected.append((step.alert_id, f"answered {answer.status_code}: {answer.text[:300]}"))
            return
        said = answer.json()
        first = step.alert_id not in self.told.events
        self.counts["duplicates"] += said["duplicate"]
        self.told.events[step.alert_id].add(said["event_id"])
        if not first:
            return
        results = [row["order_id"] for row in said["execution_results"]]
        if step.body["order_type"] in ("CANCEL", "CANCEL_ALL"):
            self.counts["cancels accepted by alert"] += len(results)
            self.told.targets[step.alert_id] = self._targets[step.alert_id]
        else:
            self._orders[step.alert_id] = results

    def _known_targets(self, step: SendAlert) -> set[str]:
        """Orders that a CANCEL of now must find: those of which somebody has been told already."""
        kind = step.body["order_type"]
        if kind not in ("CANCEL", "CANCEL_ALL"):
            return set()
        found: set[str] = set()
        for alert_id, orders in self._orders.items():
            body = self._bodies[alert_id]
            wanted = body["strategy"] == step.body["strategy"] and all(
                step.body.get(name) in (None, body[name]) for name in ("tag", "symbol")
            )
            found |= set(orders) if wanted else set()
        return found

    def _cancel(self, step: CancelOrders, dice: random.Random) -> None:
        for order_id in self._orders_of(step, dice):
            path = f"/api/v1/cancel-queue/orders/{order_id}/cancel"
            answer = self._repeat(lambda path=path: self._stack.call("POST", path), dice)  # type: ignore[misc]
            if answer is not None:
                with self._lock:
                    self._hear_of_cancel(order_id, answer)

    def _hear_of_cancel(self, order_id: str, answer: httpx.Response) -> None:
        status = answer.status_code
        self.counts[f"cancels by the API: {status}"] += 1
        if status in (200, 202):
            self.told.cancels[order_id] = min(status, self.told.cancels.get(order_id, status))
        elif status != 409:
            self.told.unexpected.append((order_id, f"its cancel was answered {status}: {answer.text[:300]}"))

    def _orders_of(self, step: CancelOrders, dice: random.Random) -> Iterable[str]:
        """As its answer named them; while there is none, as the list of orders shows them: they are still PENDING."""
        with self._lock:
            known = list(self._orders.get(step.alert_id, ()))
        if known:
            return known
        path = f"/api/v1/orders?strategy_id={step.strategy}&limit=100"
        listed = self._repeat(lambda: self._stack.call("GET", path), dice)
        if listed is None or listed.status_code != 200:
            return []
        return [row["order_id"] for row in listed.json()["items"] if row["tag"] == step.alert_id]

    def _repeat(self, request: Callable[[], httpx.Response], dice: random.Random) -> httpx.Response | None:
        """The answer, asked for again as long as there is none; None for who lost patience."""
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends:
            with self._lock:
                self.counts["requests"] += 1
            try:
                answer = request()
            except httpx.TransportError:
                with self._lock:
                    self.counts["unanswered requests"] += 1
            else:
                if answer.status_code not in _REPEATED:
                    return answer
                with self._lock:
                    self.counts[f"answers {answer.status_code}"] += 1
            time.sleep(dice.uniform(0.3, 1.5))
        with self._lock:
            self.counts["given up"] += 1
        return None
