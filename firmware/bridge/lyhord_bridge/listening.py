"""The frequency and spreading factor of a bridge, kept in NVS so that a power loss does not change them."""

from micropython import const

from lyhord_wire.lora import UPLINK_CHANNELS, band_of

_DEFAULT_SF = const(7)
_KEY_FREQ = "listen_hz"
_KEY_SF = "listen_sf"


def is_valid(freq_hz, sf):
    """True for a frequency in one of our bands and a spreading factor of 7…12."""
    return band_of(freq_hz) is not None and 7 <= sf <= 12


def load(nvs):
    """(freq_hz, sf) as kept in `nvs` (an `esp32.NVS`), or 868.1 MHz SF7 where nothing usable is kept."""
    try:
        kept = nvs.get_i32(_KEY_FREQ), nvs.get_i32(_KEY_SF)
    except OSError:  # ESP_ERR_NVS_NOT_FOUND: never told
        return UPLINK_CHANNELS[0][0], _DEFAULT_SF
    return kept if is_valid(*kept) else (UPLINK_CHANNELS[0][0], _DEFAULT_SF)


def save(nvs, freq_hz, sf):
    """Keeps a valid frequency and spreading factor; does not wear the flash when they are kept already."""
    if load(nvs) == (freq_hz, sf):
        return
    nvs.set_i32(_KEY_FREQ, freq_hz)
    nvs.set_i32(_KEY_SF, sf)
    nvs.commit()
