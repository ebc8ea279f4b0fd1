"""Which hub devices come to, and how they sign in there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fleet.checks.findings import Check, placed, unknown
from fleet.description import Allocation, Fleet, Function, Hub, Provisioning, SymmetricKey, Tpm
from fleet.errors import Finding, Path, named

_HUBS: Path = ("azure", "hubs")


def _hubs_exist(fleet: Fleet) -> Iterator[Finding]:
    for path, _, allocation in placed(fleet):
        for index, hub in enumerate(allocation.hubs):
            yield from unknown((*path, "allocation", "hubs", index), hub, fleet.on_azure.hubs, "hub", _HUBS)


def _standby_waits(fleet: Fleet) -> Iterator[Finding]:
    """A hub and its standby in one allocation would share the devices, and fail them together."""
    for path, _, allocation in placed(fleet):
        chosen = allocation.hubs
        for index, key in enumerate(chosen):
            primary = fleet.on_azure.hubs[key].standby_for if key in fleet.on_azure.hubs else None
            if primary in chosen:
                wrong = f"hub {named(key)} stands by for {named(str(primary))}, which is named too"
                right = "name one of the two; to fail over, name the standby alone"
                yield Finding((*path, "allocation", "hubs", index), wrong, right)


def _policies_have_what_they_need(fleet: Fleet) -> Iterator[Finding]:
    for path, _, allocation in placed(fleet):
        yield from _static(allocation, (*path, "allocation"))
        yield from _custom(allocation, (*path, "allocation"), fleet)


def _static(allocation: Allocation, path: Path) -> Iterator[Finding]:
    """A static enrollment names the one hub: "How to use allocation policies to provision devices across IoT
    hubs", learn.microsoft.com."""
    if allocation.policy == "static" and len(allocation.hubs) > 1:
        wrong = f"{len(allocation.hubs)} hubs, of which the policy static could take one only"
        right = "name that one, or choose hashed or geoLatency"
        yield Finding((*path, "hubs"), wrong, right, needs=((*path, "policy"),))


def _custom(allocation: Allocation, path: Path, fleet: Fleet) -> Iterator[Finding]:
    webhook = allocation.webhook
    if allocation.policy == "custom" and webhook is None:
        right = "add webhook: {function: {name: …}} or {external: {url: …}}"
        yield Finding((*path, "policy"), "the policy custom asks a webhook, and there is none", right)
    if allocation.policy != "custom" and webhook is not None:
        wrong = f"the policy {allocation.policy} asks nobody"
        right = "leave webhook out, or choose the policy custom"
        yield Finding((*path, "webhook"), wrong, right, needs=((*path, "policy"),))
    if isinstance(webhook, Function) and fleet.on_azure.function_app is None:
        wrong = "a function of azure.functionApp, which is not there"
        right = "add azure.functionApp with the folder of the functions, or name an external webhook"
        yield Finding((*path, "webhook"), wrong, right, needs=(("azure", "functionApp"),))


def _keys_open_the_hub(fleet: Fleet) -> Iterator[Finding]:
    """What is attested by key or TPM has a key in the hub too: "Symmetric key attestation" and "TPM
    attestation", learn.microsoft.com. Devices that get a certificate by a CSR need none there."""
    for path, provisioning, allocation in placed(fleet):
        way = _key_attestation(provisioning)
        if way is None or provisioning.certificates is not None:
            continue
        for hub in _closed_to_keys(allocation, fleet.on_azure.hubs):
            wrong = f"devices attested by {way} sign in with a key, and hub {named(hub)} takes none"
            right = f"set localAuth.devices of the hub to true, attest by x509, or add certificates ({_HOW})"
            yield Finding((*path, "attestation"), wrong, right, needs=((*_HUBS, hub, "localAuth"),))


_HOW = "devices then get one by a CSR"


def _key_attestation(provisioning: Provisioning) -> str | None:
    match provisioning.attestation:
        case SymmetricKey() | "symmetricKey":
            return "symmetric key"
        case Tpm() | "tpm":
            return "TPM"
        case _:
            return None


def _closed_to_keys(allocation: Allocation, hubs: Mapping[str, Hub]) -> list[str]:
    return [key for key in allocation.hubs if key in hubs and not hubs[key].local_auth.devices]


def _certificate_policies_exist(fleet: Fleet) -> Iterator[Finding]:
    registry = fleet.on_azure.registry
    for path, provisioning, _ in placed(fleet):
        if provisioning.certificates is None:
            continue
        place = (*path, "certificates", "policy")
        if registry is None:
            right = "add azure.registry with a policy of this name"
            wrong = "certificates are issued by a registry, and there is none"
            yield Finding(place, wrong, right, needs=(("azure", "registry"),))
        else:
            where: Path = ("azure", "registry", "policies")
            policy = provisioning.certificates.policy
            yield from unknown(place, policy, registry.policies, "certificate policy", where)


CHECKS: tuple[Check, ...] = (
    _hubs_exist,
    _standby_waits,
    _policies_have_what_they_need,
    _keys_open_the_hub,
    _certificate_policies_exist,
)
