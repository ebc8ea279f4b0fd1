"""Provisioning templates: read and checked once, then applied to parameters. Pure, no registry.

docs.aws.amazon.com/iot/latest/developerguide/provision-template.html: sections Parameters (of type String,
with or without a default) and Resources (one thing, one certificate, policies), for fleet provisioning
Mappings and DeviceConfiguration too. Where the page says nothing the strict reading is taken: an unknown
section, property or override is refused, ThingName is required (the page marks the others as optional), and
every name that is referred to is declared, but AWS::IoT::Certificate::Id, which the page's own example does
not declare.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.aws.iot.template_functions import (
    CERTIFICATE_ID,
    Surroundings,
    TemplateError,
    names_in,
    text_of,
    value_of,
)

_SECTIONS = ("Parameters", "Resources")
_FLEET_SECTIONS = ("Mappings", "DeviceConfiguration")
_TYPES = ("AWS::IoT::Thing", "AWS::IoT::Certificate", "AWS::IoT::Policy")
_THING, _CERTIFICATE, _POLICY = _TYPES
_PROPERTIES = {
    _THING: ("ThingName", "AttributePayload", "ThingTypeName", "ThingGroups", "BillingGroup"),
    _CERTIFICATE: (
        "CertificateId",
        "CertificateID",
        "CertificateSigningRequest",
        "CertificatePem",
        "CACertificatePem",
        "Status",
    ),
    _POLICY: ("PolicyName", "PolicyDocument"),
}
_OVERRIDES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    _THING: {
        "AttributePayload": ("DO_NOTHING", "REPLACE", "FAIL", "MERGE"),
        "ThingTypeName": ("DO_NOTHING", "REPLACE", "FAIL"),
        "ThingGroups": ("DO_NOTHING", "REPLACE", "FAIL", "MERGE"),
    },
    _CERTIFICATE: {"Status": ("DO_NOTHING", "REPLACE", "FAIL")},
    _POLICY: {},
}
_STATUSES = ("ACTIVE", "INACTIVE")


@dataclass(frozen=True)
class Resource:
    """One entry of Resources."""

    name: str
    type: str
    properties: Mapping[str, Any]
    overrides: Mapping[str, str]


@dataclass(frozen=True)
class Template:
    """A checked template. `parameters` are the declared ones with their defaults, None without."""

    parameters: Mapping[str, str | None]
    mappings: Mapping[str, Mapping[str, Mapping[str, Any]]]
    resources: tuple[Resource, ...]
    configuration: Mapping[str, Any]
    is_fleet: bool


@dataclass(frozen=True)
class PlannedThing:
    """A thing to make, or to bring into line by `overrides`. None is a property that is left out."""

    resource: str
    name: str
    attributes: Mapping[str, str] | None
    type_name: str | None
    groups: tuple[str, ...] | None
    billing_group: str | None
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedCertificate:
    """A certificate: exactly one of a known one's id, a request to sign, and a PEM to register."""

    resource: str
    status: str
    id: str | None = None
    request: str | None = None
    pem: str | None = None
    authority_pem: str | None = None
    override: str | None = None


@dataclass(frozen=True)
class PlannedPolicy:
    """A policy to attach: one that exists, by name, or a document."""

    resource: str
    name: str | None
    document: str | None


@dataclass(frozen=True)
class Plan:
    """What a registration makes."""

    thing: PlannedThing | None
    certificate: PlannedCertificate | None
    policies: tuple[PlannedPolicy, ...]
    configuration: Mapping[str, Any]


