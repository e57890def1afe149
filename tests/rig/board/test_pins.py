"""A board and what is wired to it."""

from lyhord_rig import Ports
from lyhord_rig.board.ports import ESP32, ESP32_S3
from tests.rig.snippet import Echo


async def test_an_interrupt_is_heard_at_its_microsecond_in_every_kind_of_wait(world, boot):
    ports = Ports()
    line = ports.line(26)
    board = boot(
        """
        import machine, select, sys, time
        stamps = []
        led = machine.Pin(27, machine.Pin.OUT)
        def rang(pin):
            stamps.append((time.ticks_us(), pin.value()))
            led.value(1)
        machine.Pin(26, machine.Pin.IN).irq(rang, machine.Pin.IRQ_RISING)
        time.sleep(2)
        print("slept", time.ticks_ms() // 10)
        poll = select.poll()
        poll.register(sys.stdin, select.POLLIN)
        print(poll.poll(1000), time.ticks_ms() // 10)
        while time.ticks_ms() < 5000:
            pass
        print("stamps", stamps)
        """,
        ports,
    )
    for at_us in (1_234_567, 2_500_001, 4_000_003):
        world.call_at(at_us, line.set, 1)
        world.call_at(at_us + 100, line.set, 0)
    await board.expect(rb"slept 225\r\n\[\] 325", 5)
    match = await board.expect(rb"stamps \[(.*)\]\r\n", 3)
    assert match[1].startswith(b"(1234567, 1), (2500001, 1), (4000003, ")


async def test_interrupts_wait_while_they_are_disabled(world, boot):
    ports = Ports()
    line = ports.line(26)
    board = boot(
        """
        import machine, time
        seen = []
        machine.Pin(26, machine.Pin.IN).irq(lambda pin: seen.append(1), 3)
        state = machine.disable_irq()
        time.sleep(1)
        print("off", seen)
        machine.enable_irq(state)
        time.sleep_ms(1)
        print("on", seen)
        machine.Pin(26).irq(None)
        time.sleep(1)
        print("none", seen)
        """,
        ports,
    )
    world.call_at(500_000, line.set, 1)
    world.call_at(1_500_000, line.set, 0)
    await board.expect(rb"off \[\]\r\non \[1\]\r\nnone \[1\]", 3)


async def test_an_exception_in_a_handler_is_printed_and_survived(world, boot):
    ports = Ports()
    line = ports.line(26)
    board = boot(
        """
        import machine, time
        machine.Pin(26, machine.Pin.IN).irq(lambda pin: 1 // 0, machine.Pin.IRQ_RISING)
        time.sleep(2)
        print("alive")
        """,
        ports,
    )
    world.call_at(1_000_000, line.set, 1)
    await board.expect(rb"ZeroDivisionError[^$]*alive", 3)
    assert board.events.crashes == 0


async def test_spi_reaches_the_selected_device_in_order_and_takes_time(world, boot):
    device = Echo(world)
    ports = Ports()
    ports.spi(2, 5, device)
    board = boot(
        """
        import machine, time
        nss = machine.Pin(5, machine.Pin.OUT, value=1)
        pins = {"sck": machine.Pin(18), "mosi": machine.Pin(23), "miso": machine.Pin(19)}
        spi = machine.SPI(2, baudrate=1_000_000, **pins)
        into = bytearray(b"....")
        spi.write_readinto(b"void", into)
        print(bytes(into))
        began = time.ticks_us()
        nss(0)
        spi.write(b"\\x42")
        spi.readinto(into)
        print(bytes(into), spi.read(2, 0xF0))
        nss(1)
        print(time.ticks_diff(time.ticks_us(), began) // 10)
        """,
        ports,
    )
    await board.expect(rb"b'(\\x00){4}'\r\nb'(\\xff){4}' b'(\\x0f){2}'\r\n(9|10)\r\n", 2)
    await world.run_for(0.1)
    assert [what for _, what in device.log] == ["select", b"\x42", bytes(4), b"\xf0\xf0", "deselect"]
    times = [at for at, _ in device.log]
    assert times == sorted(times)


