// The fields of a strategy, for making one and for changing one.
import { html } from './html.js';
import { CheckField, TextField } from './parts.js';
import { t } from './texts.js';

export const EMPTY = { name: '', enabled: true, symbols: 'BTC/USDT', shares: {}, maxNotional: '' };

export function fieldsOf(strategy) {
  return {
    name: strategy.name,
    enabled: strategy.enabled,
    symbols: strategy.symbols.join(', '),
    shares: Object.fromEntries(strategy.accounts.map((share) => [share.account_id, share.weight])),
    maxNotional: strategy.limits.max_order_notional ?? '',
  };
}

export function bodyOf(fields) {
  return {
    name: fields.name,
    enabled: fields.enabled,
    symbols: fields.symbols
      .split(/[\s,]+/)
      .filter(Boolean)
      .map((symbol) => symbol.toUpperCase()),
    accounts: Object.entries(fields.shares).map(([accountId, weight]) => ({ account_id: accountId, weight })),
    limits: { max_order_notional: fields.maxNotional.trim() || null },
  };
}

export function StrategyFields({ fields, onChange, accounts }) {
  const set = (change) => onChange({ ...fields, ...change });
  return html`
    <${TextField} label=${t('name')} value=${fields.name} onInput=${(name) => set({ name })} required maxlength="128" />
    <${TextField} label=${t('maxNotional')} hint=${t('maxNotionalHint')} value=${fields.maxNotional}
      onInput=${(maxNotional) => set({ maxNotional })} inputmode="decimal" />
    <${TextField} label=${t('allowedSymbols')} hint=${t('symbolsHint')} value=${fields.symbols}
      onInput=${(symbols) => set({ symbols })} required wide=${true} />
    <${CheckField} label=${t('enabled')} checked=${fields.enabled} onChange=${(enabled) => set({ enabled })} />
    <${Shares} shares=${fields.shares} accounts=${accounts} onChange=${(shares) => set({ shares })} />`;
}

// Which accounts trade the strategy, and how much each: every amount of an alert is multiplied by the weight.
function Shares({ shares, accounts, onChange }) {
  const known = accounts.map((account) => account.account_id);
  const all = [
    ...accounts,
    ...Object.keys(shares)
      .filter((id) => !known.includes(id))
      .map((id) => ({ account_id: id, missing: true })),
  ];
  const without = (id) => Object.fromEntries(Object.entries(shares).filter(([name]) => name !== id));
  return html`
    <fieldset class="wide">
      <legend>${t('accountsAndWeights')}</legend>
      ${all.length === 0 && html`<p class="hint">${t('accountsNone')}</p>`}
      <ul class="shares">${all.map((account) => {
        const id = account.account_id;
        const chosen = id in shares;
        const about = account.missing
          ? t('accountGone')
          : [account.exchange, account.market, account.enabled ? '' : t('disabled')].filter(Boolean).join(' · ');
        return html`
          <li key=${id}>
            <${CheckField} label=${`${id} (${about})`} checked=${chosen}
              onChange=${(on) => onChange(on ? { ...shares, [id]: '1' } : without(id))} />
            ${chosen && html`<${TextField} label=${t('weightOf', { account: id })} value=${shares[id]}
              onInput=${(weight) => onChange({ ...shares, [id]: weight })} inputmode="decimal" required />`}
          </li>`;
      })}</ul>
    </fieldset>`;
}
