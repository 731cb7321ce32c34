"""The files of the page, as they are served: by name, under a version that changes with any of them."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chalice.app import Response

from chalicelib.api.errors import answer_to
from chalicelib.domain.errors import NotFoundError

FOLDER = Path(__file__).parent.parent / "web"

CONTENT_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
"""What is served, and as what: text only, for API Gateway hands other bodies on as base64."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_PLACEHOLDER = "{{version}}"


@dataclass(frozen=True, slots=True)
class WebFolder:
    """The files of a flat folder by their names, and the version that stands for all of them."""

    files: dict[str, str]
    version: str


def read_folder(folder: Path) -> WebFolder:
    """Everything in it that may be served; what lies deeper, is hidden or of another kind may not."""
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in CONTENT_TYPES and path.is_file()]
    files = {path.name: path.read_text(encoding="utf-8") for path in paths if not path.name.startswith(".")}
    digest = hashlib.sha256()
    for name, text in files.items():
        for part in (name.encode(), text.encode()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return WebFolder(files, digest.hexdigest()[:12])


@cache
def web_folder() -> WebFolder:
    """The page's own folder, read once a process."""
    return read_folder(FOLDER)


def document(name: str, path: str) -> Response:
    """A page, to be asked for anew each time; it names its scripts and styles under today's version, relative to its
    own path: whoever asked for that with a slash at its end is sent to the one without."""
    if path.endswith("/"):
        there = f"../{path.rstrip('/').rpartition('/')[2]}"
        return _protected(Response(body="", status_code=308, headers={"Location": there, "Cache-Control": "no-cache"}))
    folder = web_folder()
    text = folder.files[name].replace(_PLACEHOLDER, folder.version)
    return _served(text, CONTENT_TYPES[".html"], "no-cache")


def part(version: str, name: str) -> Response:
    """A file that a page names: kept for ever under its own version, served without being kept under another."""
    folder = web_folder()
    text = folder.files.get(name)
    if text is None:
        return _protected(answer_to(NotFoundError("file", name)))
    caching = _FOR_EVER if version == folder.version else "no-store"
    return _served(text, CONTENT_TYPES[Path(name).suffix], caching)


def _served(text: str, content_type: str, caching: str) -> Response:
    headers: dict[str, str | list[str]] = {
        "Content-Type": f"{content_type}; charset=utf-8",
        "Cache-Control": caching,
    }
    return _protected(Response(body=text, status_code=200, headers=headers))


def _protected(response: Response) -> Response:
    """Nothing but our own scripts, and nothing that leads elsewhere."""
    response.headers.update(_HEADERS)
    return response
