"""Certificates, certificate authorities, policies and what they hang on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.aws.table.things import TAGS
from localcloud.providers.boto.calls import Attachment, Base, Wish, missing_is_none
from localcloud.providers.boto.codecs import FLAG, STRING, document
from localcloud.providers.boto.codes import member
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused
from localcloud.providers.shapes import Fault

_MOST_VERSIONS = 5  # "AWS IoT Core policy limits": versions of a named policy


@dataclass(frozen=True)
class Certificates(Base):
    """From a CSR, or a certificate of the program's own. AWS makes no keys: they would lie in the state."""

    def create(self, to: Context, wish: Wish) -> str:
        """The one that the declared properties ask for."""
        return str(self._made(to, wish)["certificateId"])

    def _made(self, to: Context, wish: Wish) -> dict[str, Any]:
        status = "ACTIVE" if wish["setAsActive"] else "INACTIVE"
        if "certificateSigningRequest" in wish:
            return to.do("create_certificate_from_csr", **wish)
        if "caCertificatePem" in wish:
            return to.do("register_certificate", **wish)
        return to.do("register_certificate_without_ca", **wish, status=status)

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - AWS says it
        """AWS names it."""
        return member(refused, "resourceId")

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its description."""
        found = missing_is_none(to, "describe_certificate", certificateId=identity)
        if found is None:
            return None
        told: dict[str, Any] = found["certificateDescription"]
        return {**told, "setAsActive": told["status"] == "ACTIVE"}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Its status."""
        to.ask(
            "update_certificate",
            certificateId=identity,
            newStatus="ACTIVE" if wish["setAsActive"] else "INACTIVE",
        )

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """An active one has to be switched off before."""
        found = self.read(to, identity, {})
        if found is not None and found["setAsActive"]:
            to.ask("update_certificate", certificateId=identity, newStatus="INACTIVE")
        to.ask("delete_certificate", certificateId=identity)


@dataclass(frozen=True)
class Authorities(Base):
    """CA certificates: registered, switched on and off."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        return str(to.do("register_ca_certificate", **wish)["certificateId"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - AWS says it
        """AWS names it."""
        return member(refused, "resourceId")

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its description, flat."""
        found = missing_is_none(to, "describe_ca_certificate", certificateId=identity)
        if found is None:
            return None
        told: dict[str, Any] = found["certificateDescription"]
        return {
            **told,
            "registrationConfig": found.get("registrationConfig") or None,
            "setAsActive": told["status"] == "ACTIVE",
            "allowAutoRegistration": told.get("autoRegistrationStatus") == "ENABLE",
            "validities": [told["validity"]] if told.get("validity") else [],
        }

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """Its status, and how it registers."""
        gone = bool(live.get("registrationConfig")) and "registrationConfig" not in wish
        to.do(
            "update_ca_certificate",
            certificateId=identity,
            newStatus="ACTIVE" if wish["setAsActive"] else "INACTIVE",
            newAutoRegistrationStatus="ENABLE" if wish["allowAutoRegistration"] else "DISABLE",
            **({"removeAutoRegistration": True} if gone else {}),
            **{key: wish[key] for key in ("registrationConfig",) if key in wish},
        )

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """An active one has to be switched off before."""
        to.ask("update_ca_certificate", certificateId=identity, newStatus="INACTIVE")
        to.ask("delete_ca_certificate", certificateId=identity)


@dataclass(frozen=True)
class Policies(Base):
    """Policies with versions: a change is a new version, and the oldest goes when there are five."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        return str(to.do("create_policy", **wish)["policyName"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish["policyName"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its default version."""
        return missing_is_none(to, "get_policy", policyName=identity)

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """A new default version."""
        others = self._others(to, identity)
        if len(others) + 1 >= _MOST_VERSIONS:
            oldest = min(others, key=int)
            to.ask("delete_policy_version", policyName=identity, policyVersionId=oldest)
        document_ = wish["policyDocument"]
        to.ask("create_policy_version", policyName=identity, policyDocument=document_, setAsDefault=True)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """The other versions first."""
        for version in self._others(to, identity):
            to.ask("delete_policy_version", policyName=identity, policyVersionId=version)
        to.ask("delete_policy", policyName=identity)

    def _others(self, to: Context, identity: str) -> list[str]:
        versions = to.ask("list_policy_versions", policyName=identity)["policyVersions"]
        return [it["versionId"] for it in versions if not it.get("isDefaultVersion")]


def _has_a_source(inputs: Mapping[str, Any]) -> Iterator[Fault]:
    if "csr" not in inputs and "certificatePem" not in inputs:
        yield Fault(("csr",), "needed, or certificatePem: the local stand-in has AWS make no private keys")


KINDS = (
    Kind(
        "aws:iot/certificate:Certificate",
        "iot",
        "register_certificate",
        {
            "active": Property("setAsActive", shape=FLAG, required=True),
            "caPem": Property(
                "caCertificatePem", model="caCertificatePem", seen="-", fixed=True, secret=True
            ),
            "certificatePem": Property("certificatePem", fixed=True, computed=True, secret=True),
            "csr": Property("certificateSigningRequest", shape=STRING, seen="-", fixed=True),
        },
        {
            "arn": "certificateArn",
            "caCertificateId": "caCertificateId",
            "privateKey": "privateKey",
            "publicKey": "publicKey",
        },
        Certificates(),
        name="",
        secrets=frozenset({"privateKey", "publicKey"}),
        judge=_has_a_source,
    ),
    Kind(
        "aws:iot/caCertificate:CaCertificate",
        "iot",
        "register_ca_certificate",
        {
            "active": Property("setAsActive", required=True),
            "allowAutoRegistration": Property("allowAutoRegistration", required=True),
            "caCertificatePem": Property(
                "caCertificate", seen="certificatePem", fixed=True, required=True, secret=True
            ),
            "verificationCertificatePem": Property(
                "verificationCertificate", seen="-", fixed=True, secret=True
            ),
            "certificateMode": Property("certificateMode", fixed=True, default="DEFAULT"),
            "registrationConfig": Property("registrationConfig"),
            "tags": TAGS,
        },
        {
            "arn": "certificateArn",
            "customerVersion": "customerVersion",
            "generationId": "generationId",
            "validities": "validities",
        },
        Authorities(),
        name="",
        tagging=Tagging("certificateArn"),
    ),
    Kind(
        "aws:iot/policy:Policy",
        "iot",
        "create_policy",
        {
            "name": own("policyName"),
            "policy": Property("policyDocument", how=document, required=True),
            "tags": TAGS,
        },
        {"arn": "policyArn", "defaultVersionId": "defaultVersionId"},
        Policies(),
        tagging=Tagging("policyArn"),
    ),
    Kind(
        "aws:iot/policyAttachment:PolicyAttachment",
        "iot",
        "attach_policy",
        {
            "policy": Property("policyName", fixed=True, required=True),
            "target": Property("target", fixed=True, required=True),
        },
        {},
        Attachment(
            "policyName",
            "target",
            "attach_policy",
            "detach_policy",
            ("list_attached_policies", "target"),
            "policies",
            "policyName",
            following=("nextMarker", "marker"),
        ),
        name="",
    ),
)
