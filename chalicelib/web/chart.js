// Alerts of the last hours as bars, with the same numbers as a table for who does not see them.
import { serverNow } from './api.js';
import { momentText } from './format.js';
import { html } from './html.js';
import { Moment } from './parts.js';
import { language, t } from './texts.js';

const WIDTH = 480;
const HEIGHT = 120;
const FLOOR = 98;
const WIDEST = 40;

export function AlertChart({ bins, since }) {
  const events = bins.reduce((sum, bin) => sum + bin.events, 0);
  const orders = bins.reduce((sum, bin) => sum + bin.orders, 0);
  if (events === 0) return html`<p class="empty">${t('noAlerts')}</p>`;
  const highest = Math.max(...bins.map((bin) => bin.events), 1);
  const step = WIDTH / bins.length;
  const width = Math.max(1, Math.min(step - 2, WIDEST));
  // Bars are minutes long at least: seconds would say nothing.
  const clock = (iso) => momentText(iso, { now: serverNow(), language: language(), seconds: false });
  const words = t('chartWords', { events, orders, since: clock(since), highest });
  return html`
    <figure class="chart">
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${words}>
        <line x1="0" x2=${WIDTH} y1=${FLOOR} y2=${FLOOR} />
        ${bins.map((bin, place) => {
          const height = bin.events === 0 ? 0 : Math.max(3, (bin.events / highest) * (FLOOR - 14));
          return html`
            <g key=${bin.from}>
              <title>${`${clock(bin.from)}: ${bin.events}`}</title>
              <rect x=${(place + 0.5) * step - width / 2} width=${width} y=${FLOOR - height} height=${height} />
              ${bin.events > 0 && bins.length <= 30 && html`<text x=${(place + 0.5) * step} y=${FLOOR - height - 3}>
                ${bin.events}</text>`}
            </g>`;
        })}
        <text class="axis start" x="0" y=${HEIGHT - 5}>${clock(bins[0].from)}</text>
        <text class="axis end" x=${WIDTH} y=${HEIGHT - 5}>${t('now')}</text>
      </svg>
      <figcaption>${words}</figcaption>
      <details>
        <summary>${t('asTable')}</summary>
        <table role="table" class="plain-table">
          <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">${t('from')}</th><th
            role="columnheader" scope="col" class="number">${t('events')}</th><th role="columnheader" scope="col"
            class="number">${t('orders')}</th></tr></thead>
          <tbody role="rowgroup">${bins
            .filter((bin) => bin.events > 0)
            .map(
              (bin) => html`
            <tr role="row" key=${bin.from}><td role="cell" data-label=${t('from')}><${Moment} at=${bin.from} /></td>
              <td role="cell" class="number" data-label=${t('events')}>${bin.events}</td><td role="cell"
              class="number" data-label=${t('orders')}>${bin.orders}</td></tr>`,
            )}</tbody>
        </table>
      </details>
    </figure>`;
}
