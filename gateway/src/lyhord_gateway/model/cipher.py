"""AES-CCM-16-64-128 as `lyhord_wire.frame` wants it, on the `cryptography` package."""

from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

KEY_SIZE = 16
_TAG_SIZE = 8
_FINGERPRINT_SIZE = 16


def fingerprint(key: bytes) -> bytes:
    """16 bytes that tell this key from all others, and nothing about it."""
    return blake2b(key, digest_size=_FINGERPRINT_SIZE, person=b"lyhord key").digest()


class Cipher:
    """One node's key of one generation. The key can be compared, not read, and never shows. fingerprint: see
    `fingerprint()`."""

    __slots__ = ("_ccm", "fingerprint")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError(f"key: expected {KEY_SIZE} bytes")
        self.fingerprint = fingerprint(key)
        self._ccm = AESCCM(key, tag_length=_TAG_SIZE)

    def __repr__(self) -> str:
        return "Cipher(…)"

    def has_key(self, key: bytes) -> bool:
        return self.fingerprint == fingerprint(key)

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Ciphertext and tag."""
        return self._ccm.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
        """The plaintext, or None if the tag does not hold."""
        try:
            return self._ccm.decrypt(nonce, sealed, aad)
        except InvalidTag:
            return None
