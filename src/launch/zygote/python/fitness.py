"""Whether workers can be forked from this interpreter: not where it has threads, which a fork would leave behind."""

import os
import sys

from linux import open_status, send, threads


def starter_of_threads():
    """Whose threads these are, as far as Python knows."""
    threading = sys.modules.get("threading")  # not loaded where nobody has started one in Python
    for thread in threading.enumerate() if threading else ():
        if thread is not threading.main_thread():
            run = getattr(thread, "_target", None) or type(thread).run
            code = getattr(getattr(run, "__func__", run), "__code__", None)
            where = f" ({code.co_filename})" if code else ""
            return f"{getattr(run, '__module__', '')}.{getattr(run, '__qualname__', '')}{where}"
    return "code that is not Python's"


def unfit(forked):
    """Why this interpreter is none to fork workers from, as it is at first or when it has forked; None where it is one."""
    if "t" in getattr(sys, "abiflags", ""):
        return "this interpreter is a free-threaded one, which no zygote has been tried with"
    status = open_status()
    several = threads(status) > 1
    os.close(status)
    has_them = "starts threads when it forks" if forked else "has threads before it runs anything"
    return f"this interpreter {has_them}; the first runs {starter_of_threads()}" if several else None


def refuse_unfit(control, forked):
    """Ends this process where workers cannot be forked from it."""
    why = unfit(forked)
    if why is not None:
        send(control, "unfit", reason=why, of_interpreter=True)
        os._exit(0)
