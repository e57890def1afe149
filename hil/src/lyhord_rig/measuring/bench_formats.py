"""The same readings in several formats: our frames, and what the field uses instead, by real encoders.

A *piece* is what a format cannot split: a whole sample, one SenML record, one TLV. Frames are filled with
as many pieces as the carrier allows.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import cbor2
from cayennelpp import LppFrame  # type: ignore[import-untyped]
from kpn_senml import SenmlPack, SenmlRecord  # type: ignore[import-untyped]

from lyhord_tools.fleet.keys import Key
from lyhord_wire.codes import BATTERY, DISTANCE, FILL_LEVEL, FILL_QUALITY, TEMPERATURE
from lyhord_wire.frame import KIND_REPORT, UPLINK_OVERHEAD, max_frame, seal_uplink
from lyhord_wire.report_encode import Sample, largest_report

from .bench_readings import Reading

# LoRaWAN 1.0.4: MHDR 1, DevAddr 4, FCtrl 1, FCnt 2, FPort 1, MIC 4; frame options none
LORAWAN_OVERHEAD = 13
_NODE = 0x0A01
_KEY = Key(bytes(range(16)))
# SenML in CBOR, RFC 8428 section 6, table 4
_BASE_TIME, _NAME, _VALUE, _TIME = -3, 0, 2, 6
_DECIMAL_FRACTION = 4  # RFC 8949 section 3.4.4


def lorawan_payload_max(sf: int) -> int:
    """Application bytes at 125 kHz in EU868 (RP002-1.0.4 section 2.4.6, repeater compatible)."""
    return 51 if sf >= 10 else 115 if sf == 9 else 222


class TooLong(Exception):
    """One piece does not fit into a frame at this spreading factor."""


@dataclass(frozen=True, slots=True)
class Carries:
    """A format's content for each sample, over and above its values. note: a loss or a favour of ours."""

    time: bool
    number: bool
    note: str = ""


class Format(ABC):
    """name: at most 26 characters. All of them are encrypted: ours end to end, the others by LoRaWAN."""

    name: str
    carries: Carries

    @abstractmethod
    def frames(self, readings: Sequence[Reading], sf: int) -> list[bytes | int]:
        """The frames (or their sizes, in bytes) that carry these samples. Raises TooLong."""

    def sizes(self, readings: Sequence[Reading], sf: int) -> list[int]:
        """Bytes of each frame on the air."""
        return [frame if isinstance(frame, int) else len(frame) for frame in self.frames(readings, sf)]


class Lyhord(Format):
    """Our reports, sealed; with fill quality they are what the firmware sends today."""

    def __init__(self, quality: bool) -> None:
        self.name = "Lyhörd + fill quality" if quality else "Lyhörd"
        self.carries = Carries(True, True, "one value more: today's firmware" if quality else "")
        self._quality = quality
        self._cipher = _KEY.cipher()

    def frames(self, readings: Sequence[Reading], sf: int) -> list[bytes | int]:
        samples = [Sample(reading.number, reading.time, self._values(reading)) for reading in readings]
        made: list[bytes | int] = []
        while samples:
            payload, count = largest_report(samples, max_frame(sf) - UPLINK_OVERHEAD)
            if not count:
                raise TooLong(self.name)
            made.append(seal_uplink(self._cipher, _NODE, len(made), KIND_REPORT, payload))
            samples = samples[count:]
        return made

    def _values(self, reading: Reading) -> dict[int, int | None]:
        values: dict[int, int | None] = {
            FILL_LEVEL: reading.fill,
            DISTANCE: reading.distance,
            TEMPERATURE: reading.temperature,
            BATTERY: reading.battery,
        }
        if self._quality:
            values[FILL_QUALITY] = reading.quality
        return values


class InLorawan(Format):
    """A payload in LoRaWAN frames, each filled with as many pieces as it takes."""

    def frames(self, readings: Sequence[Reading], sf: int) -> list[bytes | int]:
        made: list[bytes | int] = []
        limit = lorawan_payload_max(sf)
        for batch in self.batches(readings):
            waiting = list(batch)
            while waiting:
                count = self._leading(waiting, limit)
                made.append(LORAWAN_OVERHEAD + len(self.payload(waiting[:count])))
                waiting = waiting[count:]
        return made

    def _leading(self, pieces: Sequence[object], limit: int) -> int:
        count = 0
        while count < len(pieces) and len(self.payload(pieces[: count + 1])) <= limit:
            count += 1
        if not count:
            raise TooLong(self.name)
        return count

    @abstractmethod
    def batches(self, readings: Sequence[Reading]) -> list[Sequence[object]]:
        """Pieces that may share a frame, per batch."""

    @abstractmethod
    def payload(self, pieces: Sequence[object]) -> bytes: ...


