"""The spreading factor of the next uplink, from how well the answers are heard (the field's ADR idea). Pure.

    faster   after some answers in a row with 10 dB more than the faster one needs
    slower   after an answer with less than 5 dB more than this one needs;
             by one after two unanswered reports in a row, all the way back after three

All between the settings `fastest_sf` and `spreading_factor`, the slowest, with which a node begins. Where
`fastest_sf` is not below it, as by default, nothing changes: a single-channel bridge hears one spreading
factor only. And a node that was led astray is back at what the installer chose after three reports.

An answer in the first window comes with the uplink's spreading factor over the same path, so its SNR says
what the gateway's is. One in the second window (SF12, up to 27 dBm) says only that the uplink arrived.
"""

from micropython import const

from lyhord_node.link_selector import LORA

# SX1276 datasheet rev 7, table 13: demodulated down to -7.5 dB at SF7, 2.5 dB less per step. dB x 4.
_FLOOR_SF7_Q4 = const(-30)
_STEP_Q4 = const(10)
# Fading and bad weather. 10 dB is what LoRaWAN network servers take as installation margin by default.
_MARGIN_Q4 = const(40)
_LEAST_Q4 = const(20)
_GATEWAY_DBM = const(14)  # what a gateway may send with in the uplink bands, EN 300 220-2 bands L and M
_NEEDED_LEAST = const(4)  # answers in a row
_NEEDED_MOST = const(64)
_MISSED_SOME = const(2)
_MISSED_MANY = const(3)


def factor(selector, slowest, fastest):
    """7…12 for the next report; slowest, fastest: the settings."""
    chosen = max(fastest, selector.sf) if selector.sf else slowest
    missed = selector.failures[LORA]
    if chosen >= slowest or missed >= _MISSED_MANY:
        return slowest
    return chosen + 1 if missed >= _MISSED_SOME else chosen


def answered(selector, used, slowest, fastest, tx_dbm, snr_q4=None):
    """Enters that an uplink at `used` was answered; snr_q4: dB x 4 of the first window, or None."""
    if used > selector.sf > 0:  # it had to go back: it is not hurried to try again
        selector.sf_needed = min(_NEEDED_MOST, 2 * selector.sf_needed)
        selector.sf_good = 0
    selector.sf = used
    if snr_q4 is None or fastest >= slowest:
        return
    snr_q4 -= 4 * max(0, _GATEWAY_DBM - tx_dbm)  # a node that sends with less is heard with less
    if snr_q4 < _floor_q4(used) + _LEAST_Q4:
        selector.sf = min(slowest, used + 1)
        selector.sf_good = 0
    elif snr_q4 < _floor_q4(max(fastest, used - 1)) + _MARGIN_Q4:
        selector.sf_good = 0
    else:
        _count(selector, used, fastest)


def _count(selector, used, fastest):
    selector.sf_good += 1
    if selector.sf_good < selector.sf_needed:
        return
    selector.sf_good = 0
    if used > fastest:
        selector.sf = used - 1
    else:
        selector.sf_needed = max(_NEEDED_LEAST, selector.sf_needed // 2)


def _floor_q4(sf):
    return _FLOOR_SF7_Q4 - _STEP_Q4 * (sf - 7)
