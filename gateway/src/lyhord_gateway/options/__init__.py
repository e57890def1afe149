"""The parts that options of sources and platforms are made of: types, addresses, secrets, certificates."""