class Milesight(InLorawan):
    """EM400 TLV: battery %, temperature 0.1 °C, distance mm. The device sends one reading a frame.

    Its decoder keeps one value per channel, so a second reading in a frame would overwrite the first. Its
    position TLV (3 bytes) is left out: no other format here carries it.
    """

    name = "Milesight EM400 TLV"
    carries = Carries(False, False, "one reading a frame, no fill level")

    def batches(self, readings: Sequence[Reading]) -> list[Sequence[object]]:
        return [[reading] for reading in readings]

    def payload(self, pieces: Sequence[object]) -> bytes:
        data = b""
        for reading in pieces:
            assert isinstance(reading, Reading)
            percent = min(100, max(0, (reading.battery - 3000) * 100 // 1200))
            data += b"\x01\x75" + bytes((percent,))
            data += b"\x03\x67" + reading.temperature.to_bytes(2, "little", signed=True)
            data += b"\x04\x82" + reading.distance.to_bytes(2, "little")
        return data


class Cayenne(InLorawan):
    """Cayenne LPP by pycayennelpp: percentage, distance, temperature and voltage, own channels per sample."""

    name = "Cayenne LPP"
    carries = Carries(False, False, "the channels' order is the samples'")

    def batches(self, readings: Sequence[Reading]) -> list[Sequence[object]]:
        return [list(enumerate(readings))]

    def payload(self, pieces: Sequence[object]) -> bytes:
        frame = LppFrame()
        for piece in pieces:
            assert isinstance(piece, tuple)
            at, reading = piece
            frame.add_percentage(4 * at, reading.fill)
            frame.add_distance(4 * at + 1, reading.distance / 1000)
            frame.add_temperature(4 * at + 2, reading.temperature / 10)
            frame.add_voltage(4 * at + 3, reading.battery / 1000)
        return bytes(frame)


class SenmlKpn(InLorawan):
    """SenML in CBOR by kpn-senml, with the names and units that platforms want."""

    name = "SenML-CBOR (kpn-senml)"
    carries = Carries(True, False)
    _FIELDS = (
        ("fill_level", "/", "fill", 100),
        ("distance", "m", "distance", 1000),
        ("temperature", "Cel", "temperature", 10),
        ("battery", "V", "battery", 1000),
    )

    def batches(self, readings: Sequence[Reading]) -> list[Sequence[object]]:
        return [[(reading, field) for reading in readings for field in self._FIELDS]]

    def payload(self, pieces: Sequence[object]) -> bytes:
        pack = SenmlPack(f"lyhord:{_NODE:06x}:")
        for piece in pieces:
            assert isinstance(piece, tuple)
            reading, (name, unit, key, divisor) = piece
            if pack.base_time is None:
                pack.base_time = reading.time
            value = getattr(reading, key) / divisor
            pack.add(SenmlRecord(name, unit=unit, value=value, time=reading.time))
        return bytes(pack.to_cbor())


class SenmlTight(InLorawan):
    """The least that RFC 8428 allows: letters for names, no units, no base name, decimal fractions."""

    name = "SenML-CBOR, tightest"
    carries = Carries(True, False, "names and units agreed elsewhere")
    _FIELDS = (("f", "fill", 2), ("d", "distance", 3), ("t", "temperature", 1), ("b", "battery", 3))

    def batches(self, readings: Sequence[Reading]) -> list[Sequence[object]]:
        return [[(reading, field) for reading in readings for field in self._FIELDS]]

    def payload(self, pieces: Sequence[object]) -> bytes:
        records: list[dict[int, object]] = []
        base = 0
        for piece in pieces:
            assert isinstance(piece, tuple)
            reading, (name, key, digits) = piece
            record: dict[int, object] = {_NAME: name, _VALUE: self._decimal(getattr(reading, key), digits)}
            if not records:
                base = record[_BASE_TIME] = reading.time
            elif reading.time != base:
                record[_TIME] = reading.time - base
            records.append(record)
        return cbor2.dumps(records, canonical=True)

    @staticmethod
    def _decimal(value: int, digits: int) -> object:
        return cbor2.CBORTag(_DECIMAL_FRACTION, [-digits, value])


class Json(InLorawan):
    """JSON as hobby firmware sends it, without white space; a sample is not split."""

    name = "JSON"
    carries = Carries(True, False)

    def batches(self, readings: Sequence[Reading]) -> list[Sequence[object]]:
        return [readings]

    def payload(self, pieces: Sequence[object]) -> bytes:
        samples = []
        for reading in pieces:
            assert isinstance(reading, Reading)
            samples.append(
                {
                    "ts": reading.time,
                    "fill": reading.fill,
                    "distance": reading.distance,
                    "temperature": reading.temperature / 10,
                    "battery": reading.battery,
                }
            )
        return json.dumps(samples[0] if len(samples) == 1 else samples, separators=(",", ":")).encode()


def all_formats() -> tuple[Format, ...]:
    """Ours first, then the others."""
    return (
        Lyhord(quality=False),
        Lyhord(quality=True),
        Milesight(),
        Cayenne(),
        SenmlTight(),
        SenmlKpn(),
        Json(),
    )
