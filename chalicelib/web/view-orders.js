// Orders, newest first, by strategy, status and symbol.
import { get } from './api.js';
import { amountText } from './format.js';
import { html } from './html.js';
import { useLive } from './live.js';
import {
  AccountOf,
  Heading,
  Icon,
  Moment,
  NOTHING,
  OrderLink,
  Pages,
  SelectField,
  Status,
  Table,
  TextField,
  Waiting,
} from './parts.js';
import { useEffect, useState } from './preact-hooks.js';
import { go, hrefOf } from './route.js';
import { t } from './texts.js';
import { ORDER_STATUSES } from './timeline.js';

const PAGE = 20;
export const ORPHANS = 'orphans'; // the strategy under which adopted orders are filed

export function OrdersView({ route }) {
  const { strategy = '', status = '', symbol = '', cursor = '' } = route.query;
  const load = (signal) => get('api/v1/orders', { strategy_id: strategy, status, symbol, cursor, limit: PAGE }, signal);
  const { data, error } = useLive(load, [strategy, status, symbol, cursor]);
  const filter = { strategy, status, symbol };
  const columns = [
    { title: t('order'), cell: (order) => html`<${OrderLink} id=${order.order_id} />` },
    {
      title: t('status'),
      kind: 'bare',
      cell: (order) => html`<${Status} of=${order.status} placement=${order.placement} /><${Marks} order=${order} />`,
    },
    { title: t('strategy'), cell: (order) => order.strategy_id },
    { title: t('account'), cell: (order) => html`<${AccountOf} row=${order} />` },
    { title: t('symbol'), kind: 'bare', cell: (order) => order.symbol },
    { title: t('side'), kind: 'bare short', cell: (order) => html`<${Side} of=${order} />` },
    { title: t('amount'), kind: 'number', cell: sizeText },
    {
      title: t('price'),
      kind: 'number',
      cell: (order) => amountText(order.price) || amountText(order.stop_price) || NOTHING,
    },
    { title: t('filled'), kind: 'number', cell: filledText },
    { title: t('created'), cell: (order) => html`<${Moment} at=${order.created_at} />` },
  ];
  return html`
    <${Heading}>${t('orders')}<//>
    <${Filters} filter=${filter} />
    ${
      data === null
        ? html`<${Waiting} error=${error} />`
        : html`
        <${Table} caption=${t('ordersCaption')} columns=${columns} rows=${data.items} keyOf=${(order) => order.order_id}
          isBad=${(order) => order.attention !== null}
          empty=${data.next_cursor ? t('ordersOnOlderPages') : t('ordersNone')} />
        <${Pages} cursor=${cursor} nextCursor=${data.next_cursor}
          hrefWith=${(next) => hrefOf('orders', null, { ...filter, cursor: next })} />`
    }`;
}

function Filters({ filter }) {
  const [symbol, setSymbol] = useState(filter.symbol);
  useEffect(() => setSymbol(filter.symbol), [filter.symbol]); // Back changes it too
  const { data: strategies } = useLive((signal) => get('api/v1/strategies', {}, signal), [], 0);
  const set = (change) => go('orders', null, { ...filter, symbol, ...change });
  const submit = (event) => {
    event.preventDefault();
    set({});
  };
  const ids = (strategies?.items ?? []).map((strategy) => strategy.strategy_id);
  const offered = [...new Set([...ids, ORPHANS, ...(filter.strategy ? [filter.strategy] : [])])];
  return html`
    <form class="filters" onSubmit=${submit}>
      <${SelectField} label=${t('strategy')} value=${filter.strategy} options=${[['', t('all')], ...offered]}
        onChange=${(value) => set({ strategy: value })} />
      <${SelectField} label=${t('status')} value=${filter.status} options=${[['', t('all')], ...ORDER_STATUSES]}
        onChange=${(value) => set({ status: value })} />
      <${TextField} label=${t('symbol')} value=${symbol} onInput=${setSymbol} placeholder="BTC/USDT" />
      <button>${t('filter')}</button>
    </form>`;
}

export function Side({ of: order }) {
  return html`<span class=${order.side === 'BUY' ? 'buy' : 'sell'}>${order.side}</span> ${order.order_type}`;
}

// What was asked for: a quantity, an amount of the quote currency, or a part of the balance.
export function sizeText(order) {
  const quote = order.symbol.split('/')[1] ?? '';
  if (order.quantity !== null) return amountText(order.quantity);
  if (order.quote_amount !== null) return `${amountText(order.quote_amount)} ${quote}`;
  return order.percent === null ? NOTHING : `${amountText(order.percent)} %`;
}

export function filledText(order) {
  if (!Number(order.filled_quantity)) return NOTHING;
  const price = order.average_price === null ? '' : ` @ ${amountText(order.average_price)}`;
  return `${amountText(order.filled_quantity)}${price}`;
}

function Marks({ order }) {
  const cancelling = order.cancel_requested_at && (order.status === 'PENDING' || order.status === 'OPEN');
  return html`
    ${cancelling && html`<span class="mark">${t('cancelling')}</span>`}
    ${order.attention && html`<span class="mark bad"><${Icon} name="warning" />${t('attention')}</span>`}`;
}
