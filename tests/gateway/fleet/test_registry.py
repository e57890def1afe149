"""The registry while frames come in: what another process enters counts from the next frame on."""

from lyhord_wire.frame import seal_uplink
from lyhord_wire.report import Report, encode_report
from tests.gateway.bench import Bench
from tests.gateway.parts import NODE, Node, until


async def test_a_new_node_a_new_key_and_a_disabled_node_take_effect_at_once(bench: Bench) -> None:
    node = Node(0xB)
    await bench.heard(node.report())
    assert bench.refused == {"unknown_node": 1}
    bench.add(0xB)
    await bench.heard(node.report())
    assert bench.stored(0xB) == [1]
    renewed = Node(0xB, bytes(range(16, 32)))  # its counters begin anew
    renewed.seq = 2
    bench.add(0xB, renewed.key)
    await bench.settled()
    await bench.heard(renewed.report())
    await bench.heard(node.report())
    assert bench.stored(0xB) == [1, 2]
    assert bench.refused == {"unknown_node": 1, "tag": 1}
    bench.add(0xB, renewed.key, enabled=False)
    await bench.settled()
    await bench.heard(renewed.report())
    assert bench.refused == {"unknown_node": 1, "tag": 1, "disabled": 1}


async def test_a_new_key_begins_with_a_new_window_on_disk_too(bench: Bench) -> None:
    even, odd = Node(), Node(key=bytes(range(16, 32)))
    bench.add(key=odd.key, generation=1)
    even.counter = 1000
    await bench.heard(even.report())
    assert bench.reader.session(NODE).windows[0].top == 1001
    renewed = Node(key=bytes(range(32, 48)))
    bench.add(key=renewed.key)
    # The store must not write back the old window from memory with the next frame.
    payload = encode_report(Report(1, 1767225600, 0, {3: [200]}))
    await bench.heard(seal_uplink(odd.cipher, NODE, 1, 0, payload, generation=1))
    assert bench.reader.session(NODE).windows[0].top == -1
    renewed.seq = 2
    await bench.heard(renewed.report())
    assert bench.refused == {}
    assert bench.stored() == [0, 1, 2]


async def test_an_idle_gateway_notices_changes_within_a_second(bench: Bench) -> None:
    await bench.heard(Node().report())
    renewed = bytes(range(16, 32))
    bench.add(key=renewed)
    await until(lambda: bench.registry.lookup(NODE).ciphers[0].has_key(renewed), "the new key", 1.0)


async def test_rotation_by_generation_loses_no_frame(bench: Bench) -> None:
    old, new = Node(), Node(key=bytes(range(16, 32)))
    bench.add(key=new.key, generation=3)
    frames = []
    for at in range(6):
        payload = encode_report(Report(at, 1767225600 + at, 0, {3: [200]}))
        cipher, generation = (old.cipher, 0) if at % 2 == 0 else (new.cipher, 1)
        frames.append(seal_uplink(cipher, NODE, at // 2, 0, payload, generation=generation))
    for frame in frames:
        await bench.heard(frame)
    assert bench.refused == {}
    assert bench.stored() == [0, 1, 2, 3, 4, 5]
