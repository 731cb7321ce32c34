"""Identifiers: ULIDs that sort by time, order ids that are client order ids, and whose they are (R29)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ids import Ids, client_order_id, first_event_id
from tests.domain.rows import NOW

ULID = "01JD6Z4N3Q8V5W2X7Y9ABCDEFG"
CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")

moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
prefixes = st.sampled_from(["a", "dev-", "test-", "prod42-", "A_b-9--"])
random_bits = st.integers(0, 2**80 - 1)


@given(moments, st.integers(2, 10**12), random_bits, random_bits)
def test_event_ids_sort_by_time(moment: datetime, later_by: int, first: int, second: int) -> None:
    """Whatever their random parts are; they are told apart by the millisecond."""
    earlier = Ids("x", lambda _: first).event_id(moment)
    later = Ids("x", lambda _: second).event_id(moment + timedelta(milliseconds=later_by))

    assert earlier < later


@given(moments, random_bits)
def test_no_event_id_of_a_moment_is_smaller_than_its_first(moment: datetime, bits: int) -> None:
    """Where a range of recent events starts (R22)."""
    assert first_event_id(moment) <= Ids("x", lambda _: bits).event_id(moment)


@given(moments, random_bits, prefixes, st.integers(1, 99))
def test_every_attempt_fits_where_the_exchanges_allow_least(
    moment: datetime, bits: int, prefix: str, attempt: int
) -> None:
    """At most 36 letters, digits, _ and -; and each one leads back to its order and attempt."""
    ids = Ids(prefix, lambda _: bits)
    order_id = ids.order_ids(moment, 3)[1]

    sent = client_order_id(order_id, attempt)

    assert CLIENT_ORDER_ID.fullmatch(sent)
    assert ids.own(sent) == (order_id, attempt)


def test_the_first_attempt_is_sent_under_the_order_id_itself() -> None:
    """The order id is the client order id."""
    assert client_order_id("test-1", 1) == "test-1"
    assert client_order_id("test-1", 2) == "test-1-2"


@given(st.text(max_size=40))
def test_no_other_text_is_taken_for_ours(text: str) -> None:
    """R29: people and other programs trade on the same account."""
    assert Ids("test-").own(text) is None


@pytest.mark.parametrize(
    "foreign",
    [
        ULID,
        f"prod-{ULID}",
        f"xtest-{ULID}",
        f"test{ULID}",
        f"test-{ULID[:-1]}",
        f"test-{ULID}A",
        f"test-{ULID.lower()}",
        f"test-{ULID.replace('J', 'I')}",
        f"test-8{ULID[1:]}",
        f"test-{ULID}-",
        f"test-{ULID}-x",
        f"test-{ULID}-100",
        f" test-{ULID}",
    ],
)
def test_what_only_resembles_ours_is_left_alone(foreign: str) -> None:
    """R29: the full pattern: prefix, ULID, and perhaps the attempt."""
    assert Ids("test-").own(foreign) is None


def test_a_prefix_is_no_pattern() -> None:
    """Characters that mean something in a regular expression mean themselves."""
    assert Ids("a.c").own(f"abc{ULID}") is None
    assert Ids("a.c").own(f"a.c{ULID}") == (f"a.c{ULID}", 1)


def test_ids_of_one_moment_differ() -> None:
    """Twenty accounts are ordered for in the same millisecond."""
    ids = Ids("test-")

    assert len({order_id for _ in range(10) for order_id in ids.order_ids(NOW, 100)}) == 1000
