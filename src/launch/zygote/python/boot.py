"""Puts the modules of this program in place and starts the zygote. They come as JSON, each by its name and before those that need it.

They are out of `sys.modules` again before anything of PySpark's is loaded, and nothing of the directory that this process
was started in is taken for one of the modules that they import.
"""

import sys

MOST_BYTES = 262144


def boot():
    at_start = set(sys.modules)
    has_directory = sys.path[:1] == [""]  # not with PYTHONSAFEPATH
    if has_directory:
        del sys.path[0]
    import json
    import os
    import types

    sources = json.loads(os.read(0, MOST_BYTES))
    others = {name: sys.modules[name] for name, _ in sources if name in sys.modules}
    for name, source in sources:
        module = sys.modules[name] = types.ModuleType(name)
        exec(compile(source, f"<native-python-worker>/{name}.py", "exec"), module.__dict__)
    main = sys.modules["zygote"].main
    for name, _ in sources:
        # Who walks down a task's stack, as the log of a UDF does for the caller's name, ends at the daemon's `__main__`.
        sys.modules.pop(name).__name__ = "__main__"
    sys.modules.update(others)
    main(at_start, has_directory)


boot()
