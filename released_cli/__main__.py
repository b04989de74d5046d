"""`python -m released_cli` is `released`."""

from released_cli.app import main

main()
