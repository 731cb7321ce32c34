// One order: how it stands, what happened to it when and by whom, and what a person can do.
import { get, pathTo, post, remove } from './api.js';
import { amountText, millisecondsText } from './format.js';
import { html } from './html.js';
import { announce, useLive } from './live.js';
import { Confirm, Facts, Heading, Icon, Moment, Problem, Status, Waiting } from './parts.js';
import { useState } from './preact-hooks.js';
import { hrefOf } from './route.js';
import { byWords, t, units, wordsOf } from './texts.js';
import { isTerminal, stepsOf } from './timeline.js';
import { filledText, Side, sizeText } from './view-orders.js';
import { NextStep } from './view-queue.js';
import { attemptOf } from './cancels.js';

export function OrderView({ route }) {
  const id = route.id;
  const { data, error, reload } = useLive((signal) => loadOrder(id, signal), [id]);
  const [asked, setAsked] = useState(null);
  const back = html`<p class="back"><a href=${hrefOf('orders')}>${t('orders')}</a></p>`;
  if (data === null) return html`${back}<${Heading}>${id}<//><${Waiting} error=${error} />`;
  const { order, cancel } = data;
  return html`
    ${back}
    <${Heading} actions=${html`<${CancelButton} order=${order} cancel=${cancel} onAsk=${() => setAsked('cancel')} />`}>
      <span class="id">${order.order_id}</span><//>
    <p class="subtitle"><${Status} of=${order.status} placement=${order.placement} />
      <span><${Side} of=${order} /> ${sizeText(order)} ${order.symbol}</span></p>
    ${error && html`<${Problem} error=${error} />`}
    ${order.attention && html`<${Attention} text=${order.attention} onSeen=${() => setAsked('seen')} />`}
    <div class="columns">
      <section aria-labelledby="timeline-title">
        <h2 id="timeline-title">${t('timeline')}</h2>
        <${Timeline} order=${order} cancel=${cancel} />
      </section>
      <div>
        <${OrderFacts} order=${order} />
        ${cancel && html`<${CancelFacts} cancel=${cancel} />`}
        ${order.request && html`<${Request} request=${order.request} />`}
      </div>
    </div>
    ${asked && html`<${AskFirst} what=${asked} order=${order} onDone=${reload} onClose=${() => setAsked(null)} />`}`;
}

// The order and, where a cancel was asked for, its request; that may have been deleted since.
async function loadOrder(id, signal) {
  const order = await get(pathTo('orders', id), {}, signal);
  if (!order.cancel_requested_at) return { order, cancel: null };
  try {
    return { order, cancel: await get(pathTo('cancel-queue', id), {}, signal) };
  } catch (error) {
    if (error.status === 404) return { order, cancel: null };
    throw error;
  }
}

function CancelButton({ order, cancel, onAsk }) {
  const under = cancel !== null && (cancel.status === 'PENDING' || cancel.status === 'PROCESSING');
  if (isTerminal(order) || under) return null;
  return html`<button type="button" class="danger" onClick=${onAsk}>
    ${cancel?.status === 'FAILED' ? t('cancelAgain') : t('cancelOrder')}</button>`;
}

function Attention({ text, onSeen }) {
  return html`
    <section class="attention" aria-labelledby="attention-title">
      <h2 id="attention-title"><${Icon} name="warning" />${t('attentionTitle')}</h2>
      <p>${wordsOf(text)}</p>
      <button type="button" onClick=${onSeen}>${t('seenTo')}</button>
    </section>`;
}

function Timeline({ order, cancel }) {
  const steps = stepsOf(order, cancel);
  return html`<ol class="timeline">${steps.map((step, place) => html`<${Step} key=${`${step.kind}${place}`}
    step=${step} />`)}</ol>`;
}

// What the exchange did by itself; whoever looked wrote it down.
const SEEN = ['partlyFilled', 'filled', 'expired', 'alive'];

