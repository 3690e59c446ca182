"""Has each process write its stack to standard error on SIGUSR1, as people do who debug workers."""

import faulthandler
import signal

faulthandler.register(signal.SIGUSR1)
