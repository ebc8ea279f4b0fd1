"""What one device is told at its start: the command line, the environment, and the files they name.

Everything wrong is found at once (`OptionError`), before the SDK is loaded. Keys and certificates come as
file names only: a key is never an argument, and never read into a variable here.
"""

import argparse
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent.errors import OptionError
from agent.log import LEVELS

PROVISIONING_HOST = "global.azure-devices-provisioning.net"
"""The global device endpoint of DPS, the same for every service and region."""

_REGISTRATION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?")
"""DPS data plane 2021-10-01: up to 128 letters, digits and `. _ - :`, none of those four first or last."""


@dataclass(frozen=True)
class Proxy:
    """An HTTP CONNECT proxy."""

    host: str
    port: int


@dataclass(frozen=True)
class Options:
    """One device. `attempts` 0 means: never give up. `trust_pem` is None for the system's trust."""

    registration_id: str
    id_scope: str
    certificate: Path
    key: Path
    provisioning_host: str
    attempts: int
    log_level: str
    proxy: Proxy | None
    trust_pem: str | None


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m agent`."""
    result = argparse.ArgumentParser(
        prog="python -m agent",
        description="One device: it enrols with Azure DPS, connects to its hub, and keeps its twin.",
        epilog="MUSTER_PROXY (http://host:port) and MUSTER_CA_FILE (PEM) tell how the cloud is reached and "
        "trusted. Exit codes: 0 stopped by a signal, 2 wrong use, 3 refused for good.",
    )
    result.add_argument(
        "--registration-id", required=True, help="the device's name; its certificate's common name"
    )
    result.add_argument("--id-scope", required=True, help="which provisioning service (stack output idScope)")
    result.add_argument(
        "--certificate", required=True, type=Path, help="PEM file: the leaf, then its issuers"
    )
    result.add_argument("--key", required=True, type=Path, help="PEM file with the leaf's key")
    result.add_argument("--provisioning-host", default=PROVISIONING_HOST, help="default: %(default)s")
    result.add_argument(
        "--attempts", type=int, default=0, help="give up after this many refusals; 0 = never (default)"
    )
    result.add_argument("--log-level", choices=sorted(LEVELS, key=LEVELS.__getitem__), default="info")
    return result


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Options for one device; raises OptionError with every fault. On a wrong flag argparse exits with 2."""
    given = parser().parse_args(arguments)
    faults: list[str] = []
    options = Options(
        registration_id=given.registration_id,
        id_scope=given.id_scope,
        certificate=given.certificate,
        key=given.key,
        provisioning_host=given.provisioning_host,
        attempts=given.attempts,
        log_level=given.log_level,
        proxy=_proxy(environment.get("MUSTER_PROXY", ""), faults),
        trust_pem=_trust(environment.get("MUSTER_CA_FILE", ""), faults),
    )
    faults += _faults(options)
    if faults:
        raise OptionError(faults)
    return options


def _faults(options: Options) -> list[str]:
    faults = []
    if not _REGISTRATION_ID.fullmatch(options.registration_id):
        faults.append(
            f"--registration-id {options.registration_id!r}: at most 128 letters, digits and . _ - : are "
            "allowed, with a letter or digit first and last"
        )
    if not options.id_scope.strip():
        faults.append("--id-scope is empty; `pulumi stack output idScope` names it")
    if options.attempts < 0:
        faults.append(f"--attempts {options.attempts}: 0 (never give up) or more")
    return faults + _identity_faults(options.certificate, options.key)


def _identity_faults(certificate: Path, key: Path) -> list[str]:
    faults = [
        f"{flag} {path}: {problem}"
        for flag, path in (("--certificate", certificate), ("--key", key))
        if (problem := _unreadable(path))
    ]
    return faults or _pair_faults(certificate, key)


def _unreadable(path: Path) -> str | None:
    try:
        path.open("rb").close()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None


def _pair_faults(certificate: Path, key: Path) -> list[str]:
    """Let OpenSSL itself say whether the key and the certificate go together, as in the TLS handshake."""
    encrypted: list[str] = []

    def passphrase() -> str:
        encrypted.append(f"--key {key}: is encrypted; a device's key has no passphrase and file mode 0600")
        return ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        problem = "belong to different pairs" if mismatch else "are no PEM certificate and key"
        return encrypted or [f"--certificate {certificate} and --key {key}: {problem}"]
    return encrypted


def _proxy(value: str, faults: list[str]) -> Proxy | None:
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
    return Proxy(parts.hostname, port)


def _trust(value: str, faults: list[str]) -> str | None:
    if not value:
        return None
    try:
        pem = Path(value).read_text("ascii")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (OSError, ValueError) as error:
        faults.append(f"MUSTER_CA_FILE {value}: holds no readable PEM certificate ({type(error).__name__})")
        return None
    return pem
