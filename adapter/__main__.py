"""``python -m adapter``: the command line without an installed script."""

from adapter.cli import main

main()
