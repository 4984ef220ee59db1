"""Certificates that are made when a test needs them: an authority, a server, a client."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Issued:
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


class Certificates:
    """An authority of its own in a folder, and a server's certificate for 127.0.0.1."""

    def __init__(self, folder: Path, *, host: str = "127.0.0.1") -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._authority_key = ec.generate_private_key(ec.SECP256R1())
        self._authority = self._sign("authority", self._authority_key, authority=True)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self._authority.public_bytes(serialization.Encoding.PEM))
        self.server = self.issue("server", host)

    def issue(self, name: str, host: str) -> Issued:
        """A certificate for an IP address, good as a server's and as a client's."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = Issued(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        certificate = self._sign(name, key, host=host)
        issued.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        issued.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return issued

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool = False,
        host: str | None = None,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        subject = _named(name)
        authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self._authority_key.public_key()
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_named("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(authority_id, False)
        )
        if host is not None:
            address = x509.IPAddress(ipaddress.ip_address(host))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), False)
        return builder.sign(self._authority_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
