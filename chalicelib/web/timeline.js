// An order's life as a list of steps, from its row, its history of states and its cancel request. Pure.
import { preciseTime, ulidTime } from './format.js';

export const ORDER_STATUSES = ['PENDING', 'OPEN', 'FILLED', 'CANCELLED', 'EXPIRED', 'REJECTED'];

const ENDS = ['FILLED', 'CANCELLED', 'EXPIRED', 'REJECTED'];

export const isTerminal = (order) => ENDS.includes(order.status);

// Each step: { kind, time, by, note, amount, count, sinceAlert, sincePrevious }. `time` is milliseconds since 1970; null
// where the rows do not tell (`after` is then the last step that must have come before). `amount`: filled by then.
export function stepsOf(order, cancel = null) {
  const steps = [...alertSteps(order), ...historySteps(order), ...cancelSteps(order, cancel)];
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
    const step = { time: preciseTime(entry.at), by: entry.by, note: entry.note ?? null, amount: entry.filled };
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
  const partly = entry.filled && entry.status !== 'FILLED' ? ['partlyFilled'] : [];
  if (entry.status === 'OPEN') {
    if (contradicted) return ['alive', ...partly];
    if (!acknowledged) return ['acknowledged', ...partly];
    return partly.length > 0 ? partly : ['open'];
  }
  const kind = entry.status.toLowerCase();
  const known = acknowledged || contradicted || !(entry.filled || kind === 'filled');
  return [...(known ? [] : ['acknowledged']), ...partly, kind];
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

function cancelSteps(order, cancel) {
  if (!order.cancel_requested_at) return [];
  const asked = preciseTime(order.cancel_requested_at);
  const steps = [{ kind: 'cancelAsked', time: asked, by: cancel?.requested_by ?? null }];
  if (cancel === null) return steps;
  const now = { time: preciseTime(cancel.updated_at), by: null, note: cancel.last_error };
  const sent = { kind: 'cancelSent', ...sending(order, asked) };
  const count = cancel.retry_count;
  switch (cancel.status) {
    case 'PROCESSING':
      return [...steps, { ...now, kind: isKnown(order) ? 'cancelSent' : 'cancelWaits', note: null }];
    case 'FAILED':
      return [...steps, sent, { ...now, kind: 'cancelFailed', count }];
    case 'PENDING':
      return count
        ? [...steps, sent, { ...now, kind: 'cancelRefused', count }]
        : [...steps, { ...now, kind: 'cancelWaits' }];
    default: // one that was filled, say, may have ended before its cancel could be sent
      return sent.time !== null || cancel.result === 'cancelled' ? [...steps, sent] : steps;
  }
}

// Whether the exchange is known to have it, of an order or of an entry of its history: only such a one is cancelled
// there, any other is looked up first.
const isKnown = ({ status, placement }) => status !== 'PENDING' || placement === 'ACKED';

// When the cancel was sent that ended the order, by whoever wrote that end; else, after it was asked for and the
// exchange knew the order.
function sending(order, asked) {
  if (order.cancel_sent_at) {
    const end = (order.history ?? []).findLast((entry) => ENDS.includes(entry.status));
    return { time: preciseTime(order.cancel_sent_at), by: end?.by ?? null };
  }
  const known = (order.history ?? []).find(isKnown);
  const after = known && !ENDS.includes(known.status) ? Math.max(asked, preciseTime(known.at)) : asked;
  return { time: null, after, by: null };
}

function inOrder(steps) {
  const key = (step) => step.time ?? step.after;
  return steps
    .map((step, place) => ({ step, place }))
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
