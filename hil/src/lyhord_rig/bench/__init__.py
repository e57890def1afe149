"""A bench: boards from the box on serial ports, for trying out what technicians do."""
