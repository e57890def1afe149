"""The receptions in a PUSH_DATA, in every dialect of the concentrators' forwarders.

Each good entry is taken, whatever stands beside it. An entry is good when it says with certainty what was
heard and where: its bytes, frequency and spreading factor. All else may be missing, null, a text in place of
a number, or NaN: then it is not known. A well-formed entry takes the fast way through a typed decoder.

Dialects: `rxpk` of PROTOCOL.TXT 1.4 and 1.6; `rsig[]`, one signal per antenna in place of `rssi` and `lsnr`
(Kerlink's jver 2, SX1301 with fine time stamps); `tmst` signed or as a float; `freq` in Hz.
"""

import binascii
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from lyhord_gateway.sources.gwmp import Malformed
from lyhord_gateway.sources.loose_json import NotJson, objects_of, read
from lyhord_wire.lora import band_of

PAYLOAD_MAX = 255  # bytes that one LoRa packet can carry
ENTRIES_MAX = 512  # the longest datagram holds some 400 entries of the shortest kind
RSSI_DBM = (-200, 30)
SNR_DB = (-100, 100)
_TMST = 1 << 32
_HZ = 100_000_000  # a frequency above is in Hz and not in MHz
_LORA = {f"SF{sf}BW125": sf for sf in range(7, 13)}
_GPS_EPOCH_S = 315_964_800 - 18  # 1980-01-06 in Unix seconds, and the leap seconds since (18 since 2017)
_GPS_S = (1_704_067_200, 4_102_444_800)  # 2024 to 2100: another time is no GPS time
_DATR = re.compile(r"SF\s*(7|8|9|10|11|12)\s*_?BW\s*125(?:\.0*|000)?\s*(?:K?HZ)?")

PassedOver = Literal["schema", "json", "crc", "not_lora", "not_eu868", "base64", "size", "many"]


class Packet(Struct, frozen=True, gc=False):
    """One frame that a concentrator heard. tmst_us: its 32-bit clock at the end of the reception; gps_s: Unix
    seconds of it by GPS. None where the forwarder does not say: without `tmst_us` there is no answer."""

    tmst_us: int | None
    freq_hz: int
    sf: int
    rssi_dbm: int | None
    snr_q4: int | None
    data: bytes
    gps_s: float | None = None


class _Rxpk(Struct, frozen=True, gc=False):
    tmst: Annotated[int, Meta(ge=0, lt=_TMST)]
    freq: Annotated[float, Meta(ge=0, le=10_000)]
    modu: str
    datr: str | int | float
    data: str
    rssi: Annotated[float, Meta(ge=RSSI_DBM[0], le=RSSI_DBM[1])]
    stat: int
    lsnr: Annotated[float, Meta(ge=SNR_DB[0], le=SNR_DB[1])] | None = None
    size: int | None = None
    tmms: int | None = None


class _Push(Struct, frozen=True):
    rxpk: list[_Rxpk] | None = None


class _RawPush(Struct, frozen=True):
    rxpk: list[msgspec.Raw] | None = None


_push = msgspec.json.Decoder(_Push)
_raw_push = msgspec.json.Decoder(_RawPush)
_rxpk = msgspec.json.Decoder(_Rxpk)
_band_of = lru_cache(maxsize=64)(band_of)  # a network has some eight channels


def read_push(body: bytes) -> tuple[list[Packet], dict[str, int]]:
    """The packets that may be ours, and why the others were passed over, and how many. Raises Malformed where
    not one entry can be read."""
    passed_over: dict[str, int] = defaultdict(int)
    packets: list[Packet] = []
    entries = _entries(body, passed_over)
    for entry in entries[:ENTRIES_MAX]:
        packet = _packet(entry)
        if isinstance(packet, str):
            passed_over[packet] += 1
        else:
            packets.append(packet)
    if len(entries) > ENTRIES_MAX:
        passed_over["many"] += len(entries) - ENTRIES_MAX
    return packets, passed_over


def _entries(body: bytes, passed_over: dict[str, int]) -> Sequence[object]:
    if body.count(b'"rxpk"') < 2:  # the typed decoders would take the last of them only
        for decoder in (_push, _raw_push):  # all are as they should be, as nearly always; or it is a list
            try:
                return decoder.decode(body).rxpk or []
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
    try:
        document = read(body)
    except NotJson as error:
        if not (found := objects_of(body, "rxpk")):
            raise Malformed("json") from error
        passed_over["json"] += 1
        return found
    rxpk = document.get("rxpk") if isinstance(document, dict) else document
    if isinstance(document, dict) and not rxpk:
        return []
    if isinstance(document, dict) and isinstance(rxpk, dict):
        return [rxpk]
    if isinstance(document, dict) and isinstance(rxpk, list):
        return rxpk
    raise Malformed("schema")


