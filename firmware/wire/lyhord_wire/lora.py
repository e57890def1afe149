"""The region: channels, bands with their duty cycles, and receive windows (docs/protocol.md section 4).

One table for node, bridge, gateway and rig; nothing of it stands anywhere else. This one is EU868, the only
one that we ship; docs/extend.md shows another. Bands are those of EN 300 220-2 annex B; duty cycles count
over one hour.
"""

REGION = "EU868"

SYNC_WORD = 0x34  # LoRaWAN's public sync word, so that concentrators hear us
PREAMBLE = 8

# (frequency in Hz, band), in the order of the bits of the setting `channels`
UPLINK_CHANNELS = (
    (868_100_000, "M"),
    (868_300_000, "M"),
    (868_500_000, "M"),
    (867_100_000, "L"),
    (867_300_000, "L"),
    (867_500_000, "L"),
    (867_700_000, "L"),
    (867_900_000, "L"),
)

# name: (lowest Hz, highest Hz, airtime in us per hour, ERP in dBm)
BANDS = {
    "L": (865_000_000, 868_000_000, 36_000_000, 14),
    "M": (868_000_000, 868_600_000, 36_000_000, 14),
    "P": (869_400_000, 869_650_000, 360_000_000, 27),
}

RX1_DELAY_US = 1_000_000
RX2_DELAY_US = 2_000_000
RX2_FREQ_HZ = 869_525_000
RX2_SF = 12


# What a radio has to be able to tune to.
LOWEST_HZ = min([low for low, _, _, _ in BANDS.values()])
HIGHEST_HZ = max([high for _, high, _, _ in BANDS.values()])


def band_of(freq_hz: int) -> str | None:
    """Name of the band that a frequency lies in, or None where we may not send."""
    for name, (low, high, _, _) in BANDS.items():
        if low <= freq_hz < high:
            return name
    return None
