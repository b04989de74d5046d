"""`python -m daemon` is `released-daemon`."""

from daemon.main import main

main()
