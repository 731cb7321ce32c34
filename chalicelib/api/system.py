"""Whether the service is there, whether it can work, and the page on which people watch it."""

from chalice.app import Blueprint, Response

from chalicelib import runtime
from chalicelib.api import pages
from chalicelib.api.http import answer, route
from chalicelib.api.presenters import show_overview
from chalicelib.domain.errors import DatabaseUnavailableError

system = Blueprint(__name__)

VERSION = "0.5.0"


@route(system, "/", "GET", public=True)
def root() -> Response:
    """Name, version, status, environment."""
    environment = runtime.settings().environment
    return answer({"name": runtime.SERVICE, "version": VERSION, "status": "running", "environment": environment})


@route(system, "/health", "GET", public=True)
def health() -> Response:
    """Asks the database; 503 when it does not answer."""
    environment = runtime.settings().environment
    try:
        runtime.run(runtime.services().store.ping())
    except DatabaseUnavailableError:
        return answer({"status": "unhealthy", "environment": environment, "database": "disconnected"}, 503)
    return answer({"status": "healthy", "environment": environment, "database": "connected"})


@route(system, "/ping", "GET", public=True)
def ping() -> Response:
    """Answers without touching anything."""
    return answer({"message": "pong"})


@route(system, "/api/v1/overview", "GET")
def overview() -> Response:
    """What somebody who watches sees at a glance."""
    from chalicelib.usecases.overview import take_overview

    shown = show_overview(runtime.run(take_overview(runtime.services())))
    return answer({"environment": runtime.settings().environment, "version": VERSION, **shown})


@route(system, "/app", "GET", public=True)
def page() -> Response:
    """The page; it asks for the token itself."""
    return pages.document("index.html", system.current_request.context["path"])


@route(system, "/openapi.json", "GET", public=True)
def openapi() -> Response:
    """This API as an OpenAPI 3.1 document."""
    from chalicelib.api.openapi import document

    context = system.current_request.context
    base = str(context["path"]).removesuffix("/").removesuffix(str(context["resourcePath"]))
    return answer(document(VERSION, base))


@route(system, "/docs", "GET", public=True)
def documentation() -> Response:
    """The documentation of this API, drawn from /openapi.json."""
    return pages.document("docs.html", system.current_request.context["path"])


@route(system, "/app/{version}/{name}", "GET", public=True, of_ids=False)
def page_part(version: str, name: str) -> Response:
    """A script, a style or a text that the pages name."""
    return pages.part(version, name)
