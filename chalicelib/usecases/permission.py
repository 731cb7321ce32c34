"""Whether an order may still be sent: the switch, its strategy and its account, as they are now (R10)."""

from chalicelib.domain.orders import Order
from chalicelib.domain.strategies import Account, Strategy, Switch
from chalicelib.usecases.services import Services
from chalicelib.usecases.together import together


async def why_halted(services: Services, order: Order) -> str | None:
    """What stands against it, read consistently; None where nothing does."""
    switch, strategy, account = await together(
        services.store.get(Switch, "switch"),
        services.store.get(Strategy, order.strategy_id),
        services.store.get(Account, order.account_id),
    )
    if switch is not None and not switch.trading_enabled:
        return "trading is switched off"
    if strategy is None or not strategy.enabled or strategy.halted:
        return "the strategy is disabled, halted or gone"
    if account is None or not account.enabled:
        return "the account is disabled or gone"
    return None
