"""What an account may send now: documented budgets, the exchange's own counts, and blocks."""

import pytest

from chalicelib.domain.clock import after
from chalicelib.exchanges.dialect import Budget, Call, Left, LimitNews, Purpose
from chalicelib.exchanges.rate_limits import AddressLimits, RateLimiter
from tests.desk import TurnableClock

BUDGETS = {"orders": Budget(3, 10.0), "weight": Budget(100, 60.0, for_cancels=20, per_address=True)}
CREATE = Call("POST", "/order", purpose=Purpose.CREATE, group="orders")
READ = Call("GET", "/order", group="weight", weight=40)
CANCEL = Call("DELETE", "/order", purpose=Purpose.CANCEL, group="weight", weight=20)


@pytest.fixture
def limiter(clock: TurnableClock) -> RateLimiter:
    return RateLimiter(BUDGETS, clock)


def test_a_budget_is_rolling(limiter: RateLimiter, clock: TurnableClock) -> None:
    """The next call fits when the oldest one is as old as the window."""
    assert limiter.wait(CREATE) == 0
    clock.turn(4)
    assert [limiter.wait(CREATE) for _ in range(3)] == [0, 0, 6]
    clock.turn(6)
    assert [limiter.wait(CREATE) for _ in range(2)] == [0, 4]


def test_a_call_waits_until_enough_has_expired(limiter: RateLimiter, clock: TurnableClock) -> None:
    """A heavy one for several light ones."""
    light = Call("GET", "/time", group="weight", weight=25)
    for _ in range(3):
        limiter.wait(light)
        clock.turn(10)

    assert limiter.wait(READ) == 40


def test_cancels_pass_where_reads_and_creates_must_wait(limiter: RateLimiter) -> None:
    """A part of the shared budget is theirs alone."""
    assert [limiter.wait(READ) for _ in range(3)] == [0, 0, 60]

    assert [limiter.wait(CANCEL) for _ in range(2)] == [0, 60]


def test_the_exchanges_own_count_holds_where_it_is_larger(limiter: RateLimiter, clock: TurnableClock) -> None:
    """Another process uses the key."""
    limiter.wait(CREATE)
    clock.turn(1)

    limiter.learn(LimitNews(left=[Left("orders", 1)]))

    assert [limiter.wait(CREATE) for _ in range(2)] == [0, 9]


def test_a_count_that_is_smaller_than_ours_changes_nothing(limiter: RateLimiter) -> None:
    """Calls are still under way that it does not know of."""
    limiter.wait(CREATE)
    limiter.wait(CREATE)

    limiter.learn(LimitNews(left=[Left("orders", 3), Left("unheard of", 0)]))

    assert [limiter.wait(CREATE) for _ in range(2)] == [0, 10]


@pytest.mark.parametrize(("resets_in", "seconds"), [(0.4, 0.4), (None, 10.0)])
def test_with_nothing_left_the_group_is_closed_until_it_starts_anew(
    limiter: RateLimiter, resets_in: float | None, seconds: float
) -> None:
    """Other groups go on."""
    assert not limiter.learn(LimitNews(left=[Left("orders", 0, resets_in)], refused=True))

    assert limiter.wait(CREATE) == seconds
    assert limiter.wait(CANCEL) == 0
    assert limiter.blocked_until is None


def test_a_block_stops_everything_cancels_too(limiter: RateLimiter, clock: TurnableClock) -> None:
    """For as long as the exchange says; a shorter one is no news."""
    assert limiter.learn(LimitNews(30.0, refused=True))
    assert not limiter.learn(LimitNews(20.0, refused=True))

    assert (limiter.wait(CANCEL), limiter.wait(CREATE)) == (30, 30)
    clock.turn(30)
    assert (limiter.wait(CANCEL), limiter.wait(CREATE)) == (0, 0)


def test_what_another_process_learned_of_a_ban_counts_too(limiter: RateLimiter, clock: TurnableClock) -> None:
    """The later end of the two."""
    limiter.keep_away_until(after(clock.now(), 50))
    limiter.keep_away_until(after(clock.now(), 40))
    limiter.keep_away_until(None)

    assert limiter.wait(CREATE) == 50


def test_accounts_behind_one_address_share_its_weight_and_its_block(clock: TurnableClock) -> None:
    """Not their own counts of orders."""
    address = AddressLimits(BUDGETS, clock)
    one, other = RateLimiter(BUDGETS, clock, address), RateLimiter(BUDGETS, clock, address)
    for _ in range(3):
        one.wait(CREATE)
    one.wait(READ)
    one.wait(READ)

    assert (other.wait(CREATE), other.wait(READ)) == (0, 60)
    one.learn(LimitNews(5.0, refused=True))
    assert other.wait(CREATE) == 0
    one.learn(LimitNews(9.0, refused=True, whole_address=True))
    assert other.wait(CREATE) == 9
