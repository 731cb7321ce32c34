// The text of an alert: to paste into TradingView, or to send as a test. Pure.

export const ORDER_TYPES = ['MARKET', 'LIMIT', 'STOP_MARKET', 'STOP_LIMIT', 'CANCEL', 'CANCEL_ALL'];
export const SIZES = ['quantity', 'quote_amount', 'percent'];

// What TradingView puts in when the alert fires.
export const PLACEHOLDERS = {
  side: '{{strategy.order.action}}',
  symbol: '{{ticker}}',
  amount: '{{strategy.order.contracts}}',
  price: '{{close}}',
};

const NO_TOKEN = 'WEBHOOK-TOKEN';

export const hasSize = (type) => type !== 'CANCEL' && type !== 'CANCEL_ALL';
export const hasPrice = (type) => type === 'LIMIT' || type === 'STOP_LIMIT';
export const hasStopPrice = (type) => type === 'STOP_MARKET' || type === 'STOP_LIMIT';

// The body of the webhook call, from a form's fields; those that the type does not have are left out, empty ones too.
export function alertOf(strategyId, token, fields) {
  const type = fields.order_type;
  const alert = { strategy: strategyId, token: token || NO_TOKEN, order_type: type };
  if (hasSize(type)) alert.side = fields.side;
  if (fields.symbol) alert.symbol = fields.symbol;
  if (hasSize(type)) alert[fields.size] = fields.amount;
  if (hasPrice(type)) alert.price = fields.price;
  if (hasStopPrice(type)) alert.stop_price = fields.stop_price;
  if (fields.tag && type !== 'CANCEL_ALL') alert.tag = fields.tag;
  return alert;
}

// What is still missing for it to be an alert: names of fields.
export function missingFields(fields) {
  const type = fields.order_type;
  const needed = [
    hasSize(type) && 'side',
    hasSize(type) && 'symbol',
    hasSize(type) && 'amount',
    hasPrice(type) && 'price',
    hasStopPrice(type) && 'stop_price',
    type === 'CANCEL' && 'tag',
  ];
  return needed.filter((name) => name && !fields[name]);
}

// 24 random bytes as the server makes them, for a token that replaces another.
export function newToken(randomValues) {
  const text = btoa(String.fromCharCode(...randomValues(new Uint8Array(24))));
  return text.replaceAll('+', '-').replaceAll('/', '_');
}
