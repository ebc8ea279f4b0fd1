"""What AWS takes: names, thing attributes, first shadows, and what belongs together there.

Limits are of AWS IoT's service model (botocore, iot 2015-05-28) and of "AWS IoT Core endpoints and quotas",
docs.aws.amazon.com, unless a check names another source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fleet.checks.findings import Check, provisionings_on, ranges_begin_within, taken, unknown
from fleet.description import X509, Aws, Claim, Fleet, Group, Jitp, Manifest
from fleet.description.aws import TOPIC
from fleet.errors import Finding, Path, shown

_NAME = re.compile("[A-Za-z0-9_-]+")
"""What thing groups, thing types, policies and templates can all be called."""
_NAME_MOST = 118
"""Of 128 letters, since policies beside the first one end in `.subscribe` and the like."""
_TEMPLATE_MOST = 36
_THING = re.compile("[A-Za-z0-9:_-]+")
_ATTRIBUTE = re.compile("[A-Za-z0-9_.,@/:#-]{1,128}")
_ATTRIBUTE_VALUE = re.compile(r"[A-Za-z0-9_.,@/:#=\[\]-]{1,800}")
_ATTRIBUTES_MOST = {"groups": 50, "enrollments": 50, "manifests": 47}
"""Of a thing with a type, as all of ours are; those of a manifest have three that are Muster's own."""
_SHADOW_BYTES = 8 * 1024
_SHADOW_LEVELS = 6
"""Of "Device Shadow error messages"; AWS' page of quotas has 8, so the safe side."""
_TOPIC_BYTES = 256
_COMMON_NAME = 64
"""Letters of a certificate's common name (X.520, ub-common-name), which is the name of the thing."""


def _groups(fleet: Fleet) -> Iterator[tuple[Path, str, Group]]:
    for key, group in fleet.groups.items():
        if "aws" in group.clouds:
            yield ("groups", key), key, group


def _groups_have_names(fleet: Fleet) -> Iterator[Finding]:
    for path, key, group in _groups(fleet):
        name = f"{fleet.name}-{key}"
        if not _NAME.fullmatch(key):
            wrong = f"AWS takes no thing group, policy or template {shown(name)}"
            yield Finding(path, wrong, "letters, digits, _ and - can be in an id on AWS", at_key=True)
        most = _TEMPLATE_MOST if _has_template(group) else _NAME_MOST
        if len(name) > most:
            noun = "provisioning template" if _has_template(group) else "policy"
            wrong = f"the name of its {noun}, {shown(name)}, has {len(name)} letters"
            right = f"AWS takes {most}: shorten the id, or the fleet's name"
            yield Finding(path, wrong, right, at_key=True, needs=(("name",), (*path, "aws", "enrolment")))


def _has_template(group: Group) -> bool:
    return group.aws is not None and isinstance(group.aws.enrolment, Jitp | Claim)


def _names_differ(fleet: Fleet) -> Iterator[Finding]:
    """Manifests and dynamic groups are called on AWS as groups are."""
    groups = {key for _, key, _ in _groups(fleet)}
    manifests = [path for path, _ in provisionings_on(fleet, "aws") if path[0] == "manifests"]
    keys = fleet.aws.dynamic_groups if fleet.aws is not None else ()
    dynamic: list[Path] = [("aws", "dynamicGroups", key) for key in keys]
    for path in (*manifests, *dynamic):
        if path[-1] in groups:
            wrong = f"a group is called {shown(f'{fleet.name}-{path[-1]}')} already"
            yield Finding(path, wrong, "choose another name", at_key=True)


def _dynamic_groups_have_an_index(fleet: Fleet) -> Iterator[Finding]:
    account = fleet.aws.account_wide if fleet.aws is not None else None
    if fleet.aws is not None and fleet.aws.dynamic_groups and account is not None and not account.indexing:
        right = "set accountWide.indexing to true; if somebody else keeps an index, leave accountWide out"
        needs: Path = ("aws", "accountWide", "indexing")
        yield Finding(("aws", "dynamicGroups"), "groups that no index fills", right, needs=(needs,))


def _things_have_names(fleet: Fleet) -> Iterator[Finding]:
    for path, _ in provisionings_on(fleet, "aws"):
        if path[0] == "enrollments" and not _THING.fullmatch(str(path[1])):
            wrong = f"AWS takes no thing called {shown(path[1])}"
            yield Finding(path, wrong, "letters, digits and : _ - can be in its name", at_key=True)


def _tags_can_be_attributes(fleet: Fleet) -> Iterator[Finding]:
    for path, provisioning in provisionings_on(fleet, "aws"):
        place = (*path, "twin", "tags")
        tags = provisioning.twin.tags
        most = _ATTRIBUTES_MOST[str(path[0])]
        if len(tags) > most:
            yield Finding(place, f"{len(tags)} tags", f"a thing can have {most} here")
        for key, value in tags.items():
            yield from _no_attribute((*place, key), key, value)


