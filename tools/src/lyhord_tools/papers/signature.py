"""A technician's signature under a record: Ed25519 (RFC 8032) over its canonical form.

    {"record": {…}, "signature": {"algorithm": "Ed25519", "public_key": "…", "value": "…"}}

The public key is beside the signature: by itself that shows only that nothing was changed since. Who signed
is shown by a public key that came another way.
"""

import base64
import binascii
import hashlib
import json
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from lyhord_tools.errors import ToolError
from lyhord_tools.papers.record import Record, canonical, read
from lyhord_tools.private_file import create_private, read_private, refuse_secret

ALGORITHM = "Ed25519"
_MOST = 1 << 20  # bytes of a file


def new_key(path: Path) -> str:
    """Makes a key in a new file of mode 0600; its public half, PEM. Raises ToolError."""
    key = Ed25519PrivateKey.generate()
    create_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"))
    return public_half(key)


def public_half(key: Ed25519PrivateKey) -> str:
    """The public key as PEM, to be given to whoever checks."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in a file of mode 0600. Raises ToolError, which never quotes the file."""
    try:
        key = load_pem_private_key(read_private(path), None)
    except (ValueError, TypeError) as fault:
        raise ToolError(f"{path}: expected a key of lyhord report key") from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise ToolError(f"{path}: expected an {ALGORITHM} key")
    return key


def load_public(path: Path) -> bytes:
    """The 32 bytes of a public key, from its PEM. Raises ToolError."""
    refuse_secret(path)
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as fault:
        raise ToolError(f"cannot read {path}: {fault.strerror}") from fault
    except ValueError as fault:
        raise ToolError(f"{path}: expected a public key, as lyhord report key prints it") from fault
    if not isinstance(key, Ed25519PublicKey):
        raise ToolError(f"{path}: expected an {ALGORITHM} key")
    return key.public_bytes_raw()


def fingerprint(public: bytes) -> str:
    """Sixteen hex digits to compare by eye, in groups of four."""
    digest = hashlib.sha256(public).hexdigest()[:16]
    return " ".join(digest[at : at + 4] for at in range(0, 16, 4))


def sign(record: Record, key: Ed25519PrivateKey) -> str:
    """The signed record as a JSON text."""
    told = record.told()
    public = key.public_key().public_bytes_raw()
    signature = {
        "algorithm": ALGORITHM,
        "public_key": base64.b64encode(public).decode(),
        "value": base64.b64encode(key.sign(canonical(told))).decode(),
    }
    return json.dumps({"record": told, "signature": signature}, ensure_ascii=False, indent=1) + "\n"


def verify(path: Path, public: bytes | None = None) -> tuple[Record, bytes]:
    """The record in a signed file, and the public key that it is signed with. public: the key to expect.

    Raises ToolError for what is no such file, was changed, or is somebody else's.
    """
    try:
        data = path.read_bytes()[:_MOST]
        told = json.loads(data, object_pairs_hook=_once)
        record, signature = told["record"], told["signature"]
        if set(told) != {"record", "signature"} or set(signature) != {"algorithm", "public_key", "value"}:
            raise ValueError("fields")
        signed_with = base64.b64decode(signature["public_key"], validate=True)
        value = base64.b64decode(signature["value"], validate=True)
        if signature["algorithm"] != ALGORITHM:
            raise ToolError(f"{path}: expected a signature by {ALGORITHM}")
        key = Ed25519PublicKey.from_public_bytes(signed_with)
    except OSError as fault:
        raise ToolError(f"cannot read {path}: {fault.strerror}") from fault
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as fault:
        raise ToolError(f"{path}: expected a signed report, whole") from fault
    try:
        key.verify(value, canonical(record))
    except InvalidSignature as fault:
        raise ToolError(f"{path}: the signature does not hold: the report was changed") from fault
    if public is not None and signed_with != public:
        raise ToolError(f"{path}: signed with another key, {fingerprint(signed_with)}")
    return read(record), signed_with


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON; two values of one name would be read differently by different readers."""
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("a name twice")
    return told
