// An order's life as a list of steps, from its row, its history of states and its cancel request. Pure.
import { preciseTime, ulidTime } from './format.js';

export const ORDER_STATUSES = ['PENDING', 'OPEN', 'FILLED', 'CANCELLED', 'EXPIRED', 'REJECTED'];

const ENDS = ['FILLED', 'CANCELLED', 'EXPIRED', 'REJECTED'];

export const isTerminal = (order) => ENDS.includes(order.status);

// Each step: { kind, time, by, note, late, sinceAlert, sincePrevious }. `time` is milliseconds since 1970; null where
// the rows do not tell (`after` is then the last step that must have come before). `late`: it happened then at the
// latest.
export function stepsOf(order, cancel = null) {
  const steps = [...alertSteps(order), ...historySteps(order), ...fillSteps(order), ...cancelSteps(order, cancel)];
  return withDistances(inOrder(steps));
}

function alertSteps(order) {
  const stored = preciseTime(order.created_at);
  const alert = ulidTime(order.event_id);
  const first = order.history?.[0];
  const steps = [{ kind: 'stored', time: stored, by: first?.by ?? null }];
  // An event's id carries the time to the millisecond, rounded down: it is never later than what it caused.
  if (alert !== null && first?.by === 'alert') {
    steps.unshift({ kind: 'alert', time: Math.min(alert, stored), by: 'alert', note: order.event_id });
  }
  return steps;
}

function historySteps(order) {
  const steps = [];
  let acknowledged = false;
  let before = null;
  for (const entry of order.history ?? []) {
    const step = { time: preciseTime(entry.at), by: entry.by, note: entry.note ?? null };
    const kinds = kindsOf(entry, before, acknowledged);
    acknowledged ||= kinds.includes('acknowledged');
    kinds.forEach((kind) => steps.push({ ...step, kind, note: step.note ?? noteOf(kind, order) }));
    before = entry;
  }
  return steps;
}

function kindsOf(entry, before, acknowledged) {
  if (entry.status === 'PENDING') return pendingKinds(entry, before);
  const contradicted = before !== null && ENDS.includes(before.status);
  if (entry.status === 'OPEN') return [contradicted ? 'alive' : acknowledged ? 'open' : 'acknowledged'];
  const kind = entry.status.toLowerCase();
  return kind === 'filled' && !acknowledged && !contradicted ? ['acknowledged', kind] : [kind];
}

function pendingKinds(entry, before) {
  if (entry.placement === 'SENDING') return ['sent'];
  if (entry.placement === 'ACKED') return ['acknowledged'];
  if (entry.placement === 'UNKNOWN') return ['unanswered'];
  return before === null ? [] : ['again']; // READY at first is what `stored` says
}

function noteOf(kind, order) {
  if (kind !== order.status.toLowerCase()) return null;
  return kind === 'filled' ? null : (order.error ?? order.reason);
}

// Fills are sums without times of their own, unless the order ended by them.
function fillSteps(order) {
  const filled = Number(order.filled_quantity ?? 0) > 0;
  if (!filled || order.status === 'FILLED') return [];
  return [{ kind: 'partlyFilled', time: preciseTime(order.updated_at), by: null, late: true, rank: -1 }];
}

function cancelSteps(order, cancel) {
  if (!order.cancel_requested_at) return [];
  const asked = preciseTime(order.cancel_requested_at);
  const steps = [{ kind: 'cancelAsked', time: asked, by: cancel?.requested_by ?? null }];
  if (cancel === null) return steps;
  const now = { time: preciseTime(cancel.updated_at), by: null, note: cancel.last_error };
  const sent = { kind: 'cancelSent', time: null, after: earliestSending(order, asked), by: null };
  const count = cancel.retry_count;
  switch (cancel.status) {
    case 'PROCESSING':
      return [...steps, { ...now, kind: 'cancelSent', note: null }];
    case 'FAILED':
      return [...steps, sent, { ...now, kind: 'cancelFailed', count }];
    case 'PENDING':
      return count
        ? [...steps, sent, { ...now, kind: 'cancelRefused', count }]
        : [...steps, { ...now, kind: 'cancelWaits' }];
    default:
      return (cancel.result ?? '').startsWith('never_') ? steps : [...steps, sent];
  }
}

// When a cancel was sent is not kept: after it was asked for, and after the exchange knew the order.
function earliestSending(order, asked) {
  const known = (order.history ?? []).find((entry) => entry.status !== 'PENDING' || entry.placement === 'ACKED');
  return known && !ENDS.includes(known.status) ? Math.max(asked, preciseTime(known.at)) : asked;
}

function inOrder(steps) {
  const key = (step) => step.time ?? step.after;
  return steps
    .map((step, place) => ({ step, place: step.rank ?? place }))
    .sort(
      (one, other) =>
        key(one.step) - key(other.step) || endsLast(one.step) - endsLast(other.step) || one.place - other.place,
    )
    .map(({ step }) => step);
}

const endsLast = (step) => Number(ENDS.includes(step.kind.toUpperCase()));

function withDistances(steps) {
  let first = null;
  let previous = null;
  return steps.map((step) => {
    if (step.time === null) return { ...step, sinceAlert: null, sincePrevious: null };
    first ??= step.time;
    const measured = {
      ...step,
      sinceAlert: step.time - first,
      sincePrevious: previous === null ? null : step.time - previous,
    };
    previous = step.time;
    return measured;
  });
}
