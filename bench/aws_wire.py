"""A bare device of AWS IoT: claim, certificate for its own key, thing, shadow. It says what the agent says.

AWS: "Device provisioning MQTT API", "Device Shadow MQTT topics" (AWS IoT developer guide). The key and the
request are made beforehand: a device has time for that, and the client's CPU is not what is measured.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent import certificates
from bench import wire

CREATE = "$aws/certificates/create-from-csr/json"
_ANSWERS = ("accepted", "rejected")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A device that is to be registered: who it will be, and its request; `own` has no certificate yet."""

    thing: str
    request: str
    own: wire.Device


def newcomer(folder: Path, thing: str, claim: wire.Device) -> Newcomer:
    """Make a key and a request, as the agent does; the key's file is for this user alone."""
    folder.mkdir(mode=0o700, parents=True)
    key = certificates.new_key()
    own = replace(claim, registration_id=thing, certificate=folder / "leaf.pem", key=folder / "key.pem")
    own.key.touch(0o600)
    own.key.write_bytes(certificates.Identity((), key).key_pem())
    return Newcomer(thing, certificates.request_pem(thing, key), own)


def register(claim: wire.Device, host: str, template: str, device: Newcomer) -> None:
    """Have the request signed and the thing registered; then the device's certificate is in its file.

    Raises ConnectionError with the answer when it is no.
    """
    provision = f"$aws/provisioning-templates/{template}/provision/json"
    with wire.session(claim, host) as session:
        session.connect(device.thing)
        session.subscribe(*_answers(CREATE), *_answers(provision))
        made = _asked(session, CREATE, {"certificateSigningRequest": device.request})
        token = {"certificateOwnershipToken": made["certificateOwnershipToken"]}
        _asked(session, provision, {**token, "parameters": {"SerialNumber": device.thing}})
    device.own.certificate.write_text(str(made["certificatePem"]))


def come_up(device: wire.Device, host: str, *, has_shadow: bool) -> None:
    """Connect with the certificate of its own, read the shadow if there is one, and report."""
    below = f"$aws/things/{device.registration_id}/shadow"
    with wire.session(device, host) as session:
        session.connect(device.registration_id)
        session.subscribe(*_answers(f"{below}/get"), *_answers(f"{below}/update"))
        desired = _asked(session, f"{below}/get", {})["state"]["desired"] if has_shadow else {}
        _asked(session, f"{below}/update", {"state": {"reported": desired}})


def _answers(topic: str) -> list[str]:
    return [f"{topic}/{answer}" for answer in _ANSWERS]


def _asked(session: wire.Session, topic: str, body: Mapping[str, object]) -> dict[str, dict[str, object]]:
    answered, payload = session.request(topic, body)
    if answered != f"{topic}/accepted":
        raise ConnectionError(f"{answered}: {payload[:300].decode(errors='replace')}")
    found: dict[str, dict[str, object]] = json.loads(payload)
    return found
