"""What a row must be for AWS IoT: which of its cells say something there, and what a thing can carry. No IO.

Limits are of AWS IoT's service model (botocore iot 2015-05-28: ThingName, AttributeName, AttributeValue) and
of "AWS IoT Core endpoints and quotas", docs.aws.amazon.com: 50 attributes of a thing with a type; of a
shadow, 8 KB and 6 levels (of "Device Shadow error messages"; the quotas have 8, so the safe side).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from provider.clients.aws_things import MARKS, attributes
from provider.manifest.settings import X509, Document, canonical

_MOST: Final = 50 - len(MARKS)
_NAME = re.compile("[a-z0-9:_-]{1,128}")
_KEY = re.compile("[a-zA-Z0-9_.,@/:#-]{1,128}")
_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{1,800}")
_SHADOW_BYTES: Final = 8 * 1024
_SHADOW_LEVELS: Final = 6


def fault(document: Document) -> str | None:
    """All that is wrong with a row's document, or None."""
    return "; ".join(_faults(document)) or None


def tag_faults(tags: Mapping[str, Any]) -> Iterator[str]:
    """What of the tags cannot be attributes of a thing."""
    if len(tags) > _MOST:
        yield f"{len(tags)} tags; a thing has room for {_MOST}, beside our marks"
    for key, value in tags.items():
        if key in MARKS:
            yield f"tags.{key} is Muster's own mark; another name would be right"
        elif not _KEY.fullmatch(key):
            yield f"tags.{key[:60]} is no attribute's name; letters, digits and _ . , @ / : # - can be in it"
        elif isinstance(value, dict | list):
            yield f"tags.{key} can be no attribute of a thing; one text would be right"
        elif not _VALUE.fullmatch(attributes({key: value})[key]):
            right = "1 to 800 letters, digits and _ . , @ / : # = [ ] - without spaces"
            yield f"tags.{key} can be no attribute of a thing; {right}"


def desired_faults(desired: Mapping[str, Any]) -> Iterator[str]:
    """What of the desired properties does not fit into a first shadow."""
    size = len(canonical({"state": {"desired": dict(desired)}}))
    if size > _SHADOW_BYTES:
        yield f"desired makes a shadow of {size:,} bytes; AWS takes {_SHADOW_BYTES:,}"
    if _levels(desired) > _SHADOW_LEVELS:
        yield f"desired has more than {_SHADOW_LEVELS} levels, which a shadow has at most"


def _faults(document: Document) -> Iterator[str]:
    name = document["registrationId"]
    if name != name.lower():
        yield "things' names tell case apart, registration ids do not; lower-case letters would be right"
    elif not _NAME.fullmatch(name):
        yield "registration_id is no thing's name; letters, digits and : _ - would be right"
    if document["attestation"]["type"] != X509:
        kind = document["attestation"]["type"]
        yield f"attestation {kind} is Azure's; AWS IoT knows a device by its certificate: x509 would be right"
    if document["capabilities"]["iotEdge"]:
        yield "iot_edge is Azure's; false, or an empty cell, would be right"
    if document.get("deviceId", name) != name:
        yield "device_id is Azure's; a thing is called as it registers: an empty cell would be right"
    yield from tag_faults(document["initialTwin"]["tags"])
    yield from desired_faults(document["initialTwin"]["properties"]["desired"])


def _levels(value: object) -> int:
    inner = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
    return max((_levels(each) for each in inner), default=0) + isinstance(value, Mapping | list)
