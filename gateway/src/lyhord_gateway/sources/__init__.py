"""Sources: they hear frames, turn receptions into `Uplink` values and send answers back."""
