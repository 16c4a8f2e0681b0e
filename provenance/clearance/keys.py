"""Private Ed25519 keys: made, kept in PEM files, encrypted under a passphrase where one is given. Signing needs the ``cryptography`` package."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from provenance.clearance.trust import TrustedKey, key_id
from provenance.errors import KeyFileError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MAX_KEY_FILE_BYTES: Final = 1 << 16
MAX_PASSPHRASE_BYTES: Final = 1_000
"""Libraries refuse passphrases of 1,024 bytes."""
_PEM_MARK: Final = b"-----BEGIN "


class Signer(Protocol):
    """Something that signs as one Ed25519 key: a key file here, a hardware token elsewhere."""

    @property
    def public_key(self) -> bytes:
        """Raw public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory. Its text form never shows the secret."""

    _private: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        """Raw public key, 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        """SHA-256 of the raw public key, 64 hex digits."""
        return key_id(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of a message, 64 bytes."""
        return self._private.sign(message)

    def pem(self, passphrase: bytes | None) -> bytes:
        """Return the PEM form (PKCS 8), encrypted where a passphrase is given."""
        from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

        how = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)

    def trusted(self, *, name: str, roles: tuple[str, ...], not_before: str, not_after: str) -> TrustedKey:
        """Return the trust-file entry of this key's public half."""
        return TrustedKey(key=self.public_key, name=name, roles=roles, not_before=not_before, not_after=not_after)


def generate_key() -> SigningKey:
    """Return a fresh key from the operating system's random source.

    Raises:
        KeyFileError: If the ``cryptography`` package is missing.
    """
    return SigningKey(_library().generate())


def key_from_seed(seed: bytes) -> SigningKey:
    """Return the key that 32 secret bytes stand for (RFC 8032 section 5.1.5).

    Raises:
        KeyFileError: If there are not 32 bytes, or the ``cryptography`` package is missing.
    """
    try:
        return SigningKey(_library().from_private_bytes(seed))
    except ValueError as err:
        raise KeyFileError(f"a private key has 32 bytes, got {len(seed)}") from err


def write_key(key: SigningKey, path: str | os.PathLike[str], *, passphrase: bytes | None) -> str | None:
    """Write a private key to a new PEM (PKCS 8) file that only its owner may read.

    Args:
        key: The key.
        path: A file that does not exist yet: a key is never overwritten.
        passphrase: Encrypts the file. ``None`` leaves it readable to everybody who can read the owner's files.

    Returns:
        A warning for the user where the file is not encrypted, else ``None``.

    Raises:
        KeyFileError: If the file exists, cannot be written, or the passphrase is empty.
    """
    if passphrase is not None and not passphrase:
        raise KeyFileError("the passphrase is empty", hint="give none at all for an unencrypted key file")
    if passphrase is not None and len(passphrase) > MAX_PASSPHRASE_BYTES:
        raise KeyFileError(f"the passphrase has {len(passphrase)} bytes, at most {MAX_PASSPHRASE_BYTES} are taken")
    pem = key.pem(passphrase)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as err:
        raise KeyFileError(
            f"key file {os.fspath(path)} cannot be written: {err.strerror}", hint="keys are never overwritten: choose another name"
        ) from err
    return None if passphrase else f"{os.fspath(path)} is not encrypted: whoever reads it can sign clearances"


def load_key(path: str | os.PathLike[str], *, passphrase: bytes | None = None) -> SigningKey:
    """Return the private key in a PEM file.

    Raises:
        KeyFileError: If the file is missing, open to other users, not an Ed25519 private key, or the passphrase is missing or wrong.
    """
    file = Path(path)
    pem = _read_private(file)
    if _PEM_MARK not in pem:
        raise KeyFileError(f"key file {file} is not a PEM file")
    if b"PRIVATE KEY-----" not in pem:
        raise KeyFileError(f"key file {file} holds no private key")
    if b"OPENSSH PRIVATE KEY" in pem:
        raise KeyFileError(f"key file {file} is of OpenSSH, and PEM (PKCS 8) is read", hint="make a key for this alone: provenance keys new NAME")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = b"ENCRYPTED" in pem
    if encrypted and passphrase is None:
        raise KeyFileError(f"key file {file} is encrypted", hint="give its passphrase")
    try:
        private = load_pem_private_key(pem, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as err:
        raise KeyFileError(f"key file {file} cannot be opened: {'wrong passphrase or damaged file' if encrypted else 'damaged file'}") from err
    if not isinstance(private, _library()):
        raise KeyFileError(f"key file {file} holds a {type(private).__name__.lstrip('_')}, expected an Ed25519 private key")
    return SigningKey(private)


def is_encrypted(path: str | os.PathLike[str]) -> bool:
    """Tell whether a passphrase is needed to open a key file.

    Raises:
        KeyFileError: If the file cannot be read, or is open to other users.
    """
    return b"ENCRYPTED" in _read_private(Path(path))


def _read_private(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            pem = stream.read(MAX_KEY_FILE_BYTES + 1)
    except (OSError, ValueError) as err:
        raise KeyFileError(f"key file {file} cannot be read: {getattr(err, 'strerror', None) or err}") from err
    if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"key file {file} is open to other users (mode {stat.S_IMODE(status.st_mode):o})", hint=f"run: chmod 600 {file}")
    if len(pem) > MAX_KEY_FILE_BYTES:
        raise KeyFileError(f"key file {file} is larger than {MAX_KEY_FILE_BYTES} bytes")
    return pem


def _library() -> type[Ed25519PrivateKey]:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as err:
        raise KeyFileError("signing needs the cryptography package", hint="pip install cryptography; verifying works without it") from err
    return Ed25519PrivateKey
