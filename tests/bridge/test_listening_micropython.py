"""The place where the bridge listens survives in NVS, and nonsense in there does no harm."""

from lyhord_bridge import listening

DEFAULT = (868_100_000, 7)


class Nvs:
    """`esp32.NVS`: values are durable only after commit()."""

    def __init__(self):
        self.kept = {}
        self.open = {}
        self.commits = 0

    def get_i32(self, key):
        if key not in self.open:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        return self.open[key]

    def set_i32(self, key, value):
        assert len(key) <= 15 and -(1 << 31) <= value < 1 << 31
        self.open[key] = value

    def commit(self):
        self.kept = dict(self.open)
        self.commits += 1

    def lose_power(self):
        self.open = dict(self.kept)


def test_an_empty_nvs_means_the_default():
    assert listening.load(Nvs()) == DEFAULT


def test_what_is_saved_is_there_after_a_power_loss():
    nvs = Nvs()
    listening.save(nvs, 868_300_000, 9)
    nvs.lose_power()
    assert listening.load(nvs) == (868_300_000, 9)


def test_saving_the_same_again_does_not_wear_the_flash():
    nvs = Nvs()
    listening.save(nvs, *DEFAULT)
    assert nvs.commits == 0
    for _ in range(3):
        listening.save(nvs, 867_900_000, 12)
    assert nvs.commits == 1


def test_unusable_values_mean_the_default():
    for freq_hz, sf in ((915_000_000, 7), (868_100_000, 6), (868_100_000, 13), (0, 0)):
        assert not listening.is_valid(freq_hz, sf)
        nvs = Nvs()
        nvs.set_i32("listen_hz", freq_hz)
        nvs.set_i32("listen_sf", sf)
        assert listening.load(nvs) == DEFAULT
