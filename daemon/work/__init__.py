"""What moves work: rings, turns, sends and sweeps. Decides nothing that the core can decide."""
