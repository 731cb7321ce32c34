// Accounts: the list with a test of each connection, and the form that makes or changes one.
import { change, get, pathTo, post, put, remove } from './api.js';
import { amountText } from './format.js';
import { html } from './html.js';
import { announce, useAttempt, useLive } from './live.js';
import {
  CheckField,
  Confirm,
  Heading,
  Icon,
  IdField,
  Problem,
  SelectField,
  Table,
  TextField,
  Waiting,
} from './parts.js';
import { useState } from './preact-hooks.js';
import { go, hrefOf } from './route.js';
import { t, wordsOf } from './texts.js';

const REFRESH_SLOWLY = 10_000;
const EXCHANGES = ['mock', 'binance', 'bybit', 'upbit'];
const FAULTS = ['timeout_before', 'timeout_after', 'unknown_order'];
const MOCK_NUMBERS = ['success_rate', 'delay_ms', 'place_delay_ms', 'seed'];

export function AccountsView({ route }) {
  const { data, error, reload } = useLive((signal) => get('api/v1/accounts', {}, signal), [], REFRESH_SLOWLY);
  const { new: isNew, edit } = route.query;
  if (data === null) return html`<${Heading}>${t('accounts')}<//><${Waiting} error=${error} />`;
  const edited = edit ? data.items.find((account) => account.account_id === edit) : null;
  if (edit && !edited) {
    return html`
      <p class="back"><a href=${hrefOf('accounts')}>${t('accounts')}</a></p>
      <${Heading}>${edit}<//><p class="empty">${t('accountGone')}</p>`;
  }
  if (isNew || edited) return html`<${AccountForm} key=${edit ?? ''} account=${edited} others=${data.items} />`;
  return html`<${AccountList} accounts=${data.items} onChanged=${reload} />`;
}

