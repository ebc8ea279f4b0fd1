"""Which versions of DPS' data plane are served: all up to 2021-10-01, then the stable ones by name.

Published under specification/deviceprovisioningservices/data-plane/DeviceProvisioningServices of
Azure/azure-rest-api-specs; SDKs in use reach back to 2019-03-31, so no older one is refused.
"""

from localcloud.azure.versions import version_fault

COMMON = "2021-10-01"
NEWEST = "2026-11-01"
SERVED = ("2026-04-01", NEWEST)
REGISTRY_MEMBERS = ("namespaceName", "certificateAuthorityName", "certificatePolicyName")


def fault_of(version: str | None) -> str | None:
    """Why an api-version is refused, None when it is served."""
    fault = version_fault(version, NEWEST)
    if fault or version is None or version[:10] <= COMMON or version in SERVED:
        return fault
    return f"api-version {version} is not served; served are all up to {COMMON}, and {', '.join(SERVED)}"


def issues_certificates(version: str) -> bool:
    """Whether the version knows certificates from a CSR and the members that name their policy."""
    return version == NEWEST
