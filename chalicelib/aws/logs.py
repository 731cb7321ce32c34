"""The form of our log lines: JSON, one fact each, with the ids by which those about one alert are found."""

import logging

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.domain.correlation import log_ids

_CHATTY = ("httpx", "httpcore", "botocore", "boto3", "urllib3")
"""Libraries that write URLs, headers and bodies."""


class CorrelatedFormatter(LambdaPowertoolsFormatter):  # type: ignore[misc,unused-ignore]
    """Adds `correlation_id` and `request_id`; the event that a line names itself outranks that of the work."""

    def format(self, record: logging.LogRecord) -> str:
        vars(record).update(log_ids(getattr(record, "event_id", None)))
        return super().format(record)


def configure_logging(service: str, level: str) -> None:
    """Lines from our own loggers at `level`; the libraries below stay quiet unless they warn.

    The root logger's own handlers (Lambda installs one) would print each line twice.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(
        CorrelatedFormatter(
            service=service, log_record_order=["level", "message"], utc=True, serialize_stacktrace=False
        )
    )
    ours = logging.getLogger("chalicelib")
    ours.handlers = [handler]
    ours.setLevel(level)
    ours.propagate = False
    for library in _CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)
