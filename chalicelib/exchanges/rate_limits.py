"""Keeps one account within its exchange's documented limits; what the exchange itself says wins.

Cancels pass before creates: a part of each budget is theirs alone.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime

from chalicelib.domain.clock import Clock, after, seconds_between
from chalicelib.exchanges.dialect import Budget, Call, LimitNews, Purpose

CANCELS_SHARE = 0.2
"""Of each budget, kept free of creates and reads."""


class RateLimiter:
    """Rolling windows by group, and the time until which the exchange wants to be left alone."""

    def __init__(self, budgets: Mapping[str, Budget], clock: Clock, blocked_until: datetime | None = None) -> None:
        self._budgets = budgets
        self._clock = clock
        self._spent: dict[str, deque[tuple[datetime, int]]] = {name: deque() for name in budgets}
        self.blocked_until = blocked_until

    def wait(self, call: Call) -> float:
        """Seconds until the call may go; 0 takes its place in the window."""
        now = self._clock.now()
        if self.blocked_until is not None and self.blocked_until > now:
            return seconds_between(now, self.blocked_until)
        budget = self._budgets.get(call.group)
        if budget is None:
            return 0.0
        spent = self._spent[call.group]
        while spent and seconds_between(spent[0][0], now) >= budget.seconds:
            spent.popleft()
        allowed = budget.calls if call.purpose is Purpose.CANCEL else max(1, int(budget.calls * (1 - CANCELS_SHARE)))
        if sum(weight for _, weight in spent) + call.weight > allowed and spent:
            return budget.seconds - seconds_between(spent[0][0], now)
        spent.append((now, call.weight))
        return 0.0

    def keep_away_until(self, until: datetime | None) -> None:
        """What another process learned of a ban."""
        if until is not None and (self.blocked_until is None or until > self.blocked_until):
            self.blocked_until = until

    def learn(self, news: LimitNews) -> bool:
        """Take in what an answer said; True if the exchange wants to be left alone for longer than we knew."""
        now = self._clock.now()
        if news.group is not None and news.group in self._budgets and news.left is not None and news.left <= 0:
            self._fill(news.group, now)
        if news.stay_away <= 0:
            return False
        until = after(now, news.stay_away)
        longer = self.blocked_until is None or until > self.blocked_until
        self.blocked_until = until if longer else self.blocked_until
        return longer

    def _fill(self, group: str, now: datetime) -> None:
        """The exchange counts more than we do (another process uses the key): its count holds."""
        missing = self._budgets[group].calls - sum(weight for _, weight in self._spent[group])
        if missing > 0:
            self._spent[group].append((now, missing))
