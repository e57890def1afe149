from lyhord_node.state import State, load


class Rtc:
    def __init__(self):
        self.data = b""

    def memory(self, data=None):
        if data is not None:
            self.data = bytes(data)
        return self.data


def test_every_fault_bit_outlives_a_deep_sleep():
    rtc = Rtc()
    state = State(rtc)
    state.faults.bits = 0x01FF
    state.uplink_builder.faults = 0x0180
    state.save()
    awake = load(rtc)
    assert (awake.faults.bits, awake.uplink_builder.faults) == (0x01FF, 0x0180)
