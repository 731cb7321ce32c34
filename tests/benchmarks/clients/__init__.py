"""Ways to place a signed MARKET order: ours, ccxt's, and bare HTTP as the floor under both."""
