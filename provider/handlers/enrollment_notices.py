"""What a change of an enrollment does to devices, in words. Only what is true: a value that is not known yet
counts as changed, but never as a particular value.

What the service does: "IoT Hub Device reprovisioning concepts" (learn.microsoft.com/azure/iot-dps/
concepts-device-reprovision), "How to disenroll or revoke a device" (…/how-to-revoke-device-access-portal)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from provider.fields import attribute
from provider.handlers import rules
from provider.handlers.enrollment_inputs import Enrollment, Kind
from provider.resource import Notice
from provider.values import UNKNOWN

_PLACEMENT = ("reprovision", "allocation_policy", "iot_hubs", "webhook_url", "initial_twin")
_ALLOCATION = ("allocation_policy", "iot_hubs", "webhook_url")


@dataclass(frozen=True)
class Who:
    """The devices of an enrollment, as a sentence needs them."""

    devices: str
    their: str
    twins: str
    enrollment: str

    def says(self, many: str, one: str) -> str:
        """The verb's form."""
        return many if self.their == "their" else one


def group(name: str) -> Who:
    """The devices of a group."""
    return Who(f"the devices of group {name}", "their", "twins", f"group {name}")


def individual(name: str) -> Who:
    """The one device of an individual enrollment."""
    return Who(f"device {name}", "its", "twin", f"enrollment {name}")


def notices(kind: Kind, who: Who, old: Enrollment | None, new: Enrollment) -> tuple[Notice, ...]:
    """What to know before an enrollment is made (`old` is None) or changed."""
    said = [*_placement(who, old, new), *_disabled(who, old, new)]
    if old is not None:
        said += [*_attestation(kind, who, old, new), *_first_twin(who, old, new)]
    return tuple(said)


def _placement(who: Who, old: Enrollment | None, new: Enrollment) -> Iterator[Notice]:
    if old is not None and _same(old, new, _PLACEMENT):
        return
    if new.reprovision == "reset":
        yield Notice(
            f"reprovision: reset wipes the {who.twins} (reported state, tags, desired changes) of "
            f"{who.devices} at {who.their} next provisioning; migrate would keep them",
            warning=True,
        )
    if old is None:
        return
    if new.reprovision == "keep":
        yield from _kept(who, old, new)
    elif not _same(old, new, _ALLOCATION):
        moves = f"; {who.their} {who.twins} {who.says('move', 'moves')} along"
        yield Notice(
            f"allocation: {who.devices} {who.says('move', 'moves')} to the hub that the new allocation picks "
            f"at {who.their} next provisioning" + (moves if new.reprovision == "migrate" else "")
        )
    elif new.reprovision == "migrate" != old.reprovision:
        yield Notice(
            f"reprovision: migrate moves {who.devices} to the hub that the allocation picks, "
            f"{who.their} {who.twins} along, at {who.their} next provisioning"
        )


def _kept(who: Who, old: Enrollment, new: Enrollment) -> Iterator[Notice]:
    if _same(old, new, ("reprovision", *_ALLOCATION)):
        return
    yield Notice(
        f"reprovision: keep leaves {who.devices} on {who.their} present hub; only a first provisioning goes "
        "by the allocation"
    )


def _disabled(who: Who, old: Enrollment | None, new: Enrollment) -> Iterator[Notice]:
    if new.enabled is not False:
        return
    if old is None:
        yield Notice(f"{who.enrollment} is made disabled: it provisions nothing until enabled is true")
    elif old.enabled is not False:
        yield Notice(
            f"{who.devices} cannot provision any more, but {who.says('stay', 'stays')} connected to "
            f"{who.their} hub: to cut off a device, disable it there, too (az iot hub device-identity update "
            "--hub-name HUB --device-id DEVICE --set status=disabled)",
            warning=True,
        )


def _first_twin(who: Who, old: Enrollment, new: Enrollment) -> Iterator[Notice]:
    if _same(old, new, ("initial_twin",)) or new.reprovision == "reset":
        return
    yield Notice(
        f"initialTwin: holds from a first provisioning on; a twin that {who.devices} "
        f"{who.says('have', 'has')} already stays as it is"
    )


def _attestation(kind: Kind, who: Who, old: Enrollment, new: Enrollment) -> Iterator[Notice]:
    for first, second in (
        (kind.certificate, kind.secondary),
        ("authorityReference", "secondaryAuthorityReference"),
    ):
        before = {name: _identity(old, name) for name in (first, second)}
        after = {_identity(new, name) for name in (first, second)}
        for name, value in before.items():
            if value and value not in after and UNKNOWN not in after:
                yield Notice(_refused(kind, who, name), warning=True)
    if "endorsementKey" in kind.attestations and not _same(old, new, ("endorsement_key",)):
        yield Notice(
            f"endorsementKey: only the TPM with the new key can provision as {who.enrollment}", warning=True
        )


def _refused(kind: Kind, who: Who, name: str) -> str:
    if kind.certificate == "clientCertificate":
        return f"{name}: {who.devices} cannot provision with the old certificate any more"
    return (
        f"{name}: devices of {who.enrollment} whose certificates the old authority issued cannot provision "
        "any more; in the other slot it would make an overlap"
    )


def _same(old: Enrollment, new: Enrollment, names: tuple[str, ...]) -> bool:
    return all(_plain(getattr(old, name)) == _plain(getattr(new, name)) for name in names)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever the property holds
    return sorted(map(rules.lower, value)) if isinstance(value, tuple) else value


def _identity(inputs: Enrollment, name: str) -> Any:  # noqa: ANN401 - text, None or UNKNOWN
    value = getattr(inputs, attribute(name))
    return rules.same_certificate(value) if isinstance(value, str) and "ertificate" in name else value
