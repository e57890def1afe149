"""The console driver against a small node on a pty that also misbehaves."""

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied
from lyhord_tools.device.console import CommandFailed, NoAnswer, NodeConsole, fields
from lyhord_tools.errors import ToolError
from tests.tools.conftest import Ran
from tests.tools.peer import Peer

LYHORD = Path(sys.executable).parent / "lyhord"


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("chatter", [b"", b"ets Jul 29 2019 12:21:46\r\nrst:0x1\r\n", bytes(range(256))])
def test_enter_and_ask(echo: bool, chatter: bytes) -> None:
    with Peer(echo=echo, chatter=chatter) as peer, NodeConsole(peer.path) as console:
        console.enter(10)
        for _ in range(3):
            assert console.command("version") == ["version: 1.0.0", "board: devkit_rfm95"]
        assert fields(console.command("status")) == {"id": "none", "generation": "none"}
        assert console.command("set sample_period 60") == []
        assert console.command("set name Åkergränd") == []
        assert console.command(f"provision 000a01 {'ab' * 16} 0") == []
        assert peer.settings == {"sample_period": "60", "name": "Åkergränd"}


def test_entering_a_console_that_is_open_already_is_harmless() -> None:
    with Peer() as peer:
        for _ in range(2):
            with NodeConsole(peer.path) as console:
                console.enter(10)
                assert console.command("save") == []


def test_an_error_of_the_node_is_raised_without_the_line_sent() -> None:
    with Peer() as peer, NodeConsole(peer.path) as console:
        console.enter(10)
        with pytest.raises(CommandFailed, match=r"sample_period: 5 is not in 10\.\.\.86400") as failed:
            console.command("set sample_period 5")
        assert failed.value.reason == "sample_period: 5 is not in 10...86400"
        with pytest.raises(CommandFailed) as failed:
            console.command("provisionx 000a01 " + "ab" * 16 + " 0")
        assert "abab" not in str(failed.value)
        assert console.command("version")


def test_a_silent_node_is_given_up_and_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lyhord_tools.device.console._RESET_AFTER_S", 0.1)
    monkeypatch.setattr("lyhord_tools.device.console._ASK_AFTER_S", 0.3)
    asked: list[None] = []
    with Peer(silent=True) as peer, NodeConsole(peer.path) as console:
        with pytest.raises(NoAnswer, match=r"no node answers on .* within 1 s"):
            console.enter(1, ask=lambda: asked.append(None))
        assert len(asked) == 1


def test_an_answer_that_breaks_off_ends_at_the_deadline() -> None:
    with Peer(breaks_off=True) as peer, NodeConsole(peer.path) as console:
        console.enter(10)
        with pytest.raises(NoAnswer, match="does not finish its answer"):
            console.command("help", timeout_s=0.5)


def test_something_else_than_a_node_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        noise = threading.Thread(target=_noise, args=(server,))
        noise.start()
        with (
            NodeConsole(f"socket://127.0.0.1:{server.getsockname()[1]}") as console,
            pytest.raises(ToolError, match="is this a node"),
        ):
            console.command("status", 5)
        noise.join(5)
        assert not noise.is_alive()


def _noise(server: socket.socket) -> None:
    peer, _ = server.accept()
    with peer:
        peer.recv(100)  # pyserial throws away what comes before the first write
        peer.sendall(b"x" * 5000)
        while peer.recv(100):
            pass


def test_a_port_that_goes_away_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        console = NodeConsole(f"socket://127.0.0.1:{server.getsockname()[1]}")
        server.accept()[0].close()
    with console, pytest.raises(ToolError, match="went away"):
        console.enter(5)


