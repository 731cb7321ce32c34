// What changes by itself: data that is read again while somebody looks, the time, news for screen readers.
import { connectionTrouble, onConnectionChange, serverNow } from './api.js';
import { useEffect, useRef, useState } from './preact-hooks.js';

const REFRESH = 2_000;
const STILL_NEWS = 2_000;
const NOTHING_YET = { data: null, error: null };

// Reads with `load(signal)` now, whenever `deps` change, and every `every` milliseconds while the page is visible.
// Data stays as it was while it is read again or cannot be read; what belongs to other `deps` is never shown, nor what
// the server says is not there. `reload()` reads at once. With `every` 0 it is read once, and again only until that
// succeeds.
export function useLive(load, deps, every = REFRESH) {
  const asked = JSON.stringify(deps);
  const [state, setState] = useState({ asked, ...NOTHING_YET });
  const reload = useRef(() => {});
  useEffect(() => {
    const report = (change) =>
      setState((before) => ({ ...(before.asked === asked ? before : NOTHING_YET), ...change, asked }));
    const reader = startReading(load, every, report);
    reload.current = reader.readNow;
    return reader.stop;
  }, [asked, every]);
  const { data, error } = state.asked === asked ? state : NOTHING_YET;
  return { data, error, reload: () => reload.current() };
}

function startReading(load, every, report) {
  const controller = new AbortController();
  let timer = null;
  let reading = false;
  let wantedAgain = false;
  let failed = false;

  async function read() {
    clearTimeout(timer);
    if (reading) {
      wantedAgain = true; // what is under way may be from before the change that is asked for
      return;
    }
    reading = true;
    let pause = every;
    try {
      const data = await load(controller.signal);
      failed = false;
      if (!controller.signal.aborted) report({ data, error: null });
    } catch (error) {
      failed = passes(error);
      if (!controller.signal.aborted) report(failed ? { error } : { data: null, error });
      pause = failed ? every || REFRESH : 0;
    }
    reading = false;
    if (controller.signal.aborted) return;
    if (wantedAgain) {
      wantedAgain = false;
      read();
    } else if (pause && !document.hidden) {
      timer = setTimeout(read, pause);
    }
  }

  function visibilityChanged() {
    clearTimeout(timer);
    if (!document.hidden && (every || failed)) read();
  }

  document.addEventListener('visibilitychange', visibilityChanged);
  read();
  return {
    readNow: read,
    stop() {
      controller.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', visibilityChanged);
    },
  };
}

// What our own server finds wrong with the request itself stays wrong: it is not read again by itself.
const passes = (error) => !['NOT_FOUND', 'VALIDATION_ERROR'].includes(error.code);

// For what a person starts: `attempt(work)` is the handler that does it, and the rest says how that stands.
export function useAttempt() {
  const [state, setState] = useState({ busy: false, result: null, error: null });
  const attempt = (work) => async (event) => {
    event?.preventDefault();
    setState({ busy: true, result: null, error: null });
    try {
      setState({ busy: false, result: (await work()) ?? null, error: null });
    } catch (error) {
      setState({ busy: false, result: null, error });
    }
  };
  return { ...state, attempt };
}

// The server's time in milliseconds, anew every second.
export function useNow(every = 1_000) {
  const [now, setNow] = useState(serverNow());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(serverNow()), every);
    return () => clearInterval(timer);
  }, [every]);
  return Math.max(now, serverNow() - every);
}

export function useConnectionTrouble() {
  const [trouble, setTrouble] = useState(connectionTrouble());
  useEffect(() => onConnectionChange(setTrouble), []);
  return trouble;
}

// One line of news at a time: shown, and read out by screen readers.
let news = null;
const listeners = new Set();

export function announce(text, kind = 'good') {
  news = text === null ? null : { text, kind, at: Date.now() };
  for (const listener of listeners) listener(news);
}

// Who goes to another view has read what was new before; what has just been done is still news there.
export function dropOldNews() {
  if (news !== null && Date.now() - news.at > STILL_NEWS) announce(null);
}

export function useNews() {
  const [shown, setShown] = useState(news);
  useEffect(() => {
    listeners.add(setShown);
    return () => listeners.delete(setShown);
  }, []);
  return shown;
}
