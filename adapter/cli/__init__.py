"""The command line. ``main`` is the program ``adapter``; each command's work is imported when it is called for."""

import signal


def main() -> None:
    """The program. Ctrl-C while it is read in ends it without a word."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from adapter.cli.app import main as run

    signal.signal(signal.SIGINT, before)
    run()
