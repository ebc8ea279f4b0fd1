"""Who may connect to a hub, whatever the protocol: by certificate or by shared access signature.

- selfSigned: the certificate's thumbprint is the primary or secondary one.
- certificateAuthority: the chain leads to an authority that the hub knows as verified, or to a Device
  Registry policy's of a namespace linked to the hub; the common name is the device id, for a module
  `{device id}/{module id}` (learn.microsoft.com/azure/iot-hub/authenticate-authorize-x509).
- sas: a token for `{hub}/devices/{id}[/modules/{id}]`, signed with the identity's own key, or by a policy of
  the hub with DeviceConnect (authenticate-authorize-sas). `disableDeviceSAS`, `disableModuleSAS` and
  `disableLocalAuth` of the hub refuse device, module and policy keys (azure-mgmt-iothub, IotHubProperties).

A gateway connects its children: for each a connection in the child's name with a token of the gateway's own
`$edgeHub` module, accepted when the gateway is above the child. So does the IoT Edge hub when its upstream
protocol is MQTT; which children there are, and what they authenticate with, it reads from
`/devices/{gateway}/modules/$edgeHub/devicesAndModulesInDeviceScope` (Azure/iotedge: CloudConnectionProvider,
DeviceScopeApiClient). The page "iot-edge-as-gateway" documents the behaviour, the sources the protocol.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from localcloud.azure.dps.matching import Refused, common_name, verified_path
from localcloud.azure.gate import KEYS, Signature, UnauthorizedError, check_expiry, read_signature, signed_by
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.identities import EDGE_HUB, Identity
from localcloud.azure.hub.registry import HubRegistry
from localcloud.mqtt.session import Peer
from localcloud.store import Document, Store

Authorities = Callable[[Document], Iterable[x509.Certificate]]
_CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)


class NotAdmitted(Exception):  # noqa: N818 - a decision, not a fault
    """An identity may not connect; `reason` is a stable code to count by."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HubDirectory(Protocol):
    """What the device side asks of the ARM read model."""

    def hub_by_host(self, host: str) -> Document | None:
        """The hub with this host name."""

    def namespaces_of_hub(self, host: str) -> list[str]:
        """The Device Registry namespaces that are linked to the hub with this host name."""

    def hub_authorities(self, hub: Document) -> list[x509.Certificate]:
        """The certificates of a hub whose owner has proved possession of the key."""


