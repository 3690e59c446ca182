"""What Ctrl-C and SIGTERM do: end what was started, and say nothing."""

import signal
import sys


def exit_with(main):
    """Ends this process with what `main` returns, or with 130 where it was interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
