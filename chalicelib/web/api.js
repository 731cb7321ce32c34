// The HTTP API: one function that calls it, what its errors look like, and whether the server can be reached.
import { signOut, token } from './session.js';

const READ_TIMEOUT = 8_000; // a cold start takes two seconds; who watches wants to know of silence
const ACT_TIMEOUT = 30_000; // a cancel may work at the exchange for ten seconds
const CLOCKS_APART = 2_000; // the header Date has whole seconds only

// What the server, or API Gateway before it, says no with. `code` is for programs, the message for people.
export class ApiError extends Error {
  constructor(status, code, message, details = []) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

// No answer came. What was asked for may or may not have been done.
export class UnreachableError extends Error {}

export const get = (path, query = {}, signal = undefined) => call('GET', path, { query, signal });
export const put = (path, body) => call('PUT', path, { body });
export const post = (path, body = undefined) => call('POST', path, { body });
export const remove = (path) => call('DELETE', path, {});
// PUT replaces all of it: what is not among `fields` is written back as it is now.
export const change = async (path, fields) => put(path, { ...(await get(path)), ...fields });

// ('cancel-queue', 'ID', 'retry') → 'api/v1/cancel-queue/ID/retry'
export const pathTo = (...parts) => `api/v1/${parts.map(encodeURIComponent).join('/')}`;

// Whether the token is the admin's; throws where that cannot be told.
export async function isAdminToken(candidate) {
  if (!/^[\x21-\x7e]+$/.test(candidate)) return false; // nothing else fits into a header
  try {
    await call('GET', 'api/v1/controls', { bearer: candidate, watched: false });
    return true;
  } catch (error) {
    if (error.status === 401) return false;
    throw error;
  }
}

// An alert as TradingView would send it: it carries the strategy's token, and never the admin's.
export const sendAlert = (alert) => call('POST', 'api/v1/webhook', { body: alert, bearer: null, watched: false });

export const webhookUrl = () => new URL('api/v1/webhook', document.baseURI).href;

// Addresses are relative to the document, so that they hold behind a stage's prefix too.
async function call(method, path, { query = {}, body, bearer = token(), signal, watched = true }) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const search = given.length ? `?${new URLSearchParams(given)}` : '';
  const headers = { Accept: 'application/json' };
  if (bearer !== null) headers.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const limit = AbortSignal.timeout(method === 'GET' ? READ_TIMEOUT : ACT_TIMEOUT);
  const started = Date.now();
  let response, text;
  try {
    response = await fetch(path + search, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: 'no-store',
      credentials: 'omit',
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    reportLost(null, started);
    throw new UnreachableError(error.message);
  }
  learnClock(response.headers.get('Date'));
  const answer = response.ok ? parsed(text) : null;
  if (response.ok && answer !== undefined) {
    reportReached();
    return answer;
  }
  const error = errorOf(response.status, text);
  if (isTrouble(error)) {
    if (watched) reportLost(error, started);
  } else {
    reportReached();
  }
  if (error.status === 401 && watched && bearer === token()) signOut('refused');
  throw error;
}

// undefined where it is not JSON: a proxy's own page.
function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return undefined;
  }
}

// Not our server's own word on the request: it fails, is overrun, or something before it answers.
const isTrouble = (error) => error.status >= 500 || error.status === 429 || error.code === `HTTP_${error.status}`;

function errorOf(status, text) {
  const body = parsed(text);
  const error = body?.error;
  if (error?.code) return new ApiError(status, error.code, error.message ?? '', error.details ?? []);
  return new ApiError(status, `HTTP_${status}`, body?.message ?? body?.Message ?? '');
}

// Since when the server has not answered as it should, and what it said; null while all is well.
let trouble = null;
const listeners = new Set();

export const connectionTrouble = () => trouble;

export function onConnectionChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function reportLost(error, started) {
  tell({ since: trouble?.since ?? started, error });
}

function reportReached() {
  if (trouble !== null) tell(null);
}

function tell(now) {
  trouble = now;
  for (const listener of listeners) listener(now);
}

// The server's time as far as its answers tell, for ages and countdowns.
let clockOffset = 0;

export const serverNow = () => Date.now() + clockOffset;

function learnClock(header) {
  const offset = header ? Date.parse(header) - Date.now() : NaN;
  if (!Number.isNaN(offset)) clockOffset = Math.abs(offset) > CLOCKS_APART ? offset : 0;
}
