"""State, counters, settings, texts and ledgers outlive a wake."""

from lyhord_node import config, settings, state
from lyhord_node.clock import correction
from lyhord_node.counters import (
    COUNTER_MAX,
    Exhausted,
    begin_counters,
    next_counter,
)
from lyhord_node.identity import KEY_SIZE, Identity
from lyhord_node.ledgers import Ledgers
from lyhord_node.nvs import Store
from lyhord_node.sample_numbers import SampleNumbers
from lyhord_wire import about, ccm, frame
from lyhord_wire.codes import EMPTY_DISTANCE, FULL_DISTANCE, SAMPLE_NUMBERS, SAMPLE_PERIOD
from lyhord_wire.tables import PROFILES, SETTINGS
from tests.fakes.node_memory import Nvs, Rtc


def test_what_the_node_says_again_for_want_of_memory_is_what_the_wire_says():
    assert COUNTER_MAX == frame.COUNTER_MAX
    assert KEY_SIZE == ccm.KEY_SIZE
    assert config.NAME_MAX == about.TEXT_MAX
    assert config.FIELDS["profile"][2] == PROFILES[1]
    assert {name: number for number, name in PROFILES.items()} == config.PROFILES


# state


def test_the_state_comes_back_as_it_was():
    rtc = Rtc()
    one = state.State(rtc)
    one.counters.next, one.delivery.rssi_dbm, one.delivery.snr_q4 = 70000, -121, -37
    one.measure.temperature_dc = -153
    one.alarms.active, one.alarms.silenced, one.ledgers.packed = b"\x05\x01", b"\x06", bytes(range(200))
    one.save()
    other = state.load(rtc)
    records = [name for name in dir(one) if isinstance(getattr(one, name), state.Record)]
    assert len(records) >= 18
    for name in records:
        for field in dir(getattr(one, name)):
            if not field.startswith("__"):
                assert getattr(getattr(other, name), field) == getattr(getattr(one, name), field), (
                    name,
                    field,
                )


def test_a_damaged_state_is_none():
    rtc = Rtc()
    state.State(rtc).save()
    good = rtc.memory()
    assert len(good) <= 200
    for i in range(len(good)):
        bad = bytearray(good)
        bad[i] ^= 0x40
        rtc.memory(bytes(bad))
        assert state.load(rtc) is None, i
        rtc.memory(good[:i])
        assert state.load(rtc) is None, i
    rtc.lose_power()
    assert state.load(rtc) is None


# counters


def test_counters_never_repeat_whatever_the_power_does():
    nvs, rtc = Nvs(), Rtc()
    store = Store(nvs)
    running = state.State(rtc)
    used = []
    for i in range(1500):
        used.append(next_counter(store, running))
        if i % 97 == 0:  # watchdog: RTC memory stays
            running = state.load(rtc)
        if i % 311 == 0:  # power cut
            rtc.lose_power()
            nvs.lose_power()
            running = state.State(rtc)
    assert len(set(used)) == len(used) and used == sorted(used)
    assert nvs.commits <= 1500 // 256 + 1500 // 311 + 3


def test_counters_end_and_only_a_new_key_begins_anew():
    store = Store(Nvs())
    running = state.State(Rtc())
    begin_counters(store, running, COUNTER_MAX - 2, True)
    last = [next_counter(store, running) for _ in range(3)]
    assert last == [COUNTER_MAX - 2, COUNTER_MAX - 1, COUNTER_MAX]
    for _ in range(2):
        try:
            next_counter(store, running)
            raise AssertionError("a counter beyond 24 bits")
        except Exhausted:
            pass
    begin_counters(store, running, 0, False)
    try:
        next_counter(store, running)
        raise AssertionError("the old key's counters began anew")
    except Exhausted:
        pass
    begin_counters(store, running, 0, True)
    assert next_counter(store, running) == 0


def test_sample_numbers_are_reserved_before_they_are_used():
    nvs = Nvs()
    store = Store(nvs)
    assert SampleNumbers(store).lost() == 0
    for number in range(600):
        SampleNumbers(store).reserve(number)
        assert SampleNumbers(store).lost() > number
    assert nvs.commits == 3


def test_the_key_shows_nowhere():
    who = Identity(0x0A01, b"\x5a" * 16, 3)
    assert "5a5a" not in repr(who) and "ZZ" not in repr(who)


# settings


def test_settings_come_back_and_damage_brings_the_last_good_ones():
    nvs = Nvs()
    store = Store(nvs)
    assert settings.load(store).values == {key: setting.default for key, setting in SETTINGS.items()}
    first, why = settings.changed(settings.load(store), {SAMPLE_PERIOD: 60}, 3)
    assert why is None
    settings.save(store, first)
    second, _ = settings.changed(first, {SAMPLE_PERIOD: 120}, 4)
    settings.save(store, second)
    store.commit()
    assert (settings.load(store)[SAMPLE_PERIOD], settings.load(store).version) == (120, 4)
    good = nvs.kept["settings"]
    for i in range(len(good)):
        bad = bytearray(good)
        bad[i] ^= 1
        store.set_blob("settings", bytes(bad))
        assert settings.load(store).version == 3, i
    store.set_blob("settings", good[:-1])
    assert settings.load(store).version == 3


