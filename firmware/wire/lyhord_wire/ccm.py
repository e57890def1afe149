"""AES-CCM-16-64-128 (COSE algorithm 10; RFC 3610 with L = 2 and M = 8) out of CBC and ECB.

The ESP32 build of `cryptolib` has neither CCM nor CTR. Two calls into C do: one CBC encryption
whose last block is the tag, and one ECB encryption of the counter blocks that gives the key
stream. On CPython the gateway passes a cipher of `cryptography` instead; any object with these
two methods is a cipher for `lyhord_wire.frame`.
"""

KEY_SIZE = 16
TAG_SIZE = 8

_ECB = 1
_CBC = 2
_ZERO = bytes(16)


class Ccm:
    """One node's key as a cipher.

    `aes` is `cryptolib.aes` or anything called and used like it: `aes(key, mode, iv).encrypt(data)`
    with mode 1 = ECB and 2 = CBC. The key has 16 bytes.
    """

    def __init__(self, aes, key: bytes) -> None:  # type: ignore[no-untyped-def]
        if len(key) != KEY_SIZE:
            raise ValueError("key: expected 16 bytes")
        self._aes = aes
        self._key = key

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Ciphertext and 8-byte tag. nonce: 13 bytes; plaintext: up to 65535; aad: up to 65279."""
        stream = self._stream(nonce, len(plaintext))
        tag = self._tag(nonce, plaintext, aad)
        return _xor(plaintext, stream, 16) + _xor(tag, stream, 0)

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
        """The plaintext, or None if the tag does not hold for this key, nonce, bytes and aad."""
        size = len(sealed) - TAG_SIZE
        if size < 0:
            return None
        stream = self._stream(nonce, size)
        plaintext = _xor(sealed[:size], stream, 16)
        expected = _xor(self._tag(nonce, plaintext, aad), stream, 0)
        different = 0
        for i in range(TAG_SIZE):  # no early way out: how many bytes fit must not show
            different |= expected[i] ^ sealed[size + i]
        return None if different else plaintext

    def _stream(self, nonce: bytes, size: int) -> bytes:
        blocks = 1 + (size + 15) // 16
        counters = bytearray(16 * blocks)
        for i in range(blocks):
            at = 16 * i
            counters[at] = 1  # flags: L - 1
            counters[at + 1 : at + 14] = nonce
            counters[at + 14] = i >> 8
            counters[at + 15] = i & 255
        return bytes(self._aes(self._key, _ECB).encrypt(counters))

    def _tag(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        flags = 0x59 if aad else 0x19  # Adata | (M - 2) / 2 << 3 | L - 1
        blocks = bytearray((flags,))
        blocks.extend(nonce)
        blocks.extend(len(plaintext).to_bytes(2, "big"))
        if aad:
            blocks.extend(len(aad).to_bytes(2, "big"))
            blocks.extend(aad)
            _pad(blocks)
        blocks.extend(plaintext)
        _pad(blocks)
        return bytes(self._aes(self._key, _CBC, _ZERO).encrypt(blocks)[-16:][:TAG_SIZE])


def _pad(blocks: bytearray) -> None:
    blocks.extend(bytes(-len(blocks) % 16))


def _xor(data: bytes, stream: bytes, start: int) -> bytes:
    out = bytearray(len(data))
    for i in range(len(data)):
        out[i] = data[i] ^ stream[start + i]
    return bytes(out)
