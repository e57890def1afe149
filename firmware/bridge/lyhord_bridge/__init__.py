"""LoRa to USB serial: an ESP32 with a radio as the gateway's ear and mouth (docs/protocol.md section 6)."""