def _no_attribute(path: Path, key: str, value: object) -> Iterator[Finding]:
    """A tag is an attribute of the thing: text under a name, both of AWS' letters."""
    if not _ATTRIBUTE.fullmatch(key):
        wrong = f"AWS takes no thing attribute {shown(key)}"
        yield Finding(path, wrong, "1 to 128 letters, digits and _ . , @ / : # -", at_key=True)
    if not isinstance(value, str):
        right = "an attribute is one text: put it in quotes, or make a tag of each part"
        yield Finding(path, f"{shown(value)} can be no attribute of a thing on AWS", right)
    elif not _ATTRIBUTE_VALUE.fullmatch(value):
        right = "1 to 800 letters, digits and _ . , @ / : # = [ ] - without spaces"
        yield Finding(path, f"AWS takes no attribute with the value {shown(value)}", right)


def _desired_fits_a_shadow(fleet: Fleet) -> Iterator[Finding]:
    for path, provisioning in provisionings_on(fleet, "aws"):
        place = (*path, "twin", "desired")
        desired = provisioning.twin.desired
        document = json.dumps({"state": {"desired": desired}}, separators=(",", ":"), ensure_ascii=False)
        size = len(document.encode(errors="surrogatepass"))
        if size > _SHADOW_BYTES:
            right = f"AWS takes {_SHADOW_BYTES}, with what the device reports"
            yield Finding(place, f"a shadow of {size} bytes", right)
        if _levels(desired) > _SHADOW_LEVELS:
            wrong = f"more than {_SHADOW_LEVELS} levels, which a shadow on AWS has at most"
            yield Finding(place, wrong, "make the document flatter")


def _levels(value: object) -> int:
    entries = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
    deepest = max((_levels(entry) for entry in entries), default=0)
    return deepest + isinstance(value, Mapping | list)


def _templates_make_no_shadow(fleet: Fleet) -> Iterator[Finding]:
    for path, _, group in _groups(fleet):
        if group.twin.desired and group.aws is not None and isinstance(group.aws.enrolment, Jitp):
            wrong = "jitp runs no code that could set a first shadow"
            right = "choose jitr, or leave twin.desired out and have the device told otherwise"
            needs: Path = (*path, "aws", "enrolment")
            yield Finding((*path, "twin", "desired"), wrong, right, needs=(needs,))


def _single_things_have_no_shadow(fleet: Fleet) -> Iterator[Finding]:
    """A thing is registered without a shadow (CreateThing); no function of ours runs when it is there."""
    for path, provisioning in provisionings_on(fleet, "aws"):
        if path[0] == "enrollments" and provisioning.twin.desired:
            wrong = "nothing sets the first shadow of a thing that is registered beforehand"
            right = "leave it out and have the device told otherwise, or leave aws out of its clouds"
            yield Finding((*path, "twin", "desired"), wrong, right)


def _one_group_an_issuer(fleet: Fleet) -> Iterator[Finding]:
    """A CA has one registration: its template, or the function that is told of its devices."""
    entries: list[tuple[Path, str]] = []
    for path, _, group in _groups(fleet):
        claimed = group.aws is not None and isinstance(group.aws.enrolment, Claim)
        if isinstance(group.attestation, X509) and not claimed:
            place = (*path, "attestation", "x509")
            entries.append(((*place, "issuer"), group.attestation.issuer))
            if group.attestation.secondary is not None:
                entries.append(((*place, "secondary"), group.attestation.secondary))
    right = "on AWS an issuer serves one group of jitr or jitp: give the other one an issuer, or claims"
    yield from taken(entries, "issuer", right)


def _manifests_have_certificates(fleet: Fleet) -> Iterator[Finding]:
    for path, manifest in provisionings_on(fleet, "aws"):
        if isinstance(manifest, Manifest) and manifest.attestation != "x509":
            wrong = f"AWS IoT attests nobody by {manifest.attestation}: a device shows a certificate"
            yield Finding((*path, "attestation"), wrong, "say x509, or leave aws out of its clouds")


def _claims_differ(fleet: Fleet) -> Iterator[Finding]:
    entries: list[tuple[Path, str]] = []
    for path, _, group in _groups(fleet):
        if group.aws is not None and isinstance(group.aws.enrolment, Claim):
            place = (*path, "aws", "enrolment", "claim", "certificates")
            entries += [((*place, key), file) for key, file in group.aws.enrolment.certificates.items()]
    right = "a claim opens one template: each needs a certificate of its own"
    yield from taken(entries, "the claim certificate", right)


