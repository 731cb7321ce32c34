"""Failures on command: which requests they hit, how often, and what they do to them."""

import itertools
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

FaultKind = Literal[
    "timeout",  # no answer; the connection stays open until the client gives up
    "reset",  # the connection is reset
    "close",  # the connection is closed without an answer
    "error",  # `variant` of the exchange's failures, or `status` and `body` as given
    "garbage",  # HTTP 200 with something that is not JSON
    "truncated",  # the true answer, cut in the middle
    "slow",  # the true answer after `delay_ms`; with `taken`, acted upon before the wait
    "drip",  # the true answer, byte by byte over `delay_ms`
    "late",  # no answer, and the request arrives `delay_ms` later
    "invisible",  # the order that is created is found by nobody for `delay_ms`
    "engine_delay",  # `delay_ms` between the gateway's checks and the matching engine's
    "reject",  # the created order is acknowledged and then ends rejected with `reason`
    "rate_limit",  # 429 in the exchange's form, with `retry_after` where that has one
    "ban",  # all requests are refused for `retry_after` seconds
    "maintenance",  # all requests are refused until cleared
]
KINDS: tuple[str, ...] = get_args(FaultKind)
_LASTING = ("ban", "maintenance")


@dataclass
class Fault:
    """Hits `times` requests (None: every one) that fit all of the given fields."""

    kind: FaultKind
    exchange: str | None = None  # "binance", or a venue such as "binance-usdm"
    operation: str | None = None  # "create" fits "algo-create" too
    key: str | None = None
    times: int | None = 1
    taken: bool = False  # the exchange acts on the request before it fails
    delay_ms: int = 0
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    variant: str = "unknown"
    retry_after: int = 1
    reason: str = ""
    cancels: bool = True  # `invisible` hides the order from cancels too
    until_ms: int | None = None
    id: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")

    def fits(self, venue: str, operation: str, key: str) -> bool:
        return (
            self.exchange in (None, venue, venue.partition("-")[0])
            and self.operation in (None, operation, operation.removeprefix("algo-"))
            and self.key in (None, key)
        )


class Faults:
    """Those in force, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, fault: Fault, now_ms: int) -> int:
        fault.id = next(self._ids)
        if fault.kind in _LASTING:
            fault.times = None
        if fault.kind == "ban":
            fault.until_ms = now_ms + fault.retry_after * 1000
        self._faults.append(fault)
        return fault.id

    def clear(self, fault_id: int | None = None) -> None:
        self._faults = [] if fault_id is None else [fault for fault in self._faults if fault.id != fault_id]

    def take(self, venue: str, operation: str, key: str, now_ms: int) -> Fault | None:
        """The first that fits, used up by one."""
        self._faults = [fault for fault in self._faults if fault.until_ms is None or fault.until_ms > now_ms]
        for fault in self._faults:
            if fault.fits(venue, operation, key):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def __iter__(self) -> "itertools.chain[Fault]":
        return itertools.chain(self._faults)
