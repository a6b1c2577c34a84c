"""Logs and metrics: set-up of structured logging, the allow-list of log keys, names of metrics.

A telehealth log is a patient record, so a key that this module does not name is dropped, and the
names of dropped keys are logged in its stead. Foreign loggers (kopf, uvicorn, aiortc) go through
the same chain with their message cut to its constant template.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

LOG_KEYS = frozenset(
    {
        "event", "level", "timestamp", "logger", "exc_type", "exc_where", "dropped_keys",
        "service", "version", "address", "port", "settings",
        "namespace", "clinic", "clinic_uid", "kind", "name_of_object", "uid", "generation",
        "reason",
        "condition", "status", "resource_version", "leader_epoch",
        "pool", "media_node", "boot", "call", "participant", "visit", "epoch", "cost", "capacity",
        "used", "calls", "participants", "replicas", "ready", "state",
        "code", "count", "elapsed_s", "retry_in_s", "signal", "pid", "path_of_log", "exit_code",
        "method", "route", "close_code", "packet_path", "key_id", "attempt",
    }
)  # fmt: skip
"""The only keys a log line may carry. Ids are opaque; none is a person's name or address."""


def setup_logging(service: str, level: str = "INFO") -> None:
    """Send every log line of this process to stdout as one JSON object, through the allow-list."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_exception,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_template_only, structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _with_service(service),
                keep_allowed_keys,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def keep_allowed_keys(
    _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop every key that `LOG_KEYS` does not name, and say which were dropped."""
    dropped = sorted(event.keys() - LOG_KEYS)
    kept: dict[str, Any] = {key: value for key, value in event.items() if key in LOG_KEYS}
    if dropped:
        kept["dropped_keys"] = dropped
    return kept


def _with_service(service: str) -> Any:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add


def _name_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace exception text, which may quote input, by its type and the place it was raised."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    if exc_info and exc_info[0] is not None:
        event["exc_type"] = exc_info[0].__qualname__
        trace = exc_info[2]
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None:
            code = trace.tb_frame.f_code
            event["exc_where"] = f"{code.co_qualname}:{trace.tb_lineno}"
    return event


def _template_only(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Log a foreign record's message template, never its arguments: they may hold anything."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["event"] = str(record.msg) if record.args else _constant_part(str(record.msg))
    return event


def _constant_part(message: str) -> str:
    return message if len(message) <= _LONGEST_CONSTANT else message[:_LONGEST_CONSTANT] + "…"


_LONGEST_CONSTANT = 120
"""Foreign messages without arguments are ready-made text; longer ones are cut."""
