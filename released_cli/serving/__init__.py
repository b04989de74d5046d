"""What `released service` knows of systemd: its units, its journal, and how both are told."""
