"""muster:dps:EnrollmentGroup: devices that enrol with a leaf of one intermediate certificate.

DPS service API 2021-10-01. A change is sent with the ETag of the version it was decided on; a group that
somebody changed meanwhile is never overwritten unseen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from provider.clients.errors import StaleError
from provider.differing import Difference, differences
from provider.errors import ConflictError
from provider.fields import write
from provider.handlers import rules
from provider.handlers.enrollment_documents import (
    Document,
    Group,
    Inputs,
    Outputs,
    body,
    etag,
    live,
    refuse_foreign,
)
from provider.resource import Handler, Made, Notice

_ID = re.compile(r"(?P<host>[^/]+)/(?P<group>[^/]+)")


class Groups(Protocol):
    """What this handler needs of the DPS data plane."""

    def get_group(self, group_id: str) -> Document | None:
        """The document, or None."""

    def put_group(self, group_id: str, body: Document, if_match: str | None = None) -> Document:
        """Create or change; the new document. Raises StaleError."""

    def delete_group(self, group_id: str) -> None:
        """Delete; gone already is no error."""


class EnrollmentGroup(Handler[Inputs, Outputs]):
    """Enrollment groups of a provisioning service. `groups` gives the client for a service host."""

    token = "muster:dps:EnrollmentGroup"  # noqa: S105 - a type token
    title = "enrollment group"
    doc = "A DPS enrollment group: devices whose X.509 certificates one intermediate issued."
    inputs = Inputs
    outputs = Outputs

    def __init__(self, groups: Callable[[str], Groups]) -> None:
        self._groups = groups

    def resource_id(self, inputs: Inputs) -> str:
        """`{serviceHost}/{enrollmentGroupId}`."""
        return f"{inputs.service_host}/{inputs.enrollment_group_id}".lower()

    def create(self, inputs: Inputs) -> Made[Outputs]:
        """Make the group, unless one of that name is there: then only an identical one is taken."""
        groups = self._groups(inputs.service_host)
        if (document := groups.get_group(inputs.enrollment_group_id)) is not None:
            current = live(inputs.service_host, document)
            return Made(current.outputs, (self.adopt(_named(inputs), inputs, current.inputs),))
        made = groups.put_group(inputs.enrollment_group_id, body(inputs, {}))
        return Made(Outputs(etag=etag(made)))

    def read(self, resource_id: str, known: Group | None) -> Group | None:
        """The group as it is. Raises UnsupportedResourceError to an import of a group of another kind."""
        right = "<service operations host>/<group id>"
        match = rules.id_parts(_ID, resource_id, "an enrollment group", right)
        document = self._groups(match["host"]).get_group(match["group"])
        if document is None:
            return None
        if known is None:
            refuse_foreign(resource_id, document)
        return live(match["host"], document)

    def update(self, old: Group, new: Inputs) -> Made[Outputs]:
        """Change the group that the state knows. Raises ConflictError when the service has another
        version.
        """
        groups = self._groups(new.service_host)
        document = groups.get_group(new.enrollment_group_id)
        if document is None:
            raise ConflictError(f"{_named(new)} is gone from the service", (), _REFRESH)
        current = live(new.service_host, document)
        if current.outputs != old.outputs and _differ(old.inputs, current.inputs):
            return self._overtaken(old, new, current)
        try:
            made = groups.put_group(new.enrollment_group_id, body(new, document), if_match=etag(document))
        except StaleError:
            document = groups.get_group(new.enrollment_group_id)
            return self._overtaken(old, new, live(new.service_host, document or {}))
        return Made(Outputs(etag=etag(made)))

    def delete(self, resource_id: str) -> None:
        """Remove the group, whatever it looks like by now: its devices can no longer enrol."""
        host, _, group = resource_id.partition("/")
        self._groups(host).delete_group(group)

    def notices(self, old: Inputs | None, new: Inputs) -> tuple[Notice, ...]:
        """Whose twin is wiped, if anybody's."""
        if new.reprovision != "reset" or (old is not None and _same_assignment(old, new)):
            return ()
        text = (
            f"reprovision: reset wipes the twins (reported state, tags, desired changes) of the devices of "
            f"group {new.enrollment_group_id} at their next provisioning; migrate would keep them"
        )
        return (Notice(text, warning=True),)

    def _overtaken(self, old: Group, new: Inputs, current: Group) -> Made[Outputs]:
        if not _differ(new, current.inputs):
            return Made(current.outputs)  # our own change, whose answer was lost
        raise ConflictError(
            f"{_named(new)} was changed in the service after this stack's state was written; nothing was "
            f"sent. The state has ETag {old.outputs.etag}, the service {current.outputs.etag}:",
            _differ(old.inputs, current.inputs),
            _REFRESH,
        )


_REFRESH = "Run `pulumi refresh` to take the service's side into the state, then `pulumi up` to decide on it"


def _named(inputs: Inputs) -> str:
    return f"enrollment group {inputs.enrollment_group_id} of {inputs.service_host}"


def _differ(ours: Inputs, theirs: Inputs) -> list[Difference]:
    return list(differences(Inputs, write(ours), write(theirs)))


def _same_assignment(old: Inputs, new: Inputs) -> bool:
    return all(
        getattr(old, name) == getattr(new, name) for name in ("reprovision", "iot_hubs", "initial_twin")
    )
