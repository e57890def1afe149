"""`make install-check`: docs/operate.md, followed to the letter in a fresh Debian that debootstrap makes.

    debootstrap ──▶ install ──▶ verify ──▶ care: backup, restore, upgrade ──▶ verify

There is no systemd in a chroot: what `systemctl` is asked to start and stop is done here, as the unit says.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from lyhord_rig.tied import tied
from tests.install.document import blocks

_ROOT = Path("build/install-check").absolute()
_BASE = _ROOT.with_name("install-base")  # the bare Debian, kept for the next time
_SUITE, _PACKAGES = "bookworm", "ca-certificates,systemd,udev"
_MOUNTS = (("proc", "proc"), ("tmpfs", "run"))
_UP_S = 60.0
_STOP_S = 5.0
# What this machine's network needs is needed inside too.
_PASSED_ON = ("/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")


class Failed(Exception):
    """The message is one line."""


class Machine:
    """The fresh Debian; `services` are the processes that systemd would have started."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.services: dict[str, subprocess.Popen[bytes]] = {}

    def follow(self, block: str) -> None:
        """One code block of the document; every command in it must succeed."""
        for piece in re.split(r"^(systemctl .*\n)", block, flags=re.M):
            if piece:
                self._sh(piece)
            for verb, units in re.findall(r"^systemctl (start|stop|restart) (.*)$", piece, re.M):
                for unit in units.split():
                    if verb in ("stop", "restart"):
                        self.stop(unit)
                    if verb in ("start", "restart"):
                        self.start(unit)

    def _sh(self, block: str) -> None:
        print("\n".join(f"  | {line}" for line in block.rstrip().splitlines()), flush=True)
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LYHORD": "file:///lyhord.git",
        }
        environment |= {"DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8", "SYSTEMD_OFFLINE": "1"}
        done = subprocess.run(
            ["chroot", str(self.root), "bash", "-e"], input=block.encode(), env=environment, check=False
        )
        if done.returncode:
            raise Failed(f"a command of docs/operate.md failed with {done.returncode}, see above")

    def start(self, unit: str) -> None:
        user, command = self._unit(unit)
        log = (self.root / "var/log" / f"{unit}.log").open("ab")
        (self.root / "run" / unit).mkdir(exist_ok=True)
        shutil.chown(self.root / "run" / unit, *self._ids(user))
        self.services[unit] = subprocess.Popen(
            ["chroot", f"--userspec={user}:{user}", str(self.root), *tied(*command.split())],
            stdout=log,
            stderr=log,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        log.close()

    def stop(self, unit: str) -> None:
        service = self.services.pop(unit, None)
        if service is None:
            return
        start_s = time.monotonic()
        service.send_signal(signal.SIGTERM)
        code = service.wait(timeout=4 * _STOP_S)
        took_s = time.monotonic() - start_s
        if code or took_s > _STOP_S:
            raise Failed(f"{unit}: stopped with {code} after {took_s:.1f} s")

    def up(self) -> None:
        """Waits until the gateway answers /health, whatever it says, and listens to WiFi nodes."""
        end = time.monotonic() + _UP_S
        probe = ["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:9470/health"]
        status = self.root / "var/lib/lyhord/status.json"
        while (
            subprocess.run(["chroot", str(self.root), *probe], check=False).returncode
            or json.loads(status.read_text())["states"].get("mqtt") != "up"
        ):
            dead = [unit for unit, service in self.services.items() if service.poll() is not None]
            if dead or time.monotonic() > end:
                log = (self.root / "var/log/lyhord-gateway.log").read_text()
                raise Failed(f"no answer of the gateway; ended: {dead}; its log: {log[-2000:]}")
            time.sleep(0.2)

    def runs_as(self, unit: str) -> str:
        uid = Path(f"/proc/{self.services[unit].pid}").stat().st_uid
        passwd = (self.root / "etc/passwd").read_text().splitlines()
        return next(line.split(":")[0] for line in passwd if int(line.split(":")[2]) == uid)

    def _unit(self, unit: str) -> tuple[str, str]:
        """User and command of the unit; Debian's mosquitto would start as root and change its user."""
        for folder in ("etc/systemd/system", "lib/systemd/system", "usr/lib/systemd/system"):
            path = self.root / folder / f"{unit}.service"
            if path.exists():
                text = path.read_text()
                (command,) = re.findall(r"^ExecStart=(.*)$", text, re.M)
                user = re.search(r"^User=(.*)$", text, re.M)
                return user[1] if user else unit, command
        raise Failed(f"{unit}: no such unit")

    def _ids(self, user: str) -> tuple[int, int]:
        for line in (self.root / "etc/passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == user:
                return int(uid), int(gid)
        raise Failed(f"{user}: no such user")


def fresh() -> None:
    """A bare Debian in _ROOT, with this repository's newest commit at /lyhord.git."""
    if not (_BASE / "etc/debian_version").exists():
        shutil.rmtree(_BASE, ignore_errors=True)
        print(f"debootstrap {_SUITE}, once", flush=True)
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(_BASE)]
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
            raise Failed("debootstrap failed, see above")
    shutil.rmtree(_ROOT, ignore_errors=True)
    subprocess.run(["cp", "-a", str(_BASE), str(_ROOT)], check=True)
    for name in _PASSED_ON:
        if Path(name).exists():
            shutil.copyfile(name, _ROOT / name.removeprefix("/"))
    policy = _ROOT / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")  # packages start nothing by themselves
    policy.chmod(0o755)
    subprocess.run(["git", "clone", "-q", "--bare", ".", str(_ROOT / "lyhord.git")], check=True)
    subprocess.run(["chown", "-R", "root:", str(_ROOT / "lyhord.git")], check=True)


@contextlib.contextmanager
def mounted() -> Iterator[None]:
    done: list[str] = []
    try:
        for kind, name in _MOUNTS:
            subprocess.run(["mount", "-t", kind, kind, str(_ROOT / name)], check=True)
            done.append(str(_ROOT / name))
        yield
    finally:
        for name in reversed(done):
            subprocess.run(["umount", "-l", name], check=False)


def main() -> int:
    if os.geteuid():
        print("install-check: expected root, because it makes a Debian of its own (sudo make install-check)")
        return 2
    try:
        fresh()
        machine = Machine(_ROOT)
        with mounted():
            try:
                health, *node = blocks("verify")
                for block in blocks("install"):
                    machine.follow(block)
                machine.up()
                for block in (health, *node, *blocks("care")):
                    machine.follow(block)
                machine.up()
                machine.follow(health)
                user = machine.runs_as("lyhord-gateway")
                for unit in tuple(machine.services):
                    machine.stop(unit)
            finally:
                for service in machine.services.values():
                    service.kill()
    except Failed as failed:
        print(f"install-check: {failed}")
        return 1
    print(
        f"install-check: docs/operate.md holds; the gateway ran as {user}, and stopped within {_STOP_S:.0f} s"
    )
    return 0 if user == "lyhord" else 1


if __name__ == "__main__":
    sys.exit(main())
