"""Rows of a manifest as things of AWS IoT: what `DpsBulk` is for a provisioning service.

botocore's models iot 2015-05-28 and iot-data 2015-05-28. A device is a thing of a type and in a group, with
its certificate (registered without a CA), which has the policies. Whose it is, and how far it is made, stands
in attributes of the thing: `musterManifest` from the first call on, `musterRow` (the digest of its row) with
the last. So a run that was killed goes on where it was. Things' names tell case apart, ids in a manifest do
not: only lower-case ones are taken.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from provider.clients.aws import Document
from provider.clients.dps_bulk import Page, RowError
from provider.clients.errors import ForbiddenError, NotFoundError, ServiceError

MANIFEST, ROW, ENABLED = MARKS = ("musterManifest", "musterRow", "musterEnabled")
"""Attributes that say whose a thing is, how far it is made, and whether its certificates were activated."""
PAGE_ROWS: Final = 250
_MARK: Final = "muster"
_PROPAGATION_SECONDS: Final = (1.0, 2.0, 4.0, 8.0)
"""DetachThingPrincipal "is asynchronous. It might take several seconds for the detachment to propagate"."""
_STILL_ATTACHED: Final = ("DeleteConflictException", "InvalidRequestException")
"""What DeleteCertificate and DeleteThing say meanwhile."""


@dataclass(frozen=True)
class Kind:
    """What a device of a manifest becomes."""

    thing_type: str
    thing_group: str
    policies: tuple[str, ...]

    def had(self, policy: str) -> bool:
        """Whether a policy was given by an earlier version: it is called as the group, or as that and more.
        What somebody else attached, to forbid something perhaps, stays.
        """
        ours = policy == self.thing_group or policy.startswith(f"{self.thing_group}.")
        return ours and policy not in self.policies


class Calls(Protocol):
    """What is needed of a client: calls at the pace that AWS allows."""

    def call(self, operation: str, **parameters: Any) -> Document:  # noqa: ANN401 - as the service model has it
        """One operation by boto3's name."""

    def find(self, operation: str, **parameters: Any) -> Document | None:  # noqa: ANN401 - as the model has it
        """As `call`, for what may not be there: then None."""


class RowRefusedError(Exception):
    """What a row asks for would do harm; the text says what would be right."""


