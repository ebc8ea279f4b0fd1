"""What all rows of a manifest share: what the resource says, which a row may override in part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias

from provider.fields import Rule

Document: TypeAlias = dict[str, Any]

X509: Final = "x509"
TPM: Final = "tpm"
SYMMETRIC_KEY: Final = "symmetricKey"
ATTESTATIONS: Final = (X509, SYMMETRIC_KEY, TPM)


@dataclass(frozen=True)
class Settings:
    """Defaults of the rows. `shared` goes into every enrollment as it is (allocation, reprovisioning);
    `rules` say what is wrong with an `endorsement_key`, `tags` and `desired`, as for single enrollments;
    `whole` says what is wrong with a row's document in this cloud.
    """

    manifest: str
    attestation: str
    enabled: bool = True
    iot_edge: bool = False
    tags: Mapping[str, Any] = field(default_factory=dict)
    desired: Mapping[str, Any] = field(default_factory=dict)
    shared: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict, compare=False, repr=False)
    whole: Rule | None = field(default=None, compare=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """The same for the same settings, on any machine."""
        values = [self.attestation, self.enabled, self.iot_edge, self.tags, self.desired, self.shared]
        return digest(values)

    def revision(self, content_hash: str) -> str:
        """The version of the manifest that the state keeps: a file under these settings."""
        return digest([content_hash, self.digest])[:16]


def digest(value: Any) -> str:  # noqa: ANN401 - anything that is JSON
    """128 bits over the canonical JSON, as hexadecimal text."""
    return digest_of(canonical(value))


def digest_of(text: bytes) -> str:
    """As `digest`, of a text that is canonical already."""
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def canonical(value: Any) -> bytes:  # noqa: ANN401 - anything that is JSON
    """The one JSON text of a value."""
    return _encode(value).encode()


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
