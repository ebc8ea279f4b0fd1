"""What the stand-in serves. To add a resource type, add an entry."""

from __future__ import annotations

from localcloud.providers.aws.table import (
    account,
    buckets,
    certificates,
    functions,
    iam,
    keys,
    monitoring,
    provisioning,
    queues,
    rules,
    streams,
    tables,
    things,
    topics,
)

_PARTS = (
    things,
    certificates,
    provisioning,
    rules,
    account,
    iam,
    functions,
    queues,
    topics,
    streams,
    buckets,
    tables,
    keys,
    monitoring,
)
KINDS = tuple(kind for part in _PARTS for kind in part.KINDS)
