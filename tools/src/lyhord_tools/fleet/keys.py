"""A node's key: 16 bytes that are written to files of mode 0600 and never shown."""

import json
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from lyhord_tools.errors import ToolError
from lyhord_tools.private_file import refuse_secret
from lyhord_wire.outside import NotText, first_line, text_of

KEY_SIZE = 16
_TAG_SIZE = 8
_HEX = "0123456789abcdefABCDEF"


@dataclass(frozen=True, slots=True)
class Key:
    """AES-128 key of one node and generation. Its repr and str hide it."""

    value: bytes = field(repr=False)

    def is_blank(self) -> bool:
        """True if it is what erased flash or empty memory reads like, which anybody can guess."""
        return self.value in (bytes(KEY_SIZE), b"\xff" * KEY_SIZE)

    def cipher(self) -> "KeyCipher":
        """The cipher under this key, as `lyhord_wire.frame` takes it."""
        return KeyCipher(self.value)


class KeyCipher:
    """AES-CCM-16-64-128 (RFC 9053 section 4.2) by the `cryptography` package."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESCCM(key, tag_length=_TAG_SIZE)

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Ciphertext and tag."""
        return self._aes.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
        """The plaintext, or None when the tag does not hold."""
        try:
            return self._aes.decrypt(nonce, sealed, aad)
        except InvalidTag:
            return None


def new_key() -> Key:
    """A key that nobody can guess."""
    return Key(secrets.token_bytes(KEY_SIZE))


def read_key(path: Path) -> Key:
    """The key in a file of 32 hex digits. Raises ToolError; the message never quotes the file."""
    return _only_key(path, _read_private(path))


def read_key_for(path: Path, node: int, generation: int) -> Key:
    """The key of `node` and the low bit of `generation`, from a key file or from a registry (JSON lines)."""
    text = _read_private(path)
    if not text.lstrip().startswith("{"):
        return _only_key(path, text)
    for line in text.split("\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # a torn last line; a registry's reader says so, here only this node matters
        if not isinstance(entry, dict) or str(entry.get("id")).lower() != f"{node:06x}":
            continue
        of = entry.get("generation", 0)
        if isinstance(of, int) and of & 1 == generation & 1 and (key := key_of(str(entry.get("key")))):
            return key
    raise ToolError(f"{path} holds no key of generation {generation} for node {node:06x}")


def read_text(path: Path) -> str:
    """The file's text. Raises ToolError when it cannot be read, or is no UTF-8."""
    refuse_secret(path)
    try:
        return text_of(path.read_bytes())
    except OSError as fault:
        raise ToolError(f"cannot read {path}: {fault.strerror}") from fault
    except NotText as fault:
        raise ToolError(f"{path}: {fault}") from fault


def read_secret(path: Path) -> str:
    """The one line in a file, spaces at its ends included: they may be part of a password. Raises ToolError;
    the message never quotes the file."""
    refuse_secret(path)
    try:
        return first_line(path.read_bytes())
    except OSError as fault:
        raise ToolError(f"cannot read {path}: {fault.strerror}") from fault
    except NotText as fault:
        raise ToolError(f"{path}: {fault}") from fault


def _read_private(path: Path) -> str:
    text = read_text(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ToolError(f"{path}: expected mode 0600, others may use it now")
    return text


def _only_key(path: Path, text: str) -> Key:
    key = key_of(text.strip())
    if key is None:
        raise ToolError(f"{path} does not hold a key of {KEY_SIZE * 2} hex digits")
    return key


def key_of(text: str) -> Key | None:
    """The key in 32 hex digits; None for any other text."""
    if len(text) != KEY_SIZE * 2 or not all(digit in _HEX for digit in text):
        return None
    return Key(bytes.fromhex(text))