class Things:
    """The things of one manifest. Nothing here repeats a call, but a deletion that comes too early."""

    def __init__(
        self, iot: Calls, data: Calls, manifest: str, kind: Kind, sleep: Callable[[float], None]
    ) -> None:
        self._iot = iot
        self._data = data
        self._manifest = manifest
        self._kind = kind
        self._sleep = sleep

    def run(self, mode: str, enrollments: Sequence[Document]) -> tuple[RowError, ...]:
        """Create, change or delete some; what failed of it. Raises ForbiddenError and what is no answer."""
        does: Mapping[str, Callable[[Document], None]] = {
            "create": self._create,
            "updateIfMatchETag": self._update,
            "delete": self._delete,
        }
        made = ((each["registrationId"], self._tried(does[mode], each, mode)) for each in enrollments)
        return tuple(RowError(name, *error) for name, error in made if error is not None)

    def get(self, registration_id: str) -> Document | None:
        """A thing as the enrollment that it was made from, or None."""
        found = self._iot.find("describe_thing", thingName=registration_id)
        if found is None:
            return None
        document = _document(found)
        mark = document["optionalDeviceInformation"][_MARK]
        held = list(self._certificates(registration_id)) if mark["manifest"] else []
        if not held:
            mark["row"] = ""  # nobody can come in as this thing: it is to be completed
        whole = mark["row"] and mark["enabled"]  # else it may be we who were about to retire one of them
        off = whole and any(each["status"] != "ACTIVE" for each in held)
        return {**document, "provisioningStatus": "disabled" if off else "enabled"}

    def attestation(self, registration_id: str) -> Document | None:  # noqa: ARG002 - as of a service with keys
        """None: there are no keys to keep."""
        return None

    def page(self, continuation: str | None) -> Page:
        """A page of the manifest's things."""
        more = {} if continuation is None else {"nextToken": continuation}
        found = self._iot.call(
            "list_things",
            attributeName=MANIFEST,
            attributeValue=self._manifest,
            maxResults=PAGE_ROWS,
            **more,
        )
        return Page([_document(each) for each in found["things"]], found.get("nextToken"))

    def _tried(self, does: Callable[[Document], None], each: Document, mode: str) -> tuple[int, str] | None:
        try:
            does(each)
        except RowRefusedError as error:
            return 400, str(error)
        except ForbiddenError:
            raise
        except NotFoundError as error:  # a thing that is gone; or a type, a group, a policy that is not there
            return (404 if mode == "delete" else 400), str(error)
        except ServiceError as error:
            return error.status, str(error)
        return None

    def _create(self, document: Document) -> None:
        self._iot.call(
            "create_thing",
            thingName=document["registrationId"],
            thingTypeName=self._kind.thing_type,
            attributePayload={"attributes": self._attributes(document)},
        )
        self._furnish(document, _pems(document))
        self._mark(document)

    def _update(self, document: Document) -> None:
        name, pems = document["registrationId"], _pems(document)
        self._refuse_to_revive(document)
        self._iot.call(
            "update_thing",
            thingName=name,
            attributePayload={"attributes": {**self._attributes(document), ROW: ""}, "merge": True},
            expectedVersion=int(document["etag"]),
        )
        self._furnish(document, pems)
        self._clear(name, {_certificate_id(pem) for pem in pems})
        self._mark(document)

    def _attributes(self, document: Document) -> dict[str, str]:
        return {**attributes(document["initialTwin"]["tags"]), MANIFEST: self._manifest}

    def _refuse_to_revive(self, document: Document) -> None:
        found = self.get(document["registrationId"])
        revoked = found is not None and found["provisioningStatus"] == "disabled"
        if revoked and document["provisioningStatus"] == "enabled":
            raise RowRefusedError(
                "its certificate was deactivated in AWS IoT after this manifest had activated it; enabled = "
                "false in the file, or activating it there, would be right"
            )

    def _furnish(self, document: Document, pems: Sequence[str]) -> None:
        name, enabled = document["registrationId"], document["provisioningStatus"] == "enabled"
        self._iot.call("add_thing_to_thing_group", thingName=name, thingGroupName=self._kind.thing_group)
        for pem in pems:
            arn = self._registered(name, pem, enabled=enabled)
            for policy in self._kind.policies:
                self._iot.call("attach_policy", policyName=policy, target=arn)
            self._iot.call("attach_thing_principal", thingName=name, principal=arn)
        self._begin_shadow(name, document["initialTwin"]["properties"]["desired"])

    def _clear(self, name: str, wanted: set[str]) -> None:
        """Retire certificates that the row has no more; take from the others what they had of ours."""
        for each in list(self._certificates(name)):
            if each["certificateId"] not in wanted:
                self._retire(name, each)
                continue
            arn = each["certificateArn"]
            for policy in self._iot.call("list_attached_policies", target=arn)["policies"]:
                if self._kind.had(policy["policyName"]):
                    self._iot.call("detach_policy", policyName=policy["policyName"], target=arn)

    def _mark(self, document: Document) -> None:
        """The last call: from now on the thing is as its row says."""
        mark = document["optionalDeviceInformation"][_MARK]
        done = {ROW: mark["row"], ENABLED: str(mark["enabled"]).lower()}
        payload = {"attributes": done, "merge": True}
        self._iot.call("update_thing", thingName=document["registrationId"], attributePayload=payload)

    def _registered(self, name: str, pem: str, *, enabled: bool) -> str:
        """The ARN of a certificate that is registered, as active as it should be."""
        status = "ACTIVE" if enabled else "INACTIVE"
        found = self._iot.find("describe_certificate", certificateId=_certificate_id(pem))
        if found is None:
            made = self._iot.call("register_certificate_without_ca", certificatePem=pem, status=status)
            return str(made["certificateArn"])
        known = found["certificateDescription"]
        if known["status"] == "REVOKED":
            raise RowRefusedError("its certificate is revoked in AWS IoT; a new one would be right")
        if others := self._others(name, known["certificateArn"]):
            raise RowRefusedError(f"its certificate is that of the thing {others[0]}")
        if known["status"] != status:
            self._iot.call("update_certificate", certificateId=known["certificateId"], newStatus=status)
        return str(known["certificateArn"])

    def _begin_shadow(self, name: str, desired: Mapping[str, Any]) -> None:
        if desired and self._data.find("get_thing_shadow", thingName=name) is None:
            payload = json.dumps({"state": {"desired": desired}}).encode()
            self._data.call("update_thing_shadow", thingName=name, payload=payload)

    def _delete(self, document: Document) -> None:
        name = document["registrationId"]
        for each in list(self._certificates(name)):
            if self._retire(name, each):
                self._once_detached("delete_certificate", certificateId=each["certificateId"])
        self._data.find("delete_thing_shadow", thingName=name)
        self._once_detached("delete_thing", thingName=name)

    def _once_detached(self, operation: str, **what: str) -> None:
        for seconds in _PROPAGATION_SECONDS:
            try:
                self._iot.find(operation, **what)
            except ServiceError as error:
                if error.code not in _STILL_ATTACHED:
                    raise
                self._sleep(seconds)
            else:
                return
        self._iot.find(operation, **what)

    def _retire(self, name: str, certificate: Mapping[str, Any]) -> bool:
        """A certificate that is no longer the thing's lets nobody in, unless it is another thing's, too."""
        arn = certificate["certificateArn"]
        shared = bool(self._others(name, arn))
        if not shared:
            number = certificate["certificateId"]
            self._iot.call("update_certificate", certificateId=number, newStatus="INACTIVE")
            for each in self._iot.call("list_attached_policies", target=arn)["policies"]:
                self._iot.call("detach_policy", policyName=each["policyName"], target=arn)
        self._iot.call("detach_thing_principal", thingName=name, principal=arn)
        return not shared

    def _others(self, name: str, principal: str) -> list[str]:
        """The other things of a certificate."""
        owners = self._iot.call("list_principal_things", principal=principal)["things"]
        return [each for each in owners if each != name]

    def _certificates(self, name: str) -> Iterator[Mapping[str, Any]]:
        for arn in self._iot.call("list_thing_principals", thingName=name)["principals"]:
            if ":cert/" not in arn:  # an identity of Amazon Cognito, which somebody else attached
                continue
            found = self._iot.find("describe_certificate", certificateId=arn.rpartition("/")[2])
            if found is not None:
                yield found["certificateDescription"]


def attributes(tags: Mapping[str, Any]) -> dict[str, str]:
    """Tags as attributes of a thing: texts stay, numbers and switches become their JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in tags.items()}


def _document(thing: Mapping[str, Any]) -> Document:
    held = thing.get("attributes") or {}
    mark = {
        "manifest": held.get(MANIFEST, ""),
        "row": held.get(ROW, ""),
        "enabled": held.get(ENABLED) == "true",
    }
    return {
        "registrationId": thing["thingName"],
        "etag": str(thing["version"]),
        "attestation": {"type": "x509"},
        "optionalDeviceInformation": {_MARK: mark},
    }


def _pems(document: Document) -> list[str]:
    given = document["attestation"]["x509"]["clientCertificates"]
    return [given[each]["certificate"] for each in ("primary", "secondary") if each in given]


def _certificate_id(pem: str) -> str:
    """The SHA-256 of the certificate, under which AWS IoT keeps it."""
    return hashlib.sha256(base64.b64decode("".join(pem.splitlines()[1:-1]))).hexdigest()