function AccountList({ accounts, onChanged }) {
  const [asked, setAsked] = useState(null);
  const columns = [
    {
      title: t('account'),
      cell: (row) =>
        html`<a class="id" href=${hrefOf('accounts', null, { edit: row.account_id })}>${row.account_id}</a>`,
    },
    {
      title: t('exchange'),
      kind: 'bare short',
      cell: (row) => [row.exchange, row.market, row.testnet ? t('testnet') : ''].filter(Boolean).join(' · '),
    },
    {
      title: t('state'),
      kind: 'bare',
      cell: (row) =>
        html`<span class="status ${row.enabled ? 'good' : 'quiet'}">${t(row.enabled ? 'enabled' : 'disabled')}</span>`,
    },
    {
      title: t('credentials'),
      kind: 'short',
      cell: (row) =>
        t(
          row.exchange === 'mock'
            ? 'credentialsNotNeeded'
            : row.has_credentials
              ? 'credentialsStored'
              : 'credentialsNone',
        ),
    },
    {
      title: t('actions'),
      kind: 'acts',
      cell: (row) =>
        html`<${AccountActions} account=${row} onChanged=${onChanged} onDelete=${() => setAsked(row.account_id)} />`,
    },
  ];
  const deleteIt = async () => {
    await remove(pathTo('accounts', asked));
    announce(t('isDeleted', { what: asked }));
    onChanged();
  };
  return html`
    <${Heading} actions=${html`<a class="button primary" href=${hrefOf('accounts', null, { new: '1' })}>
      ${t('newAccount')}</a>`}>${t('accounts')}<//>
    <${Table} caption=${t('accountsCaption')} columns=${columns} rows=${accounts} keyOf=${(row) => row.account_id}
      empty=${t('accountsNone')} />
    ${
      asked &&
      html`
      <${Confirm} title=${t('deleteAccountAsk')} doIt=${t('deleteAccount')} danger=${true} act=${deleteIt}
        onClose=${() => setAsked(null)} openerGoes=${true}>
        <p>${t('deleteAccountMeans', { account: asked })}</p><//>`
    }`;
}

function AccountActions({ account, onChanged, onDelete }) {
  const { busy, result, error, attempt } = useAttempt();
  const id = account.account_id;
  const test = attempt(() => post(pathTo('accounts', id, 'test')));
  const turn = attempt(async () => {
    await change(pathTo('accounts', id), { enabled: !account.enabled });
    announce(t(account.enabled ? 'isDisabled' : 'isEnabled', { what: id }));
    onChanged();
  });
  const about = html`<span class="hidden"> ${id}</span>`;
  return html`
    <span class="buttons">
      <button type="button" disabled=${busy} onClick=${test}>${t('testConnection')}${about}</button>
      <button type="button" disabled=${busy} onClick=${turn}>
        ${t(account.enabled ? 'disable' : 'enable')}${about}</button>
      <button type="button" class="danger" disabled=${busy} onClick=${onDelete}>${t('delete')}${about}</button>
    </span>
    <div role="status">${busy && html`<p class="hint">${t('working')}</p>`}${result && html`<${TestResult}
      result=${result} />`}</div>
    <${Problem} error=${error} acting=${true} />`;
}

function TestResult({ result }) {
  if (!result.ok) {
    return html`<p class="bad-text"><${Icon} name="warning" />
      ${t('testFailed', { error: wordsOf(result.error.message) ?? result.error.code })}</p>`;
  }
  const balances = Object.entries(result.balances)
    .map(([asset, amount]) => `${amountText(amount)} ${asset}`)
    .join(', ');
  const exchange = result.exchange ?? '';
  return html`<p class="good-text"><${Icon} name="good" />
    ${t('testWorks', { exchange, milliseconds: Math.round(result.latency_ms), balances: balances || t('noBalance') })}
    </p>`;
}

function AccountForm({ account, others }) {
  const [loaded] = useState(JSON.stringify(fieldsOf(account)));
  const [fields, setFields] = useState(fieldsOf(account));
  const { busy, error, attempt } = useAttempt();
  const set = (name) => (value) => setFields({ ...fields, [name]: value });
  const save = attempt(async () => {
    const id = account?.account_id ?? fields.id;
    const path = pathTo('accounts', id);
    if (!account && others.some((other) => other.account_id === id)) throw t('existsAlready', { what: id });
    if (account && JSON.stringify(fieldsOf(await get(path))) !== loaded) throw t('changedMeanwhile');
    await put(path, bodyOf(fields, account));
    announce(t(account ? 'isSaved' : 'isCreated', { what: id }));
    go('accounts');
  });
  const real = fields.exchange !== 'mock';
  return html`
    <p class="back"><a href=${hrefOf('accounts')}>${t('accounts')}</a></p>
    <${Heading}>${account ? account.account_id : t('newAccount')}<//>
    <form class="form" autocomplete="off" onSubmit=${save}>
      ${!account && html`<${IdField} label=${t('accountId')} value=${fields.id} onInput=${set('id')} />`}
      <${SelectField} label=${t('exchange')} value=${fields.exchange} options=${EXCHANGES}
        onChange=${set('exchange')} />
      <${SelectField} label=${t('market')} value=${fields.market}
        options=${fields.exchange === 'upbit' ? ['spot'] : ['spot', 'futures']} onChange=${set('market')} />
      ${real && fields.exchange !== 'upbit' && html`<${CheckField} label=${t('testnet')} checked=${fields.testnet}
        onChange=${set('testnet')} />`}
      <${CheckField} label=${t('enabled')} checked=${fields.enabled} onChange=${set('enabled')} />
      ${
        real
          ? html`<${CredentialFields} fields=${fields} set=${set}
            stored=${account?.has_credentials && account.exchange === fields.exchange} />`
          : html`<${MockFields} fields=${fields} set=${set} />`
      }
      <${Problem} error=${error} acting=${true} />
      <div class="actions"><button class="primary" disabled=${busy}>
        ${busy ? t('working') : t(account ? 'save' : 'create')}</button></div>
    </form>`;
}

// What is entered goes to the server and never comes back.
function CredentialFields({ fields, set, stored }) {
  const both = Boolean(fields.api_key) || Boolean(fields.api_secret);
  return html`
    <fieldset class="wide">
      <legend>${t('credentials')}</legend>
      <p class="hint">${t(stored ? 'credentialsKept' : 'credentialsHint')}</p>
      <div class="form tight">
        <${TextField} label=${t('apiKey')} type="password" autocomplete="new-password" value=${fields.api_key}
          onInput=${set('api_key')} required=${both} />
        <${TextField} label=${t('apiSecret')} type="password" autocomplete="new-password" value=${fields.api_secret}
          onInput=${set('api_secret')} required=${both} />
      </div>
    </fieldset>`;
}

function MockFields({ fields, set }) {
  return html`
    <fieldset class="wide">
      <legend>${t('mockOptions')}</legend>
      <div class="form tight">
        ${MOCK_NUMBERS.map((name) => html`<${TextField} key=${name} label=${t(`mock_${name}`)} value=${fields[name]}
          onInput=${set(name)} inputmode="decimal" />`)}
        <${SelectField} label=${t('mock_fault')} value=${fields.fault}
          options=${[['', t('none')], ...FAULTS.map((fault) => [fault, t(`fault_${fault}`)])]}
          onChange=${set('fault')} />
      </div>
    </fieldset>`;
}

function fieldsOf(account) {
  const options = account?.options ?? {};
  const shown = Object.fromEntries(
    [...MOCK_NUMBERS, 'fault'].map((name) => [name, options[name] === undefined ? '' : String(options[name])]),
  );
  return {
    id: '',
    exchange: account?.exchange ?? 'mock',
    market: account?.market ?? 'spot',
    testnet: account?.testnet ?? false,
    enabled: account?.enabled ?? true,
    api_key: '',
    api_secret: '',
    ...shown,
  };
}

function bodyOf(fields, account) {
  const mock = fields.exchange === 'mock';
  const upbit = fields.exchange === 'upbit';
  const body = {
    exchange: fields.exchange,
    market: upbit ? 'spot' : fields.market,
    testnet: !mock && !upbit && fields.testnet,
    enabled: fields.enabled,
    options: mock ? mockOptions(fields) : (account?.options ?? {}),
  };
  if (!mock && fields.api_key) body.credentials = { api_key: fields.api_key, api_secret: fields.api_secret };
  return body;
}

// Empty ones are left out, so that the mock's own default holds; what is no number is for the server to refuse.
function mockOptions(fields) {
  const numbers = MOCK_NUMBERS.filter((name) => fields[name].trim() !== '').map((name) => {
    const value = Number(fields[name]);
    return [name, Number.isNaN(value) ? fields[name] : value];
  });
  return Object.fromEntries([...numbers, ...(fields.fault ? [['fault', fields.fault]] : [])]);
}
