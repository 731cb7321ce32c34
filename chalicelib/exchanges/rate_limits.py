"""Keeps one account within its exchange's documented limits; what the exchange itself says wins.

Cancels pass before creates and reads: where they share a budget, a part of it is theirs alone.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime

from chalicelib.domain.clock import Clock, after, seconds_between
from chalicelib.exchanges.dialect import Budget, Call, Left, LimitNews, Purpose


class Window:
    """One budget, rolling; the exchange's own count of it holds where it is larger than ours."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._spent: deque[tuple[datetime, int]] = deque()
        self._closed_until: datetime | None = None

    def wait(self, call: Call) -> float:
        """Seconds until the call fits; it takes no place yet."""
        now = self._clock.now()
        self._expire(now)
        if self._closed_until is not None and now < self._closed_until:
            return seconds_between(now, self._closed_until)
        kept = 0 if call.purpose is Purpose.CANCEL else self._budget.for_cancels
        excess = self._used() + call.weight - (self._budget.calls - kept)
        for at, weight in self._spent:
            if excess <= 0:
                break
            excess -= weight
            wait = self._budget.seconds - seconds_between(at, now)
            if excess <= 0:
                return wait
        return 0.0

    def take(self, call: Call) -> None:
        """The call goes now."""
        self._spent.append((self._clock.now(), call.weight))

    def learn(self, left: Left) -> None:
        """The exchange counts more than we do where others use the key or the address; with nothing left, nobody
        tries until the count starts anew."""
        now = self._clock.now()
        self._expire(now)
        if left.calls <= 0:
            self._closed_until = after(now, self._budget.seconds if left.resets_in is None else left.resets_in)
            if left.resets_in is not None:  # then the count starts anew, whatever we had counted
                self._spent.clear()
            return
        missing = self._budget.calls - left.calls - self._used()
        if missing > 0:
            self._spent.append((now, missing))

    def use(self, left: int | None = None) -> float:
        """Percent of the budget that is used up: by what the exchange says is left, else as we count."""
        self._expire(self._clock.now())
        used = self._used() if left is None else self._budget.calls - left
        return min(100.0, 100 * max(0, used) / self._budget.calls)

    def _used(self) -> int:
        return sum(weight for _, weight in self._spent)

    def _expire(self, now: datetime) -> None:
        while self._spent and seconds_between(self._spent[0][0], now) >= self._budget.seconds:
            self._spent.popleft()


class AddressLimits:
    """What all accounts behind one network address share at a market: budgets, and a block."""

    def __init__(self, budgets: Mapping[str, Budget], clock: Clock) -> None:
        self.windows = {name: Window(budget, clock) for name, budget in budgets.items() if budget.per_address}
        self.blocked_until: datetime | None = None


class RateLimiter:
    """One account's limits, its address's among them, and the time until which it is to be left alone."""

    def __init__(self, budgets: Mapping[str, Budget], clock: Clock, address: AddressLimits | None = None) -> None:
        self._clock = clock
        self._address = address or AddressLimits(budgets, clock)
        own = {name: Window(budget, clock) for name, budget in budgets.items() if not budget.per_address}
        self._windows = {**own, **self._address.windows}
        self._blocked_until: datetime | None = None

    @property
    def blocked_until(self) -> datetime | None:
        """The later of the account's block and its address's; None where there never was one."""
        known = [until for until in (self._blocked_until, self._address.blocked_until) if until is not None]
        return max(known, default=None)

    def wait(self, call: Call) -> float:
        """Seconds until the call may go; 0 takes its place in the window."""
        now, blocked_until = self._clock.now(), self.blocked_until
        if blocked_until is not None and blocked_until > now:
            return seconds_between(now, blocked_until)
        window = self._windows.get(call.group)
        if window is None:
            return 0.0
        wait = window.wait(call)
        if wait <= 0:
            window.take(call)
        return max(0.0, wait)

    def use(self, call: Call, news: LimitNews) -> float:
        """Percent of its limits that are used up after the call: by the exchange's own counts where it tells them."""
        if news.stay_away > 0:
            return 100.0
        told = [self._windows[left.group].use(left.calls) for left in news.left if left.group in self._windows]
        if told:
            return max(told)
        window = self._windows.get(call.group)
        return window.use() if window else 0.0

    def keep_away_until(self, until: datetime | None) -> None:
        """What another process learned of a ban."""
        if until is not None and (self._blocked_until is None or until > self._blocked_until):
            self._blocked_until = until

    def learn(self, news: LimitNews) -> bool:
        """Take in what an answer said; True if the exchange wants to be left alone for longer than we knew."""
        for left in news.left:
            if left.group in self._windows:
                self._windows[left.group].learn(left)
        if news.stay_away <= 0:
            return False
        until, known = after(self._clock.now(), news.stay_away), self.blocked_until
        if known is not None and until <= known:
            return False
        if news.whole_address:
            self._address.blocked_until = until
        else:
            self._blocked_until = until
        return True