def _topics_fit(fleet: Fleet) -> Iterator[Finding]:
    for path, provisioning in provisionings_on(fleet, "aws"):
        permissions = provisioning.aws.permissions if provisioning.aws is not None else None
        topics = (("publish", "dt"), ("subscribe", "cmd")) if permissions is not None else ()
        for field, head in topics:
            for index, topic in enumerate(getattr(permissions, field)):
                whole = "/".join((head, fleet.name, str(path[1]), "", topic))
                if len(whole) + _COMMON_NAME > _TOPIC_BYTES:
                    wrong = f"with a thing's name the topic can have more than {_TOPIC_BYTES} letters"
                    right = f"shorten it, or the id: a thing's name has up to {_COMMON_NAME}"
                    yield Finding((*path, "aws", "permissions", field, index), wrong, right)


def _somebody_publishes(fleet: Fleet) -> Iterator[Finding]:
    if fleet.aws is None or fleet.aws.telemetry is None:
        return
    there = [each.aws.permissions for _, each in provisionings_on(fleet, "aws") if each.aws is not None]
    published = {topic for permissions in there for topic in permissions.publish}
    for index, topic in enumerate(fleet.aws.telemetry.topics):
        if topic not in published:
            place: Path = ("aws", "telemetry", "topics", index)
            known = ", ".join(sorted(filter(TOPIC.matches, published))) or "none"
            yield Finding(place, f"nobody may publish to {shown(topic)}", f"published are: {known}")


def _the_domain_is_ours(fleet: Fleet) -> Iterator[Finding]:
    """A server certificate is of the account and region of its domain configuration: "Creating and
    configuring customer-managed domains", AWS IoT Core developer guide."""
    if fleet.aws is not None and fleet.aws.domain is not None:
        place: Path = ("aws", "domain", "certificateArn")
        yield from _is_elsewhere(fleet.aws, place, fleet.aws.domain.certificate_arn, "certificate")


def _the_signing_function_is_ours(fleet: Fleet) -> Iterator[Finding]:
    """A certificate provider is of one account and region, and so is its function here: that AWS IoT would
    invoke one of elsewhere is documented nowhere that we know of."""
    account = fleet.aws.account_wide if fleet.aws is not None else None
    if fleet.aws is None or account is None or account.certificate_provider is None:
        return
    function = account.certificate_provider.function
    if ":" in function:
        place: Path = ("aws", "accountWide", "certificateProvider", "function")
        yield from _is_elsewhere(fleet.aws, place, function, "function")


def _is_elsewhere(aws: Aws, place: Path, arn: str, noun: str) -> Iterator[Finding]:
    parts = arn.split(":")
    region, account = parts[3:5] if len(parts) > 5 else ("", "")
    if region != aws.region:
        wrong = f"the {noun} is in {shown(region)}"
        right = f"name one in the fleet's region, {aws.region}"
        yield Finding(place, wrong, right, needs=(("aws", "region"),))
    if aws.account is not None and account != aws.account:
        wrong = f"the {noun} is of account {account}"
        right = f"name one of the fleet's account, {aws.account}"
        yield Finding(place, wrong, right, needs=(("aws", "account"),))


def _sources_are_ranges(fleet: Fleet) -> Iterator[Finding]:
    if fleet.aws is not None and fleet.aws.provisioner is not None:
        path: Path = ("aws", "provisioner", "sources")
        entries: Mapping[Any, str] = dict(enumerate(fleet.aws.provisioner.sources))
        yield from ranges_begin_within(path, entries)


def _detect_is_to_be_had(fleet: Fleet) -> Iterator[Finding]:
    """Its availability changed: "How to use AWS IoT Device Defender detect", docs.aws.amazon.com."""
    detect = fleet.aws.detect if fleet.aws is not None else None
    if detect is None:
        return
    path: Path = ("aws", "detect")
    if not detect.existing_customer:
        wrong = "AWS has closed Device Defender Detect to new customers since 31 August 2026"
        right = "say true if the account had it before; else leave detect out"
        yield Finding((*path, "existingCustomer"), wrong, right)
    there = {key: group for _, key, group in _groups(fleet)}
    for index, group in enumerate(detect.groups):
        place = (*path, "groups", index)
        yield from unknown(place, group, there, "group on AWS", ("groups",))


CHECKS: tuple[Check, ...] = (
    _groups_have_names,
    _names_differ,
    _dynamic_groups_have_an_index,
    _things_have_names,
    _tags_can_be_attributes,
    _desired_fits_a_shadow,
    _templates_make_no_shadow,
    _single_things_have_no_shadow,
    _one_group_an_issuer,
    _manifests_have_certificates,
    _claims_differ,
    _topics_fit,
    _somebody_publishes,
    _the_domain_is_ours,
    _the_signing_function_is_ours,
    _sources_are_ranges,
    _detect_is_to_be_had,
)
