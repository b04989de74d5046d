"""Certificates made for a test: an authority, and what it signs for servers and for clients.

authority = Authority()
server = authority.write(tmp_path, "localhost")
with_trust = authority.trust()
"""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from daemon.core.tls_files import TlsFiles

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)

PEM = serialization.Encoding.PEM
KEY_FORM = serialization.PrivateFormat.PKCS8


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    def key_pem(self, password: bytes | None = None) -> bytes:
        form = (
            serialization.NoEncryption()
            if password is None
            else serialization.BestAvailableEncryption(password)
        )
        return self.key.private_bytes(PEM, KEY_FORM, form)


class Authority:
    """Signs for whoever asks; nobody trusts it but who is told to."""

    def __init__(self, name: str = "An authority of the tests") -> None:
        self.own = _sign(name, issuer=None, ends=NOW + 365 * DAY)

    def make(
        self, name: str, *, begins: datetime = NOW - DAY, ends: datetime = NOW + 60 * DAY
    ) -> Pair:
        """Make a certificate of a name, for 127.0.0.1 too."""
        return _sign(name, issuer=self.own, begins=begins, ends=ends)

    def write(self, folder: Path, name: str = "localhost") -> TlsFiles:
        """Make one and put it where a server finds it."""
        files = TlsFiles(folder / "tls.pem", folder / "tls.key")
        put(files, self.make(name))
        return files

    def write_own(self, folder: Path) -> Path:
        """Put the authority's own certificate into a file."""
        file = folder / "authority.pem"
        file.write_bytes(self.own.pem)
        return file

    def trust(self, client: Pair | None = None, *, folder: Path | None = None) -> ssl.SSLContext:
        """Make a context that trusts this authority; as a client that has a certificate itself."""
        context = ssl.create_default_context(cadata=self.own.pem.decode())
        if client is not None and folder is not None:
            file = folder / f"client-{client.certificate.serial_number}.pem"
            file.write_bytes(client.pem + client.key_pem())
            context.load_cert_chain(file)
        return context


def put(files: TlsFiles, pair: Pair) -> None:
    """Replace a server's files, each at once, as those who renew certificates do."""
    for file, content in ((files.certificate, pair.pem), (files.key, pair.key_pem())):
        new = file.with_suffix(".new")
        new.write_bytes(content)
        new.chmod(0o600)
        new.replace(file)


def _sign(name: str, *, issuer: Pair | None, ends: datetime, begins: datetime = NOW - DAY) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issued = subject if issuer is None else issuer.certificate.subject
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                (key if issuer is None else issuer.key).public_key()
            ),
            critical=False,
        )
    )
    if issuer is None:
        made = made.add_extension(_USES_OF_AN_AUTHORITY, critical=True)
    else:
        made = made.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return Pair(made.sign((key if issuer is None else issuer.key), hashes.SHA256()), key)


_USES_OF_AN_AUTHORITY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
