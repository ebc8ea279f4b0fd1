"""What a table entry says of a resource type or a function of azure-native. Data only.

Tokens, path parameters, default API versions and properties: pulumi-azure-native 3.29.0 (its Python SDK's
docstrings and argument classes). Names: learn.microsoft.com "Naming rules and restrictions for Azure
resources", and the patterns of the models. What forces a replacement: every path parameter, `location`
(`x-ms-mutability` in the specifications), and what pulumi-azure-native lists besides
(`provider/pkg/gen/replacement.go`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from localcloud.azure.arm.models import Published
from localcloud.azure.shapes import Shape
from localcloud.providers.shapes import Scalar

GROUP_PATH = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
LOCATED = frozenset({"location"})
NO_ETAG = frozenset({"etag"})


@dataclass(frozen=True, eq=False)
class ResourceType:
    """One resource type of azure-native, put, got and deleted by its ARM id.

    Attributes:
        token: `azure-native:module:Type`.
        api_version: what azure-native speaks by default.
        path: the ARM id; what stands in braces are path parameters by their Pulumi names.
        names: what each path parameter may be; the last one in the path is the resource's own name.
        body: the request body.
        answer: the response body, when it is another.
        spanning: path parameters of several segments: another resource's id, the folders of a blob.
        auto_name: how a name is made when the program gives none.
        flattened: whether Pulumi lifts what ARM keeps under `properties` though the model's own SDK does not.
        fixed: properties besides the path that only a replacement changes.
        absent: properties of the body that azure-native does not take (its API version is older).
        required: properties that are optional in the model and not in azure-native's API version.
        renamed: properties that azure-native spells differently.
        narrowed: properties of which only the named parts are served.
        unserved: properties that azure-native takes and no published model has.
        unread: properties that a read does not give back; they are taken to be as declared.
        with_etag: whether ARM wants to be told which version is changed or deleted.
        delete_query: query parameters of a delete.
    """

    token: str
    api_version: str
    path: str
    names: Mapping[str, Scalar]
    body: Published | Shape
    answer: Published | Shape | None = None
    spanning: frozenset[str] = frozenset()
    auto_name: Literal["random", "uuid", "copy"] = "random"
    flattened: bool = False
    fixed: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    narrowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unserved: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    with_etag: bool = False
    delete_query: Mapping[str, str] = field(default_factory=dict)

    @property
    def path_names(self) -> tuple[str, ...]:
        """The path parameters that a program gives, by their Pulumi names."""
        return tuple(it for it in re.findall(r"{(\w+)}", self.path) if it != "subscriptionId")

    @property
    def name(self) -> str:
        """The path parameter that is the resource's own name; "" for one of which a parent has only one."""
        return self.path_names[-1] if self.path.endswith("}") else ""


@dataclass(frozen=True, eq=False)
class Function:
    """One function of azure-native: a POST to `path`, whose parameters are its required arguments."""

    token: str
    api_version: str
    path: str

    @property
    def parameters(self) -> tuple[str, ...]:
        """The arguments, by their Pulumi names."""
        return tuple(it for it in re.findall(r"{(\w+)}", self.path) if it != "subscriptionId")


GROUP_NAME = {
    "resourceGroupName": Scalar(
        "string",
        pattern=r"^[-\w._()]{0,89}[-\w_()]$",
        rule="1 to 90 letters, digits, . _ - ( ), not ending in a period",
    )
}
SCOPE = Scalar("string", pattern=r"^/\S+$", rule="an ARM id: /subscriptions/…")


def named(pattern: str, rule: str) -> Scalar:
    """A name; `rule` is the pattern in words."""
    return Scalar("string", pattern=f"^{pattern}$", rule=rule)
