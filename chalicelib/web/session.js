// The admin token, for as long as the browser's tab lives, and whoever wants to know when it comes or goes.
const KEY = 'admin-token';
const listeners = new Set();

let memory = read();

export function token() {
  return memory;
}

export function signIn(value) {
  set(value);
}

// `why` is shown above the sign-in form: 'refused' where the server no longer takes the token.
export function signOut(why = null) {
  set(null, why);
}

export function onSessionChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function set(value, why = null) {
  memory = value;
  try {
    if (value === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // A browser that keeps nothing: the token lives until the page is loaded again.
  }
  for (const listener of listeners) listener(value, why);
}

function read() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
