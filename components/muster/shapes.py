"""What arguments of several muster resources are made of, and how they are sent."""

from collections.abc import Mapping
from typing import Any, TypedDict

import pulumi


class Twin(TypedDict):
    """What a twin holds when its device or module is new."""

    tags: pulumi.Input[Mapping[str, Any]]
    desired: pulumi.Input[Mapping[str, Any]]


class Capabilities(TypedDict):
    """What a device may do."""

    iot_edge: pulumi.Input[bool]
    """Whether it is an IoT Edge device, which can have children."""


class IssuedBy(TypedDict):
    """The policy of a Device Registry namespace that issues certificates to devices which send a CSR."""

    namespace_name: pulumi.Input[str]
    certificate_authority_name: pulumi.Input[str]
    certificate_policy_name: pulumi.Input[str]


class Authentication(TypedDict, total=False):
    """How a device proves to its hub who it is: exactly one of the three."""

    primary_thumbprint: pulumi.Input[str]
    secondary_thumbprint: pulumi.Input[str | None]
    """Only beside the first, while certificates are renewed."""
    certificate_authority: pulumi.Input[bool]
    symmetric_key: pulumi.Input[bool]


class Content(TypedDict, total=False):
    """What a configuration tells: exactly one of the three."""

    device_content: pulumi.Input[Mapping[str, Any]]
    module_content: pulumi.Input[Mapping[str, Any]]
    modules_content: pulumi.Input[Mapping[str, Any]]


def camel(name: str) -> str:
    """`initial_twin` is `initialTwin` to the engine."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def snake(name: str) -> str:
    """`isVerified` is `is_verified` to a program."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


SHAPES = frozenset({"initial_twin", "capabilities", "registry", "content"})
"""Arguments that are one of the shapes above: their keys are ours. Other mappings have keys of the user's."""


def inputs(args: Mapping[str, Any], *computed: str) -> dict[str, Any]:
    """The inputs that the engine gets from arguments, without those that are None; `computed` are outputs."""
    sent = {
        camel(name): inputs(value) if name in SHAPES and isinstance(value, Mapping) else value
        for name, value in args.items()
        if value is not None
    }
    return {**sent, **dict.fromkeys(computed)}


class Resource(pulumi.CustomResource):
    """A resource of the muster provider: outputs have the names that programs use."""

    def translate_output_property(self, prop: str) -> str:
        """The Python name of an output."""
        return snake(prop)
