"""AES-CCM-16-64-128 as `lyhord_wire.frame` wants it, on the `cryptography` package."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

KEY_SIZE = 16
_TAG_SIZE = 8


class Cipher:
    """One node's key of one generation. The key can be compared, not read, and never shows."""

    __slots__ = ("_ccm", "_key")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError(f"key: expected {KEY_SIZE} bytes")
        self._key = key
        self._ccm = AESCCM(key, tag_length=_TAG_SIZE)

    def __repr__(self) -> str:
        return "Cipher(…)"

    def has_key(self, key: bytes) -> bool:
        return self._key == key

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Ciphertext and tag."""
        return self._ccm.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
        """The plaintext, or None if the tag does not hold."""
        try:
            return self._ccm.decrypt(nonce, sealed, aad)
        except InvalidTag:
            return None
