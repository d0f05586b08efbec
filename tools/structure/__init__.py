"""How a network is built: its operations, units that never speak, and the wiring to its answers."""
