"""The fleet as a file: what clients should be, told from what they are. Pure."""
