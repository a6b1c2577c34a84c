"""Keys and certificates of one control plane, with a certificate authority of its own."""

import datetime
import ipaddress
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from teleward_cli.local.material import write_private

_LIFE = datetime.timedelta(days=30)
_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

ADMIN = "system:masters"
CONTROLLER_MANAGER = "system:kube-controller-manager"
SCHEDULER = "system:kube-scheduler"


class Identities:
    """The files that the programs are given; made once, all below one folder."""

    def __init__(self, directory: Path, addresses: tuple[str, ...]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.ca = directory / "ca.crt"
        self.serving, self.serving_key = directory / "apiserver.crt", directory / "apiserver.key"
        self.accounts, self.accounts_key = directory / "accounts.pub", directory / "accounts.key"
        self.tokens_file = directory / "tokens.csv"
        self.tokens = {
            user: secrets.token_hex(16) for user in (ADMIN, CONTROLLER_MANAGER, SCHEDULER)
        }
        self._certificates(addresses)
        self._account_keys()
        write_private(
            self.tokens_file,
            "".join(f'{token},{user},{user},"{user}"\n' for user, token in self.tokens.items()),
        )

    def _certificates(self, addresses: tuple[str, ...]) -> None:
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _certificate("tests", ca_key, "tests", ca_key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        write_private(self.ca, _pem(ca.sign(ca_key, hashes.SHA256())))
        key = ec.generate_private_key(ec.SECP256R1())
        names = [
            *(x509.DNSName(name) for name in _NAMES),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
        ]
        serving = _certificate("kube-apiserver", key, "tests", ca_key).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        write_private(self.serving, _pem(serving.sign(ca_key, hashes.SHA256())))
        write_private(self.serving_key, _private(key))

    def _account_keys(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_private(self.accounts_key, _private(key))
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_private(self.accounts, public.decode())


def _certificate(
    subject: str, key: _Key, issuer: str, issuer_key: _Key
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: _Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()  # fmt: skip
