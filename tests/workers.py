"""How many processes run the tests, and which of them runs which."""

import os
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/system/", "tests/browser/")
"""All files of such a folder use one running stack: one worker takes them all, and starts with them. They mostly wait,
and some of them for what must not be late."""

MOST = 4
"""By then the tests of the running stack take longer than all others together."""


class TogetherByFile(LoadFileScheduling):
    """A file's tests share a worker, and so its fixtures; all files of a running stack share one."""

    def _split_scope(self, nodeid: str) -> str:
        return next(filter(nodeid.startswith, TOGETHER), None) or super()._split_scope(nodeid)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are processors, for one mostly waits; this process alone for files and tests by name, and
    where the output is to be seen (`-s`)."""
    by_name = all(Path(argument.partition("::")[0]).is_file() for argument in config.args)
    return 0 if by_name or config.option.capture == "no" else min((os.cpu_count() or 1) + 1, MOST)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TogetherByFile:
    """The one above, whatever `--dist` says."""
    return TogetherByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A worker that starts last with what takes longest would keep everybody waiting."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(TOGETHER))
