// Strategies: the list, and the form that makes one.
import { change, get, pathTo, put } from './api.js';
import { html } from './html.js';
import { announce, useAttempt, useLive } from './live.js';
import { Heading, IdField, NOTHING, Problem, Status, Table, Waiting } from './parts.js';
import { useState } from './preact-hooks.js';
import { go, hrefOf } from './route.js';
import { bodyOf, EMPTY, StrategyFields } from './strategy-form.js';
import { keepToken } from './shown-tokens.js';
import { t } from './texts.js';

const REFRESH_SLOWLY = 10_000;

export function StrategiesView({ route }) {
  const { data, error, reload } = useLive((signal) => get('api/v1/strategies', {}, signal), [], REFRESH_SLOWLY);
  if (route.query.new) return html`<${NewStrategy} />`;
  const create = html`<a class="button primary" href=${hrefOf('strategies', null, { new: '1' })}>${t('newStrategy')}
    </a>`;
  const columns = [
    {
      title: t('strategy'),
      cell: (row) => html`<a class="id" href=${hrefOf('strategies', row.strategy_id)}>${row.strategy_id}</a>`,
    },
    { title: t('name'), kind: 'bare', cell: (row) => row.name },
    { title: t('state'), kind: 'bare', cell: (row) => html`<${StrategyState} strategy=${row} />` },
    { title: t('symbols'), kind: 'wide', cell: (row) => row.symbols.join(', ') },
    {
      title: t('accounts'),
      kind: 'wide',
      cell: (row) => row.accounts.map((share) => `${share.account_id} × ${share.weight}`).join(', ') || NOTHING,
    },
    { title: t('actions'), kind: 'acts', cell: (row) => html`<${EnableButton} strategy=${row} onChanged=${reload} />` },
  ];
  return html`
    <${Heading} actions=${create}>${t('strategies')}<//>
    ${
      data === null
        ? html`<${Waiting} error=${error} />`
        : html`<${Table} caption=${t('strategiesCaption')} columns=${columns} rows=${data.items}
          keyOf=${(row) => row.strategy_id} empty=${t('strategiesNone')} />`
    }`;
}

export function StrategyState({ strategy }) {
  const [tone, words] = !strategy.enabled
    ? ['quiet', t('disabled')]
    : strategy.halted
      ? ['bad', t('haltedState')]
      : ['good', t('enabled')];
  return html`<span class="status ${tone}">${words}</span>`;
}

// The row is read once more before it is written: PUT replaces all of it.
export function EnableButton({ strategy, onChanged }) {
  const { busy, error, attempt } = useAttempt();
  const turn = attempt(async () => {
    await change(pathTo('strategies', strategy.strategy_id), { enabled: !strategy.enabled });
    announce(t(strategy.enabled ? 'isDisabled' : 'isEnabled', { what: strategy.strategy_id }));
    onChanged();
  });
  return html`
    <button type="button" disabled=${busy} onClick=${turn}>${t(strategy.enabled ? 'disable' : 'enable')}<span
      class="hidden"> ${strategy.strategy_id}</span></button>
    <${Problem} error=${error} acting=${true} />`;
}

function NewStrategy() {
  const [id, setId] = useState('');
  const [fields, setFields] = useState(EMPTY);
  const { busy, error: problem, attempt } = useAttempt();
  const { data: accounts, error } = useLive((signal) => get('api/v1/accounts', {}, signal), [], 0);
  const create = attempt(async () => {
    if (await exists(id)) throw t('existsAlready', { what: id });
    const made = await put(pathTo('strategies', id), bodyOf(fields));
    keepToken(id, made.token);
    announce(t('isCreated', { what: id }));
    go('strategies', id);
  });
  return html`
    <p class="back"><a href=${hrefOf('strategies')}>${t('strategies')}</a></p>
    <${Heading}>${t('newStrategy')}<//>
    ${
      accounts === null
        ? html`<${Waiting} error=${error} />`
        : html`
        <form class="form" onSubmit=${create}>
          <${IdField} label=${t('strategyId')} value=${id} onInput=${setId} />
          <${StrategyFields} fields=${fields} onChange=${setFields} accounts=${accounts.items} />
          <${Problem} error=${problem} acting=${true} />
          <div class="actions"><button class="primary" disabled=${busy}>
            ${busy ? t('working') : t('create')}</button></div>
        </form>`
    }`;
}

// PUT would replace a strategy of that id; the list tells, where asking for one that is not there would be an error.
async function exists(id) {
  const { items } = await get('api/v1/strategies');
  return items.some((strategy) => strategy.strategy_id === id);
}
