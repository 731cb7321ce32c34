"""Faults to plant in our own code, one line each: what the simulation must never let pass."""

from dataclasses import dataclass

PLACING = "chalicelib/usecases/placing.py"
ALERTS = "chalicelib/usecases/alerts.py"
CANCELLING = "chalicelib/usecases/cancelling.py"
REQUESTS = "chalicelib/usecases/cancel_requests.py"
TARGETS = "chalicelib/usecases/cancel_alerts.py"
RECORDING = "chalicelib/usecases/recording.py"
RECONCILE = "chalicelib/usecases/reconcile.py"
SETTLING = "chalicelib/usecases/settling.py"
ORPHANS = "chalicelib/usecases/orphans.py"
SERVICES = "chalicelib/usecases/services.py"
SWEEP = "chalicelib/usecases/sweep.py"
CATALOG = "chalicelib/usecases/catalog.py"
VERDICTS = "chalicelib/domain/verdicts.py"
ORDERS = "chalicelib/domain/orders.py"
CANCELS = "chalicelib/domain/cancels.py"
EVENTS = "chalicelib/domain/events.py"
EXCHANGE = "chalicelib/exchanges/http_exchange.py"
BINANCE = "chalicelib/exchanges/binance/codes.py"
WAKER = "chalicelib/aws/waker.py"
POLICIES = "infra/policies.yaml"


@dataclass(frozen=True, slots=True)
class Plant:
    """`text` stands exactly once in the file at `path`; with `instead` in its place, `rule` is broken."""

    name: str
    rule: str
    path: str
    text: str
    instead: str

    def planted_in(self, source: str) -> str:
        """The source with the fault. Raises ValueError where the code has changed and the fault has no place."""
        if source.count(self.text) != 1:
            raise ValueError(f"{self.name}: its text stands {source.count(self.text)} times in {self.path}")
        return source.replace(self.text, self.instead)


