"""A Chalice app with one of each that a deployment makes: routes, a stream's reader, a schedule, a layer."""

import os
from typing import Any

from chalice.app import Chalice

app: Any = Chalice(app_name="small", configure_logs=False)


@app.route("/")
def index() -> dict[str, str]:
    return {"name": "small"}


@app.route("/items/{item_id}", methods=["GET", "PUT"])
def item(item_id: str) -> dict[str, str]:
    return {"id": item_id}


@app.on_dynamodb_record(
    stream_arn=os.environ["STREAM_ARN"], batch_size=7, starting_position="TRIM_HORIZON", name="follow"
)
def follow(event: Any) -> None:
    """Reads the stream."""


@app.schedule("rate(1 minute)", name="tick")
def tick(event: Any) -> None:
    """Runs every minute."""
