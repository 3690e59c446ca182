"""Has each process write its stack to standard error on SIGUSR1, as people do who debug workers.

The handler is one of Python's: `faulthandler`'s looks at the frames in the middle of whatever the interpreter does, and a
process that is asked often enough dies of that.
"""

import signal
import sys
import traceback

signal.signal(signal.SIGUSR1, lambda _, frame: traceback.print_stack(frame, file=sys.stderr))
