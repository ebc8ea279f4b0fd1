"""What can be wrong with a device's options: each check gives its faults, one sentence each.

What only an open connection can tell (an untrusted server, an unknown device) is not checked here.
"""

import argparse
import ipaddress
import re
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent.aws import checks as aws
from agent.credentials import SymmetricKey
from agent.identities import has_any

_REGISTRATION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?")
"""DPS data plane 2021-10-01: up to 128 letters, digits and `. _ - :`, none of those four first or last."""

_LONGEST_COMMON_NAME = 64
"""RFC 5280, appendix A.1, ub-common-name."""

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Address:
    """A host, or an IP address, and a port."""

    host: str
    port: int


def names(given: argparse.Namespace) -> Iterator[str]:
    """Ids, hosts and numbers."""
    if given.endpoint:
        yield from aws.names(given)
    elif not _REGISTRATION_ID.fullmatch(given.registration_id):
        yield (
            f"--registration-id {given.registration_id!r}: at most 128 letters, digits and . _ - : are "
            "allowed, with a letter or digit first and last"
        )
    flag = "--request-certificate" if given.request_certificate else "--claim-template"
    asks = given.request_certificate or given.claim_template
    if asks and len(given.registration_id) > _LONGEST_COMMON_NAME:
        yield (
            f"{flag}: --registration-id has {len(given.registration_id)} characters, a "
            f"certificate's common name at most {_LONGEST_COMMON_NAME}"
        )
    hosts = {"--hub": given.hub, "--gateway-host": given.gateway_host, "--endpoint": given.endpoint}
    for flag, host in hosts.items():
        if host and not _HOST.fullmatch(host):
            yield f"{flag} {host!r}: write a host name or an IPv4 address, without a port"
    if given.attempts < 0:
        yield f"--attempts {given.attempts}: 0 (never give up) or more"
    days = given.renew_before_days
    if days is not None and not 0 < days <= 36_500:
        yield f"--renew-before-days {days:g}: more than 0"


def combinations(given: argparse.Namespace) -> list[str]:
    """Options that need, or exclude, each other."""
    if given.endpoint:
        return list(aws.combinations(given))
    return [*aws.without_endpoint(given), *_combinations(given)]


def _combinations(given: argparse.Namespace) -> list[str]:
    scope, hub = bool(given.id_scope.strip()), bool(given.hub)
    certificate, key = given.certificate is not None, given.key is not None
    symmetric, gateway = given.symmetric_key_file is not None, given.gateway
    server = given.server_certificate is not None and given.server_key is not None
    below = (given.listen, given.server_certificate, given.server_key, given.children_ca)
    rules = [
        (scope or hub, "--id-scope is empty; `pulumi stack output idScope` names it (or --hub, --endpoint)"),
        (not (scope and hub), "--id-scope and --hub: a device that its hub knows already asks no DPS"),
        (certificate == key, "--certificate and --key go together"),
        (certificate or key or symmetric, "--certificate and --key, or --symmetric-key-file, are needed"),
        (
            not (symmetric and (certificate or key)),
            "--symmetric-key-file and --certificate: give one of them",
        ),
        (given.request_certificate == (given.identity is not None), _ISSUANCE),
        (
            not (hub and given.request_certificate),
            "--request-certificate: certificates come from DPS, not with --hub",
        ),
        (given.request_certificate or given.renew_before_days is None, "--renew-before-days: " + _ISSUANCE),
        (bool(given.gateway_host) or given.trust is None, "--trust goes with --gateway-host"),
        (not gateway or server, "--gateway needs --server-certificate and --server-key"),
        (gateway or not any(below), _GATEWAY),
        (
            not (gateway and given.gateway_host),
            "--gateway and --gateway-host: gateways below gateways are not served",
        ),
        (
            not (gateway and given.websockets),
            "--gateway and --websockets: children's connections need port 8883",
        ),
    ]
    return [fault for holds, fault in rules if not holds]


def credential(given: argparse.Namespace) -> list[str]:
    """What the device proves itself with: files that can be read, fit together and are private.

    A device that has a certificate from its cloud does not need them now: then they are not even opened.
    """
    asks = given.request_certificate or given.claim_template
    if asks and given.identity is not None and has_any(given.identity):
        return []
    if given.symmetric_key_file is not None:
        return _symmetric_key(given.symmetric_key_file)
    if given.certificate is None or given.key is None:
        return []
    return certificate(("--certificate", given.certificate), ("--key", given.key))


def certificate(chain: tuple[str, Path], key: tuple[str, Path]) -> list[str]:
    """PEM files of a certificate and its key, each with its flag."""
    faults = [
        f"{flag} {path}: {problem}"
        for flag, path in (chain, key)
        if (problem := _unreadable(path)) is not None
    ]
    return faults or _pair(chain, key)


def secret(flag: str, path: Path) -> list[str]:
    """A file that nobody but its owner may read."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return [f"{flag} {path}: cannot be read ({error.strerror})"]
    if mode & 0o077:
        return [f"{flag} {path}: others may read it (mode {mode:04o}); chmod 0600"]
    return []


def folder(flag: str, path: Path) -> list[str]:
    """A folder that nobody but its owner may look into; it is made when it is missing."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return [f"{flag} {path}: cannot be made ({error.strerror})"]
    if mode & 0o077:
        return [f"{flag} {path}: others may look into it (mode {mode:04o}); chmod 0700"]
    return []


def pem(flag: str, path: Path | None, faults: list[str]) -> str | None:
    """The text of a file with CA certificates, None when none is given."""
    if path is None:
        return None
    try:
        text = path.read_text("ascii")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:
        faults.append(f"{flag} {path}: holds no readable PEM certificate ({type(error).__name__})")
        return None
    return text


def proxy(value: str, faults: list[str]) -> Address | None:
    """An HTTP CONNECT proxy, None when none is given."""
    if not value:
        return None
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "http" or not parts.hostname or port is None:
        faults.append(f"MUSTER_PROXY {value!r}: write it as http://host:port")
        return None
    return Address(parts.hostname, port)


def address(flag: str, value: str, faults: list[str]) -> Address:
    """Where to listen: an IP address of this machine, and a port."""
    host, _, port = value.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number <= 65_535:
        faults.append(f"{flag} {value!r}: write it as 127.0.0.1:8883")
    return Address(host.strip("[]"), number)


def _symmetric_key(path: Path) -> list[str]:
    flag = "--symmetric-key-file"
    faults = secret(flag, path)
    if faults:
        return faults
    try:
        SymmetricKey(path).read()
    except OSError as error:
        return [f"{flag} {path}: cannot be read ({error.strerror})"]
    except ValueError as error:
        return [f"{flag} {path}: {error}"]
    return []


def _unreadable(path: Path) -> str | None:
    try:
        path.open("rb").close()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None


def _pair(chain: tuple[str, Path], key: tuple[str, Path]) -> list[str]:
    """Let OpenSSL itself say whether the key and the certificate go together, as in the TLS handshake."""
    encrypted: list[str] = []

    def passphrase() -> str:
        encrypted.append(
            f"{key[0]} {key[1]}: is encrypted; a device's key has no passphrase and file mode 0600"
        )
        return ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(chain[1], key[1], passphrase)
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        problem = "belong to different pairs" if mismatch else "are no PEM certificate and key"
        return encrypted or [f"{chain[0]} {chain[1]} and {key[0]} {key[1]}: {problem}"]
    return encrypted


_ISSUANCE = "--request-certificate and --identity go together"
_GATEWAY = "--listen, --server-certificate, --server-key and --children-ca go with --gateway"
