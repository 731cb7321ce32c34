"""The page and the documentation as they are served: at the root, under API Gateway's stage, and over HTTP."""

import gzip
import http.client
import json
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from chalicelib.api import pages
from infra.local.http import LocalServer, make_server
from tests.api.desk import ADMIN, Answer, ApiDesk

PAGES = ("/app", "/docs")
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
IMPORTED = re.compile(
    r"""(?:^|[;}])\s*(?:import|export)\s*(?:[\w*{$][^"';=()]*?from\s*)?["']([^"']+)["']""", re.MULTILINE
)
"""The module that a statement of a script names."""


class References(HTMLParser):
    """What a page loads, and what of it the policy would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.refused: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = tag
        self.refused += [name for name in given if name == "style" or name.startswith("on")]
        link = given.get("src") or (given.get("href") if tag == "link" else None)
        if link and not link.startswith("data:"):
            self.loaded.append(link)

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.refused.append(f"<{self._inside}> with text")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


def served(api: ApiDesk, path: str) -> Answer:
    """To somebody without a token."""
    return api.call("GET", path, headers={})


def text_of(answer: Answer) -> str:
    return answer.raw.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page of two files."""
    (tmp_path / "index.html").write_text("<title>{{version}}</title>")
    (tmp_path / "main.js").write_text("export const a = 1;")
    return tmp_path


# The documents


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_asked_for_anew_each_time_and_says_todays_version(api: ApiDesk, path: str) -> None:
    """So a deployment is seen at once."""
    answer = served(api, path)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "{{version}}" not in text_of(answer)


@pytest.mark.parametrize("base", ["http://localhost:8000", "https://x.execute-api.eu-west-1.amazonaws.com/api"])
@pytest.mark.parametrize("path", PAGES)
def test_what_a_page_loads_is_there_wherever_it_is_served(api: ApiDesk, path: str, base: str) -> None:
    """References are relative to the document: at the root, and under a stage."""
    loaded = References(text_of(served(api, path))).loaded

    for link in loaded:
        url = urljoin(base + path, link)
        assert url.startswith(f"{base}/app/"), f"{link} leads out of the stage"
        answer = served(api, url.removeprefix(base))
        assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True), link


@pytest.mark.parametrize("path", PAGES)
def test_a_slash_too_many_is_taken_off(server: LocalServer, path: str) -> None:
    """What the page names would be looked for in the wrong place."""
    headers, body = fetch(server, f"{path}/")

    assert urljoin(f"{path}/", headers["Location"]) == path
    assert urljoin(f"/api{path}/", headers["Location"]) == f"/api{path}"
    assert body == b""


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_nothing_that_its_policy_refuses(api: ApiDesk, path: str) -> None:
    """No script or style within it, and nothing of anybody else's."""
    found = References(text_of(served(api, path)))

    assert found.refused == []
    assert [link for link in found.loaded if urlsplit(link).netloc] == []


def test_scripts_import_only_what_is_served_beside_them() -> None:
    """By relative names, so that the version in the path holds for all of them."""
    files = pages.web_folder().files
    imported = {name for script, text in files.items() if script.endswith(".js") for name in IMPORTED.findall(text)}

    assert imported
    assert {name for name in imported if not name.startswith("./") or name.removeprefix("./") not in files} == set()


# The files


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("docs.js", "text/javascript"),
        ("docs.css", "text/css"),
        ("docs.html", "text/html"),
    ],
)
def test_a_file_has_its_own_type(api: ApiDesk, name: str, kind: str) -> None:
    """With its charset, for nothing may be guessed."""
    answer = served(api, f"/app/{pages.web_folder().version}/{name}")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert text_of(answer) == (pages.FOLDER / name).read_text(encoding="utf-8")


