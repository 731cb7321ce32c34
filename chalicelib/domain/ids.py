"""Identifiers: ULIDs for events, and order ids that double as client order ids at the exchange."""

import re
import secrets
from datetime import UTC, datetime
from typing import Protocol

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"

ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


class RandomBits(Protocol):
    """`secrets.randbits`, or a seeded stand-in."""

    def __call__(self, bits: int, /) -> int: ...


class Ids:
    """Makes the identifiers of one deployment, told apart from others' by `prefix` (R29)."""

    def __init__(self, prefix: str, random_bits: RandomBits = secrets.randbits) -> None:
        self._prefix = prefix
        self._random_bits = random_bits
        self._ours = re.compile(f"({re.escape(prefix)}{_ULID})(?:-([2-9]|[1-9][0-9]))?")

    def event_id(self, now: datetime) -> str:
        """A ULID: 48 bits of milliseconds, 80 random bits; sorts by time."""
        return _ulid(now, self._random_bits(80))

    def order_ids(self, now: datetime, count: int) -> list[str]:
        """Prefix and ULID, at most 33 characters, so that `-nn` still fits in 36.

        Those of one event count up from one random number, as monotonic ULIDs do.
        """
        first = self._random_bits(80)
        return [self._prefix + _ulid(now, (first + number) % (1 << 80)) for number in range(count)]

    def own(self, client_order_id: str) -> tuple[str, int] | None:
        """Order id and attempt behind a client order id, or None if it is not of our pattern."""
        match = self._ours.fullmatch(client_order_id)
        return (match[1], int(match[2] or 1)) if match else None

    def made_at(self, order_id: str) -> datetime:
        """When an order id of ours was made, to the millisecond."""
        value = 0
        for digit in order_id[len(self._prefix) :][:10]:
            value = value * 32 + _CROCKFORD.index(digit)
        return datetime.fromtimestamp(value / 1000, UTC)


def first_event_id(at: datetime) -> str:
    """The smallest event id of that millisecond: where a range of events starts."""
    return _ulid(at, 0)


def _ulid(at: datetime, random_bits: int) -> str:
    value = (int(at.timestamp() * 1000) << 80) | random_bits
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def client_order_id(order_id: str, attempt: int) -> str:
    """What the exchange gets as client id: the order id, with `-n` from the second attempt on."""
    return order_id if attempt == 1 else f"{order_id}-{attempt}"
