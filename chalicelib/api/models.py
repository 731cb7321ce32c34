"""What requests may look like: the models that validate them."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from chalicelib.domain.alerts import CANCEL, CANCEL_ALL, CancelAlert, OrderAlert
from chalicelib.domain.ids import ID_PATTERN
from chalicelib.domain.orders import OrderType, TimeInForce
from chalicelib.domain.outcomes import Side
from chalicelib.domain.strategies import MAX_ACCOUNTS
from chalicelib.domain.symbols import is_unified

_LARGEST = Decimal(10) ** 15
_PLACES = 18
_NOT_FINITE = ("nan", "snan", "inf", "infinity")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?")


def _amount(value: Any) -> Decimal:
    """A number or a numeric string: finite, above zero, within what any market has."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise ValueError("must be a number")
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        odd = value.strip().lower().lstrip("+-")
        raise ValueError("must be a finite number" if odd in _NOT_FINITE else "must be a number")
    try:
        amount = value if isinstance(value, Decimal) else Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not amount.is_finite():
        raise ValueError("must be a finite number")
    if amount <= 0:
        raise ValueError("must be greater than zero")
    if amount > _LARGEST:
        raise ValueError("is larger than any market takes (at most 10^15)")
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_PLACES:
        raise ValueError(f"has more than {_PLACES} decimal places")
    return amount


def _percent(value: Decimal) -> Decimal:
    if value > 100:
        raise ValueError("must be at most 100")
    return value


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _moment(value: Any) -> datetime:
    """ISO 8601 (UTC where it names no zone), or seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str) and not value.strip().isdigit():
            moment = datetime.fromisoformat(value.strip())
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, bool):
            raise ValueError
        number = Decimal(value)
        return datetime.fromtimestamp(float(number / 1000 if number > 10**11 else number), UTC)
    except (ValueError, TypeError, ArithmeticError, OSError):
        raise ValueError("must be a time: ISO 8601, or seconds or milliseconds since 1970") from None


def _symbol(value: str) -> str:
    if not is_unified(value):
        raise ValueError("must read BASE/QUOTE in capitals, such as BTC/USDT")
    return value


def _plain(value: Any) -> Any:
    """Numbers as JSON has them: options are kept as JSON, and none of them is money."""
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value) > _LARGEST:
            raise ValueError("numbers must be finite and at most 10^15")
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


_AMOUNT_TEXT = {
    "type": "string",
    "pattern": r"^(0*[1-9]\d{0,13}(\.\d{1,18})?|0*\.\d{0,17}[1-9]0*)$",
    "examples": ["0.015"],
}
_SYMBOL_TEXT = {"type": "string", "pattern": "^[A-Z0-9]{1,20}/[A-Z0-9]{1,10}$", "examples": ["BTC/USDT"]}

Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": int(_LARGEST)}, _AMOUNT_TEXT]}),
]
Percent = Annotated[Amount, AfterValidator(_percent)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number", "minimum": 0}]}),
]
AnySide = Annotated[
    Side, BeforeValidator(_upper), WithJsonSchema({"type": "string", "enum": ["buy", "sell", "BUY", "SELL"]})
]
Symbol = Annotated[str, AfterValidator(_symbol), WithJsonSchema(_SYMBOL_TEXT)]
Id = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class AlertBody(BaseModel):
    """The webhook's body, less strategy and token. Fields that it does not know are ignored."""

    model_config = ConfigDict(defer_build=True, extra="ignore")

    order_type: Annotated[
        Literal["MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT", "CANCEL", "CANCEL_ALL"], BeforeValidator(_upper)
    ]
    symbol: Words | None = None
    side: AnySide | None = None
    quantity: Amount | None = None
    quote_amount: Amount | None = None
    percent: Percent | None = None
    price: Amount | None = None
    stop_price: Amount | None = None
    time_in_force: Annotated[TimeInForce, BeforeValidator(_upper)] | None = None
    post_only: bool = False
    reduce_only: bool = False
    tag: Words | None = None
    order_id: Id | None = None
    alert_id: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    timestamp: Moment | None = None

    @model_validator(mode="after")
    def _complete(self) -> "AlertBody":
        """What the order type needs, and what it cannot carry."""
        if self.order_type == CANCEL and self.order_id is None and self.tag is None:
            raise ValueError("a CANCEL needs order_id or tag; CANCEL_ALL cancels everything of the strategy")
        if self.order_type not in (CANCEL, CANCEL_ALL):
            _check_order(self)
        return self

    def to_alert(self) -> OrderAlert | CancelAlert:
        """As the use cases take it. A market order's price is dropped: templates often carry the last one."""
        if self.order_type in (CANCEL, CANCEL_ALL):
            own = self.order_type == CANCEL
            return CancelAlert(
                kind=self.order_type,
                symbol=self.symbol,
                order_id=self.order_id if own else None,
                tag=self.tag if own else None,
                timestamp=self.timestamp,
            )
        kind = OrderType(self.order_type)
        limited = kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
        return OrderAlert(
            order_type=kind,
            symbol=self.symbol or "",
            side=self.side or Side.BUY,
            quantity=self.quantity,
            quote_amount=self.quote_amount,
            percent=self.percent,
            price=self.price if limited else None,
            stop_price=self.stop_price,
            time_in_force=(self.time_in_force or TimeInForce.GTC) if limited else None,
            post_only=self.post_only,
            reduce_only=self.reduce_only,
            tag=self.tag,
            timestamp=self.timestamp,
        )


