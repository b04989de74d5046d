"""WhatsApp's Cloud API: `wire` and `codes` are pure, `client` crosses the network."""
