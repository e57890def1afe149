"""Time on air of a LoRa frame, in whole microseconds.

Semtech SX1276 datasheet rev 7, section 4.1.1.7 (the same formula as in AN1200.13), in integers:
a symbol lasts 2^SF / bandwidth, the preamble is 4.25 symbols longer than programmed.
"""


def low_data_rate(sf: int, bandwidth_khz: int = 125) -> bool:
    """True if LowDataRateOptimize is due: symbols of 16 ms and more (SF11 and SF12 at 125 kHz)."""
    return (1 << sf) >= 16 * bandwidth_khz


def airtime_us(
    size: int,
    sf: int,
    crc: bool = True,
    bandwidth_khz: int = 125,
    preamble: int = 8,
    coding_rate: int = 5,
) -> int:
    """Microseconds for `size` payload bytes with an explicit header.

    sf: 7…12; bandwidth_khz: 125, 250 or 500; coding_rate: 5…8 for 4/5…4/8; crc: payload CRC sent.
    """
    bits = 8 * size - 4 * sf + 28 + (16 if crc else 0)
    per_block = 4 * (sf - (2 if low_data_rate(sf, bandwidth_khz) else 0))
    blocks = -(-bits // per_block) if bits > 0 else 0
    quarters = 4 * (preamble + 8 + blocks * coding_rate) + 17
    return quarters * (1 << sf) * 250 // bandwidth_khz
