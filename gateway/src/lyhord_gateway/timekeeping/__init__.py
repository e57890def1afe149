"""Which time it is, and how far that is believed."""
