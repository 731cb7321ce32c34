"""AWS on this machine, as far as a deployment needs it: one server on 127.0.0.1, one state, moto behind it.

`python -m infra.local.cloud --port 5000` serves until SIGINT or SIGTERM, for AWS_ENDPOINT_URL; `serve_cloud` does it
inside a process. Which service a request is for stands in its signature. DynamoDB and its streams are those of
`infra.local.database`; CloudFormation is `infra.local.stacks`. Everything is kept in memory.
"""

import functools
import re
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from wsgiref.types import WSGIApplication

from infra.local.cloud_calls import Call, call_of
from infra.local.database import (
    SERVICE_BY_TARGET,
    Database,
    Request,
    Server,
    serve_forever,
    target_of,
)
from infra.local.stacks import CALLER

if TYPE_CHECKING:
    from infra.local.moto_cloud import Runner

DEFAULT_PORT = 5000

# Where the name in a signature is not the SDK's.
_SDK_NAMES = {"monitoring": "cloudwatch"}
_SCOPE = re.compile(r"Credential=(?P<key>[^/]*)/\d+/(?P<region>[^/]*)/(?P<service>[^/]*)/aws4_request")


class Cloud(Database):
    """An AWS account that answers at `url` from background threads, until `stop`."""

    def __init__(self, server: Server, *, record: bool) -> None:
        self._calls: list[Call] | None = [] if record else None
        self.on_call: Callable[[Call], None] | None = None
        """Told of each recorded request before it is carried out."""
        self._applications = functools.cache(_application)
        self._applications_lock = threading.Lock()
        server.route = self._route
        super().__init__(server)

    def calls(self) -> list[Call]:
        """Every request so far, oldest first, those of CloudFormation itself left out; needs `record`."""
        if self._calls is None:
            raise ValueError("nothing is recorded: serve_cloud(record=True)")
        return list(self._calls)

    def reset(self) -> None:
        """A new, empty account; nothing is recorded yet, and every quota is AWS's own."""
        from infra.local import moto_cloud

        super().reset()
        moto_cloud.set_concurrency_limit(moto_cloud.DEFAULT_CONCURRENCY)
        moto_cloud.run_functions_with(None)
        if self._calls is not None:
            self._calls.clear()

    def set_concurrency_limit(self, limit: int) -> None:
        """How many executions the account may have at once: 1000, and as few as 10 for a new account."""
        from infra.local import moto_cloud

        moto_cloud.set_concurrency_limit(limit)

    def run_functions_with(self, runner: "Runner | None") -> None:
        """Who carries out a function that is called and waited for; without one such a call is refused."""
        from infra.local import moto_cloud

        moto_cloud.run_functions_with(runner)

    def function_package(self, name: str, region: str = "us-east-1") -> bytes:
        """The zip that was uploaded as the function's code."""
        from infra.local import moto_cloud

        return moto_cloud.function_package(name, region)

    def layer_package(self, layer_version_arn: str) -> bytes:
        """The zip that was uploaded as this version of a layer."""
        from infra.local import moto_cloud

        return moto_cloud.layer_package(layer_version_arn)

    def _route(self, request: Request) -> WSGIApplication | None:
        scope = _SCOPE.search(request.headers.get("Authorization", ""))
        if scope is None:
            return None
        service = SERVICE_BY_TARGET.get(target_of(request), scope["service"])
        with self._applications_lock:  # moto's modules take a while to import; only one thread shall do it
            application = self._applications(service)
        if application is not None and self._calls is not None and scope["key"] != CALLER:
            call = call_of(scope["key"], _SDK_NAMES.get(service, service), request)
            self._calls.append(call)
            if self.on_call is not None:
                self.on_call(call)
        return application


def serve_cloud(port: int = 0, *, record: bool = False) -> Cloud:
    """Start an account in this process; port 0 takes any free one. It answers when this returns.

    Raises PortUnavailableError. All servers of a process share one state, as moto keeps it per process.
    """
    from infra.local import moto_cloud, moto_safety

    server = Server(port)
    moto_safety.install()
    moto_cloud.install()
    return Cloud(server, record=record)


def main(arguments: Sequence[str] | None = None) -> int:
    return serve_forever("cloud", serve_cloud, DEFAULT_PORT, __doc__.splitlines()[0], arguments)


def _application(service: str) -> WSGIApplication | None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    if service == "cloudformation":
        from infra.local.stacks.api import application

        return application()
    # The names in signatures are those of hosts, not those of moto's modules.
    dispatcher = DomainDispatcherApplication(create_backend_app)
    own = service in SERVICE_BY_TARGET.values()
    module: Any = service if own else dispatcher.get_backend_for_host(f"{service}.us-east-1.amazonaws.com")
    return create_backend_app(module).wsgi_app if module else None


if __name__ == "__main__":
    sys.exit(main())
