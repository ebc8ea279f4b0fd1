"""The peer of `connections`: an mTLS server on asyncio's own TLS that keeps every connection open."""

import asyncio
import dataclasses
import datetime
import ipaddress
import os
import ssl
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bench.wire import Device


def aimed(device: Device, port: int, trust: str) -> Device:
    """The same device, led to the peer instead of the local cloud."""
    return dataclasses.replace(device, port=port, trust=Path(trust))


def serve(control: Connection, root: str) -> None:
    """Run the server, trusting devices below `root`, until the other end of `control` says stop."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_serve(control, root, Path(folder)))


async def _serve(control: Connection, root: str, folder: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=root)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(_certificate(folder))
    server = await asyncio.start_server(_keep, "127.0.0.1", 0, ssl=context)
    control.send((server.sockets[0].getsockname()[1], str(folder / "server.pem")))
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, control.recv) == "memory":
        control.send(psutil.Process(os.getpid()).memory_info().rss)
    server.close()


async def _keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.read()
    finally:
        writer.close()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(addresses, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.touch(mode=0o600)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    return file
