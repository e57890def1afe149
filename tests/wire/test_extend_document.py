"""docs/extend.md, the wire's part: numbers with names are added to a copy of the tree, and known there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lyhord_rig import World
from lyhord_rig.radio.ether import Ether
from lyhord_tools.image.build import build_image
from lyhord_tools.image.tree import Tree
from lyhord_wire.fields import ABOUT as ABOUT_FIELDS
from lyhord_wire.fields import Field
from tests.fakes.lora_gateway import LoraGateway
from tests.house.extend_document import apply, copy
from tests.house.sources import ROOT
from tests.node.bin_node import BIN, KEY, BinNode
from tests.plugins.both_interpreters import INTERPRETER

FOLDERS = ("firmware", "gateway/src", "tools/src", "docs")
DEADLINE_S = 60
WIRE = "firmware/wire/lyhord_wire/"
NODE = "firmware/node/lyhord_node/"

QUANTITY = """
from lyhord_wire.report import Refused, Report, decode_report, encode_report
def codec():
    for value in (0, 7, 0xFFFF):
        report = Report(1, 1767268800, 60, {13: [value, None]}, None, None)
        assert decode_report(encode_report(report)).columns == {13: [value, None]}
    try:
        decode_report(encode_report(Report(1, 1767268800, 0, {13: [0x10000]}, None, None)))
    except Refused as refused:
        assert refused.reason == "schema" and "emptied_count" in refused.detail
    else:
        raise AssertionError
codec()
"""
QUANTITY_AT_THE_GATEWAY = """
from lyhord_gateway.model.reading import Reading
from lyhord_gateway.profiles.entities import components
from lyhord_gateway.profiles.scale import SI
from lyhord_gateway.profiles.senml import SenmlProfile
reading = Reading(1, 0xA01, 5, 1767225600, {13: 7}, None, None, None, "roof", False)
assert b'{"n":"emptied_count","u":"count","v":7}' in SenmlProfile("topic", "gw").payload([reading])
shown = components(1, [13], SI, False)["emptied_count"]
assert shown["name"] == "Times emptied" and shown["state_class"] == "total_increasing"
"""
SETTING = """
from lyhord_wire.settings import SETTINGS
assert (SETTINGS[16].name, SETTINGS[16].default) == ("battery_alarm", 3300)
from lyhord_node.alarms import judge
from lyhord_node.settings import changed, defaults
from lyhord_node.state import State
class Rtc:
    pass
settings, why = changed(defaults(), {16: 3600}, 1)
assert why is None and changed(defaults(), {16: 2499}, 1)[1] == "battery_alarm: expected 2500...4200"
state = State(Rtc())
assert judge(state, {5: 3599}, settings, 1, 0) and list(state.alarms.active) == [5]
assert not judge(state, {5: 3751}, settings, 1, 0) and not state.alarms.active
"""
SETTING_AT_THE_GATEWAY = """
from lyhord_gateway.model.orders import OrderRefused, settings_order
assert settings_order({"battery_alarm": 3600}).settings == {16: 3600}
try:
    settings_order({"battery_alarm": 2499})
except OrderRefused as refused:
    assert str(refused) == "battery_alarm: expected 2500…4200 (mV)", refused
else:
    raise AssertionError
"""
ALARM = """
from lyhord_node.alarms import judge
from lyhord_node.settings import defaults
from lyhord_node.state import State
from lyhord_wire.names import ALARMS
class Rtc:
    pass
state = State(Rtc())
assert judge(state, {4: 800}, defaults(), 2, 0)
assert [ALARMS[code] for code in state.alarms.active] == ["damp"]
judge(state, {4: 750}, defaults(), 2, 0)
assert len(state.alarms.active) == 1
judge(state, {4: 749}, defaults(), 2, 0)
assert not state.alarms.active
assert not judge(state, {4: 800}, defaults(), 1, 0)
"""
ALARM_AT_THE_GATEWAY = """
from lyhord_gateway.model.reading import alarm_name
from lyhord_gateway.profiles.entities import components
from lyhord_gateway.profiles.scale import SI
assert alarm_name(9) == "damp"
assert components(2, [], SI, False)["alarm_damp"]["device_class"] == "moisture"
assert "alarm_damp" not in components(1, [], SI, False)
"""
STATUS = """
from lyhord_wire.report import Report, decode_report, encode_report
for value, known in ((0xFFFFFFFF, True), (-1, False)):
    status = decode_report(encode_report(Report(1, 1767268800, 0, {}, {11: value, 2: 5}, None))).status
    assert status == ({11: value, 2: 5} if known else {2: 5})
