"""A short fuzz of the HTTP API; `infra/fuzz` looks longer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.fuzzing import fuzz, start_mock_stack
from tests.system.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of its own: what is drawn halts trading, and deletes accounts."""
    running = start_mock_stack(tmp_path)
    yield running
    running.stop()


def test_no_request_makes_an_answer_that_is_not_described(stack: Stack, tmp_path: Path) -> None:
    """No 500, and every status, type and body as the API's own description has it, whatever is sent."""
    code, output = fuzz(f"http://127.0.0.1:{stack.port}", tmp_path, examples=3, seed=1)

    assert code == 0, output[-5000:]
    assert "Traceback" not in stack.output()
