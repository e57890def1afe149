"""Every board file, for both interpreters; on CPython a test holds this to the folder."""

from boards import devkit_rfm95, heltec_lora32_v3, lilygo_lora32_v21, lilygo_t3s3

BOARDS = (devkit_rfm95, heltec_lora32_v3, lilygo_lora32_v21, lilygo_t3s3)
