// One strategy: its token while it is shown, the alert's text, a test alert, its settings.
import { change, get, pathTo, put, remove } from './api.js';
import { newToken } from './alerts.js';
import { AlertText, TestAlert } from './alert-forms.js';
import { html } from './html.js';
import { announce, useAttempt, useLive } from './live.js';
import { Confirm, CopyBox, Heading, Icon, Problem, TextField, Waiting } from './parts.js';
import { useEffect, useState } from './preact-hooks.js';
import { go, hrefOf } from './route.js';
import { forgetToken, keepToken, keptToken } from './shown-tokens.js';
import { bodyOf, fieldsOf, StrategyFields } from './strategy-form.js';
import { t } from './texts.js';
import { EnableButton, StrategyState } from './view-strategies.js';

export function StrategyView({ route }) {
  const id = route.id;
  const path = pathTo('strategies', id);
  const read = async (signal) => {
    const [strategy, accounts] = await Promise.all([get(path, {}, signal), get('api/v1/accounts', {}, signal)]);
    return { strategy, accounts: accounts.items };
  };
  const { data, error, reload } = useLive(read, [id], 0); // once: what is being typed must not change by itself
  const [made, setMade] = useState(keptToken(id));
  const [asked, setAsked] = useState(null);
  useEffect(() => () => forgetToken(id), [id]);
  const back = html`<p class="back"><a href=${hrefOf('strategies')}>${t('strategies')}</a></p>`;
  if (data === null) return html`${back}<${Heading}>${id}<//><${Waiting} error=${error} />`;
  const { strategy, accounts } = data;
  const replaceToken = async () => {
    const { token } = await change(path, { token: newToken((bytes) => crypto.getRandomValues(bytes)) });
    keepToken(id, token);
    setMade(token);
    announce(t('tokenReplaced'));
  };
  const deleteIt = async () => {
    await remove(path);
    announce(t('isDeleted', { what: id }));
    go('strategies');
  };
  return html`
    ${back}
    <${Heading} actions=${html`<${EnableButton} strategy=${strategy} onChanged=${reload} />`}>${strategy.strategy_id}
      <//>
    <p class="subtitle"><${StrategyState} strategy=${strategy} /> <span>${strategy.name}</span></p>
    ${
      made &&
      html`
      <section class="token" aria-labelledby="token-title">
        <h2 id="token-title"><${Icon} name="warning" />${t('tokenShownOnce')}</h2>
        <p>${t('tokenShownOnceMeans')}</p>
        <${CopyBox} label=${t('webhookToken')} text=${made} />
      </section>`
    }
    <${Alerts} strategy=${strategy} accounts=${accounts} read=${read} made=${made} />
    <section aria-labelledby="settings-title">
      <h2 id="settings-title">${t('settings')}</h2>
      <${Settings} strategy=${strategy} accounts=${accounts} path=${path} onSaved=${reload} />
    </section>
    <section aria-labelledby="danger-title">
      <h2 id="danger-title">${t('noWayBack')}</h2>
      <div class="actions start">
        <button type="button" class="danger" onClick=${() => setAsked('token')}>${t('replaceToken')}</button>
        <button type="button" class="danger" onClick=${() => setAsked('delete')}>${t('deleteStrategy')}</button>
      </div>
    </section>
    ${
      asked === 'token' &&
      html`
      <${Confirm} title=${t('replaceTokenAsk')} doIt=${t('replaceToken')} danger=${true} act=${replaceToken}
        onClose=${() => setAsked(null)}>
        <p>${t('replaceTokenMeans', { strategy: id })}</p><//>`
    }
    ${
      asked === 'delete' &&
      html`
      <${Confirm} title=${t('deleteStrategyAsk')} doIt=${t('deleteStrategy')} danger=${true} act=${deleteIt}
        onClose=${() => setAsked(null)}>
        <p>${t('deleteStrategyMeans', { strategy: id })}</p><//>`
    }`;
}

// The token fills in both: it is known here while it is shown, else whoever has it may enter it.
function Alerts({ strategy, accounts, read, made }) {
  const [entered, setEntered] = useState('');
  const token = made ?? entered;
  return html`
    ${
      !made &&
      html`
      <section class="entry"><${TextField} label=${t('webhookToken')} hint=${t('webhookTokenHint')} type="password"
        value=${entered} onInput=${setEntered} /></section>`
    }
    <div class="columns">
      <${AlertText} strategy=${strategy} token=${token} />
      <${TestAlert} strategy=${strategy} accounts=${accounts} read=${read} token=${token} />
    </div>`;
}

// The fields as they are now, but for those that somebody has changed in the form since they were loaded.
function typedOver(now, typed, loaded) {
  const isTyped = (name) => JSON.stringify(typed[name]) !== JSON.stringify(loaded[name]);
  return Object.fromEntries(Object.keys(now).map((name) => [name, isTyped(name) ? typed[name] : now[name]]));
}

const settingsOf = (strategy) => JSON.stringify(bodyOf(fieldsOf(strategy)));

// PUT replaces all of it: what somebody else has changed since the form was filled is not overwritten unseen.
function Settings({ strategy, accounts, path, onSaved }) {
  const [fields, setFields] = useState(fieldsOf(strategy));
  const [loaded, setLoaded] = useState(fields);
  useEffect(() => {
    const now = fieldsOf(strategy);
    setFields((typed) => typedOver(now, typed, loaded));
    setLoaded(now);
  }, [strategy.version]);
  const { busy, error, attempt } = useAttempt();
  const save = attempt(async () => {
    if (settingsOf(await get(path)) !== settingsOf(strategy)) throw t('changedMeanwhile');
    await put(path, bodyOf(fields));
    announce(t('isSaved', { what: strategy.strategy_id }));
    onSaved();
  });
  return html`
    <form class="form" onSubmit=${save}>
      <${StrategyFields} fields=${fields} onChange=${setFields} accounts=${accounts} />
      <${Problem} error=${error} acting=${true} />
      <div class="actions"><button class="primary" disabled=${busy}>${busy ? t('working') : t('save')}
        </button></div>
    </form>`;
}
