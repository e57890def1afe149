"""AES-CCM-16-64-128 against RFC 3610 section 8 and the COSE working group's example."""

from binascii import hexlify, unhexlify

from tests.wire.helpers import cipher, raises

MICROPYTHON_HEAPS = ("1m", "128k")

_RFC_3610_KEY = "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"

# name, key, nonce, additional data, plaintext, ciphertext | tag
VECTORS = (
    (
        "RFC 3610 packet vector 1",
        _RFC_3610_KEY,
        "00000003020100a0a1a2a3a4a5",
        "0001020304050607",
        "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
        "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0",
    ),
    (
        "RFC 3610 packet vector 2",
        _RFC_3610_KEY,
        "00000004030201a0a1a2a3a4a5",
        "0001020304050607",
        "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916",
    ),
    (
        "RFC 3610 packet vector 3",
        _RFC_3610_KEY,
        "00000005040302a0a1a2a3a4a5",
        "0001020304050607",
        "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
        "51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5",
    ),
    (
        "RFC 3610 packet vector 4",
        _RFC_3610_KEY,
        "00000006050403a0a1a2a3a4a5",
        "000102030405060708090a0b",
        "0c0d0e0f101112131415161718191a1b1c1d1e",
        "a28c6865939a9a79faaa5c4c2a9d4a91cdac8c96c861b9c9e61ef1",
    ),
    (
        "COSE aes-ccm-enc-01",
        "849b57219dae48de646d07dbb533566e",
        "89f52f65a1c580933b5261a72f",
        "8368456e63727970743043a1010a40",
        "546869732069732074686520636f6e74656e742e",
        "6899da0a132bd2d2b9b10915743ee1f7b92a4680e7c51bdbc1b320ea",
    ),
)

KEY = bytes(range(16))
NONCE = bytes(range(13))
AAD = b"header"


def test_published_vectors_are_sealed_and_opened():
    for name, key, nonce, aad, plaintext, sealed in VECTORS:
        nonce, aad, plaintext = unhexlify(nonce), unhexlify(aad), unhexlify(plaintext)
        assert hexlify(cipher(key).seal(nonce, plaintext, aad)).decode() == sealed, name
        assert cipher(key).open(nonce, unhexlify(sealed), aad) == plaintext, name


def test_without_additional_data():
    # From the package `cryptography`; RFC 3610 has no such vector.
    sealed = unhexlify("785b94e9376d93f633f85dc6f1147ab9976178d798fce939ffa5")
    assert cipher(KEY).seal(NONCE, b"no additional data", b"") == sealed
    assert cipher(KEY).open(NONCE, sealed, b"") == b"no additional data"


def test_every_length_around_the_block_size_comes_back():
    for size in tuple(range(50)) + (205, 206, 240):
        plaintext = bytes([i & 255 for i in range(size)])
        sealed = cipher(KEY).seal(NONCE, plaintext, AAD)
        assert len(sealed) == size + 8
        assert cipher(KEY).open(NONCE, sealed, AAD) == plaintext, size


def test_one_changed_bit_anywhere_is_noticed():
    sealed = cipher(KEY).seal(NONCE, b"a plaintext of 24 bytes.", AAD)
    for good, opened in (
        (sealed, lambda changed: cipher(KEY).open(NONCE, changed, AAD)),
        (NONCE, lambda changed: cipher(KEY).open(changed, sealed, AAD)),
        (AAD, lambda changed: cipher(KEY).open(NONCE, sealed, changed)),
        (KEY, lambda changed: cipher(changed).open(NONCE, sealed, AAD)),
    ):
        assert opened(good) == b"a plaintext of 24 bytes."
        for bit in range(8 * len(good)):
            changed = bytearray(good)
            changed[bit >> 3] ^= 1 << (bit & 7)
            assert opened(bytes(changed)) is None, bit


def test_less_than_a_tag_is_not_opened():
    for size in range(8):
        assert cipher(KEY).open(NONCE, bytes(size), AAD) is None


def test_a_key_of_another_size_is_a_bug():
    for size in (0, 15, 17, 24, 32):
        assert raises(ValueError, cipher, bytes(size)), size
