"""The broker for WiFi nodes that the gateway brings along, and who may use it."""
