// Overview: is anything stuck, and what goes on.
import { get, put } from './api.js';
import { ORDER_STATUSES } from './timeline.js';
import { AlertChart } from './chart.js';
import { millisecondsText, secondsSince } from './format.js';
import { html } from './html.js';
import { announce, useLive, useNow } from './live.js';
import { Confirm, Facts, Heading, Icon, Moment, NOTHING, OrderLink, span, Status, Waiting } from './parts.js';
import { useState } from './preact-hooks.js';
import { hrefOf } from './route.js';
import { t, units, wordsOf } from './texts.js';

const OLD_SECONDS = 60; // a cancel that is queued for longer than this is worth a look

export function OverviewView() {
  const { data, error, reload } = useLive((signal) => get('api/v1/overview', {}, signal), []);
  if (data === null) return html`<${Heading}>${t('overview')}<//><${Waiting} error=${error} />`;
  return html`
    <${Heading}>${t('overview')}<//>
    <p class="subtitle">${data.environment && html`<span class="chip">${data.environment} ${data.version}</span>`}
      <span>${t('asOf')} <${Moment} at=${data.at} /></span></p>
    <div class="columns">
      <${Verdict} overview=${data} />
      <${Switch} enabled=${data.trading_enabled} onChanged=${reload} />
    </div>
    <section aria-labelledby="cancels-title">
      <h2 id="cancels-title">${t('cancels')}</h2>
      <ul class="tiles">
        ${['PENDING', 'PROCESSING', 'FAILED'].map(
          (status) => html`
          <${Tile} key=${status} name=${status} count=${data.cancels[status]} limit=${data.counted_up_to}
            href=${hrefOf('queue', null, { status })} bad=${status === 'FAILED'} />`,
        )}
      </ul>
      <${OldestCancel} cancel=${data.oldest_cancel} />
    </section>
    ${
      data.attention_orders.length > 0 &&
      html`<${AttentionRows} rows=${data.attention_orders} count=${data.attention} limit=${data.counted_up_to} />`
    }
    <section aria-labelledby="orders-title">
      <h2 id="orders-title">${t('newestOrders', { count: data.orders_seen })}</h2>
      <ul class="tiles">
        ${ORDER_STATUSES.map(
          (status) => html`
          <${Tile} key=${status} name=${status} count=${data.orders[status] ?? 0}
            href=${hrefOf('orders', null, { status })} bad=${false} />`,
        )}
      </ul>
    </section>
    <div class="columns">
      <section aria-labelledby="alerts-title">
        <h2 id="alerts-title">${t('alerts')}</h2>
        <${AlertChart} bins=${data.alerts} since=${data.alerts_since} />
      </section>
      <${Latency} latency=${data.latency_ms} />
    </div>`;
}

// One line that answers the question for which somebody opens this page.
function Verdict({ overview }) {
  const { cancels, oldest_cancel: oldest, attention } = overview;
  const old = oldest !== null && oldest.age_seconds > OLD_SECONDS;
  const troubles = [
    cancels.FAILED > 0 && [t('troubleFailed', { count: cancels.FAILED }), hrefOf('queue', null, { status: 'FAILED' })],
    attention > 0 && [t('troubleAttention', { count: attention }), null], // they stand below
    old && [t('troubleOld', { age: span(oldest.age_seconds) }), hrefOf('orders', oldest.order_id)],
  ].filter(Boolean);
  return html`
    <section class="verdict ${troubles.length ? 'bad' : 'good'}" aria-labelledby="verdict-title">
      <h2 id="verdict-title"><${Icon} name=${troubles.length ? 'warning' : 'good'} /><span role="status">
        ${troubles.length ? t('stuck') : t('notStuck')}</span></h2>
      ${troubles.length ? html`<ul>${troubles.map(
        ([trouble, href]) => html`<li key=${trouble}>${href ? html`<a href=${href}>${trouble}</a>` : trouble}</li>`,
      )}</ul>` : html`<p>${t('notStuckWhy')}</p>`}
    </section>`;
}

