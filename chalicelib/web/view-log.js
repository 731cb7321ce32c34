// The log: what became of each alert on each account, with totals that add up, and as a file for a spreadsheet.
import { get } from './api.js';
import { eventsToCsv, totalsOf } from './csv.js';
import { html } from './html.js';
import { announce, useAttempt, useLive } from './live.js';
import { Heading, Moment, NOTHING, OrderLink, Pages, Problem, SelectField, Status, Table, Waiting } from './parts.js';
import { go, hrefOf } from './route.js';
import { t, wordsOf } from './texts.js';
import { ORPHANS } from './view-orders.js';

const PAGE = 20;
const EXPORT_PAGE = 100;
const EXPORT_LIMIT = 1_000;

export function LogView({ route }) {
  const { data: strategies, error } = useLive((signal) => get('api/v1/strategies', {}, signal), [], 0);
  if (strategies === null) return html`<${Heading}>${t('log')}<//><${Waiting} error=${error} />`;
  const ids = strategies.items.map((strategy) => strategy.strategy_id);
  const chosen = route.query.strategy || ids[0] || ORPHANS;
  const offered = [...new Set([...ids, ORPHANS, chosen])];
  return html`
    <${Heading}>${t('log')}<//>
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <${SelectField} label=${t('strategy')} value=${chosen} options=${offered}
        onChange=${(strategy) => go('log', null, { strategy })} />
      <${Export} key=${chosen} strategy=${chosen} />
    </form>
    <${Events} strategy=${chosen} cursor=${route.query.cursor ?? ''} />`;
}

function Events({ strategy, cursor }) {
  const load = (signal) => get('api/v1/strategy-order-logs', { strategy_id: strategy, cursor, limit: PAGE }, signal);
  const { data, error } = useLive(load, [strategy, cursor]);
  if (data === null) return html`<${Waiting} error=${error} />`;
  const columns = [
    { title: t('time'), cell: (event) => html`<${Moment} at=${event.created_at} />` },
    { title: t('kind'), kind: 'bare', cell: (event) => html`${event.order_type} ${event.symbol ?? ''}` },
    { title: t('accounts'), kind: 'number short', cell: (event) => event.total_accounts },
    { title: t('successful'), kind: 'number short', cell: (event) => event.successful_accounts },
    { title: t('failed'), kind: 'number short', cell: (event) => event.failed_accounts },
    { title: t('stillOpen'), kind: 'number short', cell: openOf },
    { title: t('results'), kind: 'wide', cell: (event) => html`<${Results} event=${event} />` },
    { title: t('event'), cell: (event) => html`<span class="id">${event.event_id}</span>` },
  ];
  return html`
    <${Table} caption=${t('logCaption')} columns=${columns} rows=${data.items} keyOf=${(event) => event.event_id}
      empty=${t('logNone')}
      footer=${data.items.length > 0 && html`<${Totals} events=${data.items} />`} />
    <${Pages} cursor=${cursor} nextCursor=${data.next_cursor}
      hrefWith=${(next) => hrefOf('log', null, { strategy, cursor: next })} />`;
}

const openOf = (event) => event.total_accounts - event.successful_accounts - event.failed_accounts;

function Totals({ events }) {
  const totals = totalsOf(events);
  const cells = [
    [t('accounts'), totals.total],
    [t('successful'), totals.successful],
    [t('failed'), totals.failed],
    [t('stillOpen'), totals.open],
  ];
  return html`
    <tfoot role="rowgroup"><tr role="row">
      <th role="rowheader" scope="row" colspan="2">${t('totalOf', { count: totals.events })}</th>
      ${cells.map(([title, count]) => html`<td key=${title} role="cell" class="number short" data-label=${title}><div>
        ${count}</div></td>`)}
      <td role="cell" colspan="2" data-label=""></td>
    </tr></tfoot>`;
}

function Results({ event }) {
  if (event.execution_results.length === 0) return html`<span class="none">${NOTHING}</span>`;
  return html`
    <ul class="results">${event.execution_results.map(
      (result) => html`
      <li key=${result.order_id}>
        <span>${result.account_id}</span> <${Status} of=${result.status} placement=${result.placement} /> <${OrderLink}
          id=${result.order_id} />
        ${result.error && html`<span class="bad-text">${wordsOf(result.error)}</span>`}
      </li>`,
    )}</ul>`;
}

function Export({ strategy }) {
  const { busy, error, attempt } = useAttempt();
  const run = attempt(async () => {
    const { events, more } = await readEvents(strategy);
    save(`${strategy}-log.csv`, eventsToCsv(events));
    announce(t(more ? 'exportedNewest' : 'exported', { count: events.length }), more ? 'warning' : 'good');
  });
  return html`
    <button type="button" disabled=${busy} onClick=${run}>${busy ? t('working') : t('exportCsv')}</button>
    <span class="hint">${t('exportLimit', { limit: EXPORT_LIMIT })}</span>
    <${Problem} error=${error} />`;
}

// All events of the strategy, newest first, page by page up to the limit.
async function readEvents(strategy) {
  const events = [];
  let cursor = '';
  do {
    const page = await get('api/v1/strategy-order-logs', { strategy_id: strategy, cursor, limit: EXPORT_PAGE });
    events.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && events.length < EXPORT_LIMIT);
  return { events, more: Boolean(cursor) };
}

// The mark at the start tells spreadsheets that the text is UTF-8.
function save(name, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers fetch it after the click
}
