"""The accounts of the embedded broker where others reach it: the gateway's, and each node's for two topics.

A node's user name is its id in six hexadecimal digits. Its password is made from its id and a secret of this
gateway, so that it can be told again at any time and outlives the node's keys; whoever has one has no other.
The registry decides who has an account: a node that is disabled has none.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from lyhord_gateway.model.reading import node_text

GATEWAY = "gateway"
_ROUNDS = 101  # of PBKDF2: Mosquitto's own default, and the passwords have 128 bits
_SECRET_BYTES = 32
_ACCESS = f"""user {GATEWAY}
topic read lyhord/v1/+/up
topic write lyhord/v1/+/down

pattern write lyhord/v1/%u/up
pattern read lyhord/v1/%u/down
"""


class Accounts:
    """folder: `broker` in the gateway's data_dir; made with mode 0700 when it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.passwords = folder / "passwords"
        self.access = folder / "access"

    def password(self, node: int) -> str:
        """Of a node, 32 hexadecimal digits."""
        return hmac.digest(self._secret(), node_text(node).encode(), "sha256").hex()[:32]

    def write(self, nodes: Iterable[int], gateway_password: str) -> None:
        """The files that the broker reads, for exactly these nodes and the gateway."""
        known = {GATEWAY: gateway_password} | {node_text(node): self.password(node) for node in nodes}
        _replace(self.passwords, password_file(known))
        _replace(self.access, _ACCESS)

    def known_secret(self) -> bytes | None:
        """For a backup: all passwords are made from it. None as long as nobody has had one."""
        path = self._folder / "secret"
        return bytes.fromhex(path.read_text()) if path.exists() else None

    def restore_secret(self, secret: bytes) -> None:
        """Out of a backup: every node has its account again. Root does it for the owner of data_dir."""
        path = self._folder / "secret"
        if self.known_secret() == secret:
            return
        _replace(path, secret.hex())
        if os.geteuid() == 0:
            owner = self._folder.parent.stat()
            for made in (self._folder, path):
                os.chown(made, owner.st_uid, owner.st_gid)

    def _secret(self) -> bytes:
        known = self.known_secret()
        if known is None:
            known = secrets.token_bytes(_SECRET_BYTES)
            _replace(self._folder / "secret", known.hex())
        return known


def kept_name(data_dir: Path) -> str:
    """16 hexadecimal digits that nobody knows beforehand, the same at every start."""
    path = data_dir / "client-id"
    if not path.exists():
        _replace(path, secrets.token_hex(8))
    return path.read_text()


def _replace(path: Path, text: str) -> None:
    """In one step, and for nobody else to read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def password_file(passwords: Mapping[str, str]) -> str:
    """As Mosquitto reads it: user, `$7$`, rounds, salt and PBKDF2-HMAC-SHA512 in Base64."""
    lines = []
    for user, password in passwords.items():
        salt = os.urandom(12)
        digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
        encoded = [base64.b64encode(part).decode() for part in (salt, digest)]
        lines.append(f"{user}:$7${_ROUNDS}${encoded[0]}${encoded[1]}\n")
    return "".join(lines)