function Switch({ enabled, onChanged }) {
  const [asked, setAsked] = useState(false);
  const turn = async () => {
    await put('api/v1/controls', { trading_enabled: asked === 'on' });
    announce(asked === 'on' ? t('resumed') : t('halted'));
    onChanged();
  };
  return html`
    <section class="switch ${enabled ? 'good' : 'bad'}" aria-labelledby="switch-title">
      <h2 id="switch-title">${t('switch')}</h2>
      <p><strong>${enabled ? t('tradingOn') : t('tradingOff')}
        </strong> ${enabled ? t('tradingOnMeans') : t('tradingOffMeans')}</p>
      <button type="button" class=${enabled ? 'danger' : 'primary'} onClick=${() => setAsked(enabled ? 'off' : 'on')}>
        ${enabled ? t('halt') : t('resume')}
      </button>
      ${
        asked &&
        html`
        <${Confirm} title=${asked === 'on' ? t('resumeAsk') : t('haltAsk')}
          doIt=${asked === 'on' ? t('resume') : t('halt')}
          danger=${asked === 'off'} act=${turn} onClose=${() => setAsked(false)}>
          <p>${asked === 'on' ? t('resumeMeans') : t('haltMeans')}</p>
        <//>`
      }
    </section>`;
}

function Tile({ name, count, limit = Infinity, href, bad }) {
  return html`
    <li class="tile ${bad && count > 0 ? 'bad' : ''} ${count === 0 ? 'zero' : ''}">
      <a href=${href}><span class="count">${count >= limit ? `${limit}+` : count}</span> <${Status} of=${name} /></a>
    </li>`;
}

function OldestCancel({ cancel }) {
  const now = useNow();
  if (cancel === null) return html`<p class="empty">${t('queueEmpty')}</p>`;
  const age = span(secondsSince(cancel.created_at, now));
  const order = html`<${OrderLink} id=${cancel.order_id} />`;
  return html`
    <${Facts} of=${[
      [t('oldestCancel'), html`${order} <${Status} of=${cancel.status} />`],
      [
        t('age'),
        html`<span class=${secondsSince(cancel.created_at, now) > OLD_SECONDS ? 'bad-text' : ''}>${age}</span>`,
      ],
      [t('account'), cancel.account_id],
      [t('waitsFor'), cancel.waiting_for_order ? t('waitsForOrder') : null],
      [t('lastError'), wordsOf(cancel.last_error)],
    ]} />`;
}

// The newest of them; `count` is counted at another moment, and no further than `limit`.
function AttentionRows({ rows, count, limit }) {
  const more = count - rows.length;
  return html`
    <section class="attention" aria-labelledby="attention-title">
      <h2 id="attention-title"><${Icon} name="warning" />
        ${t('attentionRows', { count: count >= limit ? `${limit}+` : Math.max(count, rows.length) })}</h2>
      <ul>${rows.map(
        (order) => html`
        <li key=${order.order_id}><${OrderLink}
          id=${order.order_id} /> ${order.account_id} · ${order.symbol} · ${wordsOf(order.attention)}</li>`,
      )}</ul>
      ${more > 0 && html`<p class="hint">${t('attentionElsewhere', { count: more })}</p>`}
    </section>`;
}

function Latency({ latency }) {
  const shown = (value) => (value === null ? NOTHING : millisecondsText(value, units()));
  return html`
    <section aria-labelledby="latency-title">
      <h2 id="latency-title">${t('latency')}</h2>
      ${
        latency && latency.count > 0
          ? html`<dl class="figures">
            <div><dt>${t('median')}</dt><dd>${shown(latency.median)}</dd></div>
            <div><dt>${t('p95')}</dt><dd>${shown(latency.p95)}</dd></div>
          </dl><p class="hint">${t('latencyOf', { count: latency.count })}</p>`
          : html`<p class="empty">${t('noLatency')}</p>`
      }
    </section>`;
}
