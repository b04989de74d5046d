"""What speaks HTTP: reads requests, calls one thing in the core, writes answers."""
