"""MicroPython's `cryptolib.aes`, as far as our CCM uses it, out of the package `cryptography`."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_ECB = 1
_CBC = 2


class Aes:
    """`Aes(key, mode, iv).encrypt(data)` for whole blocks; as strict as cryptolib on the ESP32."""

    def __init__(self, key: bytes, mode: int, iv: bytes | None = None) -> None:
        if mode not in (_ECB, _CBC):
            raise ValueError("mode")  # the ESP32 build has no CTR
        self._encryptor = Cipher(
            algorithms.AES(key),
            modes.ECB() if mode == _ECB else modes.CBC(iv or b""),
        ).encryptor()

    def encrypt(self, data: bytes) -> bytes:
        if len(data) % 16:
            raise ValueError("blksize % 16")
        return self._encryptor.update(bytes(data))
