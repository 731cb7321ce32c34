// The address behind the #: which view, of what, filtered how. Filters and cursors stand in it, so Back goes back.
import { useEffect, useState } from './preact-hooks.js';

export const VIEWS = ['overview', 'queue', 'orders', 'strategies', 'accounts', 'log'];

// '#/orders/ID?status=OPEN' → { view: 'orders', id: 'ID', query: { status: 'OPEN' } }
function parseRoute(hash) {
  const [path, search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [view = '', id = ''] = path.split('/').map(decoded);
  const known = VIEWS.includes(view) ? view : 'overview';
  return { view: known, id: id || null, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function hrefOf(view, id = null, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const path = view === 'overview' ? '' : id === null ? view : `${view}/${encodeURIComponent(id)}`;
  return `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ''}`;
}

export function go(view, id = null, query = {}) {
  location.hash = hrefOf(view, id, query);
}

export function useRoute() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return parseRoute(hash);
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
