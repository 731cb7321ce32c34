"""The browser that the tests of the page drive: Chromium, or Chrome, as this machine has it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

MISSING = (
    "no Chromium was found: install it (Debian: apt-get install chromium fonts-nanum), or set CHROMIUM to its path"
)

_ARGUMENTS = (
    "--no-sandbox",  # Chromium refuses to run as root with it; the pages are our own
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-gpu",
    "--font-render-hinting=none",  # letters as wide as their design says: the same line breaks on each machine
)


def find() -> str | None:
    """Its path; None where there is none."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched(*, scrollbars: bool = True) -> Iterator[Browser]:
    """A browser without windows, for as long as it is needed; scrollbars take their place from a page.

    Raises RuntimeError where there is none.
    """
    path = find()
    if path is None:
        raise RuntimeError(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=list(_ARGUMENTS),
            ignore_default_args=["--hide-scrollbars"] if scrollbars else [],
        )
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    raise SystemExit(0 if find() else MISSING)
