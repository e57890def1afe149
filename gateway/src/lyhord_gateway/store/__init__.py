"""What must not be lost: samples, replay windows, counters, cursors, and the registry of nodes."""
