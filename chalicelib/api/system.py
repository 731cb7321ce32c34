"""Whether the service is there, and whether it can work."""

from chalice.app import Blueprint, Response

from chalicelib import runtime
from chalicelib.api.http import answer, route
from chalicelib.domain.errors import DatabaseUnavailableError

system = Blueprint(__name__)

VERSION = "0.4.0"


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
