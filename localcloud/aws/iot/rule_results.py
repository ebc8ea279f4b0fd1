"""What a rule's statement makes of a message: whether it takes it, what goes to its actions. Pure."""

import json

from localcloud.aws.iot.rule_sql import SqlError, Statement, parse_template
from localcloud.aws.iot.rule_values import UNDEFINED, Everything, Message, text_of
from localcloud.mqtt.topics import fits


def takes(statement: Statement, message: Message) -> bool:
    """Whether topic and WHERE let the message through. Raises NoJson."""
    if not fits(statement.topic_filter, message.topic):
        return False
    return statement.where is None or statement.where.evaluate(message) is True


def selected(statement: Statement, message: Message) -> bytes:
    """What SELECT makes of the payload. Raises NoJson, but for `SELECT *`, which passes any bytes on."""
    if statement.everything and not statement.columns:
        return message.payload
    result: dict[str, object] = {}
    if statement.everything:
        if not isinstance(message.json, dict):
            return message.payload
        result.update(message.json)
    for column in statement.columns:
        value = column.expression.evaluate(message)
        if value is UNDEFINED or column.alias is None:
            continue
        result[column.alias] = value.decode(errors="replace") if isinstance(value, bytes) else value
    return json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode()


def substituted(text: str, message: Message) -> str:
    """A substitution template filled. Raises SqlError for one that is none, or whose value is undefined."""
    parts: list[str] = []
    for part in parse_template(text):
        if isinstance(part, str):
            parts.append(part)
            continue
        value = None if isinstance(part, Everything) else text_of(part.evaluate(message))
        if value is None:
            raise SqlError(f"a part of '{text}' is undefined for this message")
        parts.append(value)
    return "".join(parts)
