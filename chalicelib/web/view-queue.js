// The cancel queue: what waits, for what, and the two things a person can do with a row.
import { get, pathTo, post, remove } from './api.js';
import { attemptOf, canDelete, canRetry, CANCEL_STATUSES, nextStep } from './cancels.js';
import { secondsUntil } from './format.js';
import { html } from './html.js';
import { announce, useLive, useNow } from './live.js';
import {
  AccountOf,
  Confirm,
  Heading,
  Moment,
  NOTHING,
  OrderLink,
  Pages,
  SelectField,
  span,
  Status,
  Table,
  Waiting,
} from './parts.js';
import { useState } from './preact-hooks.js';
import { go, hrefOf } from './route.js';
import { t, wordsOf } from './texts.js';

const PAGE = 20;

export function QueueView({ route }) {
  const { status = '', cursor = '' } = route.query;
  const load = (signal) => get('api/v1/cancel-queue', { status, cursor, limit: PAGE }, signal);
  const { data, error, reload } = useLive(load, [status, cursor]);
  const [asked, setAsked] = useState(null);
  const columns = [
    { title: t('order'), cell: (row) => html`<${OrderLink} id=${row.order_id} />` },
    { title: t('status'), kind: 'bare', cell: (row) => html`<${Status} of=${row.status} />` },
    { title: t('symbol'), kind: 'bare', cell: (row) => row.symbol },
    { title: t('account'), kind: 'stacked', cell: (row) => html`<${AccountOf} row=${row} />` },
    { title: t('attempt'), kind: 'number short', cell: (row) => t('attemptOf', attemptOf(row)) },
    { title: t('next'), cell: (row) => html`<${NextStep} row=${row} />` },
    { title: t('askedAt'), cell: (row) => html`<${Moment} at=${row.created_at} />` },
    {
      title: t('lastError'),
      kind: 'wide',
      cell: (row) =>
        row.last_error === null
          ? NOTHING
          : html`<span class=${row.status === 'SUCCESS' ? 'none' : ''}>${wordsOf(row.last_error)}</span>`,
    },
    { title: t('actions'), kind: 'acts', cell: (row) => html`<${Actions} row=${row} onAsk=${setAsked} />` },
  ];
  return html`
    <${Heading}>${t('queue')}<//>
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <${SelectField} label=${t('status')} value=${status} onChange=${(value) => go('queue', null, { status: value })}
        options=${[['', t('all')], ...CANCEL_STATUSES]} />
    </form>
    ${
      data === null
        ? html`<${Waiting} error=${error} />`
        : html`
        <${Table} caption=${t('queueCaption')} columns=${columns} rows=${data.items} keyOf=${(row) => row.cancel_id}
          isBad=${(row) => row.status === 'FAILED'} empty=${t('queueNone')} />
        <${Pages} cursor=${cursor} nextCursor=${data.next_cursor}
          hrefWith=${(next) => hrefOf('queue', null, { status, cursor: next })} />`
    }
    ${asked && html`<${AskFirst} asked=${asked} onDone=${reload} onClose=${() => setAsked(null)} />`}`;
}

function Actions({ row, onAsk }) {
  const about = html`<span class="hidden"> ${row.order_id}</span>`;
  return html`
    ${canRetry(row) && html`<button type="button" onClick=${() => onAsk({ what: 'retry', row })}>${t('retry')}${about}
      </button>`}
    ${canDelete(row) && html`<button type="button" class="danger" onClick=${() => onAsk({ what: 'delete', row })}>
      ${t('delete')}${about}</button>`}`;
}

// Counts down to the next try.
export function NextStep({ row }) {
  const now = useNow();
  switch (nextStep(row)) {
    case 'ended':
      return html`${t(`result_${row.result}`, {}, row.result)} <${Moment} at=${row.completed_at} />`;
    case 'retry': {
      const seconds = secondsUntil(row.next_retry_at, now);
      return seconds > 0
        ? html`<span class="countdown">${t('inSeconds', { span: span(seconds) })}</span>`
        : t('dueNow');
    }
    default:
      return t(`next_${nextStep(row)}`);
  }
}

// Names what will happen before it does.
function AskFirst({ asked, onDone, onClose }) {
  const { what, row } = asked;
  const names = {
    order: row.order_id,
    account: row.account_id,
    symbol: row.symbol,
    exchange: row.exchange,
    max: row.max_retries,
  };
  const act = async () => {
    if (what === 'retry') await post(pathTo('cancel-queue', row.cancel_id, 'retry'));
    else await remove(pathTo('cancel-queue', row.cancel_id));
    announce(t(what === 'retry' ? 'retried' : 'deleted', names));
    onDone();
  };
  const means = what === 'retry' ? 'retryMeans' : row.status === 'SUCCESS' ? 'deleteEndedMeans' : 'deleteMeans';
  return html`
    <${Confirm} title=${t(`${what}Ask`)} doIt=${t(what === 'retry' ? 'retry' : 'deleteRequest')}
      danger=${what === 'delete'} act=${act} onClose=${onClose} openerGoes=${true}>
      <p>${t(means, names)}</p>
    <//>`;
}