def read(text: str, *, is_fleet: bool) -> Template:
    """The template. Raises TemplateError with the first fault and where it is."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise TemplateError(f"the template body is not valid JSON: {fault}") from fault
    document = _object(body, "the template body")
    allowed = (*_SECTIONS, *_FLEET_SECTIONS) if is_fleet else _SECTIONS
    _check_members(document, allowed, "the template")
    template = Template(
        parameters=_parameters(document.get("Parameters", {})),
        mappings=_mappings(document.get("Mappings", {})),
        resources=_resources(document.get("Resources")),
        configuration=_object(document.get("DeviceConfiguration", {}), "DeviceConfiguration"),
        is_fleet=is_fleet,
    )
    _check_references(template)
    return template


def plan(template: Template, given: Mapping[str, str]) -> Plan:
    """What the template comes to with these parameters; those that it does not declare are left aside."""
    values = {CERTIFICATE_ID: given[CERTIFICATE_ID]} if CERTIFICATE_ID in given else {}
    for name, default in template.parameters.items():
        value = given.get(name, default)
        if value is None:
            raise TemplateError(f"the parameter {name!r} has no value and no default")
        values[name] = value
    around = Surroundings(values, template.mappings, template.is_fleet)
    by_type = {kind: [it for it in template.resources if it.type == kind] for kind in _TYPES}
    return Plan(
        thing=next((_thing(it, around) for it in by_type[_THING]), None),
        certificate=next((_certificate(it, around) for it in by_type[_CERTIFICATE]), None),
        policies=tuple(_policy(it, around) for it in by_type[_POLICY]),
        configuration=value_of(dict(template.configuration), around, "DeviceConfiguration"),
    )


def _parameters(section: object) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, declared in _object(section, "Parameters").items():
        path = f"Parameters.{name}"
        _check_members(_object(declared, path), ("Type", "Default"), path)
        if declared.get("Type") != "String":
            raise TemplateError(f"{path}.Type must be String, not {declared.get('Type')!r}")
        default = declared.get("Default")
        if "Default" in declared and not isinstance(default, str):
            raise TemplateError(f"{path}.Default must be a text")
        found[name] = default
    return found


def _mappings(section: object) -> dict[str, dict[str, dict[str, Any]]]:
    """Two levels; "You cannot include parameters, pseudo parameters, or call intrinsic functions" there."""
    maps = _object(section, "Mappings")
    for name, keys in maps.items():
        for key, values in _object(keys, f"Mappings.{name}").items():
            for second, value in _object(values, f"Mappings.{name}.{key}").items():
                if isinstance(value, dict):
                    raise TemplateError(f"Mappings.{name}.{key}.{second} must be a value, not an object")
    return maps


def _resources(section: object) -> tuple[Resource, ...]:
    found = tuple(_resource(name, it) for name, it in _object(section, "Resources").items())
    for kind in (_THING, _CERTIFICATE):
        named = [it.name for it in found if it.type == kind]
        if len(named) > 1:
            raise TemplateError(f"Resources: one {kind} at most, and {', '.join(named)} are")
    if not found:
        raise TemplateError("Resources must have a resource at least")
    return found


def _resource(name: str, declared: object) -> Resource:
    path = f"Resources.{name}"
    body = _object(declared, path)
    _check_members(body, ("Type", "Properties", "OverrideSettings"), path)
    kind = body.get("Type")
    if kind not in _TYPES:
        raise TemplateError(f"{path}.Type must be one of {', '.join(_TYPES)}, not {kind!r}")
    properties = _object(body.get("Properties", {}), f"{path}.Properties")
    _check_members(properties, _PROPERTIES[kind], f"{path}.Properties")
    _check_needed(kind, properties, path)
    overrides = _object(body.get("OverrideSettings", {}), f"{path}.OverrideSettings")
    _check_members(overrides, tuple(_OVERRIDES[kind]), f"{path}.OverrideSettings")
    for setting, action in overrides.items():
        if action not in _OVERRIDES[kind][setting]:
            allowed = ", ".join(_OVERRIDES[kind][setting])
            raise TemplateError(f"{path}.OverrideSettings.{setting} must be one of {allowed}, not {action!r}")
    return Resource(name, kind, properties, overrides)


def _check_needed(kind: str, properties: Mapping[str, Any], path: str) -> None:
    if kind == _THING and "ThingName" not in properties:
        raise TemplateError(f"{path}.Properties.ThingName is required")
    if kind == _POLICY and len(properties) != 1:
        raise TemplateError(f"{path}.Properties needs PolicyName or PolicyDocument, and not both")
    if kind == _CERTIFICATE:
        ways = [it for it in properties if it not in ("Status", "CACertificatePem")]
        if len(ways) != 1:
            given = ", ".join(ways) or "none"
            raise TemplateError(
                f"{path}.Properties needs exactly one of CertificateId, CertificateSigningRequest and "
                f"CertificatePem; given: {given}"
            )
        if "CACertificatePem" in properties and "CertificatePem" not in properties:
            raise TemplateError(f"{path}.Properties.CACertificatePem goes with CertificatePem")


def _check_references(template: Template) -> None:
    sections = [dict(it.properties) for it in template.resources]
    known = {*template.parameters, CERTIFICATE_ID}
    for name in names_in([sections, dict(template.configuration)]):
        if name not in known:
            raise TemplateError(f"{name!r} is referred to, but not declared in Parameters")
    if template.is_fleet:
        _check_certificate_of_fleet(template)


def _check_certificate_of_fleet(template: Template) -> None:
    """ "Only certificate IDs can be used with a fleet provisioning template." """
    for resource in template.resources:
        ids = ("CertificateId", "CertificateID")
        if resource.type == _CERTIFICATE and not any(it in resource.properties for it in ids):
            words = "a fleet provisioning template takes a certificate by CertificateId only"
            raise TemplateError(f"Resources.{resource.name}: {words}")


def _thing(resource: Resource, around: Surroundings) -> PlannedThing:
    path, given = f"Resources.{resource.name}.Properties", resource.properties

    def text(name: str) -> str | None:
        return text_of(given[name], around, f"{path}.{name}") if name in given else None

    return PlannedThing(
        resource=resource.name,
        name=text_of(given["ThingName"], around, f"{path}.ThingName"),
        attributes=_attributes(given["AttributePayload"], around, path)
        if "AttributePayload" in given
        else None,
        type_name=text("ThingTypeName"),
        groups=_groups(given["ThingGroups"], around, path) if "ThingGroups" in given else None,
        billing_group=text("BillingGroup"),
        overrides=resource.overrides,
    )


def _attributes(node: object, around: Surroundings, path: str) -> dict[str, str]:
    found = _object(value_of(node, around, f"{path}.AttributePayload"), f"{path}.AttributePayload")
    for name, value in found.items():
        if not isinstance(value, str):
            raise TemplateError(f"{path}.AttributePayload.{name} must come to a text")
    return found


def _groups(node: object, around: Surroundings, path: str) -> tuple[str, ...]:
    found: Any = value_of(node, around, f"{path}.ThingGroups")
    if not isinstance(found, list) or not all(isinstance(it, str) for it in found):
        raise TemplateError(f"{path}.ThingGroups must come to a list of texts")
    return tuple(dict.fromkeys(found))


def _certificate(resource: Resource, around: Surroundings) -> PlannedCertificate:
    path = f"Resources.{resource.name}.Properties"
    texts = {name: text_of(node, around, f"{path}.{name}") for name, node in resource.properties.items()}
    status = texts.get("Status", "ACTIVE").upper()  # the page's fleet example writes "Active"
    if status not in _STATUSES:
        raise TemplateError(f"{path}.Status must be ACTIVE or INACTIVE, not {texts['Status']!r}")
    return PlannedCertificate(
        resource=resource.name,
        status=status,
        id=texts.get("CertificateId", texts.get("CertificateID")),
        request=texts.get("CertificateSigningRequest"),
        pem=texts.get("CertificatePem"),
        authority_pem=texts.get("CACertificatePem"),
        override=resource.overrides.get("Status"),
    )


def _policy(resource: Resource, around: Surroundings) -> PlannedPolicy:
    """A document is "a JSON object specified as an escaped string", for fleet provisioning an object too."""
    path, given = f"Resources.{resource.name}.Properties", resource.properties
    if "PolicyName" in given:
        return PlannedPolicy(resource.name, text_of(given["PolicyName"], around, f"{path}.PolicyName"), None)
    found = value_of(given["PolicyDocument"], around, f"{path}.PolicyDocument")
    if isinstance(found, dict) and around.functions:
        return PlannedPolicy(resource.name, None, json.dumps(found))
    if not isinstance(found, str):
        raise TemplateError(f"{path}.PolicyDocument must come to a JSON object as text")
    return PlannedPolicy(resource.name, None, found)


def _object(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TemplateError(f"{path} must be a JSON object")
    return value


def _check_members(body: Mapping[str, Any], allowed: tuple[str, ...], path: str) -> None:
    for name in body:
        if name not in allowed:
            known = ", ".join(allowed) or "none"
            raise TemplateError(f"{path} has {name!r}; what can stand there: {known}")
