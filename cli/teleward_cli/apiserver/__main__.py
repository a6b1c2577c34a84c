"""`python -m teleward_cli.apiserver`."""

from teleward_cli.apiserver.main import main

main()
