// The alert's text to paste into TradingView, and a form that sends a test alert.
import { alertOf, hasPrice, hasSize, hasStopPrice, missingFields, ORDER_TYPES, PLACEHOLDERS, SIZES } from './alerts.js';
import { sendAlert, webhookUrl } from './api.js';
import { html } from './html.js';
import { useAttempt } from './live.js';
import { CopyBox, NOTHING, OrderLink, Problem, SelectField, Status, Table, TextField } from './parts.js';
import { useState } from './preact-hooks.js';
import { t, wordsOf } from './texts.js';

export function AlertText({ strategy, token }) {
  const [fields, setFields] = useState({
    order_type: 'MARKET',
    side: PLACEHOLDERS.side,
    symbol: PLACEHOLDERS.symbol,
    size: 'quantity',
    amount: PLACEHOLDERS.amount,
    price: PLACEHOLDERS.price,
    stop_price: PLACEHOLDERS.price,
    tag: '',
  });
  const text = JSON.stringify(alertOf(strategy.strategy_id, token, fields), null, 2);
  return html`
    <section aria-labelledby="alert-title">
      <h2 id="alert-title">${t('alertText')}</h2>
      <p class="hint">${t('alertTextHint')}</p>
      <div class="form tight"><${OrderFields} strategy=${strategy} fields=${fields} onChange=${setFields}
        placeholders=${true} /></div>
      <${CopyBox} label=${t('webhookUrl')} text=${webhookUrl()} />
      <${CopyBox} label=${t('alertMessage')} text=${text} rows=${text.split('\n').length} />
      ${!token && html`<p class="hint">${t('tokenMissing')}</p>`}
      ${missingFields(fields).length > 0 && html`<p class="bad-text">${t('alertIncomplete')}</p>`}
    </section>`;
}

// To mock accounts only: a test must not trade.
export function TestAlert({ strategy, accounts, read, token }) {
  const [fields, setFields] = useState({
    order_type: 'MARKET',
    side: 'buy',
    symbol: strategy.symbols[0] ?? '',
    size: 'quantity',
    amount: '0.01',
    price: '',
    stop_price: '',
    tag: '',
  });
  const { busy, result: answer, error, attempt } = useAttempt();
  const real = realAccounts({ strategy, accounts });
  const missing = missingFields(fields);
  const send = attempt(async () => {
    const nowReal = realAccounts(await read()); // the page may be hours old
    if (nowReal.length > 0) throw t('testNotOnReal', { accounts: nowReal.join(', ') });
    // Each test is an alert of its own, not a resend of the last one.
    return sendAlert({ ...alertOf(strategy.strategy_id, token, fields), alert_id: `test-${crypto.randomUUID()}` });
  });
  return html`
    <section aria-labelledby="test-title">
      <h2 id="test-title">${t('testAlert')}</h2>
      ${
        real.length > 0
          ? html`<p class="hint">${t('testNotOnReal', { accounts: real.join(', ') })}</p>`
          : html`
          <p class="hint">${t('testAlertHint')}</p>
          <form class="form tight" onSubmit=${send}>
            <${OrderFields} strategy=${strategy} fields=${fields} onChange=${setFields} placeholders=${false} />
            <div class="actions"><button class="primary" disabled=${busy || !token || missing.length > 0}>
              ${busy ? t('working') : t('sendTest')}</button></div>
          </form>
          ${!token && html`<p class="hint">${t('testNeedsToken')}</p>`}`
      }
      <${TestProblem} error=${error} />
      ${answer && html`<${TestAnswer} answer=${answer} />`}
    </section>`;
}

// Those that would really trade.
function realAccounts({ strategy, accounts }) {
  const byId = new Map(accounts.map((account) => [account.account_id, account]));
  const trading = strategy.accounts.map((share) => byId.get(share.account_id)).filter((account) => account?.enabled);
  return trading.filter((account) => account.exchange !== 'mock').map((account) => account.account_id);
}

function TestProblem({ error }) {
  if (error?.status === 401) return html`<div class="problem" role="alert"><p>${t('wrongWebhookToken')}</p></div>`;
  if (error?.code === 'HTTP_403') return html`<div class="problem" role="alert"><p>${t('webhookNotForUs')}</p></div>`;
  return html`<${Problem} error=${error} acting=${true} />`;
}

function TestAnswer({ answer }) {
  const columns = [
    { title: t('account'), cell: (result) => result.account_id },
    { title: t('order'), cell: (result) => html`<${OrderLink} id=${result.order_id} />` },
    {
      title: t('status'),
      kind: 'bare',
      cell: (result) => html`<${Status} of=${result.status} placement=${result.placement} />`,
    },
    { title: t('lastError'), kind: 'wide', cell: (result) => wordsOf(result.error) ?? NOTHING },
  ];
  const counts = {
    total: answer.total_accounts,
    successful: answer.successful_accounts,
    failed: answer.failed_accounts,
  };
  return html`
    <div role="status"><p><strong>${t('testAnswer', counts)}</strong></p></div>
    <${Table} caption=${t('testCaption')} columns=${columns} rows=${answer.execution_results}
      keyOf=${(result) => result.order_id} empty=${t('testEmpty')} />
    <details class="raw"><summary>${t('wholeAnswer')}</summary><pre tabindex="0">${JSON.stringify(answer, null, 2)}
      </pre></details>`;
}

function OrderFields({ strategy, fields, onChange, placeholders }) {
  const set = (name) => (value) => onChange({ ...fields, [name]: value });
  const type = fields.order_type;
  const usual = placeholders ? PLACEHOLDERS.symbol : (strategy.symbols[0] ?? '');
  // "All symbols" is for cancels only.
  const setType = (chosen) =>
    onChange({ ...fields, order_type: chosen, symbol: fields.symbol || !hasSize(chosen) ? fields.symbol : usual });
  const sides = [
    ...(placeholders ? [[PLACEHOLDERS.side, t('fromScript')]] : []),
    ['buy', t('buy')],
    ['sell', t('sell')],
  ];
  const symbols = [
    ...(placeholders ? [[PLACEHOLDERS.symbol, t('fromChart')]] : []),
    ...strategy.symbols.map((symbol) => [symbol, symbol]),
    ...(hasSize(type) ? [] : [['', t('allSymbols')]]),
  ];
  return html`
    <${SelectField} label=${t('orderType')} value=${type} options=${ORDER_TYPES} onChange=${setType} />
    ${hasSize(type) && html`<${SelectField} label=${t('side')} value=${fields.side} options=${sides}
      onChange=${set('side')} />`}
    <${SelectField} label=${t('symbol')} value=${fields.symbol} options=${symbols} onChange=${set('symbol')} />
    ${
      hasSize(type) &&
      html`
      <${SelectField} label=${t('sizeIn')} value=${fields.size}
        options=${SIZES.map((size) => [size, t(`size_${size}`)])} onChange=${set('size')} />
      <${TextField} label=${t(`size_${fields.size}`)} value=${fields.amount} onInput=${set('amount')} required />`
    }
    ${hasPrice(type) && html`<${TextField} label=${t('price')} value=${fields.price}
      onInput=${set('price')} required />`}
    ${hasStopPrice(type) && html`<${TextField} label=${t('stopPrice')} value=${fields.stop_price}
      onInput=${set('stop_price')} required />`}
    ${type !== 'CANCEL_ALL' && html`<${TextField} label=${t('tag')}
      hint=${t(type === 'CANCEL' ? 'tagNeeded' : 'tagHint')} value=${fields.tag} onInput=${set('tag')} maxlength="64"
      required=${type === 'CANCEL'} />`}`;
}
