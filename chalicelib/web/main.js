// The page as a whole: signing in, the frame around the views, which view is shown.
import { isAdminToken } from './api.js';
import { AccountsView } from './view-accounts.js';
import { LogView } from './view-log.js';
import { OrderView } from './view-order.js';
import { OrdersView } from './view-orders.js';
import { OverviewView } from './view-overview.js';
import { QueueView } from './view-queue.js';
import { StrategiesView } from './view-strategies.js';
import { StrategyView } from './view-strategy.js';
import { momentText, spanText } from './format.js';
import { html } from './html.js';
import { announce, dropOldNews, useConnectionTrouble, useNews, useNow } from './live.js';
import { Icon, Problem, problemText, SelectField } from './parts.js';
import { render } from './preact.js';
import { useEffect, useRef, useState } from './preact-hooks.js';
import { apply, chooseLanguage, chooseTheme, chosenLanguage, chosenTheme, LANGUAGES, THEMES } from './preferences.js';
import { hrefOf, useRoute, VIEWS } from './route.js';
import { onSessionChange, signIn, signOut, token } from './session.js';
import { language, t, units } from './texts.js';

const LISTS = {
  overview: OverviewView,
  queue: QueueView,
  orders: OrdersView,
  strategies: StrategiesView,
  accounts: AccountsView,
  log: LogView,
};
const DETAILS = { orders: OrderView, strategies: StrategyView };

function Page() {
  const [session, setSession] = useState({ token: token(), why: null });
  const [, redraw] = useState(0);
  useEffect(() => onSessionChange((value, why) => setSession({ token: value, why })), []);
  const onPreference = () => redraw((count) => count + 1);
  return session.token === null
    ? html`<${SignIn} why=${session.why} onPreference=${onPreference} />`
    : html`<${Frame} onPreference=${onPreference} />`;
}

function SignIn({ why, onPreference }) {
  const [value, setValue] = useState('');
  const [state, setState] = useState({ busy: false, wrong: why === 'refused' ? 'sessionEnded' : null, error: null });
  const field = useRef(null);
  useEffect(() => {
    document.title = `${t('signIn')} · trading-bot`;
    field.current.focus();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    setState({ busy: true, wrong: null, error: null });
    try {
      if (await isAdminToken(value.trim())) return signIn(value.trim());
      setState({ busy: false, wrong: 'wrongToken', error: null });
    } catch (error) {
      setState({ busy: false, wrong: null, error });
    }
    field.current?.select();
  };
  return html`
    <main class="sign-in" id="main">
      <h1><${Brand} /></h1>
      <form onSubmit=${submit}>
        <label for="admin-token">${t('adminToken')}</label>
        <input id="admin-token" ref=${field} type="password" autocomplete="off" required value=${value}
          aria-describedby="admin-token-hint" aria-invalid=${state.wrong ? 'true' : undefined}
          onInput=${(event) => setValue(event.currentTarget.value)} />
        <p class="hint" id="admin-token-hint">${t('adminTokenHint')}</p>
        ${state.wrong && html`<div class="problem" role="alert"><p><${Icon} name="warning" />${t(state.wrong)}</p>
          </div>`}
        <${Problem} error=${state.error} />
        <button class="primary" disabled=${state.busy}>${state.busy ? t('working') : t('signIn')}</button>
      </form>
      <${Preferences} onChange=${onPreference} />
    </main>`;
}

function Frame({ onPreference }) {
  const route = useRoute();
  const View = (route.id !== null && DETAILS[route.view]) || LISTS[route.view];
  const { new: isNew = '', edit = '', cursor = '' } = route.query;
  const place = [route.view, route.id ?? '', isNew, edit].join('/'); // filters and cursors stay within a view
  useTitleAndFocus(route, place, cursor);
  const skip = (event) => {
    event.preventDefault(); // the address behind the # is the view's
    document.getElementById('main').focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>${t('skip')}</a>
    <header class="top">
      <${Brand} />
      <nav aria-label=${t('views')}>
        ${VIEWS.map(
          (view) => html`
          <a key=${view} href=${hrefOf(view)} aria-current=${view === route.view ? 'page' : undefined}>
            <${Icon} name=${view} /><span>${t(view)}</span>
          </a>`,
        )}
      </nav>
    </header>
    <${ConnectionBanner} />
    <${News} />
    <main id="main" tabindex="-1"><${View} key=${place} route=${route} /></main>
    <footer class="bottom">
      <${Preferences} onChange=${onPreference} />
      <button type="button" onClick=${() => signOut()}>${t('signOut')}</button>
    </footer>`;
}

function Brand() {
  return html`
    <span class="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false"><rect width="32" height="32" rx="7" /><path
        d="M7 21l6-7 5 4 7-9" /></svg>
      trading-bot
    </span>`;
}

// The first view leaves the focus where the browser has it; every later one, and every other page of a list, takes it
// to its headline.
function useTitleAndFocus(route, place, cursor) {
  const first = useRef(true);
  useEffect(() => {
    document.title = `${route.id ?? t(route.view)} · trading-bot`;
  });
  useEffect(() => {
    if (!first.current) document.getElementById('heading')?.focus();
    first.current = false;
  }, [place, cursor]);
  useEffect(dropOldNews, [place]);
}

function Preferences({ onChange }) {
  const set = (choose) => (value) => {
    choose(value);
    onChange();
  };
  return html`
    <div class="preferences">
      <${SelectField} label=${t('language')} value=${chosenLanguage()} options=${Object.entries(LANGUAGES)}
        onChange=${set(chooseLanguage)} />
      <${SelectField} label=${t('colours')} value=${chosenTheme()}
        options=${THEMES.map((theme) => [theme, t(`theme_${theme}`)])} onChange=${set(chooseTheme)} />
    </div>`;
}

// Says that the server cannot be reached, since when, and that it can again.
function ConnectionBanner() {
  const trouble = useConnectionTrouble();
  const wasLost = useRef(false);
  useEffect(() => {
    if (trouble === null && wasLost.current) announce(t('reachedAgain'));
    wasLost.current = trouble !== null;
  }, [trouble === null]);
  if (trouble === null) return html`<div role="alert"></div>`;
  const since = momentText(new Date(trouble.since).toISOString(), { now: Date.now(), language: language() });
  const what = trouble.error
    ? t('serverTroubled', { since, error: problemText(trouble.error) })
    : t('unreachable', { since });
  return html`<div class="banner" role="alert"><${Icon} name="warning" /><p>${what}</p><${LostFor}
    since=${trouble.since} /></div>`;
}

// Counts up; kept out of what is read aloud.
function LostFor({ since }) {
  useNow();
  return html`<span class="lost-for" aria-live="off">${spanText((Date.now() - since) / 1000, units())}</span>`;
}

function News() {
  const news = useNews();
  return html`
    <div class="news-line" role="status" aria-live="polite">
      ${
        news &&
        html`
        <div class="news ${news.kind}" key=${news.at}>
          <${Icon} name=${news.kind === 'good' ? 'good' : 'warning'} /><p>${news.text}</p>
          <button type="button" class="plain" onClick=${() => announce(null)}><${Icon} name="close" /><span
            class="hidden">${t('dismiss')}</span></button>
        </div>`
      }
    </div>`;
}

apply();
render(html`<${Page} />`, document.getElementById('root'));