"""
STATUS_AT_THE_GATEWAY = """
from lyhord_gateway.cli.node_rows import _status_name
assert _status_name(11) == "wakes"
"""
ABOUT = """
from lyhord_wire.about import Refused, decode_about, encode_about
assert decode_about(encode_about({0: "Torget", 8: "K-7"})) == {0: "Torget", 8: "K-7"}
try:
    decode_about(encode_about({8: "K" * 25}))
except Refused as refused:
    assert refused.reason == "schema"
else:
    raise AssertionError
from lyhord_node.config import objection
assert objection("lid_key", "K" * 24) is None and objection("lid_key", "K" * 25)
"""
ABOUT_AT_THE_GATEWAY = """
from lyhord_gateway.profiles.thingsboard import ThingsBoardProfile
from lyhord_gateway.store.about import enter_about
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.schema import open_store
from pathlib import Path
store = open_store(Path("store.db"))
store.execute("INSERT INTO node (id) VALUES (1)")
enter_about(store, 1, {8: "K-7"})
facts = Reader(store).listed(1).facts
assert facts.more == {"lid_key": "K-7"}
assert b'{"lyhord-000001":{"lid_key":"K-7"}}' == ThingsBoardProfile().announce(facts)[1].payload
"""
INSTRUCTION = """
from lyhord_wire.instructions import GATEWAY, Refused, decode_instructions, encode_instructions
assert GATEWAY == 6 and decode_instructions(encode_instructions({6: 0x010203})) == {6: 0x010203}
try:
    decode_instructions(encode_instructions({6: 0x1000000}))
except Refused as refused:
    assert refused.reason == "schema"
else:
    raise AssertionError
"""
INSTRUCTION_AT_THE_GATEWAY = """
from types import SimpleNamespace as Any
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from importlib.metadata import version
from lyhord_gateway.ingest.answer import Answerer
from lyhord_gateway.support.metrics import Metrics
from lyhord_tools.decode import decode
ccm = AESCCM(bytes(16), tag_length=8)
cipher = Any(seal=ccm.encrypt, open=ccm.decrypt)
frames = []
reply = lambda frame, aborted: frames.append(frame)
asked = Any(cipher=cipher, node=0xA01, counter=9, generation=0, reply=reply)
orders = Any(settings={}, command=(), version=0, ids=(), more=False)
committed = Any(downlink=1, stored=5, resend=None, orders=orders)
Answerer(7, Metrics(), None, lambda: None).answer(asked, committed)
said = decode(frames[0], lambda node, generation: cipher, 9)["instructions"]
assert said["gateway"] == version("lyhord-gateway") and said["stored_below"] == 5, said
"""

EXAMPLES = {
    "A quantity": (
        [WIRE + "quantities.py", NODE + "measure.py"],
        [WIRE + "codes.py", WIRE + "names.py", "docs/lyhord.cddl", "docs/protocol.md", "docs/platforms.md"],
        QUANTITY,
        QUANTITY_AT_THE_GATEWAY,
    ),
    "A setting": (
        [WIRE + "orders.py", NODE + "alarms.py"],
        [WIRE + "codes.py", WIRE + "settings.py", "docs/lyhord.cddl", "docs/protocol.md"],
        SETTING,
        SETTING_AT_THE_GATEWAY,
    ),
    "An alarm": (
        [WIRE + "alarms.py", NODE + "alarms.py"],
        [WIRE + "codes.py", WIRE + "names.py", "docs/lyhord.cddl", "docs/protocol.md", "docs/sensors.md"],
        ALARM,
        ALARM_AT_THE_GATEWAY,
    ),
    "A status field": (
        [WIRE + "fields.py", NODE + "uplink_builder.py"],
        [WIRE + "codes.py", "docs/lyhord.cddl", "docs/protocol.md"],
        STATUS,
        STATUS_AT_THE_GATEWAY,
    ),
    "An about field": (
        [WIRE + "fields.py", NODE + "config.py", NODE + "about.py"],
        [WIRE + "codes.py", "docs/lyhord.cddl", "docs/protocol.md"],
        ABOUT,
        ABOUT_AT_THE_GATEWAY,
    ),
    "An instruction": (
        [WIRE + "fields.py", "gateway/src/lyhord_gateway/ingest/answer.py", NODE + "instructions.py"],
        [WIRE + "instructions.py", "docs/lyhord.cddl", "docs/protocol.md"],
        INSTRUCTION,
        INSTRUCTION_AT_THE_GATEWAY,
    ),
}


class Copy:
    """A copy of the tree, whose programs import from it alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in FOLDERS:
            copy(name, folder)
        self.path = [
            str(folder / name)
            for name in ("firmware/wire", "firmware/node", "firmware", "gateway/src", "tools/src", "")
        ]

    def run(self, *command: str) -> str:
        environment = os.environ | {"PYTHONPATH": ":".join(self.path)}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=DEADLINE_S
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, script: str) -> None:
        self.run(sys.executable, "-c", script)

    def micropython(self, script: str) -> None:
        path = self.folder / "proof.py"
        path.write_text(f"import sys\nsys.path[:0] = {self.path!r}\n{script}")
        self.run(str(INTERPRETER), str(path))

    def make_docs(self) -> list[str]:
        """The files that were stale."""
        made = self.run(sys.executable, "-m", "docs.generate").split()
        self.run(sys.executable, "-m", "docs.generate", "--check")
        return made


