"""The ether, and the radios in it at the level of registers and commands."""
