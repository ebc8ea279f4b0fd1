"""Python for what `pulumi import` took over: the engine's description in, a declaration to paste out.

Made for the resource types of `components/muster/`. Anything else comes back as a comment that holds the
description: the resource is in the state by then, so code that is missing fails nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.errors import NotPlainError
from engine.pcl import Block, read

_PROVISIONING: Final = ("allocationPolicy", "iotHubs", "initialTwin", "reprovision", "enabled")
_PERHAPS: Final = ("webhookUrl", "webhookApiVersion", "capabilities", "registry", "apiVersion")
_ATTESTED: Final = ("authorityReference", "secondaryAuthorityReference", "symmetricKey")


@dataclass(frozen=True)
class Class:
    """A class of components/muster/: what it always takes, and what it takes when it is given."""

    name: str
    always: tuple[str, ...]
    perhaps: tuple[str, ...] = ()


CLASSES: Final[Mapping[str, Class]] = {
    "muster:aws:VerificationCertificate": Class(
        "VerificationCertificate", ("caCertificate", "registrationCode")
    ),
    "muster:dps:EnrollmentGroup": Class(
        "EnrollmentGroup",
        ("serviceHost", "enrollmentGroupId", *_PROVISIONING),
        ("signingCertificate", "secondarySigningCertificate", *_ATTESTED, *_PERHAPS),
    ),
    "muster:dps:IndividualEnrollment": Class(
        "IndividualEnrollment",
        ("serviceHost", "registrationId", *_PROVISIONING),
        (
            *("deviceId", "clientCertificate", "secondaryClientCertificate", "endorsementKey"),
            *(*_ATTESTED, *_PERHAPS),
        ),
    ),
    "muster:dps:HubLink": Class(
        "HubLink",
        (
            *("provisioningServiceId", "hubHost", "hubLocation", "allocationWeight"),
            *("applyAllocationPolicy", "serviceRevision"),
        ),
    ),
    "muster:dps:RegistryLink": Class(
        "ServiceRegistryLink", ("provisioningServiceId", "namespaceId", "serviceRevision")
    ),
    "muster:dps:VerifiedCertificate": Class(
        "VerifiedCertificate", ("provisioningServiceId", "certificateName", "certificate")
    ),
    "muster:hub:Configuration": Class(
        "Configuration",
        (
            *("hubHost", "configurationId", "targetCondition", "priority"),
            *("content", "metrics", "labels"),
        ),
    ),
    "muster:hub:Device": Class(
        "Device",
        ("hubHost", "deviceId", "iotEdge", "enabled", "initialTwin"),
        (
            *("primaryThumbprint", "secondaryThumbprint", "certificateAuthority", "symmetricKey"),
            "parentDeviceId",
        ),
    ),
    "muster:hub:Module": Class("Module", ("hubHost", "deviceId", "moduleId", "tags", "desired")),
    "muster:hub:VerifiedCertificate": Class("HubCertificate", ("hubId", "certificateName", "certificate")),
    "muster:hub:RegistryLink": Class("HubRegistryLink", ("hubId", "namespaceId", "serviceRevision")),
}
#: Inputs that the class sets by itself, to these values only.
FIXED: Final[Mapping[str, Mapping[str, Any]]] = {"HubLink": {"authentication": "SystemAssigned"}}
#: Arguments whose own members the classes name in snake case, too.
SHAPES: Final = frozenset({"capabilities", "registry", "content"})


def python(description: str) -> tuple[str, str]:
    """Code for a description, and what could not be understood of it: "" when all could."""
    try:
        blocks = [block for block in read(description) if block.kind != "package"]
        return _program(blocks), ""
    except NotPlainError as error:
        return _commented(description, str(error)), str(error)
    except RecursionError:
        return _commented(description, "it is nested too deep"), "it is nested too deep"


def _program(blocks: Sequence[Block]) -> str:
    declared = [_declaration(block) for block in blocks]
    classes = sorted({_class(block).name for block in blocks})
    imports = ["import pulumi\n"] if any(block.blocks for block in blocks) else []
    imports += [f"from components.muster import {', '.join(classes)}\n"] if classes else []
    return "\n".join([*imports, *declared])


def _class(block: Block) -> Class:
    token = block.labels[-1] if block.kind == "resource" and len(block.labels) == 2 else block.kind
    if token not in CLASSES:
        raise NotPlainError(f"{token} has no class in components/muster/")
    return CLASSES[token]


def _declaration(block: Block) -> str:
    made = _class(block)
    inputs = dict(block.attributes)
    name = inputs.pop("__logicalName", block.labels[0])
    _refuse_others(made, inputs)
    arguments = {_snake(each): _shaped(each, inputs.get(each)) for each in _arguments(made, inputs)}
    lines = [code(name, 1), code(arguments, 1), *_options(block.blocks)]
    return f"{made.name}(\n" + "".join(f"    {line},\n" for line in lines) + ")\n"


def _arguments(made: Class, inputs: Mapping[str, Any]) -> list[str]:
    """What is always taken stands first; of the rest, what is given and says something."""
    return [*made.always, *(each for each in made.perhaps if inputs.get(each) not in (None, False))]


def _shaped(name: str, value: Any) -> Any:  # noqa: ANN401 - any plain value
    if name in SHAPES and isinstance(value, dict):
        return {_snake(key): each for key, each in value.items()}
    return value


def _refuse_others(made: Class, inputs: Mapping[str, Any]) -> None:
    fixed = FIXED.get(made.name, {})
    for each in set(inputs) & set(fixed):
        if inputs[each] != fixed[each]:
            raise NotPlainError(f"{made.name} of components/muster/ takes {each} = {fixed[each]!r} only")
    for each in sorted(set(inputs) - set(fixed) - {*made.always, *made.perhaps}):
        raise NotPlainError(f"{made.name} of components/muster/ does not take {each}")


def _options(blocks: Sequence[Block]) -> list[str]:
    if not blocks:
        return []
    if len(blocks) > 1 or blocks[0].kind != "options" or blocks[0].blocks:
        raise NotPlainError(f"a block {blocks[-1].kind} in a resource")
    if list(blocks[0].attributes) != ["protect"] or not isinstance(blocks[0].attributes["protect"], bool):
        raise NotPlainError(f"the options {', '.join(blocks[0].attributes)}")
    return [f"opts=pulumi.ResourceOptions(protect={blocks[0].attributes['protect']})"]


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", lambda match: f"_{match[1].lower()}", name)


def code(value: Any, depth: int = 0) -> str:  # noqa: ANN401 - any plain value
    """A plain value as Python source: one entry a line, one line of a text a line."""
    if isinstance(value, str):
        lines = [json.dumps(line, ensure_ascii=False) for line in value.splitlines(keepends=True)]
        return lines[0] if len(lines) == 1 else _spread("()", lines, "", depth) if lines else '""'
    if isinstance(value, dict):
        entries = [f"{code(key)}: {code(each, depth + 1)}" for key, each in value.items()]
        return _spread("{}", entries, ",", depth)
    if isinstance(value, list):
        return _spread("[]", [code(each, depth + 1) for each in value], ",", depth)
    return repr(value)


def _spread(ends: str, entries: Sequence[str], after: str, depth: int) -> str:
    indented = "".join(f"\n{'    ' * (depth + 1)}{entry}{after}" for entry in entries)
    return f"{ends[0]}{indented}\n{'    ' * depth}{ends[1]}" if entries else ends


def _commented(description: str, reason: str) -> str:
    said = (
        "The resource is in the state, and `pulumi stack export` shows its inputs. No code was made for it:\n"
        f"{reason}.\n"
        "(So says this project's own language host; the official one, which comes with `pulumi`, knows all\n"
        "types.) Declare it by hand; this is how the engine describes it:\n\n"
    )
    return "".join(f"# {line}".rstrip() + "\n" for line in (said + description).splitlines())