def test_a_file_is_kept_for_ever_under_its_version_only(api: ApiDesk) -> None:
    """An old page that is still open gets today's file, which no cache may take for the old one."""
    now, before = (served(api, f"/app/{version}/docs.js") for version in (pages.web_folder().version, "0123456789ab"))

    assert now.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert before.headers["Cache-Control"] == "no-store"
    assert now.raw == before.raw


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "__init__.py",
        ".hidden",
        "..",
        "%2e%2e",
        "..%2Fapi%2Fpages.py",
        "docs.js%00",
        "DOCS.JS",
        "docs.js.map",
        "docs",
        "%3Cimg%20src=x%3E",
    ],
)
def test_what_is_not_in_the_folder_is_404(api: ApiDesk, name: str) -> None:
    """By whatever way it is asked for."""
    answer = served(api, f"/app/{pages.web_folder().version}/{name}")

    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", [*PAGES, "/app/x/docs.js", "/app/x/nothing.js"])
def test_every_answer_is_protected(api: ApiDesk, path: str) -> None:
    """Only our own scripts run, nobody frames the page, and no address of it is told elsewhere."""
    headers = served(api, path).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in headers["Permissions-Policy"]


def test_the_folder_is_flat_text_without_strays(folder: Path) -> None:
    """What an editor or a build leaves there is not served."""
    for stray in (".main.js.swp", ".secret.js", "main.js~", "main.ts", "logo.png", "notes.md"):
        (folder / stray).write_text("x")
    (folder / "deeper.js").mkdir()

    assert list(pages.read_folder(folder).files) == ["index.html", "main.js"]


def test_the_version_is_that_of_all_names_and_contents(folder: Path) -> None:
    """The same files have the same one; each change gives another."""
    versions = [pages.read_folder(folder).version, pages.read_folder(folder).version]

    (folder / "main.js").write_text("export const a = 2;")
    versions.append(pages.read_folder(folder).version)
    (folder / "main.js").rename(folder / "other.js")
    versions.append(pages.read_folder(folder).version)

    assert versions[0] == versions[1]
    assert len(set(versions)) == 3
    assert all(re.fullmatch("[0-9a-f]{12}", version) for version in versions)


# Over HTTP


@pytest.fixture
def server(api: ApiDesk) -> Iterator[LocalServer]:
    """The real app on the local server."""
    running = make_server(api.functions.app, 0)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    thread.join(5)


def fetch(server: LocalServer, path: str, method: str = "GET", **headers: str) -> tuple[Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.headers, body


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "*", "gzip, deflate, br, zstd"])
def test_a_large_answer_is_compressed_for_who_takes_it(server: LocalServer, accepted: str) -> None:
    """As API Gateway does it, of whatever type."""
    for path in ("/openapi.json", "/app/x/docs.js"):
        plain = fetch(server, path)[1]

        headers, body = fetch(server, path, Accept_Encoding=accepted)

        assert headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(body) == plain
        assert int(headers["Content-Length"]) == len(body) < len(plain) / 2


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, *;q=1"])
def test_who_does_not_take_it_gets_it_plain(server: LocalServer, accepted: str) -> None:
    """And may read it."""
    headers, body = fetch(server, "/openapi.json", Accept_Encoding=accepted)

    assert "Content-Encoding" not in headers
    assert json.loads(body)["openapi"] == "3.1.0"


def test_a_small_answer_is_left_as_it_is(server: LocalServer) -> None:
    """It would not get smaller."""
    headers, body = fetch(server, "/ping", Accept_Encoding="gzip")

    assert "Content-Encoding" not in headers
    assert json.loads(body) == {"message": "pong"}


def test_head_tells_the_length_that_get_would_have(server: LocalServer) -> None:
    """Compressed too."""
    told, body = fetch(server, "/docs", "HEAD", Accept_Encoding="gzip")
    got, _ = fetch(server, "/docs", Accept_Encoding="gzip")

    assert body == b""
    assert told["Content-Length"] == got["Content-Length"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_method_that_a_page_does_not_take_is_told_which_it_takes(server: LocalServer, method: str) -> None:
    """405 with Allow."""
    headers, body = fetch(server, "/app", method, Authorization=ADMIN["Authorization"])

    assert headers["Allow"] == "GET, HEAD"
    assert json.loads(body)["error"]["code"] == "METHOD_NOT_ALLOWED"
