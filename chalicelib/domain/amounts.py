"""Exact arithmetic on amounts: the default context of 28 digits would round, and so could round up."""

from decimal import ROUND_DOWN, Context, Decimal

_EXACT = Context(prec=120, rounding=ROUND_DOWN)

LARGEST = Decimal(10) ** 15
"""No market takes more of anything."""


def times(left: Decimal, right: Decimal) -> Decimal:
    """The product, to the last digit."""
    return _EXACT.multiply(left, right)


def divided(left: Decimal, right: Decimal) -> Decimal:
    """The quotient, rounded down past its 120th digit."""
    return _EXACT.divide(left, right)


def to_multiple(amount: Decimal, step: Decimal, rounding: str) -> Decimal:
    """The multiple of `step` beside `amount`, in the direction of `rounding`."""
    return times(divided(amount, step).to_integral_value(rounding, _EXACT), step)


def plain(amount: Decimal) -> Decimal:
    """Without the zeros that a multiplication left behind, and without an exponent."""
    bare = _EXACT.normalize(amount)
    exponent = bare.as_tuple().exponent
    return _EXACT.quantize(bare, Decimal(1)) if isinstance(exponent, int) and exponent > 0 else bare
