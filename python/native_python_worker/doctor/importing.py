"""Imports the modules that are its arguments, and tells of each what that cost. Those behind `--try` are tried before, as the
zygote tries what workers import; its program comes by standard input. Run by the interpreter that is looked at.
"""

import importlib
import json
import os
import select
import sys
import time
import types

LIMIT_MILLIS = 30_000  # as `preloadTimeout` is by default


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


def program_of_the_zygote():
    """Its modules for a trial, by name, and out of `sys.modules` again."""
    sources = json.load(sys.stdin)
    others = {name: sys.modules[name] for name, _ in sources if name in sys.modules}
    own = {}
    for name, source in sources:
        own[name] = sys.modules[name] = types.ModuleType(name)
        exec(compile(source, f"<native-python-worker>/{name}.py", "exec"), own[name].__dict__)
        if name == "heritage":
            break
    for name in own:
        del sys.modules[name]
    sys.modules.update(others)
    return own


def outcome_of(trial):
    """Awaited: what the zygote would hear of it."""
    outcome, ended = None, False
    while outcome is None:
        select.select([trial.result], [], [], trial.left_millis() / 1000)
        pid, exit_status = os.waitpid(trial.pid, os.WNOHANG)
        ended = pid != 0
        outcome = trial.outcome(exit_status if ended else None)
    trial.end(ended)
    if not ended:
        os.waitpid(trial.pid, 0)
    return outcome


def verdict(program, name):
    """As of `load`, with what speaks against loading it ahead; where nothing does it is loaded, as what is tried next may use it."""
    heritage = program["heritage"].Heritage(program["imports"].ImportCache(sys.modules))
    trial = program["trial"].Trial.begin(name, LIMIT_MILLIS, os.fork, lambda: heritage.try_import(name))
    kind, found = outcome_of(trial)
    if kind == "tried" and not found["why"]:
        importlib.import_module(name)
    cost = {"millis": found.get("millis", 0), "bytes": found.get("kibibytes", 0) * 1024}
    return {"module": name, "verdict": kind, "why": found["why"], **cost}


def main(names):
    end = names.index("--try")
    program = program_of_the_zygote()
    for name in names[:end]:
        print(json.dumps(load(name)), flush=True)
    for name in names[end + 1 :]:
        print(json.dumps(verdict(program, name)), flush=True)


main(sys.argv[1:])
