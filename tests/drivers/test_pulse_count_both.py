"""Closings of a contact: bounces, short pulses, sleeps, wraps; against a contact whose history is known."""

from drivers.pulse_input import PACKED_BYTES, PulseCount

PERIOD = 1 << 30


def ticks_diff(end, start):
    return ((end - start + PERIOD // 2) & PERIOD - 1) - PERIOD // 2


def play(counter, edges, start_ms=0):
    """edges: (ms, closed); the ticks wrap as on the chip."""
    for at_ms, closed in edges:
        counter.edge(closed, start_ms + at_ms & PERIOD - 1)


def settled_at(counter, at_ms):
    assert counter.settle(at_ms & PERIOD - 1)
    return counter.count


def test_closings_are_counted_and_openings_are_not():
    for start_ms in (0, PERIOD - 500):
        counter = PulseCount(ticks_diff)
        play(counter, [(0, True), (100, False), (1000, True), (1100, False), (1200, True)], start_ms)
        assert settled_at(counter, start_ms + 1300) == 3


def test_bounces_are_one_pulse():
    counter = PulseCount(ticks_diff)
    bounce = [(0, True), (1, False), (2, True), (3, False), (4, True)]
    release = [(60, False), (61, True), (63, False), (64, True), (66, False)]
    play(counter, bounce + release)
    assert settled_at(counter, 100) == 1
    play(counter, [(at_ms + 200, closed) for at_ms, closed in bounce + release])
    assert settled_at(counter, 300) == 2


def test_a_spark_is_no_pulse():
    counter = PulseCount(ticks_diff)
    play(counter, [(0, True), (3, False)])
    assert settled_at(counter, 100) == 0
    play(counter, [(200, True), (230, False)])  # the shortest that a meter may give
    assert settled_at(counter, 300) == 1


def test_what_is_undecided_is_not_counted_yet():
    counter = PulseCount(ticks_diff)
    play(counter, [(0, True)])
    assert not counter.settle(5) and counter.count == 0
    assert counter.settle(10) and counter.count == 1
    assert counter.settle(11) and counter.count == 1


def test_edges_that_were_seen_late_do_no_harm():
    counter = PulseCount(ticks_diff)
    play(counter, [(50, False), (50, False), (51, False)])  # both edges of a pulse, served after it was over
    assert settled_at(counter, 100) == 0


def test_every_sleep_keeps_count_and_level():
    counter = PulseCount(ticks_diff)
    play(counter, [(0, True)])
    counter.settle(20)
    packed = counter.pack()
    assert len(packed) == PACKED_BYTES == 5
    after = PulseCount(ticks_diff, packed)
    assert (after.count, after.closed) == (1, True)
    assert PulseCount(ticks_diff, b"").count == 0 and PulseCount(ticks_diff, b"junk").count == 0


def test_waking():
    for was_closed, is_closed, woken, pulses in (
        (False, True, True, 1),  # it closed and woke us
        (False, False, True, 1),  # a short pulse woke us and is over
        (True, False, True, 0),  # the end of a pulse that is counted
        (True, True, True, 1),  # it opened, woke us, and has closed again
        (False, False, False, 0),  # the timer woke us
        (True, True, False, 0),
        (False, True, False, 1),  # the timer woke us, and it closed at that very moment
        (True, False, False, 0),
    ):
        before = PulseCount(ticks_diff)
        before.closed = was_closed
        counter = PulseCount(ticks_diff, before.pack())
        counter.resume(is_closed, woken)
        assert (counter.count, counter.closed) == (pulses, is_closed), (was_closed, is_closed, woken)


def test_the_count_wraps_as_the_wire_does():
    counter = PulseCount(ticks_diff)
    counter.count = 0xFFFFFFFF
    counter.resume(True, True)
    assert counter.count == 0 and len(counter.pack()) == PACKED_BYTES


def test_a_meter_over_many_sleeps():
    """Pulses of 200 ms at odd times, wakes that take 150 ms each: none is missed, none is counted twice."""
    state = 12345
    edges, now_ms = [], 1000
    for _ in range(300):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        now_ms += 400 + (state >> 8) % 3000
        edges += [(now_ms, True), (now_ms + 200, False)]
        now_ms += 200
    counter = PulseCount(ticks_diff)
    packed, level, index, at_ms, wakes = counter.pack(), False, 0, 0, 0
    while index < len(edges):
        closed = PulseCount(ticks_diff, packed).closed
        if level == closed:  # asleep, until the contact leaves the level that was remembered
            at_ms, level = edges[index]
            index += 1
        wakes += 1
        at_ms += 150
        while index < len(edges) and edges[index][0] <= at_ms:
            level = edges[index][1]
            index += 1
        counter = PulseCount(ticks_diff, packed)
        counter.resume(level, True)
        packed = counter.pack()
    assert counter.count == 300
    assert wakes <= 600