class Admission:
    """Decides on identities of all hubs. `authorities` gives the CA certificates that a hub trusts."""

    def __init__(
        self, registry: HubRegistry, directory: HubDirectory, store: Store, authorities: Authorities
    ) -> None:
        self._registry = registry
        self._directory = directory
        self._store = store
        self._authorities = authorities

    def admit(self, host: str, subject: str, token: str, peer: Peer) -> float | None:
        """Let an identity in by token, or without one by certificate; gives the seconds until its credential
        ends, None for a certificate. Raises NotAdmitted.
        """
        hub = self._directory.hub_by_host(host)
        if hub is None:
            raise NotAdmitted("unknown-hub")
        identity = self._identity(host, subject)
        if token:
            return self._by_token(hub, host, subject, identity, token)
        try:
            self._by_certificate(hub, subject, identity, peer)
        except ValueError as error:
            raise NotAdmitted("malformed-certificate") from error
        return None

    def _identity(self, host: str, subject: str) -> Identity:
        """The identity, if its device is enabled."""
        device_id, _, module_id = subject.partition("/")
        try:
            device = self._registry.get_device(host, device_id)
            if device["status"] != "enabled":
                raise NotAdmitted("disabled")
            return self._registry.get_module(host, device_id, module_id) if module_id else device
        except HubError as error:
            reason = "unknown-module" if error.code == "ModuleNotFound" else "unknown-device"
            raise NotAdmitted(reason) from error

    # certificates

    def _by_certificate(self, hub: Document, subject: str, identity: Identity, peer: Peer) -> None:
        leaf = peer.leaf()
        if leaf is None:
            raise NotAdmitted("no-certificate")
        kind = identity["authentication"]["type"]
        if kind == "selfSigned":
            self._check_time(leaf)
            if not _is_one_of(leaf, identity["authentication"]["x509Thumbprint"].values()):
                raise NotAdmitted("thumbprint-mismatch")
        elif kind == "certificateAuthority":
            self._check_chain(hub, subject, peer)
        else:
            raise NotAdmitted("other-authentication")

    def _check_time(self, leaf: x509.Certificate) -> None:
        now = self._registry.clock.now()
        if now > leaf.not_valid_after_utc:
            raise NotAdmitted("expired")
        if now < leaf.not_valid_before_utc:
            raise NotAdmitted("not-yet-valid")

    def _check_chain(self, hub: Document, subject: str, peer: Peer) -> None:
        chain = list(peer.chain())
        try:
            verified_path(chain, list(self._authorities(hub)), [], self._registry.clock.now())
        except Refused as refused:
            raise NotAdmitted(refused.reason) from refused
        if common_name(chain[0]) != subject:
            raise NotAdmitted("cn-mismatch")
        if not _is_for_clients(chain[0]):
            raise NotAdmitted("no-client-auth")

    # tokens

    def _by_token(self, hub: Document, host: str, subject: str, identity: Identity, token: str) -> float:
        clock = self._registry.clock
        try:
            signature = read_signature(token)
        except UnauthorizedError as error:
            raise NotAdmitted("malformed-token") from error
        try:
            check_expiry(signature, clock)
        except UnauthorizedError as error:
            raise NotAdmitted("expired-token") from error
        keys = self._keys(hub, host, subject, identity, signature)
        if not signed_by(signature, keys):
            raise NotAdmitted("wrong-signature")
        return int(signature.expiry) - clock.now().timestamp()

    def _keys(
        self, hub: Document, host: str, subject: str, identity: Identity, signature: Signature
    ) -> Iterable[str | None]:
        """The keys that a token may be signed with."""
        signed_host, signer = _resource(signature)
        if signed_host != host:
            raise NotAdmitted("wrong-token-scope")
        if signature.policy:
            return self._policy_keys(hub, subject, signer, signature.policy)
        if signer != subject:
            identity = self._gateway_module(host, subject, signer)
        _check_allowed(hub["properties"], "disableModuleSAS" if "/" in signer else "disableDeviceSAS")
        if identity["authentication"]["type"] != "sas":
            raise NotAdmitted("other-authentication")
        return list(identity["authentication"]["symmetricKey"].values())

    def _gateway_module(self, host: str, subject: str, signer: str) -> Identity:
        """The `$edgeHub` of a gateway above the child that it connects."""
        gateway, _, module_id = signer.partition("/")
        child = subject.partition("/")[0]
        if module_id != EDGE_HUB or not self._registry.is_above(host, gateway, child):
            raise NotAdmitted("wrong-token-scope")
        return self._identity(host, signer)

    def _policy_keys(self, hub: Document, subject: str, scope: str, name: str) -> list[str | None]:
        _check_allowed(hub["properties"], "disableLocalAuth")
        if scope and subject != scope and not subject.startswith(f"{scope}/"):
            raise NotAdmitted("wrong-token-scope")
        kept = self._store.get(KEYS, hub["id"].lower()) or {"policies": []}
        found = [it for it in kept["policies"] if it["keyName"].lower() == name.lower()]
        rights = found[0]["rights"] if found else ""
        if "DeviceConnect" not in [it.strip() for it in rights.split(",")]:
            raise NotAdmitted("wrong-signature")
        return [found[0].get("primaryKey"), found[0].get("secondaryKey")]


def _check_allowed(properties: Mapping[str, Any], switch: str) -> None:
    if properties.get(switch):
        raise NotAdmitted("local-auth-disabled")


def _resource(signature: Signature) -> tuple[str, str]:
    """Host in lower case without port, and subject, "" for all of them, of
    `{host}[/devices/{id}[/modules/{id}]]`.

    Old clients add `/api-version=…`.
    """
    parts = signature.resource().split("/")
    if parts[-1].startswith("api-version="):
        parts.pop()
    host = parts[0].partition(":")[0].lower()
    match parts[1:]:
        case [] | ["devices"]:
            return host, ""
        case ["devices", device]:
            return host, device
        case ["devices", device, "modules", module]:
            return host, f"{device}/{module}"
    raise NotAdmitted("wrong-token-scope")


def _is_one_of(leaf: x509.Certificate, thumbprints: Iterable[str | None]) -> bool:
    der = leaf.public_bytes(Encoding.DER)
    for thumbprint in thumbprints:
        digest = hashlib.sha256 if len(thumbprint or "") == 64 else hashlib.sha1
        if thumbprint and digest(der).hexdigest().upper() == thumbprint:
            return True
    return False


def _is_for_clients(leaf: x509.Certificate) -> bool:
    """RFC 5280 4.2.1.12: without the extension any purpose is allowed."""
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return any(it in _CLIENT for it in usages)
