# As in the ESP32 build: ECB and CBC only. The build here also has counter mode, the chip has not.
import ucryptolib


def aes(key, mode, IV=None):
    if mode not in (1, 2):
        raise ValueError("mode")
    return ucryptolib.aes(key, mode) if IV is None else ucryptolib.aes(key, mode, IV)
