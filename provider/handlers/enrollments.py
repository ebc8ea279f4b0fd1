"""What a group and an individual enrollment have in common as resources.

A change is sent with the ETag of the version it was decided on; an enrollment that somebody changed meanwhile
is never overwritten unseen. Symmetric keys are made by the service: a change reads them
(attestationmechanism) and sends them back at once, since a PUT without them might make new ones; they never
get further than that. Whether the service takes another kind of attestation in place is not published, so
that is a replacement."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Protocol, TypeVar

from provider.checking import Fault
from provider.clients.dps_service import API_VERSION, REGISTRY_API_VERSION
from provider.clients.errors import ServiceError
from provider.fields import attribute
from provider.handlers import enrollment_checks, enrollment_notices, rules
from provider.handlers.enrollment_documents import body, etag, kind_of, refuse_foreign
from provider.handlers.enrollment_inputs import Enrollment, Kind
from provider.resource import Notice
from provider.values import UNKNOWN
from provider.versioned import Document, Version, Versioned

E = TypeVar("E", bound=Enrollment)
V = TypeVar("V", bound=Version)

BAD_REQUEST = 400


class Enrollments(Protocol):
    """What these handlers need of the DPS data plane."""

    def get(self, name: str, api_version: str = ...) -> Document | None:
        """The document, or None."""

    def put(self, name: str, body: Document, if_match: str | None = None, api_version: str = ...) -> Document:
        """Create or change; the new document. Raises StaleError."""

    def attestation(self, name: str, api_version: str = ...) -> Document:
        """How its devices attest, keys included."""

    def delete(self, name: str) -> None:
        """Delete; gone already is no error."""


class EnrollmentHandler(Versioned[E, V]):
    """Enrollments of a provisioning service. `client` gives the calls for a service host."""

    kind: ClassVar[Kind]
    id_form: ClassVar[re.Pattern[str]]
    id_right: ClassVar[str]

    def __init__(self, client: Callable[[str], Enrollments]) -> None:
        self._client = client

    @abstractmethod
    def who(self, inputs: E) -> enrollment_notices.Who:
        """The devices, for a sentence about them."""

    @abstractmethod
    def blank(self, host: str, name: str, api_version: str) -> E:
        """Inputs that hold an address, and defaults."""

    def named(self, inputs: E) -> str:
        """The enrollment and its service."""
        return f"{self.kind.title} {self._name(inputs)} of {inputs.service_host}"

    def between(self, inputs: E) -> Iterable[Fault]:
        """Attestation, allocation and registry must go together."""
        return enrollment_checks.faults(self.kind, inputs)

    def replaced(self, old: E, new: E) -> Mapping[str, str]:
        """Another kind of attestation is a new enrollment."""
        before, after = self._attested(old), self._attested(new)
        if before is None or after is None or before == after:
            return {}
        reason = f"{after} instead of {before} is another kind of attestation"
        return dict.fromkeys((before, after), f"{reason}: {_KEYS.get(before, _OTHERS)}")

    def notices(self, old: E | None, new: E) -> tuple[Notice, ...]:
        """What happens to devices."""
        return enrollment_notices.notices(self.kind, self.who(new), old, new)

    def address(self, resource_id: str, known: E | None) -> E:
        """Of an import: the API version that can tell all of it."""
        match = rules.id_parts(self.id_form, resource_id, f"an {self.kind.title}", self.id_right)
        if known is not None:
            return known
        version = self._version(self._client(match["host"]), match["name"])
        return self.blank(match["host"], match["name"], version)

    def fetch(self, inputs: E) -> Document | None:
        """The document; with a TPM's endorsement key (it is public) even where the service leaves it out."""
        client, name = self._client(inputs.service_host), self._name(inputs)
        document = client.get(name, inputs.api_version)
        if document is None or kind_of(document) != "tpm" or document["attestation"].get("tpm"):
            return document
        return {**document, "attestation": client.attestation(name, inputs.api_version)}

    def store(self, inputs: E, current: Document, old: E | None) -> Document:  # noqa: ARG002 - the PUT is whole
        """PUT, symmetric keys as they are."""
        client, name = self._client(inputs.service_host), self._name(inputs)
        if inputs.symmetric_key and kind_of(current) == "symmetricKey":
            held = client.attestation(name, inputs.api_version)
            made = self.body(inputs, {**current, "attestation": held})
        else:
            made = self.body(inputs, current)
        return client.put(name, made, etag(current) or None, inputs.api_version)

    def body(self, inputs: E, current: Document) -> Document:
        """The document to PUT over `current` ({} when none is there)."""
        return body(self.kind, inputs, current)

    def importable(self, resource_id: str, document: Document) -> None:
        """An enrollment of a kind that the inputs have no words for is refused."""
        refuse_foreign(self.kind, resource_id, document)

    def delete(self, resource_id: str) -> None:
        """Remove it, whatever it looks like by now: it provisions nothing any more."""
        match = rules.id_parts(self.id_form, resource_id, f"an {self.kind.title}", self.id_right)
        self._client(match["host"]).delete(match["name"])

    def _name(self, inputs: E) -> str:
        return str(getattr(inputs, attribute(self.kind.identifier)))

    def _attested(self, inputs: E) -> str | None:
        values = {name: getattr(inputs, attribute(name)) for name in self.kind.attestations}
        given = [name for name, value in values.items() if value is not UNKNOWN and value]
        return given[0] if given else next((name for name, value in values.items() if value), None)

    def _version(self, client: Enrollments, name: str) -> str:
        try:
            document = client.get(name, REGISTRY_API_VERSION) or {}
        except ServiceError as error:
            if error.status != BAD_REQUEST:
                raise
            return API_VERSION  # a service that does not speak the newer version yet
        return REGISTRY_API_VERSION if document.get("namespaceName") else API_VERSION


_OTHERS = "devices that provisioned with the old one cannot provision any more, those on a hub stay connected"
_KEYS = {"symmetricKey": f"its keys are gone for good, and {_OTHERS}"}
