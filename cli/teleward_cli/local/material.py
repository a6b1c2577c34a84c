"""Keys, tokens and certificates of one instance: made at the first start, kept, readable by their owner alone."""

import base64
import datetime
import ipaddress
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from teleward_cli.local.layout import Layout

CERTIFICATE_DAYS = 397
"""Browsers refuse a longer life. Source: CA/Browser Forum Baseline Requirements 6.3.2."""

RENEW_BEFORE = datetime.timedelta(days=7)
"""A certificate with less left is made anew at a start."""

TICKET_KEY, TICKET_PUBLIC_KEYS = "ticket-key.jwk", "ticket-public-keys.json"
SEAL_KEY = "seal-key"
API_TOKEN, SUPERVISOR_TOKEN = "api-token", "supervisor-token"  # names of files
LOOPBACK_CERTIFICATE, LOOPBACK_KEY = "loopback.crt", "loopback.key"
LAN_CERTIFICATE, LAN_KEY = "lan.crt", "lan.key"


def prepare(layout: Layout) -> None:
    """Make what is not there yet."""
    layout.prepare()
    for name in (API_TOKEN, SUPERVISOR_TOKEN):
        _once(layout.secret(name), lambda: secrets.token_urlsafe(32))
    _once(layout.secret(SEAL_KEY), lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    if not layout.secret(TICKET_PUBLIC_KEYS).exists():
        _make_ticket_keys(layout)
    certificate(layout, LOOPBACK_CERTIFICATE, LOOPBACK_KEY, "127.0.0.1")


def read(layout: Layout, name: str) -> str:
    """Read a key or token."""
    return layout.secret(name).read_text("ascii").strip()


def certificate(layout: Layout, certificate_name: str, key_name: str, address: str) -> Path:
    """Make a self-signed certificate for an address, unless a fitting one is there."""
    path = layout.secret(certificate_name)
    if not _is_fit(path, address):
        key, chain = _self_signed(address)
        write_private(layout.secret(key_name), key)
        write_private(path, chain)
    return path


def fingerprint(path: Path) -> str:
    """SHA-256 fingerprint of a certificate, as browsers show it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    digest = x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(hashes.SHA256())
    return ":".join(f"{byte:02X}" for byte in digest)


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, all of it or nothing."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def _once(path: Path, make: Callable[[], str]) -> None:
    if not path.exists():
        write_private(path, make())


def _make_ticket_keys(layout: Layout) -> None:
    from teleward_contract.tickets import TicketSigner

    private = TicketSigner.generate()
    public = json.loads(TicketSigner(private).public_jwk())
    write_private(layout.secret(TICKET_KEY), private)
    write_private(layout.secret(TICKET_PUBLIC_KEYS), json.dumps({"keys": [public]}))


def _is_fit(path: Path, address: str) -> bool:
    from cryptography import x509

    if not path.exists():
        return False
    found = x509.load_pem_x509_certificate(path.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(one) for one in names.get_values_for_type(x509.IPAddress)}
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return address in addresses and left > RENEW_BEFORE


def _self_signed(address: str) -> tuple[str, str]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Teleward on {address}")])
    now = datetime.datetime.now(datetime.UTC)
    names = {ipaddress.ip_address(address), ipaddress.ip_address("127.0.0.1")}
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))  # for clocks a little behind
        .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), *(x509.IPAddress(one) for one in names)]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode(), built.public_bytes(serialization.Encoding.PEM).decode()
