"""The cancel queue over HTTP: ask for a cancel, look at requests, redrive and take back."""

from chalice.app import Blueprint, Response

from chalicelib import runtime
from chalicelib.api.http import answer, query_of, read_choice, read_limit, read_number, route
from chalicelib.api.presenters import show_cancel
from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.errors import NotFoundError
from chalicelib.usecases.cancel_requests import delete_cancel, redrive
from chalicelib.usecases.cancelling import request_cancel

cancel_queue = Blueprint(__name__)

_MAX_OFFSET = 1000


@route(cancel_queue, "/api/v1/cancel-queue/orders/{order_id}/cancel", "POST")
def cancel_order(order_id: str) -> Response:
    """200 when the cancel is proven in this call, 202 when it is queued."""
    services = runtime.services()
    budget = runtime.budget(cancel_queue.current_request.lambda_context, services.policy.inline_work)
    proven, cancel_id = runtime.run(request_cancel(services, order_id, "api", budget))
    if proven:
        done = {"message": "Order cancelled immediately", "order_id": order_id, "status": "cancelled"}
        return answer({**done, "cancel_queue_id": None, "immediate": True})
    queued = {"message": "Cancel request added to queue", "order_id": order_id, "status": "queued"}
    return answer({**queued, "cancel_queue_id": cancel_id, "immediate": False}, 202)


@route(cancel_queue, "/api/v1/cancel-queue", "GET")
def list_cancels() -> Response:
    """Newest first; a cursor wins over an offset."""
    query = query_of(cancel_queue)
    services = runtime.services()
    limit, offset = read_limit(query), read_number(query, "offset", 0, 0, _MAX_OFFSET)
    status = read_choice(query, "status", CancelStatus)
    page = runtime.run(services.store.list_cancels(status, limit, offset, query.get("cursor")))
    items = [show_cancel(row, services.policy.max_cancel_retries) for row in page.items]
    return answer({"items": items, "limit": limit, "offset": offset, "next_cursor": page.cursor})


@route(cancel_queue, "/api/v1/cancel-queue/{cancel_id}", "GET")
def get_cancel(cancel_id: str) -> Response:
    """One request."""
    services = runtime.services()
    row = runtime.run(services.store.get(CancelRequest, cancel_id))
    if row is None:
        raise NotFoundError("cancel request", cancel_id)
    return answer(show_cancel(row, services.policy.max_cancel_retries))


@route(cancel_queue, "/api/v1/cancel-queue/{cancel_id}", "DELETE")
def remove_cancel(cancel_id: str) -> Response:
    """Take the request back: row and flag go together."""
    runtime.run(delete_cancel(runtime.services(), cancel_id))
    return answer(None, 204)


@route(cancel_queue, "/api/v1/cancel-queue/{cancel_id}/retry", "POST")
def retry_cancel(cancel_id: str) -> Response:
    """Redrive a FAILED request."""
    services = runtime.services()
    row = runtime.run(redrive(services, cancel_id))
    return answer(show_cancel(row, services.policy.max_cancel_retries), 202)
