"""What the stand-in serves. To add a resource type, add an entry."""

from __future__ import annotations

from localcloud.providers.aws_native.table import audit, certificates, detect, groups, jobs

KINDS = tuple(kind for part in (audit, certificates, detect, groups, jobs) for kind in part.KINDS)
