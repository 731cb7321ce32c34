// The pieces that views are made of: tables, dialogs, fields, times, states.
import { ApiError, serverNow, UnreachableError } from './api.js';
import { momentText, spanText, utcText } from './format.js';
import { html } from './html.js';
import { announce, useAttempt } from './live.js';
import { useEffect, useId, useRef, useState } from './preact-hooks.js';
import { language, t, units } from './texts.js';

// Icons are drawn on a 16 by 16 grid; they say nothing that a text beside them does not say.
const ICONS = {
  overview: 'M2 9h5V2H2zM9 14h5V7H9zM2 14h5v-3H2zM9 5h5V2H9z',
  queue: 'M2 4h8M2 8h8M2 12h5M11 10l2 2 2-2M13 12V4',
  orders: 'M3 2h7l3 3v9H3zM10 2v3h3M5.5 8h5M5.5 11h5',
  strategies: 'M2 13l4-5 3 2 5-7M10 3h4v4',
  accounts: 'M2 5l6-3 6 3v1H2zM3.5 6v6M8 6v6M12.5 6v6M2 13.5h12',
  log: 'M3 2v12h10M5.5 11V8M8.5 11V5M11.5 11V7',
  warning: 'M8 2l6.5 11.5h-13zM8 6.5v3M8 11.5v.2',
  good: 'M2.5 8.5l3.5 3.5 7.5-8',
  clock: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 4.5V8l2.5 1.5',
  copy: 'M5 5V2h9v9h-3M2 5h9v9H2z',
  close: 'M3 3l10 10M13 3L3 13',
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${ICONS[name]} />
    </svg>`;
}

// A time in the viewer's zone, with UTC in its title.
export function Moment({ at, milliseconds = false }) {
  if (!at) return html`<span class="none">${NOTHING}</span>`;
  const text = momentText(at, { now: serverNow(), language: language(), milliseconds });
  return html`<time datetime=${at} title=${utcText(at)}>${text}</time>`;
}

export const span = (seconds) => spanText(seconds, units());

const TONES = {
  PENDING: 'wait',
  PROCESSING: 'wait',
  OPEN: 'live',
  FILLED: 'good',
  SUCCESS: 'good',
  CANCELLED: 'quiet',
  EXPIRED: 'quiet',
  REJECTED: 'bad',
  FAILED: 'bad',
};

// A state by its name, which colour only repeats.
export function Status({ of, placement = null }) {
  const tone = TONES[of] ?? 'quiet';
  return html`<span class="status ${tone}">${of}${placement && html`<span class="placement"> ${placement}</span>`}
    </span>`;
}

export function OrderLink({ id }) {
  return html`<a class="id" href=${`#/orders/${encodeURIComponent(id)}`}>${id}</a>`;
}

export const NOTHING = '–';

// The account of an order or of a cancel, with its exchange.
export function AccountOf({ row }) {
  return html`${row.account_id} <span class="none under">${row.exchange}</span>`;
}

// A table which on narrow screens is a list of cards. The roles are named because CSS that changes how a table is laid
// out takes them away. Columns: { title, cell(row), kind }, where kind is any of 'number', 'acts', 'wide', 'short' (on
// one line where there is room) and 'bare' (says what it is without its title); a cell of NOTHING is left out of cards.
// `isBad(row)` marks a row.
export function Table({ caption, columns, rows, keyOf, empty, footer = null, isBad = () => false }) {
  const head = columns.map(
    (column) => html`<th role="columnheader" scope="col" class=${column.kind ?? ''}>${column.title}</th>`,
  );
  const body = rows.map(
    (row) => html`
    <tr role="row" key=${keyOf(row)} class=${isBad(row) ? 'bad' : undefined}>
      ${columns.map(({ title, kind = '', cell }) => {
        const shown = cell(row);
        const blank = shown === NOTHING ? 'blank' : '';
        return html`<td role="cell" class="${kind} ${blank}" data-label=${title}><div>${shown}</div></td>`;
      })}
    </tr>`,
  );
  return html`
    <table role="table">
      <caption>${caption}</caption>
      <thead role="rowgroup"><tr role="row">${head}</tr></thead>
      <tbody role="rowgroup">${body}</tbody>
      ${footer}
    </table>
    ${rows.length === 0 && html`<p class="empty">${empty}</p>`}`;
}

// Newest and older pages of a list by its cursor; `hrefWith(cursor)` is the address of a page.
export function Pages({ cursor, nextCursor, hrefWith }) {
  if (!cursor && !nextCursor) return null;
  return html`
    <nav class="pages" aria-label=${t('pages')}>
      ${
        cursor
          ? html`<a key="newest" class="button" href=${hrefWith(null)}>${t('newest')}</a>`
          : html`<span class="none">${t('newestShown')}</span>`
      }
      ${nextCursor && html`<a key="older" class="button" href=${hrefWith(nextCursor)} rel="next">${t('older')}</a>`}
    </nav>`;
}

// A labelled control. `control(attributes)` draws it; the hint is read out with it.
function Field({ label, hint = null, error = null, control, wide = false }) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  return html`
    <div class="field ${wide ? 'wide' : ''}">
      <label for=${id}>${label}</label>
      ${control({ id, 'aria-describedby': described, 'aria-invalid': error ? 'true' : undefined })}
      ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
      ${error && html`<p class="error" id="${id}-error">${error}</p>`}
    </div>`;
}

export function TextField({ label, value, onInput, hint, error, wide, ...attributes }) {
  const control = (own) => html`
    <input type="text" autocomplete="off" spellcheck=${false} ...${own} ...${attributes} value=${value}
      onInput=${(event) => onInput(event.currentTarget.value)} />`;
  return html`<${Field} label=${label} hint=${hint} error=${error} wide=${wide} control=${control} />`;
}

// The id of something new, as the server takes it.
export function IdField({ label, value, onInput }) {
  return html`<${TextField} label=${label} hint=${t('idHint')} value=${value} onInput=${onInput} required
    pattern="[A-Za-z0-9][A-Za-z0-9_\\-]{0,63}" />`;
}

// Options are [value, words] or just values.
export function SelectField({ label, value, onChange, options, hint, ...attributes }) {
  const control = (own) => html`
    <select ...${own} ...${attributes} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${options.map((option) => {
        const [key, words] = Array.isArray(option) ? option : [option, option];
        return html`<option key=${key} value=${key} selected=${key === value}>${words}</option>`;
      })}
    </select>`;
  return html`<${Field} label=${label} hint=${hint} control=${control} />`;
}

export function CheckField({ label, checked, onChange, hint = null }) {
  const id = useId();
  return html`
    <div class="field check">
      <input type="checkbox" id=${id} checked=${checked} aria-describedby=${hint ? `${id}-hint` : undefined}
        onChange=${(event) => onChange(event.currentTarget.checked)} />
      <label for=${id}>${label}</label>
      ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    </div>`;
}

// Text that is there to be copied, with a button that does it.
export function CopyBox({ label, text, rows = 1 }) {
  const id = useId();
  const box = useRef(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      announce(t('copied', { what: label }));
    } catch {
      box.current.select(); // the browser keeps the clipboard to itself: one key is left to press
      announce(t('copyByHand'), 'warning');
    }
  };
  return html`
    <div class="field wide copy">
      <label for=${id}>${label}</label>
      <div class="row">
        <textarea id=${id} ref=${box} readonly rows=${rows} spellcheck=${false} value=${text}></textarea>
        <button type="button" onClick=${copy}><${Icon} name="copy" />${t('copy')}<span class="hidden"> ${label}</span>
          </button>
      </div>
    </div>`;
}

// What went wrong, in the viewer's language where it is known, with the server's own words.
export function Problem({ error, acting = false }) {
  if (!error) return null;
  const details = (error.details ?? []).filter((detail) => detail?.field);
  return html`
    <div class="problem" role="alert">
      <p><${Icon} name="warning" />${problemText(error, acting)}</p>
      ${details.length > 0 && html`<ul>${details.map((detail) => html`<li><code>${detail.field}
        </code>: ${detail.message}</li>`)}</ul>`}
    </div>`;
}

export function problemText(error, acting = false) {
  if (error instanceof UnreachableError) return t(acting ? 'noAnswerToAction' : 'noAnswer');
  if (!(error instanceof ApiError)) return String(error);
  const known = t(`error_${error.code}`, {}, null);
  const listed = (error.details ?? []).some((detail) => detail?.field); // the message says the same once more
  const said = [error.code, listed ? '' : error.message].filter(Boolean).join(': ');
  return known === null ? said : `${known} (${said})`;
}

// Asks before something is done, and says what will happen. `act()` does it; the dialog stays when it fails.
// `openerGoes`: with what is done the button goes that opened it, and the focus must not fall back to the page's start.
export function Confirm({ title, children, doIt, danger = false, act, onClose, openerGoes = false }) {
  const dialog = useRef(null);
  const done = useRef(false);
  const { busy, error, attempt } = useAttempt();
  const id = useId();
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  const confirm = attempt(async () => {
    await act();
    done.current = true;
    dialog.current?.close();
  });
  const close = () => {
    onClose();
    if (openerGoes && done.current) document.getElementById('heading').focus();
  };
  return html`
    <dialog ref=${dialog} aria-labelledby=${id} onClose=${close}
      onCancel=${(event) => busy && event.preventDefault()}>
      <h2 id=${id}>${title}</h2>
      <div class="text">${children}</div>
      <${Problem} error=${error} acting=${true} />
      <div class="actions">
        <button type="button" disabled=${busy} onClick=${() => dialog.current.close()}>${t('leaveIt')}</button>
        <button type="button" class=${danger ? 'danger' : 'primary'} disabled=${busy} onClick=${confirm}>
          ${busy ? t('working') : doIt}
        </button>
      </div>
    </dialog>`;
}

// A view's headline; it takes the focus when the view is entered, so that a screen reader goes on from there.
export function Heading({ children, actions = null }) {
  return html`
    <header class="heading">
      <h1 id="heading" tabindex="-1">${children}</h1>
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>`;
}

// Pairs of a name and what it is; null where there is nothing to say.
export function Facts({ of }) {
  const shown = of.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd>
    </div>`)}</dl>`;
}

// While nothing is there yet: why, or that it is on its way.
export function Waiting({ error }) {
  return error ? html`<${Problem} error=${error} />` : html`<p class="empty" role="status">${t('loading')}</p>`;
}
