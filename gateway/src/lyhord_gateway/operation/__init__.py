"""Is the gateway well, and who is told: health, metrics, HTTP, the service manager. Beside the flow."""
