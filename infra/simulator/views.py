"""What the control API shows: plain data, for tests that compare it with what they know."""

from typing import Any

from infra.simulator.model import Account, Order


def order_view(order: Order) -> dict[str, Any]:
    intent = order.intent
    return {
        "venue": order.market.venue,
        "symbol": order.market.symbol,
        "account": order.account.name,
        "id": order.id,
        "uuid": order.uuid,
        "client_id": intent.client_id,
        "side": intent.side,
        "kind": intent.kind,
        "quantity": _text(intent.quantity),
        "quote_quantity": _text(intent.quote_quantity),
        "price": _text(intent.price),
        "trigger_price": _text(intent.trigger.price if intent.trigger else None),
        "time_in_force": intent.time_in_force,
        "reduce_only": intent.reduce_only,
        "separate_book": intent.separate_book,
        "state": order.state.value,
        "live": order.live,
        "reason": order.reason.value,
        "note": order.note,
        "filled": str(order.filled),
        "filled_quote": str(order.filled_quote),
        "fees": {asset: str(fee) for asset, fee in order.fees.items()},
        "created_ms": order.created_ms,
        "updated_ms": order.updated_ms,
        "child_id": order.child.id if order.child else None,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def balances_view(account: Account) -> dict[str, dict[str, dict[str, str]]]:
    return {
        wallet: {asset: {"free": str(held.free), "locked": str(held.locked)} for asset, held in assets.items()}
        for wallet, assets in account.wallets.items()
    }


def positions_view(account: Account) -> list[dict[str, Any]]:
    return [
        {
            "venue": venue,
            "symbol": symbol,
            "side": side,
            "amount": str(position.amount),
            "entry_price": str(position.entry_price),
        }
        for (venue, symbol, side), position in account.positions.items()
        if position.amount
    ]
