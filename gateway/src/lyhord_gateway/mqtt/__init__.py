"""MQTT connections as the gateway makes them."""
