"""Imports the modules that are its arguments, and tells of each what that cost. Run by the interpreter that is looked at."""

import importlib
import json
import sys
import time


def status(field):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field))


def load(name):
    threads, kibibytes, started = status("Threads:"), status("VmRSS:"), time.monotonic()
    error, missing = None, False
    try:
        importlib.import_module(name)
    except BaseException as failure:
        error = f"{type(failure).__name__}: {failure}"
        missing = isinstance(failure, ModuleNotFoundError) and name.startswith(str(failure.name))
    return {
        "module": name,
        "error": error,
        "missing": missing,
        "millis": round((time.monotonic() - started) * 1000),
        "bytes": (status("VmRSS:") - kibibytes) * 1024,
        "threads": status("Threads:") - threads,
    }


for name in sys.argv[1:]:
    print(json.dumps(load(name)), flush=True)
