"""API keys, kept from view."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key; never logged, never shown: its repr hides it."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
