"""What decides and stores: knows neither HTTP handlers, nor the workers, nor the CLI."""
