"""The durable store: samples, replay windows, counters, cursors, and the registry of nodes."""
