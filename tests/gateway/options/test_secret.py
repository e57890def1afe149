"""Secrets in files: private, well formed, and never shown."""

from pathlib import Path

import pytest

from lyhord_gateway.options.secret import Credentials, read_credentials
from lyhord_gateway.support.errors import UserError


def secret(folder: Path, content: str, mode: int = 0o600) -> Path:
    path = folder / "city"
    path.write_text(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [
        ("user\npass\n", 0o640, "expected mode 0600"),
        ("user\npass\n", 0o604, "expected mode 0600"),
        ("", 0o600, "user name on line 1"),
        ("\npass\n", 0o600, "user name on line 1"),
        ("a\nb\nc\n", 0o600, "line 2"),
        ("a\x1b[2J\nb\n", 0o600, "no control characters"),
    ],
)
def test_credentials_are_private_and_well_formed(
    content: str, mode: int, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=expected) as caught:
        read_credentials("platform[0].credentials", secret(tmp_path, content, mode))
    assert str(caught.value).startswith("platform[0].credentials: ")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("token\n", Credentials("token", None)),
        ("user\r\n pass \r\n", Credentials("user", " pass ")),
    ],
)
def test_what_is_well_formed_is_taken_and_hides(content: str, found: Credentials, tmp_path: Path) -> None:
    read = read_credentials("credentials", secret(tmp_path, content))
    assert read == found and found.user not in repr(read)
