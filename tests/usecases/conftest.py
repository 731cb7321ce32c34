"""Fixtures of the use-case tests."""

import pytest

from tests.desk import Desk


@pytest.fixture
def desk(tables: str) -> Desk:
    """Trades on the mock exchange."""
    return Desk()


@pytest.fixture
def scripted(tables: str) -> Desk:
    """Trades on an exchange that answers by script."""
    return Desk(scripted=True)
