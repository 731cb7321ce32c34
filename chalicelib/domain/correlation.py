"""Which invocation the work in hand belongs to, and which event it is about: what every log line carries.

Both are remembered by context: tasks inherit a copy of it, so what runs side by side does not mix.
"""

from contextvars import Context, ContextVar

UNKNOWN = "-"
"""The id of an invocation that has none, and of what is done outside of any."""

_request: ContextVar[str] = ContextVar("request", default=UNKNOWN)
_event: ContextVar[str | None] = ContextVar("event", default=None)


def begin_invocation(request_id: str | None) -> None:
    """From here on the work belongs to this invocation, and is about no event yet."""
    _request.set(request_id or UNKNOWN)
    _event.set(None)


def correlate(event_id: str | None) -> None:
    """From here on this task, and what it starts, is about this event; None: about none, or about several."""
    _event.set(event_id)


def current_event() -> str | None:
    """The event that the work is about, None while that is not known."""
    return _event.get()


def follow(context: Context) -> None:
    """Go on with the event that the work in `context` turned out to be about."""
    _event.set(context.get(_event))


def log_ids(event_id: str | None = None) -> dict[str, str]:
    """`correlation_id`: the event that a line names itself, else that of the work, else the invocation; and
    `request_id`, the invocation."""
    request_id = _request.get()
    return {"correlation_id": event_id or _event.get() or request_id, "request_id": request_id}
