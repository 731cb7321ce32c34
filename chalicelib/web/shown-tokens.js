// Webhook tokens that were just made, until the page of their strategy is left: the server shows them once.
const tokens = new Map();

export function keepToken(strategyId, token) {
  if (token) tokens.set(strategyId, token);
}

export const keptToken = (strategyId) => tokens.get(strategyId) ?? null;

export const forgetToken = (strategyId) => tokens.delete(strategyId);
