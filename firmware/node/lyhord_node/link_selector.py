"""The link that a report takes: the preferred one; after a failure the other, while the first rests.

    preferred ──fails──▶ rests 1 report, then 2, 4, 8 … six hours at most; the other link goes
        ▲ ──works──┐
        └──────────┘     a failure: not joined, no broker, a dead radio, a frame not answered twice

One link per wake: both at once would not fit into memory. Where it did not even open, the node starts
again at once and takes the other. A WiFi outage of days costs four attempts a day; LoRa, of which an
attempt costs a hundredth of that, rests only where WiFi can go instead.

Pure. Rest is counted in reports, so a clock that is put right does not matter to it.
"""

import struct

from micropython import const

from lyhord_wire.codes import LINK_LORA, LINK_LORA_FIRST, LINK_WIFI

LORA = 0
WIFI = 1
OTHER_LINK = "other link"  # how a report ends whose link did not open while the other does not rest

_FORMAT = ">BHBHBBB"
_REST_MAX_S = const(21_600)
_FAILURES_MAX = const(200)
_DOUBLINGS_MAX = const(15)  # 2^15 reports of 10 s are longer than the longest rest
_NEEDED = const(4)


class LinkSelector:
    """The memory from report to report, from `packed` (b"" in a new life). Lists are indexed by link.

    failures: reports in a row that a link did not deliver; skip: reports for which it still rests;
    sf, sf_good, sf_needed: see adr.py.
    """

    def __init__(self, packed=b""):
        self.failures = [0, 0]
        self.skip = [0, 0]
        self.sf = 0
        self.sf_good = 0
        self.sf_needed = _NEEDED
        if len(packed) == struct.calcsize(_FORMAT):
            (
                self.failures[LORA],
                self.skip[LORA],
                self.failures[WIFI],
                self.skip[WIFI],
                self.sf,
                self.sf_good,
                self.sf_needed,
            ) = struct.unpack(_FORMAT, packed)

    def pack(self):
        """As bytes, for the running state."""
        return struct.pack(
            _FORMAT,
            self.failures[LORA],
            self.skip[LORA],
            self.failures[WIFI],
            self.skip[WIFI],
            self.sf,
            self.sf_good,
            self.sf_needed,
        )

    def save(self, state):
        """Puts it into the running state."""
        state.link_selector.packed = self.pack()

    def choose(self, links, urgent=False):
        """The link of `links` (the preferred one first) for this report, or None: all there is rests.

        urgent: rather one that rests than none, because an alarm is to be told or somebody waits.
        """
        awake = self.awake(links)
        for link in links:
            self.skip[link] = max(0, self.skip[link] - 1)
        if awake:
            return awake[0]
        if LORA in links:
            return LORA
        return links[0] if links and urgent else None

    def awake(self, links):
        """Those of `links` that do not rest."""
        return [link for link in links if not self.skip[link]]

    def note(self, link, worked, report_period):
        """Notes the outcome of a report over `link`; report_period: s."""
        if worked:
            self.failures[link] = self.skip[link] = 0
            return
        failures = self.failures[link] = min(_FAILURES_MAX, self.failures[link] + 1)
        most = max(1, _REST_MAX_S // report_period)
        self.skip[link] = min(1 << min(failures - 1, _DOUBLINGS_MAX), most)


def forget(state):
    """Rests and spreading factor go back to what the settings say."""
    state.link_selector.packed = b""


def usable(wanted, has_lora, has_wifi):
    """The links that the setting `link` allows and the board has, the preferred one first."""
    links = []
    if has_wifi and wanted != LINK_LORA:
        links.append(WIFI)
    if has_lora and wanted != LINK_WIFI:
        links.insert(0 if wanted == LINK_LORA_FIRST else len(links), LORA)
    return links
