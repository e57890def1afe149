"""TLS and accounts against a real Mosquitto: what does not hold is one clear line, and no secret shows."""

import asyncio
import base64
import hashlib
import logging
from pathlib import Path

import pytest

from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from lyhord_gateway.options.secret import Credentials
from lyhord_gateway.publish.client import PlatformClient, make_platform_client
from lyhord_rig.deadline import DEADLINE_S
from tests.fakes.certificates import Authority
from tests.gateway.bench import Bench
from tests.gateway.parts import Mosquitto, Node, until
from tests.gateway.publishing import publishing

USER, PASSWORD = "stadens-konto", "hemligt-losenord"


class Secured(Mosquitto):
    """A broker behind TLS. authority: whose client certificates it wants; password: of its only user."""

    def __init__(
        self,
        folder: Path,
        files: tuple[Path, Path],
        authority: Path | None = None,
        password: str | None = None,
    ) -> None:
        super().__init__(folder)
        text = f"listener {self.port} 127.0.0.1\nallow_anonymous {'false' if password else 'true'}\n"
        text += f"certfile {files[0]}\nkeyfile {files[1]}\nuser root\n"
        if authority is not None:
            text += f"cafile {authority}\nrequire_certificate true\n"
        if password is not None:
            accounts = folder / "accounts"
            accounts.write_text(f"{USER}:{_hashed(password)}\n")
            accounts.chmod(0o600)
            text += f"password_file {accounts}\n"
        self._config.write_text(text)


def _hashed(password: str) -> str:
    """As mosquitto_passwd writes it: $7$ rounds, salt and PBKDF2 with SHA-512."""
    salt = bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def endpoint(port: int, ca: Path | None, host: str = "127.0.0.1", **more: object) -> Endpoint:
    return Endpoint(url=MqttUrl(host, port, True), ca_file=ca, **more)  # type: ignore[arg-type]


async def outcome(bench: Bench, where: Endpoint, caplog: pytest.LogCaptureFixture, protocol: str) -> str:
    """Delivers a reading: "up", or why not, as log and health tell it."""
    await bench.heard(Node().report())

    def make() -> PlatformClient:
        return make_platform_client(where, "gateway", protocol, None)

    with caplog.at_level(logging.INFO):
        async with publishing(bench, where.url.port, connect=make):
            await until(lambda: bench.metrics.states.get("platform.city") is not None, "an outcome")
            if bench.metrics.states["platform.city"] == "up":
                await until(lambda: bench.reader.cursor("city") == 1, "it is delivered")
                return "up"
    why = bench.metrics.why["platform.city"]
    lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert lines == [f"platform city: lost ({why})"], "one line"
    assert PASSWORD not in caplog.text and "wrong-one" not in caplog.text
    assert bench.reader.cursor("city") == 0
    return why


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("good", "up"),
        ("wrong host", "IP address mismatch"),
        ("untrusted", "self-signed certificate|unable to get local issuer"),
        ("expired", "certificate has expired"),
    ],
)
async def test_the_chain_and_the_host_are_verified(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture, case: str, expected: str, protocol: str
) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    host = "127.0.0.2" if case == "wrong host" else "127.0.0.1"
    files = ours.issue("server", host, valid=case != "expired")
    async with Secured(tmp_path, files) as broker:
        trusted = other.file if case == "untrusted" else ours.file
        why = await outcome(bench, endpoint(broker.port, trusted), caplog, protocol)
    assert any(words in why for words in expected.split("|")), why


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [("ours", "up"), ("other", "unknown ca|decrypt error"), (None, "certificate required|handshake failure")],
)
async def test_a_required_client_certificate(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture, issuer: str | None, expected: str
) -> None:
    """With TLS 1.3 the broker refuses after the handshake, or so soon that its alert is lost in a reset."""
    ours = Authority(tmp_path, "ours")
    of = {"ours": ours, "other": Authority(tmp_path, "other"), None: None}[issuer]
    certificate, key = of.issue("client") if of else (None, None)
    async with Secured(tmp_path, ours.issue("server", "127.0.0.1"), authority=ours.file) as broker:
        where = endpoint(broker.port, ours.file, cert_file=certificate, key_file=key)
        async with asyncio.timeout(DEADLINE_S):
            why = await outcome(bench, where, caplog, "3.1.1")
    print(why)
    assert any(words in why for words in (*expected.split("|"), "closed before CONNACK")), why


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize(("password", "up"), [(PASSWORD, True), ("wrong-one", False)])
async def test_user_and_password(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture, password: str, up: bool, protocol: str
) -> None:
    ours = Authority(tmp_path, "ours")
    async with Secured(tmp_path, ours.issue("server", "127.0.0.1"), password=PASSWORD) as broker:
        where = endpoint(broker.port, ours.file, credentials=Credentials(USER, password))
        why = await outcome(bench, where, caplog, protocol)
    assert why == "up" if up else "ot authorized" in why or "user name or password" in why, why
