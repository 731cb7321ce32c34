"""How values read wherever people read them: in tables, answers and logs."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from chalicelib.domain.clock import utc_text


def to_text(value: Any) -> str:
    """Times as `2026-11-21T03:20:15.123456Z`, decimals without an exponent, enums by their value."""
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value.value) if isinstance(value, Enum) else str(value)