def test_settings_are_taken_whole_or_not_at_all():
    kept = settings.defaults()
    for bad in (
        {SAMPLE_PERIOD: 60, 99: 1},
        {SAMPLE_PERIOD: 9},
        {SAMPLE_PERIOD: 86401},
        {EMPTY_DISTANCE: 500, FULL_DISTANCE: 500},
    ):
        wanted, why = settings.changed(kept, bad, 8)
        assert (wanted is None and "expected" in why) or "unknown" in why
    assert settings.changed(kept, {}, 8)[0].values == kept.values


def test_settings_of_an_older_firmware_get_defaults_for_what_is_new():
    old = settings.Settings({SAMPLE_PERIOD: 77}, 5)
    assert old[EMPTY_DISTANCE] == SETTINGS[EMPTY_DISTANCE].default
    assert sorted(settings.changed(old, {}, 5)[0].values) == sorted(SETTINGS)


# texts


def test_texts_are_checked_and_passwords_hidden():
    store = Store(Nvs())
    assert config.text(store, "broker_port") == "1883"
    assert config.objection("broker_port", "0") and config.objection("broker_port", "x")
    assert config.objection("name", "å" * 13) == "name: expected up to 24 bytes"
    assert config.objection("profile", "boat") == "profile: expected bin or building"
    config.save(store, "wifi_password", "geheim")
    assert config.text(store, "wifi_password") == "geheim"
    assert config.shown("wifi_password", "geheim") == "(set)"
    config.save(store, "wifi_password", "")
    assert config.shown("wifi_password", config.text(store, "wifi_password")) == "(not set)"
    for name in config.FIELDS:
        assert len(name) <= 15


def test_degrees_without_floats():
    assert config.micro_degrees("59.195") == 59_195_000
    assert config.micro_degrees("-0.5") == -500_000
    assert config.micro_degrees("17") == 17_000_000
    for bad in ("", "x", "1,5", "1.1234567", "--1", "1.2.3", "1.-2"):
        assert config.micro_degrees(bad) is None, bad
    assert config.objection("latitude", "90.000001") and not config.objection("latitude", "-90")


# clock


def test_small_differences_are_noise_once_the_clock_is_set():
    assert correction(1000, 1001, True) == 0
    assert correction(1000, 998, True) == -2
    assert correction(1000, 1001, False) == 1


# ledgers


def test_the_ledgers_outlive_sleep_truly_and_a_power_cut_pessimistically():
    nvs, rtc = Nvs(), Rtc()
    store = Store(nvs)
    now = 1_767_225_600
    running = state.State(rtc)
    Ledgers(running, store).record("M", now, 20_000_000)
    woken = Ledgers(state.load(rtc), store)
    assert woken.next_fit("M", now + 100, 10_000_000) == now + 100
    later = woken.next_fit("M", now + 100, 20_000_000)
    assert now + 3600 <= later <= now + 3625
    assert woken.next_fit("L", now + 100, 20_000_000) == now + 100
    assert woken.next_fit("M", later, 20_000_000) == later
    # After a power cut a day later nobody knows that it was a day.
    rtc.lose_power()
    nvs.lose_power()
    fresh = state.State(rtc)
    fresh.ledgers.packed, fresh.ledgers.at = store.blob("duty"), now + 86_400
    assert Ledgers(fresh, store).next_fit("M", now + 86_400, 20_000_000) >= now + 86_400 + 3600


def test_a_restart_makes_a_transmission_no_older():
    nvs, rtc = Nvs(), Rtc()
    store = Store(nvs)
    now = 1_767_225_600
    before = Ledgers(state.State(rtc), store)
    before.record("M", now, 30_000_000)
    after = Ledgers(state.load(rtc), store)
    fit = before.next_fit("M", now + 60, 20_000_000)
    assert after.next_fit("M", now + 60, 20_000_000) == fit >= now + 1 + 30 + 3600


def test_a_day_of_sending_stays_within_any_hour_of_the_band():
    nvs, rtc = Nvs(), Rtc()
    store = Store(nvs)
    running = state.State(rtc)
    sent = []
    now = 1_767_225_600
    for step in range(3000):
        ledgers = Ledgers(running, store)
        if ledgers.next_fit("L", now, 700_000) == now:
            ledgers.record("L", now, 700_000)
            sent.append(now)
        running = state.load(rtc) or running
        now += 7 + step % 5
    assert len(rtc.memory()) <= 512
    for i, start in enumerate(sent):
        hour = [other for other in sent[i:] if other < start + 3600]
        assert len(hour) * 700_000 <= 36_000_000
    assert len(sent) > 300  # it sends nearly as much as it may


def test_sample_numbers_end_before_nvs_does_and_what_cannot_be_reserved_is_forgotten():
    store = Store(Nvs())
    SampleNumbers(store).reserve(SAMPLE_NUMBERS - 1)
    for number in (SAMPLE_NUMBERS, 0x7FFFFFFF, 0x80000001, 1 << 40):
        try:
            SampleNumbers(store).reserve(number)
        except OverflowError:
            continue
        raise AssertionError(number)
    # An older firmware may have reserved up to the very end.
    for poison in (0x7FFFFFFF, SAMPLE_NUMBERS + 257, -1):
        store.set_number("sample_end", poison)
        assert SampleNumbers(store).lost() == 0
        SampleNumbers(store).reserve(5)
        assert SampleNumbers(store).lost() == 261
