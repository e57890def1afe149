"""One chip or sensor per module: it is told its pins and gives back numbers. No policy lives here."""
