"""RegisterThing: what a template comes to is made in the registry, all of it or nothing.

Used by the call over HTTP, fleet provisioning, just-in-time provisioning and registration tasks.
docs.aws.amazon.com/iot/latest/developerguide/provision-template.html, "Override settings". What happens to a
thing that exists and has other values than the template, where no override is given, the page does not say:
here the registration fails, as with FAIL. A certificate that waits for its activation always takes the
template's status; another one keeps its own unless the override says REPLACE.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509 as pyca

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot import template_body, x509
from localcloud.aws.iot.authorities import Authorities
from localcloud.aws.iot.certificate_names import parameters_of
from localcloud.aws.iot.certificates import Certificate, Certificates
from localcloud.aws.iot.groups import ThingGroups
from localcloud.aws.iot.policies import Policies
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.template_body import PlannedCertificate, PlannedPolicy, PlannedThing
from localcloud.aws.iot.template_functions import CERTIFICATE_ID, TemplateError
from localcloud.aws.iot.things import Things
from localcloud.aws.model import BadRequest, Model
from localcloud.aws.place import Place

PENDING = "PENDING_ACTIVATION"
_OWN_PARAMETERS = "AWS::IoT::"


@dataclass(frozen=True)
class Registered:
    """What was made, or was there: `arns` by the resources' logical names."""

    thing_name: str | None
    certificate: Certificate | None
    arns: Mapping[str, str]
    configuration: Mapping[str, Any] = field(default_factory=dict)


class Registration:
    """Templates applied to the registries."""

    def __init__(
        self,
        place: Place,
        things: Things,
        groups: ThingGroups,
        certificates: Certificates,
        authorities: Authorities,
        policies: Policies,
    ) -> None:
        self._place = place
        self._things = things
        self._groups = groups
        self._certificates = certificates
        self._authorities = authorities
        self._policies = policies

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone({"RegisterThing": self._register_thing})

    def register(
        self,
        body: str,
        parameters: Mapping[str, str],
        certificate: Certificate | None = None,
        *,
        is_fleet: bool = False,
    ) -> Registered:
        """Apply a template's body. Raises ApiError, and then nothing was made.

        `certificate` is the one that the device has: fleet provisioning (`is_fleet`) gives templates its id,
        just-in-time provisioning what stands in its subject too. Parameters of AWS' own in `parameters` are
        left aside, since they may come from the device.
        """
        given = {name: it for name, it in parameters.items() if not name.startswith(_OWN_PARAMETERS)}
        if certificate is not None:
            given |= _own_parameters(certificate, is_fleet=is_fleet)
        try:
            plan = template_body.plan(template_body.read(body, is_fleet=is_fleet), given)
        except TemplateError as fault:
            raise invalid(f"The provisioning template cannot be applied: {fault}.") from fault
        if certificate is not None and plan.certificate and plan.certificate.id != certificate.id:
            raise _failed(
                "The template must name the device's own certificate, by AWS::IoT::Certificate::Id."
            )
        if plan.policies and not plan.certificate:
            raise _failed("The template has policies, but no certificate to attach them to.")
        with self._place.store.transaction():
            return self._apply(plan)

    def _register_thing(self, params: Params) -> Params:
        made = self.register(params["templateBody"], params.get("parameters", {}))
        pem = {"certificatePem": made.certificate.pem} if made.certificate else {}
        return {**pem, "resourceArns": dict(made.arns)}

    def _apply(self, plan: template_body.Plan) -> Registered:
        arns: dict[str, str] = {}
        if plan.thing:
            self._make_thing(plan.thing)
            arns[plan.thing.resource] = self._things.arn(plan.thing.name)
        certificate = self._make_certificate(plan.certificate) if plan.certificate else None
        if certificate and plan.certificate:
            arns[plan.certificate.resource] = certificate.arn
            for policy in plan.policies:
                arns[policy.resource] = self._attach_policy(policy, certificate)
            if plan.thing:
                self._things.attach(plan.thing.name, certificate.arn)
            certificate = self._activate(plan.certificate, certificate)
        name = plan.thing.name if plan.thing else None
        return Registered(name, certificate, arns, plan.configuration)

    def _make_thing(self, planned: PlannedThing) -> None:
        _check_thing(planned)
        if self._things.get(planned.name) is None:
            attributes = dict(planned.attributes or {})
            self._things.create(planned.name, planned.type_name, attributes, planned.billing_group)
            for group in planned.groups or ():
                self._groups.add(group, planned.name)
            return
        self._update_properties(planned)
        self._update_groups(planned)

    def _update_properties(self, planned: PlannedThing) -> None:
        """Attributes, type and billing group of a thing that exists."""
        known = self._things.require(planned.name)
        payload: Params | None = None
        action = _action(planned, "AttributePayload", planned.attributes, known["attributes"])
        if action != "DO_NOTHING":
            payload = {"attributes": dict(planned.attributes or {}), "merge": action == "MERGE"}
        type_action = _action(planned, "ThingTypeName", planned.type_name, known["type"])
        if payload or type_action != "DO_NOTHING":
            new_type = planned.type_name if type_action != "DO_NOTHING" else None
            self._things.update(planned.name, payload, new_type)
        if _action(planned, "BillingGroup", planned.billing_group, known["billing"] or None) != "DO_NOTHING":
            self._things.set_billing_group(planned.name, planned.billing_group)

    def _update_groups(self, planned: PlannedThing) -> None:
        held = set(self._groups.static_of_thing(planned.name))
        wanted = None if planned.groups is None else set(planned.groups)
        action = _action(planned, "ThingGroups", wanted, held)
        if action == "DO_NOTHING" or wanted is None:
            return
        for group in sorted(held - wanted) if action == "REPLACE" else ():
            self._groups.remove(group, planned.name)
        for group in sorted(wanted - held):
            self._groups.add(group, planned.name)

    def _make_certificate(self, planned: PlannedCertificate) -> Certificate:
        if planned.id is not None:
            return self._certificates.require(planned.id)
        if planned.request is not None:
            return self._certificates.issue(planned.request, PENDING)
        leaf = x509.read(planned.pem or "", "CertificatePem")
        known = self._certificates.by_fingerprint(x509.identity(leaf))
        if known is not None:
            return known
        authority = self._authorities.issuer_of(leaf)
        if authority is None or not _is_same(authority.certificate, planned.authority_pem):
            raise _failed("The certificate is not signed by a CA certificate that is registered and active.")
        return self._certificates.register(x509.pem(leaf), PENDING, authority.id)

    def _activate(self, planned: PlannedCertificate, known: Certificate) -> Certificate:
        """The status that the template gives; last, so that a device is let in when all the rest is there."""
        if known.status == planned.status:
            return known
        if known.status == PENDING or planned.override == "REPLACE":
            return self._certificates.set_status(known.id, planned.status)
        if planned.override == "FAIL":
            raise _conflict(f"The certificate has the status {known.status}, not {planned.status}.")
        return known

    def _attach_policy(self, planned: PlannedPolicy, certificate: Certificate) -> str:
        """By its name, or a document's: "Defaults to a hash of the policy document"."""
        name = planned.name
        if name is None:
            document = planned.document or ""
            name = hashlib.sha256(document.encode()).hexdigest()
            if self._policies.get(name) is None:
                self._policies.create(name, document)
        arn = str(self._policies.require(name)["arn"])
        self._policies.attach(name, certificate.arn)
        return arn