def _check_order(alert: AlertBody) -> None:
    kind = alert.order_type
    needed: dict[str, object] = {"symbol": alert.symbol, "side": alert.side}
    if kind in ("LIMIT", "STOP_LIMIT"):
        needed["price"] = alert.price
    if kind in ("STOP_MARKET", "STOP_LIMIT"):
        needed["stop_price"] = alert.stop_price
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise ValueError(f"a {kind} order needs {' and '.join(missing)}")
    sizes = [name for name in ("quantity", "quote_amount", "percent") if getattr(alert, name) is not None]
    if len(sizes) != 1:
        given = f"got {' and '.join(sizes)}" if sizes else "got none of them"
        raise ValueError(f"an order needs exactly one of quantity, quote_amount and percent; {given}")
    if alert.stop_price is not None and not kind.startswith("STOP"):
        raise ValueError(f"a {kind} order has no stop_price; use STOP_MARKET or STOP_LIMIT")
    if alert.post_only and (kind != "LIMIT" or alert.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)):
        raise ValueError("post_only is for LIMIT orders that stay (GTC)")


class Limits(BaseModel):
    """What a strategy may do at most."""

    model_config = ConfigDict(defer_build=True, extra="forbid")

    max_order_notional: Amount | None = None


class ShareBody(BaseModel):
    """One account of a strategy."""

    model_config = ConfigDict(defer_build=True, extra="forbid")

    account_id: Id
    weight: Amount = Decimal(1)


class StrategyBody(BaseModel):
    """PUT of a strategy. Read-only fields that a GET shows may be sent back and are ignored."""

    model_config = ConfigDict(defer_build=True, extra="ignore")

    strategy_id: Id | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    enabled: bool = True
    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=500)]
    accounts: Annotated[list[ShareBody], Field(max_length=MAX_ACCOUNTS)]
    limits: Limits = Limits()
    token: Annotated[str, StringConstraints(min_length=8, max_length=256)] | None = None

    @model_validator(mode="after")
    def _each_once(self) -> "StrategyBody":
        names = [share.account_id for share in self.accounts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each account may be named once; twice: {', '.join(twice)}")
        return self


class MockOptionsBody(BaseModel):
    """What the mock exchange does with an account's calls."""

    model_config = ConfigDict(defer_build=True, extra="forbid")

    success_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    delay_ms: Annotated[float, Field(ge=0, le=120_000)] | None = None
    place_delay_ms: Annotated[float, Field(ge=0, le=120_000)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    fault: Literal["timeout_before", "timeout_after", "unknown_order"] | None = None


class CredentialsBody(BaseModel):
    """An API key; goes to the secret store and never comes back."""

    model_config = ConfigDict(defer_build=True, extra="forbid", hide_input_in_errors=True)

    api_key: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    api_secret: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class AccountBody(BaseModel):
    """PUT of an account."""

    model_config = ConfigDict(defer_build=True, extra="ignore", hide_input_in_errors=True)

    account_id: Id | None = None
    exchange: Annotated[Literal["binance", "bybit", "upbit", "mock"], BeforeValidator(_lower)]
    market: Literal["spot", "futures"] = "spot"
    testnet: bool = False
    enabled: bool = True
    credentials: CredentialsBody | None = None
    options: Annotated[dict[str, Any], AfterValidator(_plain)] = {}

    @model_validator(mode="after")
    def _fits(self) -> "AccountBody":
        if self.exchange == "upbit" and self.market == "futures":
            raise ValueError("upbit has no futures market; use spot")
        if self.exchange == "upbit" and self.testnet:
            raise ValueError("upbit has no test net")
        mocked = set(self.options) if self.exchange == "mock" else set(self.options) & set(MockOptionsBody.model_fields)
        checked = MockOptionsBody.model_validate({name: self.options[name] for name in mocked})
        self.options = {**self.options, **checked.model_dump(include=mocked, exclude_none=True)}
        return self


class ControlsBody(BaseModel):
    """PUT of the global switch."""

    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True)

    trading_enabled: bool
