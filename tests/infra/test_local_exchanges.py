"""Where the local stack's orders go, and whose key goes with them."""

import pytest

from chalicelib.settings import EXCHANGE_URLS, EXCHANGES, SettingsError, load_settings
from infra.local.exchanges import exchange_environment, uses_mock, wants_simulator
from infra.simulator.instruments import TEST_KEY, TEST_SECRET

SIMULATOR = "http://127.0.0.1:8010"
OWN = "https://exchange.example"
OWN_KEYS = {
    f"{exchange.upper()}_API_{part}": f"own-{part}".lower() for exchange in EXCHANGES for part in ("KEY", "SECRET")
}


@pytest.mark.parametrize("environ", [{}, {"USE_MOCK_EXCHANGE": " ", "BYBIT_URL": " "}, OWN_KEYS])
def test_without_a_word_every_exchange_is_simulated(environ: dict[str, str]) -> None:
    """With the simulator's key; one of the user's own stays at home."""
    settings = load_settings({**environ, **exchange_environment(SIMULATOR, environ)})

    assert wants_simulator(environ)
    assert settings.use_mock_exchange is False
    assert settings.exchange_urls == dict.fromkeys(EXCHANGE_URLS, SIMULATOR)
    assert {(keys.api_key, keys.api_secret) for keys in settings.exchange_keys.values()} == {(TEST_KEY, TEST_SECRET)}
    assert set(settings.exchange_keys) == set(EXCHANGES)


@pytest.mark.parametrize(("text", "wanted"), [("true", True), ("false", False), ("", False)])
def test_the_mock_only_if_it_is_asked_for(text: str, wanted: bool) -> None:
    """And then nothing is simulated."""
    environ = {"USE_MOCK_EXCHANGE": text}

    assert uses_mock(environ) is wanted
    assert wants_simulator(environ) is not wanted
    assert load_settings(exchange_environment(None, environ)).use_mock_exchange is wanted


def test_a_url_of_the_users_own_wins_with_the_users_own_key() -> None:
    """The other exchanges stay simulated, with the simulator's."""
    environ = {**OWN_KEYS, "UPBIT_URL": OWN}

    settings = load_settings({**environ, **exchange_environment(SIMULATOR, environ)})

    assert wants_simulator(environ)
    assert settings.exchange_urls == {**dict.fromkeys(EXCHANGE_URLS, SIMULATOR), "UPBIT_URL": OWN}
    assert {name: keys.api_key for name, keys in settings.exchange_keys.items()} == {
        "binance": TEST_KEY,
        "bybit": TEST_KEY,
        "upbit": "own-key",
    }


def test_with_all_urls_set_there_is_no_simulator() -> None:
    """Nothing of it is left in the environment."""
    environ = {**OWN_KEYS, **dict.fromkeys(EXCHANGE_URLS, OWN)}

    assert not wants_simulator(environ)
    assert exchange_environment(None, environ) == {"USE_MOCK_EXCHANGE": "false"}


@pytest.mark.parametrize(
    ("own", "missing"), [("BINANCE_SPOT_URL", "BINANCE_FUTURES_URL"), ("BINANCE_FUTURES_URL", "BINANCE_SPOT_URL")]
)
def test_one_key_is_not_shared_between_an_exchange_and_its_simulation(own: str, missing: str) -> None:
    """Without a key it may be half simulated: neither half gets one, and accounts have their own."""
    with pytest.raises(SettingsError, match=f"^{missing} must be set as well"):
        wants_simulator({**OWN_KEYS, own: OWN})

    assert wants_simulator({own: OWN})
    assert exchange_environment(SIMULATOR, {own: OWN})[missing] == SIMULATOR
    assert "BINANCE_API_KEY" not in exchange_environment(SIMULATOR, {own: OWN})
