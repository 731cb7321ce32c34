"""Which exchanges the local stack trades at: the simulator's, but for those that the user points elsewhere."""

import os
from collections.abc import Mapping

from chalicelib.settings import EXCHANGE_URLS, SettingsError, load_settings
from infra.simulator.instruments import TEST_KEY, TEST_SECRET

_USE_MOCK = "USE_MOCK_EXCHANGE"


def uses_mock(environ: Mapping[str, str] = os.environ) -> bool:
    """Real adapters unless the user wants the mock: here, unlike in Lambda, nobody can lose money."""
    return _is_set(environ, _USE_MOCK) and load_settings(environ).use_mock_exchange


def set_by_user(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Variables that point an exchange elsewhere."""
    return [name for name in EXCHANGE_URLS if _is_set(environ, name)]


def wants_simulator(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether any exchange is left for it. Raises SettingsError where a user's key would be sent there."""
    if uses_mock(environ):
        return False
    simulated = _simulated(environ)
    for exchange in _owners(simulated) & _owners(set_by_user(environ)):
        if _is_set(environ, f"{exchange}_API_KEY"):
            missing = next(name for name in simulated if name.startswith(exchange))
            raise SettingsError(f"{missing} must be set as well: {exchange}_API_KEY is not for the simulator")
    return bool(simulated)


def exchange_environment(simulator_url: str | None, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that say where orders go. An exchange that is simulated as a whole gets the simulator's key with it,
    instead of the user's own; no other exchange gets to see the simulator's."""
    result = {_USE_MOCK: str(uses_mock(environ)).lower()}
    if simulator_url is None:
        return result
    simulated = _simulated(environ)
    result |= dict.fromkeys(simulated, simulator_url)
    for exchange in _owners(simulated) - _owners(set_by_user(environ)):
        result |= {f"{exchange}_API_KEY": TEST_KEY, f"{exchange}_API_SECRET": TEST_SECRET}
    return result


def _simulated(environ: Mapping[str, str]) -> list[str]:
    return [name for name in EXCHANGE_URLS if not _is_set(environ, name)]


def _owners(names: list[str]) -> set[str]:
    """Of these URLs, the exchanges: each has one key for all of its markets."""
    return {name.partition("_")[0] for name in names}


def _is_set(environ: Mapping[str, str], name: str) -> bool:
    return bool(environ.get(name, "").strip())