def _check_thing(planned: PlannedThing) -> None:
    """Names and attributes as CreateThing takes them. Raises ApiError."""
    wanted: Params = {
        "thingName": planned.name,
        "thingTypeName": planned.type_name,
        "billingGroupName": planned.billing_group,
        "attributePayload": {"attributes": dict(planned.attributes or {})},
    }
    try:
        Model.of("iot").check("CreateThing", wanted)
    except BadRequest as bad:
        raise invalid(str(bad)) from bad


def _own_parameters(certificate: Certificate, *, is_fleet: bool) -> dict[str, str]:
    if is_fleet:
        return {CERTIFICATE_ID: certificate.id}
    return parameters_of(pyca.load_pem_x509_certificate(certificate.pem.encode()), certificate.id)


def _action(planned: PlannedThing, setting: str, wanted: object, held: object) -> str:
    """What is to be done about a property of a thing that exists. Raises ApiError for FAIL."""
    if wanted is None or wanted == held:
        return "DO_NOTHING"
    action = planned.overrides.get(setting, "FAIL")
    if action == "FAIL" and held:
        raise _conflict(f"Thing {planned.name} exists with another {setting} than the template gives it.")
    return "REPLACE" if action == "FAIL" else action


def _is_same(authority: pyca.Certificate, pem: str | None) -> bool:
    return pem is None or x509.identity(x509.read(pem, "CACertificatePem")) == x509.identity(authority)


def _failed(words: str) -> ApiError:
    return ApiError("ResourceRegistrationFailureException", words)


def _conflict(words: str) -> ApiError:
    return ApiError("ResourceConflictsException", words)