@pytest.fixture
def tree(tmp_path):
    return Copy(tmp_path / "tree")


@pytest.mark.parametrize("heading", EXAMPLES)
def test_a_number_with_a_name_is_one_row_and_what_produces_it(heading, tree):
    files, made, proof, at_the_gateway = EXAMPLES[heading]
    touched = apply(heading, tree.folder)
    assert sorted(touched) == sorted(files) and len(touched) <= 4
    assert sorted(tree.make_docs()) == sorted(made), "made by make docs, and nothing else"
    tree.micropython(proof)
    tree.python(at_the_gateway)
    changed = [str(tree.folder / name) for name in (*touched, *made) if name.endswith(".py")]
    ruff = (sys.executable, "-m", "ruff")
    tree.run(*ruff, "check", "-q", "--config", str(ROOT / "pyproject.toml"), *changed)
    tree.run(*ruff, "format", "-q", "--check", "--config", str(ROOT / "pyproject.toml"), *changed)


async def test_a_node_and_its_gateway_speak_of_all_of_them(tree, tmp_path, monkeypatch):
    monkeypatch.setitem(ABOUT_FIELDS, 8, Field("ABOUT_", 8, "lid_key", "", shape=Field.TEXT))
    for heading in EXAMPLES:
        apply(heading, tree.folder)
    tree.make_docs()
    image = tmp_path / "node.img"
    build_image("node", "devkit_rfm95", image, tree=Tree(tree.folder / "firmware"))
    async with World(seed=5, pace=None) as world:
        ether = Ether(world)
        gateway = LoraGateway(world, ether, KEY)
        node = BinNode(world, image, tmp_path / "node", ether)
        await node.provision({**dict(BIN), "lid_key": "K-7"})
        gateway.orders.append({6: 0x010203})
        assert await world.run_until(lambda: gateway.statuses and gateway.samples, 1000)
        assert await world.run_until(lambda: any(11 in status for status in gateway.statuses), 4000)
        assert any(about.get(8) == "K-7" for about in gateway.abouts)
        assert all(values[13] == 0 for _, values in gateway.samples.values())
        assert "gateway 1.2.3" in node.printed()
        await node.enter()
        assert (await node.ask("measure"))["emptied_count"] == "0"
        assert (await node.ask("get battery_alarm"))["battery_alarm"] == "3300 mV"
        said, _ = await node.say("set battery_alarm 9999")
        assert said == "error: battery_alarm: expected 2500...4200 mV"
        assert "Traceback" not in node.printed()
