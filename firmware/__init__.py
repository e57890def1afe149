"""The sources that `lyhord build` makes images of; on this side only the board files are imported."""
