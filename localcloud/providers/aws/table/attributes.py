"""Properties that SQS and SNS keep as attributes: texts by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from localcloud.providers.boto.codecs import FLAG, STRING, document, texted
from localcloud.providers.boto.entries import Property
from localcloud.providers.shapes import Scalar, Shape

TEXT_FLAG = texted(FLAG)
DOCUMENT = document(STRING)
COMPUTED = Property("", computed=True)


def whole(least: int, most: int) -> Shape:
    """A whole number between two."""
    return texted(Scalar("integer", minimum=least, maximum=most))


def fifo(name: str, inputs: Mapping[str, Any]) -> str:
    """Names of FIFO queues and topics end so, or AWS refuses them."""
    is_fifo = inputs.get("fifoQueue") is True or inputs.get("fifoTopic") is True
    return f"{name}.fifo" if is_fifo else name


def attribute(name: str, shape: Shape, it: Property | None = None) -> Property:
    """A property that is the attribute of that name."""
    return replace(it or Property(""), at=f"Attributes.{name}", shape=shape)