async def test_sensors_are_asked_through_their_pins(boot):
    ports = Ports()
    levels = []
    ports.output(32, levels.append)
    ports.pulse(33, lambda level, timeout_us: 5_000 if timeout_us > 5_000 else -1)
    ports.adc(34, lambda: 1_850_000)
    ports.input(4, lambda: 1)
    board = boot(
        """
        import machine, time
        trigger = machine.Pin(32, machine.Pin.OUT, value=0)
        trigger(1)
        time.sleep_us(10)
        trigger(0)
        began = time.ticks_us()
        echo = machine.Pin(33, machine.Pin.IN)
        print(machine.time_pulse_us(echo, 1, 30_000), time.ticks_diff(time.ticks_us(), began) // 100)
        print(machine.time_pulse_us(echo, 1, 1000), machine.time_pulse_us(machine.Pin(14, machine.Pin.IN), 1))
        adc = machine.ADC(machine.Pin(34), atten=machine.ADC.ATTN_11DB)
        pulled = machine.Pin(15, machine.Pin.IN, machine.Pin.PULL_UP)
        print(adc.read_uv(), machine.Pin(4, machine.Pin.IN).value(), pulled())
        """,
        ports,
    )
    await board.expect(rb"5000 50\r\n-1 -2\r\n1850000 1 1\r\n", 5)
    assert levels == [0, 1, 0]


class Bus:
    """A 1-Wire bus of memory chips that know their ROM codes and the search."""

    def __init__(self, roms):
        self.roms = roms
        self.log = []
        self.left = []
        self.at = 0
        self.turn = 0

    def reset(self):
        self.left = list(self.roms)
        self.at = self.turn = 0
        return bool(self.roms)

    def write_byte(self, value):
        self.log.append(value)

    def read_byte(self):
        return self.log[-1] ^ 0xFF

    def _bits(self):
        return [rom[self.at >> 3] >> (self.at & 7) & 1 for rom in self.left]

    def read_bit(self):
        self.turn += 1
        bits = self._bits()
        return int(all(bits)) if self.turn == 1 else int(not any(bits))

    def write_bit(self, value):
        self.left = [rom for rom, bit in zip(self.left, self._bits(), strict=True) if bit == value]
        self.at += 1
        self.turn = 0


async def test_one_wire_bytes_and_search(boot):
    roms = [bytes([0x28, n, 5 - n, 7, 0, 0, n * 3, n]) for n in range(4)]
    ports = Ports()
    bus = Bus(roms)
    ports.one_wire(25, bus)
    board = boot(
        """
        import machine, onewire
        wire = onewire.OneWire(machine.Pin(25))
        print(sorted(bytes(rom).hex() for rom in wire.scan()))
        print(wire.reset(), onewire.OneWire(machine.Pin(22)).reset())
        wire.select_rom(b"12345678")
        buf = bytearray(2)
        wire.readinto(buf)
        print(buf, wire.crc8(b"\\x28\\xff\\x4b\\x46\\x6c\\x16\\x03"))
        """,
        ports,
    )
    await board.expect(repr(sorted(rom.hex() for rom in roms)).replace("[", r"\[").encode(), 2)
    await board.expect(rb"True False\r\n", 2)
    await board.expect(rb"bytearray\(b'\\xc7\\xc7'\) \d+", 2)
    assert bus.log[-9:] == [0x55, *b"12345678"]


async def test_power_listeners_hear_of_power(world, boot):
    ports = Ports()
    heard = []
    ports.on_power(heard.append)
    board = boot("", ports)
    board.power_on()
    await world.run_for(1)
    board.reset()
    await world.run_for(1)
    board.power_off()
    board.power_off()
    assert heard == [True, False]


async def test_the_chip_of_the_board_says_which_pins_there_are(boot):
    program = """
    from machine import Pin
    def can(pin, mode):
        try:
            Pin(pin, mode)
            return 1
        except (OSError, ValueError):
            return 0
    print("in", [can(pin, Pin.IN) for pin in (21, 22, 39, 40, 48, 49)])
    print("out", [can(pin, Pin.OUT) for pin in (33, 34, 36)])
    """
    for soc, answer in (
        (ESP32, rb"in \[1, 1, 1, 0, 0, 0\]\r\nout \[1, 0, 0\]"),
        (ESP32_S3, rb"in \[1, 0, 1, 1, 1, 0\]\r\nout \[1, 1, 1\]"),
    ):
        board = boot(program, Ports(soc), name=soc.name)
        await board.expect(answer, 2)


async def test_an_edge_that_a_write_causes_is_heard_at_the_next_call(boot):
    ports = Ports()
    line = ports.line(26)
    ports.output(27, line.set)
    board = boot(
        """
        import machine, time
        from machine import Pin
        out = Pin(27, Pin.OUT, value=0)
        copy = Pin(26, Pin.IN)
        heard = []
        copy.irq(lambda pin: heard.append(pin.value()), Pin.IRQ_RISING)
        for n in range(5):
            out(1)
            out(0)
        time.sleep_ms(1)
        print("heard", len(heard), copy.value())
        """,
        ports,
    )
    await board.expect(rb"heard 5 0", 2)
    assert board.events.crashes == 0
