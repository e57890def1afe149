"""Where frames are heard. A source turns receptions into `Uplink` values and sends answers back."""
