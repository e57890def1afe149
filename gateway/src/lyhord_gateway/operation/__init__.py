"""Is the gateway well, and who is told: health, metrics, HTTP, status file, service manager."""