def _packet(entry: object) -> Packet | PassedOver:
    """The packet, or why it is none of ours."""
    if isinstance(entry, _Rxpk):
        return _from_typed(entry)
    if not isinstance(entry, msgspec.Raw):
        return _from_object(entry)
    try:
        return _from_typed(_rxpk.decode(entry))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return _from_object(read(bytes(entry)))
        except NotJson:
            return "json"


def _from_typed(rxpk: _Rxpk) -> Packet | PassedOver:
    """The fast way."""
    sf = _LORA.get(rxpk.datr) if isinstance(rxpk.datr, str) else None
    if sf is None or rxpk.modu != "LORA":
        return _from_object(msgspec.structs.asdict(rxpk))
    if rxpk.stat != 1:
        return "crc"
    snr_q4 = None if rxpk.lsnr is None else round(rxpk.lsnr * 4)
    return _made(rxpk.tmst, rxpk.freq, sf, round(rxpk.rssi), snr_q4, rxpk.data, rxpk.size, rxpk.tmms)


def _from_object(entry: object) -> Packet | PassedOver:
    """The slow way: an entry that is unusual, or bad."""
    if not isinstance(entry, dict):
        return "schema"
    stat = _number(entry.get("stat"))
    if stat is not None and stat != 1:
        return "crc"
    freq, datr, data = _number(entry.get("freq")), entry.get("datr"), entry.get("data")
    tmst = _tmst_us(entry.get("tmst"))
    if freq is None or not isinstance(data, str) or datr is None or isinstance(tmst, str):
        return "schema"
    modu = entry.get("modu")
    sf = _DATR.fullmatch(datr.strip().upper()) if isinstance(datr, str) else None
    if sf is None or not (modu is None or str(modu).strip().upper() == "LORA"):
        return "not_lora"
    if not 0 <= freq <= 10_000:
        freq /= 1_000_000
        if not _HZ <= freq * 1_000_000 <= 100 * _HZ:
            return "schema"
    rssi_dbm, snr_q4 = _signal(entry)
    size = _number(entry.get("size"))
    return _made(tmst, freq, int(sf[1]), rssi_dbm, snr_q4, data, size, _number(entry.get("tmms")))


def _made(
    tmst_us: int | None,
    freq: float,
    sf: int,
    rssi_dbm: int | None,
    snr_q4: int | None,
    text: str,
    size: float | None,
    tmms: float | None,
) -> Packet | PassedOver:
    freq_hz = round(freq * 1_000_000)
    if _band_of(freq_hz) is None:
        return "not_eu868"
    data = decode_base64(text)
    if data is None:
        return "base64"
    if len(data) > PAYLOAD_MAX or (size is not None and size != len(data)):
        return "size"
    return Packet(tmst_us, freq_hz, sf, rssi_dbm, snr_q4, data, _gps_s(tmms))


def _gps_s(tmms: float | None) -> float | None:
    """Only `tmms` is GPS time for certain; `time` is many a forwarder's own clock."""
    if tmms is None:
        return None
    gps_s = tmms / 1000 + _GPS_EPOCH_S
    return gps_s if _GPS_S[0] <= gps_s < _GPS_S[1] else None


def _tmst_us(value: object) -> int | Literal["schema"] | None:
    """None where it is not said; a signed number is one that a forwarder has printed with %d."""
    number = _number(value)
    if number is None:
        return None
    return round(number) % _TMST if -_TMST // 2 <= number < _TMST else "schema"


def _signal(entry: dict[str, object]) -> tuple[int | None, int | None]:
    """RSSI in dBm and SNR in dB × 4 of the antenna that heard it best."""
    rsig = entry.get("rsig")
    antennas = [entry, *(rsig if isinstance(rsig, list) else [rsig])]
    best: tuple[int | None, int | None] = (None, None)
    for antenna in antennas:
        if not isinstance(antenna, dict):
            continue
        levels = (_within(antenna.get(name), RSSI_DBM) for name in ("rssi", "rssic", "rssis"))
        level = next((level for level in levels if level is not None), None)
        snr = _within(antenna.get("lsnr"), SNR_DB)
        rssi_dbm = None if level is None else round(level)
        snr_q4 = best[1] if snr is None else round(snr * 4)
        if best[0] is None or (rssi_dbm is not None and rssi_dbm > best[0]):
            best = (rssi_dbm, snr_q4)
        elif best[1] is None:
            best = (best[0], snr_q4)
    return best


def _within(value: object, bounds: tuple[int, int]) -> float | None:
    number = _number(value)
    return number if number is not None and bounds[0] <= number <= bounds[1] else None


def _number(value: object) -> float | None:
    """A finite number, also one that is written as a text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else None


def decode_base64(text: str) -> bytes | None:
    """With or without padding, in either alphabet: the specification and its examples differ."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)  # as nearly always
    except ValueError:  # binascii.Error is one
        pass
    try:
        plain = "".join(text.split()).rstrip("=\0").encode("ascii").replace(b"-", b"+").replace(b"_", b"/")
        return binascii.a2b_base64(plain + b"=" * (-len(plain) % 4), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
