"""Lambda entry points: the HTTP API, two functions on the orders stream, two schedules."""

from typing import Any

from chalice.app import Chalice, CloudWatchEvent, DynamoDBEvent, Rate

from chalicelib import handlers, runtime
from chalicelib.api.cancel_queue import cancel_queue
from chalicelib.api.catalog import catalog_routes
from chalicelib.api.orders import orders
from chalicelib.api.system import system
from chalicelib.api.webhook import webhook

app = Chalice(app_name=runtime.SERVICE, configure_logs=False)
for routes in (system, webhook, cancel_queue, orders, catalog_routes):
    app.register_blueprint(routes)

_stream_arn = runtime.settings().orders_stream_arn


@app.on_dynamodb_record(_stream_arn, name="fire_cancels", batch_size=25, starting_position="TRIM_HORIZON")
def fire_cancels(event: DynamoDBEvent) -> dict[str, Any]:
    """An order with a queued cancel has left PENDING."""
    return handlers.fire_cancels(event.to_dict()["Records"], event.context)


@app.on_dynamodb_record(_stream_arn, name="place_ready", batch_size=10, starting_position="TRIM_HORIZON")
def place_ready(event: DynamoDBEvent) -> dict[str, Any]:
    """An order is READY to be sent."""
    return handlers.place_ready(event.to_dict()["Records"], event.context)


@app.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> dict[str, Any]:
    """The cancel queue: every minute, and whenever somebody schedules a retry."""
    return handlers.sweep(event.to_dict(), event.context)


@app.schedule(Rate(1, unit=Rate.MINUTES), name="reconcile")
def reconcile(event: CloudWatchEvent) -> dict[str, Any]:
    """What nobody else settled: every minute."""
    return handlers.reconcile(event.to_dict(), event.context)
