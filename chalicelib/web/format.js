// How times, durations and numbers read. Pure: the language, the zone and the present moment are given.

// '14:03:22' today, 'Nov 20, 14:03:22' on another day, in the viewer's zone unless `timeZone` says another. Without
// `seconds` to the minute.
export function momentText(iso, { now, language, timeZone, seconds = true, milliseconds = false }) {
  const time = Date.parse(iso);
  if (Number.isNaN(time)) return iso ?? '';
  const options = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone };
  if (seconds) options.second = '2-digit';
  if (milliseconds) options.fractionalSecondDigits = 3;
  if (dayOf(time, timeZone) !== dayOf(now, timeZone)) Object.assign(options, { month: 'short', day: 'numeric' });
  if (now - time > 300 * 86_400_000) options.year = 'numeric';
  return new Intl.DateTimeFormat(language, options).format(time);
}

// '2026-11-21 03:20:15.123 UTC'
export function utcText(iso) {
  const time = Date.parse(iso);
  return Number.isNaN(time) ? '' : `${new Date(time).toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

// 0.4 → '0 s', 65 → '1 min 5 s', 7200 → '2 h 0 min'; `units` are the words for day, hour, minute, second.
export function spanText(seconds, units) {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3_600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days) return `${days} ${units.day} ${hours} ${units.hour}`;
  if (hours) return `${hours} ${units.hour} ${minutes} ${units.minute}`;
  if (minutes) return `${minutes} ${units.minute} ${whole % 60} ${units.second}`;
  return `${whole} ${units.second}`;
}

// Whole seconds until `iso`, 0 once it has passed: a countdown never shows 0 before its time.
export const secondsUntil = (iso, now) => Math.max(0, Math.ceil((Date.parse(iso) - now) / 1_000));

export const secondsSince = (iso, now) => Math.max(0, (now - Date.parse(iso)) / 1_000);

// 0.4 → '0.4 ms', 85 → '85 ms', 1234 → '1.23 s', 85000 → '1 min 25 s'
export function millisecondsText(milliseconds, units) {
  if (milliseconds < 1_000)
    return `${plainNumber(milliseconds < 10 ? round(milliseconds, 1) : Math.round(milliseconds))} ms`;
  if (milliseconds < 60_000) return `${plainNumber(round(milliseconds / 1_000, 2))} ${units.second}`;
  return spanText(milliseconds / 1_000, units);
}

// Microseconds of a stored time, as milliseconds since 1970 with a fraction: Date.parse drops what is below one.
export function preciseTime(iso) {
  const time = Date.parse(iso);
  const digits = /\.(\d{4,})/.exec(iso ?? '')?.[1];
  return digits ? time + Number(`0.${digits.slice(3)}`) : time;
}

// '12345.6700' → '12,345.67'. Amounts stay text: a float would lose digits of them.
export function amountText(text) {
  if (text === null || text === undefined) return '';
  const match = /^(-?)(\d+)(\.\d+)?$/.exec(String(text));
  if (!match) return String(text);
  const [, sign, whole, fraction = ''] = match;
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ',') + fraction.replace(/\.?0+$/, '');
}

// When a ULID was made, in milliseconds since 1970; null for what is none.
export function ulidTime(id) {
  const head = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id ?? '') ? id.slice(0, 10) : null;
  if (head === null) return null;
  return [...head].reduce((value, digit) => value * 32 + '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(digit), 0);
}

const dayOf = (time, timeZone) => new Intl.DateTimeFormat('en-CA', { timeZone }).format(time);

const round = (value, places) => Math.round(value * 10 ** places) / 10 ** places;

const plainNumber = (value) => String(value);
