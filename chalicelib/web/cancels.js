// What a row of the cancel queue says of itself. Pure.

export const CANCEL_STATUSES = ['PENDING', 'PROCESSING', 'FAILED', 'SUCCESS'];

// Which attempt a row is at: { number, of }. Only a refusal of the exchange uses one up, waiting does not.
export function attemptOf(row) {
  const live = row.status === 'PENDING' || row.status === 'PROCESSING';
  const untried = row.status === 'SUCCESS' && (row.result ?? '').startsWith('never_');
  const number = untried ? 0 : row.status === 'FAILED' ? row.retry_count : row.retry_count + 1;
  return { number: live ? Math.min(number, row.max_retries) : number, of: row.max_retries };
}

// What happens next: 'ended', 'byHand' (reconcile goes on trying too), 'underWay', 'waits' for the exchange to
// acknowledge the order, or 'retry' at `next_retry_at`.
export function nextStep(row) {
  if (row.status === 'SUCCESS') return 'ended';
  if (row.status === 'FAILED') return 'byHand';
  if (row.status === 'PROCESSING') return 'underWay';
  return row.waiting_for_order ? 'waits' : 'retry';
}

export const canRetry = (row) => row.status === 'FAILED';

// The server takes no request back that is being sent.
export const canDelete = (row) => row.status !== 'PROCESSING';
