// Templates as tagged literals: html`<p>${text}</p>`. What stands in ${…} is text or a component, never markup.
import htm from './htm.js';
import { h } from './preact.js';

export const html = htm.bind(h);