class Cable:
    """A port's name that leads to one board after the other; between them it leads nowhere."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ttyACM0"

    def plug(self, peer: Peer) -> None:
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(peer.path)

    def pull(self, peer: Peer) -> None:
        self.path.unlink()
        peer.__exit__()


@pytest.fixture
def cable(tmp_path: Path) -> Cable:
    return Cable(tmp_path)


def test_a_port_that_goes_away_at_reset_is_waited_for(cable: Cable, lyhord: Callable[..., Ran]) -> None:
    before = Peer(silent=True)
    before.__enter__()
    cable.plug(before)
    with Peer() as after:

        def reset() -> None:
            assert before.heard.wait(60)
            cable.pull(before)
            away.set()
            assert back.wait(60)
            cable.plug(after)

        away, back = threading.Event(), threading.Event()
        button = threading.Thread(target=reset)
        button.start()
        timer = threading.Timer(1.0, back.set)
        timer.start()
        ran = lyhord("console", "--port", cable.path, "--command", "version")
        button.join(60)
        timer.join(60)
    assert ran.code == 0, ran.err
    assert "board: devkit_rfm95" in ran.out


def test_a_port_that_stays_away_is_one_line_at_the_end_of_its_time(
    cable: Cable, lyhord: Callable[..., Ran]
) -> None:
    peer = Peer(silent=True)
    peer.__enter__()
    cable.plug(peer)
    puller = threading.Thread(target=lambda: peer.heard.wait(60) and cable.pull(peer))
    puller.start()
    ran = lyhord("console", "--port", cable.path, "--command", "version", "--timeout", 2)
    puller.join(60)
    assert "went away" in ran.refused()


def test_a_port_that_another_program_has_is_one_line(lyhord: Callable[..., Ran]) -> None:
    with Peer() as peer, NodeConsole(peer.path):
        for command in ("console", "provision"):
            said = lyhord(command, "--port", peer.path, *(["-c", "version"] * (command == "console")))
            assert "another program has it" in said.refused()


def terminal(port: object, *words: str) -> pexpect.spawn:
    """`lyhord console` as a person has it before her."""
    program, *arguments = tied(str(LYHORD), "console", "--port", str(port), *words)
    return pexpect.spawn(program, arguments, timeout=DEADLINE_S)


def test_the_terminal_waits_for_its_port_and_goes_on(cable: Cable) -> None:
    before = Peer()
    before.__enter__()
    cable.plug(before)
    screen = terminal(cable.path)
    try:
        screen.expect_exact("Ctrl-] leaves")
        cable.pull(before)
        screen.expect_exact("waiting up to 60 s for it")
        with Peer() as after:
            cable.plug(after)
            screen.expect_exact("is back")
            screen.send("\r")
            screen.expect_exact("> ")
            screen.send("\x1d")
            screen.expect(pexpect.EOF)
    finally:
        screen.close()
    assert screen.exitstatus == 0


def test_the_terminal_of_a_pulled_port_ends_with_one_line(cable: Cable) -> None:
    before = Peer()
    before.__enter__()
    cable.plug(before)
    screen = terminal(cable.path, "--timeout", "1")
    try:
        screen.expect_exact("Ctrl-] leaves")
        cable.pull(before)
        screen.expect_exact("did not come back")
        screen.expect(pexpect.EOF)
        assert b"Traceback" not in screen.before
    finally:
        screen.close()
    assert screen.exitstatus == 2


@pytest.mark.parametrize(
    ("port", "why"),
    [
        ("/dev/no-such-port", "no such port; none is there; is it a data cable?"),
        ("socket://127.0.0.1:1", "Connection refused"),
        ("nonsense://x", "invalid URL, protocol 'nonsense' not known"),
        ("/dev/null", "not a serial port"),
    ],
)
def test_a_port_that_is_none_is_one_line(port: str, why: str, lyhord: Callable[..., Ran]) -> None:
    said = lyhord("console", "--port", port, "--command", "status").refused()
    assert said == f"lyhord: cannot open {port}: {why}"


def test_a_person_types_and_reads_and_leaves() -> None:
    with Peer() as peer:
        screen = terminal(peer.path)
        try:
            screen.expect_exact("Ctrl-] leaves")
            screen.send("\r")
            screen.expect_exact("> ")
            screen.send("version\r")
            screen.expect_exact("version: 1.0.0")
            screen.send("\x1d")
            screen.expect(pexpect.EOF)
        finally:
            screen.close()
        assert screen.exitstatus == 0
        assert peer.lines == ["version"]


def test_without_a_terminal_only_commands_work(lyhord: Callable[..., Ran]) -> None:
    with Peer() as peer:
        assert "use --command" in lyhord("console", "--port", peer.path).refused()


def test_scripts_get_the_lines_of_the_answer(lyhord: Callable[..., Ran]) -> None:
    with Peer() as peer:
        ran = lyhord("console", "--port", peer.path, "-c", "version", "-c", "status")
        assert ran.code == 0
        assert ran.out.splitlines() == [
            "version: 1.0.0",
            "board: devkit_rfm95",
            "id: none",
            "generation: none",
        ]
        line = lyhord("console", "--port", peer.path, "--command", "set full_alarm 300").refused()
        assert line == "lyhord: the node says: full_alarm: 300 is not in 1...100"
