"""Images of boards from the sources of the firmware."""
