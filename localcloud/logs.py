"""The local cloud's log: one JSON object a line.

Callers pass what belongs to an event as `extra={"fields": {...}}`: registration ids, reasons, never secrets.
"""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path


class JsonLines(logging.Formatter):
    """A record as {"time", "level", "event", "from", …fields}; times are UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "from": record.name,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def start_log(file: Path, level: str) -> logging.Handler:
    """Append what `localcloud` logs, and asyncio's warnings, to `file` (mode 0600). Gives the handler."""
    file.touch(mode=0o600)
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(JsonLines())
    for name, lowest in (("localcloud", level.upper()), ("asyncio", "WARNING")):
        logger = logging.getLogger(name)
        logger.setLevel(lowest)
        logger.addHandler(handler)
        logger.propagate = False
    return handler
