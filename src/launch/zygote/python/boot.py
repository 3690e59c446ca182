"""Puts the modules of this program in place and starts the zygote. They come as JSON, each by its name and before those that need it:
first the keeper's, then the others, as a keeper has no use for them and would hold them in its memory.

They are out of `sys.modules` again before anything of PySpark's is loaded, and nothing of the directory that this process
was started in is taken for one of the modules that they import.
"""

import builtins
import sys

MOST_BYTES = 262144


def boot():
    at_start, imported, original = set(sys.modules), [], builtins.__import__

    def noted(name, globals=None, locals=None, fromlist=(), level=0):
        if globals and not level:
            imported.append((globals.get("__name__") or "", name))
        return original(name, globals, locals, fromlist, level)

    builtins.__import__ = noted  # what comes with a module that this program has imported comes with it in a worker, too
    has_directory = sys.path[:1] == [""]  # not with PYTHONSAFEPATH
    if has_directory:
        del sys.path[0]
    import json
    import os
    import types

    others, own = {}, {}

    def load(sources):
        for name, source in json.loads(sources):
            if name in sys.modules:
                others[name] = sys.modules[name]
            module = own[name] = sys.modules[name] = types.ModuleType(name)
            exec(compile(source, f"<native-python-worker>/{name}.py", "exec"), module.__dict__)

    load(os.read(0, MOST_BYTES))
    control, order = own["keeper"].split_off_zygote()
    load(control.recv(MOST_BYTES))
    for name, module in own.items():
        # Who walks down a task's stack, as the log of a UDF does for the caller's name, ends at the daemon's `__main__`.
        module.__name__ = "__main__"
        del sys.modules[name]
    sys.modules.update(others)
    builtins.__import__ = original
    imported = [(importer, name) for importer, name in imported if importer not in own]
    return own["zygote"].started(control, order, at_start, imported, has_directory)


zygote = boot()
