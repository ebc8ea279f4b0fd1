"""Names and other short texts of a description, by their form.

Rules of Azure come from "Naming rules and restrictions for Azure resources" (learn.microsoft.com) unless a
form names another source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from fleet.constraints import Count, Text, TwinDocument

Cloud = Literal["azure", "aws"]
Clouds = Annotated[tuple[Cloud, ...], Count("cloud", 1)]
Email = Annotated[
    str,
    Text(
        "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?",
        "e-mail address",
        "an address such as fleet@example.com",
    ),
]

FleetName = Annotated[
    str,
    Text(
        "[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?",
        "fleet name",
        "1 to 32 lower-case letters, digits and hyphens; a letter first, no hyphen last",
    ),
]
HubKey = Annotated[
    str,
    Text(
        "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?",
        "hub key",
        "1 to 32 lower-case letters, digits and hyphens, no hyphen first or last",
    ),
]
IssuerKey = Annotated[
    str,
    Text(
        "[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?",
        "issuer key",
        "1 to 60 lower-case letters, digits and hyphens, no hyphen first or last",
    ),
]
GroupId = Annotated[
    str,
    Text(
        "[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?",
        "enrollment group id",
        "1 to 128 letters, digits and . _ - : with none of those four first or last",
    ),
]
RegistrationId = Annotated[
    str,
    Text(
        "[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?",
        "registration id",
        "1 to 128 letters, digits and . _ - : with none of those four first or last",
    ),
]
DeviceId = Annotated[
    str,
    Text(
        "[A-Za-z0-9.%_*?!(),:=@$'-]{1,128}",
        "device id",
        "1 to 128 letters, digits and - . % _ * ? ! ( ) , : = @ $ '",
    ),
]
"""Device and module ids: "Understand the identity registry in your IoT hub", learn.microsoft.com."""
ModuleId = Annotated[
    str,
    Text(
        "[A-Za-z0-9.%_*?!(),:=@$'-]{1,128}",
        "module id",
        "1 to 128 letters, digits and - . % _ * ? ! ( ) , : = @ $ '",
    ),
]
ManifestName = Annotated[
    str,
    Text(
        "[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?",
        "manifest name",
        "1 to 60 lower-case letters, digits and hyphens, no hyphen first or last",
    ),
]
ConfigurationId = Annotated[
    str,
    Text(
        "[a-z0-9+%_*!'-]{1,128}",
        "configuration id",
        "1 to 128 lower-case letters, digits and - + % _ * ! '",
    ),
]
"""Configurations: "Automatic device and module management using the Azure portal", learn.microsoft.com."""
HubName = Annotated[
    str,
    Text(
        "[A-Za-z0-9][A-Za-z0-9-]{1,48}[A-Za-z0-9]",
        "IoT hub name",
        "3 to 50 letters, digits and hyphens, no hyphen first or last",
    ),
]
ProvisioningServiceName = Annotated[
    str,
    Text(
        "[A-Za-z0-9][A-Za-z0-9-]{1,62}[A-Za-z0-9]",
        "provisioning service name",
        "3 to 64 letters, digits and hyphens, no hyphen first or last",
    ),
]
ResourceGroupName = Annotated[
    str,
    Text(
        "[A-Za-z0-9_()](?:[A-Za-z0-9_().-]{0,88}[A-Za-z0-9_()-])?",
        "resource group name",
        "1 to 90 letters, digits and . _ - ( ), no full stop last",
    ),
]
StorageAccountName = Annotated[
    str, Text("[a-z0-9]{3,24}", "storage account name", "3 to 24 lower-case letters and digits")
]
ContainerName = Annotated[
    str,
    Text(
        "[a-z0-9](?:-?[a-z0-9]){2,62}",
        "blob container name",
        "3 to 63 lower-case letters, digits and single hyphens, no hyphen first or last",
    ),
]
MessagingNamespaceName = Annotated[
    str,
    Text(
        "[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9]",
        "messaging namespace name",
        "6 to 50 letters, digits and hyphens; a letter first, no hyphen last",
    ),
]
FunctionAppName = Annotated[
    str,
    Text(
        "[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]",
        "function app name",
        "2 to 60 letters, digits and hyphens, no hyphen first or last",
    ),
]
Location = Annotated[
    str,
    Text("[a-z]{2,30}[0-9]{0,2}", "Azure location", "a region's short name, such as westeurope or eastus2"),
]
RegistryNamespaceName = Annotated[
    str,
    Text(
        "[a-z0-9][a-z0-9-]{1,62}[a-z0-9]",
        "registry namespace name",
        "3 to 64 lower-case letters, digits and hyphens, no hyphen first or last",
    ),
]
"""`namespaceName` of an enrollment (DPS service API 2026-11-01, service.json)."""
PolicyName = Annotated[
    str,
    Text(
        "[0-9A-Za-z][A-Za-z0-9-]{2,62}",
        "certificate policy name",
        "3 to 63 letters, digits and hyphens, no hyphen first",
    ),
]
"""`certificatePolicyName` of an enrollment (DPS service API 2026-11-01, service.json)."""
ConfigName = Annotated[
    str,
    Text(
        "[A-Za-z][A-Za-z0-9_.-]{0,99}",
        "name of a Pulumi config value",
        "1 to 100 letters, digits and _ . -, a letter first",
    ),
]
ProjectPath = Annotated[
    str,
    Text(
        r"[^/\\\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]"
        r"(?:[^\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]{0,253}"
        r"[^\\\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff])?",
        "relative path",
        "a path relative to the project's root (the folder of Pulumi.yaml), with forward slashes",
    ),
]
TWIN_KEY = Text(
    r"[^\x00-\x20\x7f-\x9f.$]+",
    "twin property",
    "a key without control characters, space, full stop and dollar",
)
"""Keys of twin properties ("Understand and use device twins in IoT Hub", learn.microsoft.com)."""
TwinObject = Annotated[Mapping[str, Any], TwinDocument()]
TwinValue = Annotated[Any, TwinDocument(whole=False)]
"""Any value that a twin can hold."""

_T = TypeVar("_T")


def there(part: _T | None, cloud: Cloud) -> _T:
    """A part of the description that only what is on the cloud has. Raises LookupError without it."""
    if part is None:
        raise LookupError(f"this is not on {cloud}, and was asked for what it has there")
    return part