function Step({ step }) {
  const shown = (milliseconds) => millisecondsText(milliseconds, units());
  const at = step.time === null ? null : new Date(step.time).toISOString();
  const by = byWords(step.by);
  return html`
    <li class="step ${step.kind}">
      <svg class="dot" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><circle cx="8" cy="8" r="5" /></svg>
      <p class="what">${t(`step_${step.kind}`, { count: step.count })}${withAmount(step)}</p>
      <p class="when">
        ${at ? html`<${Moment} at=${at} milliseconds=${true} />` : html`<span>${t('timeNotKept')}</span>`}
        ${step.sincePrevious !== null && html`<span class="delta"
          title=${t('sinceAlert', { span: shown(step.sinceAlert) })}>+${shown(step.sincePrevious)}</span>`}
        ${by && html`<span class="by">${SEEN.includes(step.kind) ? `${t('seen')} ${by}` : by}</span>`}
      </p>
      ${step.note && html`<p class="note ${step.kind === 'alert' ? 'id' : ''}">${wordsOf(step.note)}</p>`}
    </li>`;
}

const withAmount = ({ kind, amount }) => (amount && kind.endsWith('illed') ? `: ${amountText(amount)}` : '');

function OrderFacts({ order }) {
  const refused = order.status === 'REJECTED';
  return html`
    <section aria-labelledby="facts-title">
      <h2 id="facts-title">${t('facts')}</h2>
      <${Facts} of=${[
        [t('strategy'), html`<a href=${hrefOf('strategies', order.strategy_id)}>${order.strategy_id}</a>`],
        [t('account'), order.account_id],
        [
          t('venue'),
          [order.exchange, order.market, order.testnet ? t('testnet') : '', order.host].filter(Boolean).join(' · '),
        ],
        [t('exchangeId'), order.exchange_order_id && html`<span class="id">${order.exchange_order_id}</span>`],
        [t('clientId'), html`<span class="id">${order.client_order_id}</span>`],
        [t('attempt'), order.attempt > 1 ? order.attempt : null],
        [t('price'), amountText(order.price)],
        [t('stopPrice'), amountText(order.stop_price)],
        [t('timeInForce'), order.time_in_force],
        [t('filled'), filledText(order)],
        [t('tag'), order.tag],
        [refused ? t('rejection') : t('reason'), order.reason],
        [refused ? t('exchangeSaid') : t('lastError'), wordsOf(order.error)],
        [
          t('event'), // the only way to the log of a strategy that was deleted
          html`<a class="id" href=${hrefOf('log', null, { strategy: order.strategy_id })}>${order.event_id}</a>`,
        ],
        [t('updated'), html`<${Moment} at=${order.updated_at} />`],
      ]} />
    </section>`;
}

function CancelFacts({ cancel }) {
  return html`
    <section aria-labelledby="cancel-title">
      <h2 id="cancel-title">${t('cancelRequest')}</h2>
      <${Facts} of=${[
        [t('status'), html`<${Status} of=${cancel.status} />`],
        [t('attempt'), t('attemptOf', attemptOf(cancel))],
        [t(cancel.status === 'SUCCESS' ? 'ended' : 'next'), html`<${NextStep} row=${cancel} />`],
        [t('requestedBy'), byWords(cancel.requested_by)],
        [t('lastError'), wordsOf(cancel.last_error)],
      ]} />
    </section>`;
}

function Request({ request }) {
  return html`
    <details class="raw">
      <summary>${t('exactRequest')}</summary>
      <pre tabindex="0">${JSON.stringify(request, null, 2)}</pre>
    </details>`;
}

function AskFirst({ what, order, onDone, onClose }) {
  const names = {
    order: order.order_id,
    symbol: order.symbol,
    account: order.account_id,
    exchange: order.exchange,
    side: order.side,
    size: sizeText(order),
  };
  const act = async () => {
    if (what === 'seen') {
      await remove(pathTo('orders', order.order_id, 'attention'));
      announce(t('seenDone'));
    } else {
      const answer = await post(pathTo('cancel-queue', 'orders', order.order_id, 'cancel'));
      announce(t(answer.immediate ? 'cancelledNow' : 'cancelQueued'));
    }
    onDone();
  };
  const means = what === 'seen' ? 'seenMeans' : order.status === 'PENDING' ? 'cancelPendingMeans' : 'cancelOpenMeans';
  return html`
    <${Confirm} title=${t(what === 'seen' ? 'seenAsk' : 'cancelAsk')}
      doIt=${t(what === 'seen' ? 'seenTo' : 'cancelOrder')}
      danger=${what === 'cancel'} act=${act} onClose=${onClose} openerGoes=${true}>
      <p>${t(means, names)}</p>
    <//>`;
}
