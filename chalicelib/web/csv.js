// The log as a spreadsheet reads it. Pure.

const COLUMNS = [
  'created_at',
  'strategy_id',
  'event_id',
  'order_type',
  'symbol',
  'settled',
  'total_accounts',
  'successful_accounts',
  'failed_accounts',
  'account_id',
  'exchange',
  'order_id',
  'status',
  'placement',
  'exchange_order_id',
  'filled_quantity',
  'average_price',
  'error',
];

// A line for each account's result, and one for an event without any; an event's own columns stand in all of its lines.
export function eventsToCsv(events) {
  const lines = events.flatMap((event) => {
    const results = event.execution_results.length ? event.execution_results : [{}];
    return results.map((result) => COLUMNS.map((name) => cell(name in event ? event[name] : result[name])));
  });
  return [COLUMNS, ...lines].map((line) => `${line.join(',')}\r\n`).join('');
}

// One cell, quoted where it has to be. What a spreadsheet would take for a formula gets an apostrophe in front; a plain
// number is none.
function cell(value) {
  const text = value === null || value === undefined ? '' : String(value);
  const formula = /^[\s]*[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text);
  const safe = formula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || formula ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// Accounts of all events: succeeded, failed and still open are all there are.
export function totalsOf(events) {
  const totals = { events: events.length, total: 0, successful: 0, failed: 0, open: 0 };
  for (const event of events) {
    totals.total += event.total_accounts;
    totals.successful += event.successful_accounts;
    totals.failed += event.failed_accounts;
  }
  totals.open = totals.total - totals.successful - totals.failed;
  return totals;
}
