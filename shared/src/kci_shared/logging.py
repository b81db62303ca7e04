# SPDX-License-Identifier: LGPL-2.1-or-later
"""Log lines: short past-tense facts with their values, as JSON or for a terminal."""

import logging
import sys

import structlog
from structlog.typing import Processor

from kci_shared.settings import LogFormat


def configure(log_format: LogFormat, level: str) -> None:
    """Send the log lines of this process, libraries included, to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request


def _renderers(log_format: LogFormat) -> list[Processor]:
    if log_format is LogFormat.PRETTY:
        plain = structlog.dev.plain_traceback  # the pretty one prints local variables
        colors = sys.stderr.isatty()
        return [structlog.dev.ConsoleRenderer(colors, exception_formatter=plain)]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