PLANTED = (
    # Writing
    Plant(
        "sent without a record",
        "R1",
        PLACING,
        "        await services.store.commit(Update(order, sending))",
        "        pass",
    ),
    Plant(
        "venue taken from today's settings",
        "R1",
        SERVICES,
        "services.exchanges.session(account, order.venue, ban",
        "services.exchanges.session(account, services.exchanges.venue_for(account), ban",
    ),
    Plant(
        "time stamp read at signing",
        "R2",
        EXCHANGE,
        "int(timestamp.timestamp() * 1000)",
        "int(self._exchange_clock.now().timestamp() * 1000)",
    ),
    Plant(
        "window longer than the deadline",
        "R2",
        PLACING,
        "window = min(RECV_WINDOW, seconds_between(timestamp, order.deadline))",
        "window = RECV_WINDOW",
    ),
    Plant(
        "failed condition ignored by the sender",
        "R3",
        PLACING,
        "on the next look.\n        return await services.store.get(Order, order.order_id) or order",
        "on the next look.\n        pass",
    ),
    Plant(
        "decision not taken again on conflict",
        "R3",
        RECORDING,
        "            current = await _reread(services, current)",
        "            import dataclasses\n\n"
        "            fresh = await _reread(services, current)\n"
        "            current = dataclasses.replace(current, version=fresh.version)",
    ),
    Plant(
        "condition dropped from the alert",
        "R24",
        ALERTS,
        "changes: list[Change] = [Check(setup.strategy), *(",
        "changes: list[Change] = [*(",
    ),
    # Evidence
    Plant(
        "fill added from a delta",
        "R5",
        VERDICTS,
        '"filled_quantity": max(order.filled_quantity, found.filled_quantity)',
        '"filled_quantity": order.filled_quantity + found.filled_quantity',
    ),
    Plant(
        "older answer believed",
        "R5",
        VERDICTS,
        "        return found.updated_at < order.exchange_updated_at\n",
        "        return False\n",
    ),
    Plant(
        "evidence ignored on a final state",
        "R5",
        VERDICTS,
        "    if _is_older(order, found):",
        "    if order.terminal or _is_older(order, found):",
    ),
    Plant(
        "order ended without its request",
        "R6",
        RECORDING,
        "        return [Update(request, request.succeeded(now, end_of(new)))]",
        "        return []",
    ),
    Plant(
        "TTL on a live order",
        "R7",
        ORDERS,
        'ends: dict[str, Any] = {"ttl": None}',
        'ends: dict[str, Any] = {"ttl": int((now + RETENTION).timestamp())}',
    ),
    Plant(
        "TTL on a failed cancel",
        "R7",
        CANCELS,
        "waits=0, next_retry_at=next_at, last_error=why)",
        "waits=0, next_retry_at=next_at, last_error=why, ttl=1)",
    ),
    # Placing
    Plant(
        "lost answer read as not placed",
        "R8",
        EXCHANGE,
        'return Unknown(f"the answer was lost: {type(error).__name__}")\n        return self._dialect.read_create',
        'return NotPlaced("LOST", "", retry=True)\n        return self._dialect.read_create',
    ),
    Plant(
        "unlisted answer read as a refusal",
        "R8",
        BINANCE,
        "return NotPlaced(str(code), message) if code in _PERMANENT else Unknown(message)",
        "return NotPlaced(str(code), message)",
    ),
    Plant(
        "create retried on timeout",
        "R9",
        PLACING,
        "if not isinstance(outcome, NotPlaced) or not outcome.retry or outcome.id_spent:\n            break",
        "if not isinstance(outcome, NotPlaced | Unknown):\n            break\n"
        '        outcome = NotPlaced("", "", retry=True)',
    ),
    Plant(
        "create repeated without reading the row",
        "R9",
        PLACING,
        "        if row is None or row.version != order.version:\n            break\n        outcome",
        "        if row is None:\n            break\n        outcome",
    ),
    Plant(
        "market order sent again",
        "R9",
        VERDICTS,
        "    if again and order.order_type is not OrderType.MARKET and _may_try_again(order, now, policy):",
        "    if (again or absent_seen) and _may_try_again(order, now, policy):",
    ),
    Plant(
        "new attempt under the old client id",
        "R9",
        VERDICTS,
        "            attempt=order.attempt + 1,",
        "            attempt=order.attempt,",
    ),
    Plant(
        "sent however late",
        "R10",
        PLACING,
        "if row.send_by is not None and now >= row.send_by:",
        "if row.send_by is None:",
    ),
    Plant(
        "switch not looked at before sending",
        "R10",
        PLACING,
        "return verdicts.halted(row, now, by, why_not) if why_not else row",
        "return row",
    ),
    Plant(
        "cancel flag not looked at after the ack",
        "R11",
        PLACING,
        "    if order.cancel_requested and not order.terminal:\n        await process_cancel",
        "    if order.cancel_requested and order.terminal:\n        await process_cancel",
    ),
    Plant(
        "absence believed at once",
        "R12",
        VERDICTS,
        "    if first is None or now < after(first, SIGHTINGS_APART):",
        "    if False:",
    ),
    Plant(
        "absence believed before the engine's time is over",
        "R12",
        VERDICTS,
        "return after(order.deadline, ENGINE_TIMEOUT + READ_LAG) if order.deadline else None",
        "return order.deadline",
    ),
    Plant(
        "absence believed of an order that was seen",
        "R12",
        VERDICTS,
        "    if order.seen_on_exchange:\n        return UNSEEN",
        "    if False:\n        return UNSEEN",
    ),
    Plant(
        "failed look-up taken for absence",
        "R12",
        EXCHANGE,
        "        return failed or Absent()",
        "        return Absent()",
    ),
    Plant(
        "Upbit's requests thought to expire",
        "R12",
        "chalicelib/domain/venues.py",
        "VenueFacts(requests_expire=False)",
        "VenueFacts()",
    ),
    Plant(
        "Upbit's client id not used up",
        "R12",
        VERDICTS,
        "    return sent and ends_by_id and order.past_deadline(exchange_now)",
        "    return False",
    ),
    Plant(
        "absent order not looked at again",
        "R12",
        ORDERS,
        'ends = {"check_at": after(now, WATCH_AFTER[0]) if watched else None, "checks": 1 if watched else 0}',
        'ends = {"check_at": None, "checks": 0}',
    ),
    Plant(
        "another order adopted as ours",
        "R13",
        ORDERS,
        "        return names_equal and amounts_equal",
        "        return names_equal",
    ),
    Plant(
        "earlier attempt left alone",
        "R13",
        SETTLING,
        "    if not shown.status.terminal:\n        announce_orphan",
        "    if shown.status.terminal:\n        announce_orphan",
    ),
    # Cancelling
    Plant(
        "request stored without the flag",
        "R14",
        REQUESTS,
        "return StoredCancel(flagged, new), [Update(order, flagged), Insert(new)]",
        "return StoredCancel(flagged, new), [Insert(new)]",
    ),
    Plant(
        "missing request not restored",
        "R14",
        RECONCILE,
        "    if order.cancel_requested and not order.terminal:\n        await _restore_missing",
        "    if order.cancel_requested and order.terminal:\n        await _restore_missing",
    ),
    Plant(
        "lease ignored",
        "R15",
        CANCELS,
        "return self.status is CancelStatus.PROCESSING and self.next_retry_at <= now",
        "return self.status is CancelStatus.PROCESSING",
    ),
    Plant(
        "cancel of an order being sent taken for done",
        "R16",
        CANCELLING,
        "    if order.terminal:\n        return await _finish(services, order, request)\n    session",
        "    if order.terminal or order.placement is Placement.SENDING:\n"
        "        return await _finish(services, order, request)\n    session",
    ),
    Plant(
        "throttled cancel counted as refused",
        "R17",
        CANCELLING,
        "request.waits_on(now, message, not_before=retry_after))",
        "request.refused(now, message, services.policy.max_cancel_retries))",
    ),
    Plant(
        "failed cancel given up",
        "R17",
        RECONCILE,
        "if request is not None and request.status is CancelStatus.FAILED:",
        "if request is None:",
    ),
    Plant(
        "hand-over not looked at again",
        "R18",
        CANCELLING,
        "if not waits or budget.remaining() <= 0 or not await _has_left(services, order):",
        "if True:",
    ),
    Plant(
        "order not found taken for cancelled",
        "R19",
        CANCELLING,
        "    if seen.terminal:\n        return await _finish(services, seen, request)",
        "    if seen.terminal or isinstance(outcome, NotFound):\n        return await _finish(services, seen, request)",
    ),
    Plant(
        "acknowledged cancel taken for the end",
        "R19",
        CANCELLING,
        "    if seen.terminal:\n        return await _finish(services, seen, request)",
        '    if seen.terminal or type(outcome).__name__ == "CancelAcknowledged":\n'
        "        return await _finish(services, seen, request)",
    ),
    Plant(
        "deleted request leaves its flag",
        "R20",
        REQUESTS,
        "changes.append(Update(order, order.changed(services.clock.now(), cancel_requested_at=None)))",
        "changes.append(Check(order))",
    ),
    # Alerts
    Plant(
        "alert not remembered",
        "R21",
        ALERTS,
        "*([Insert(key, or_expired_at=now)] if key else []), Insert(event)]",
        "Insert(event)]",
    ),
    Plant(
        "CANCEL_ALL trusts its index",
        "R22",
        TARGETS,
        "    names.update(order_id for event in events if not event.is_cancel for order_id in event.order_ids)\n",
        "",
    ),
    Plant(
        "CANCEL_ALL marked as asked before it was",
        "R22",
        TARGETS,
        "    stored = await asyncio.gather(*targets, return_exceptions=True)",
        "    await _mark_asked(services, event)\n    stored = await asyncio.gather(*targets, return_exceptions=True)",
    ),
    Plant(
        "CANCEL_ALL not resumed",
        "R22",
        RECONCILE,
        "    if event is not None and event.is_cancel:",
        "    if event is None:",
    ),
    Plant(
        "refused from memory",
        "R23",
        ALERTS,
        "            if not fresh:\n                fresh = True\n                continue",
        "            if setup is None:\n                continue",
    ),
    Plant(
        "switch not written into the strategies",
        "R24",
        CATALOG,
        "        await _set_halted(services, strategy)",
        "        pass",
    ),
    Plant(
        "account moved with live orders",
        "R25",
        CATALOG,
        "if old is not None and _venue(old) != (given.exchange, given.market, given.testnet):",
        "if old is None and given.testnet:",
    ),
    Plant(
        "pending orders counted as failed",
        "R26",
        EVENTS,
        "        return order.terminal and not self._succeeded(order)",
        "        return order.status is not OrderStatus.OPEN and not self._succeeded(order)",
    ),
    Plant(
        "log settled before its orders",
        "R26",
        EVENTS,
        "settled = len(known) == self.total_accounts and all(order.terminal for order in known)",
        "settled = len(known) == self.total_accounts and any(order.terminal for order in known)",
    ),
    # Sweep and reconcile
    Plant(
        "nobody woken",
        "R27",
        WAKER,
        "            if heartbeat is not None and heartbeat.awake_until > self._clock.now():",
        "            if heartbeat is None or heartbeat.awake_until:",
    ),
    Plant(
        "sweep returns before its work is done",
        "R28",
        SWEEP,
        "            await asyncio.gather(*self._iterations, self._orders.wait(), return_exceptions=True)",
        "            pass",
    ),
    Plant(
        "orphan without a row left alone",
        "R29",
        ORPHANS,
        "    if row is None:\n        if",
        "    if row is None:\n        if False and",
    ),
    # Rights
    Plant(
        "a missing request cannot be restored",
        "R14",
        POLICIES,
        "    orders: [ConditionCheckItem]",
        "    orders: [GetItem]",
    ),
)
"""For each rule that a single line can break, but for R4, whose lines are in the store: its own tests lose answers.
R30 says that the rest suffices where hints are missing: most seeds lose some."""
