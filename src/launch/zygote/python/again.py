"""What was loaded ahead in vain, and is loaded a second time: from a copy of its file where it is C code."""

import importlib.machinery
import os
import sys

from entries import is_of_interpreter, top_level

# What has C code that can be loaded a second time, from a copy of its file.
LOADED_TWICE = {"numpy", "pandas"}


def is_extension(module):
    spec = getattr(module, "__spec__", None)
    return isinstance(getattr(spec, "loader", None), importlib.machinery.ExtensionFileLoader)


class Copying(importlib.machinery.ExtensionFileLoader):
    """Loads C code a second time: the dynamic linker has another file, by a name that it has not heard before."""

    count = 0

    def create_module(self, spec):
        copied = os.memfd_create(spec.name)
        Copying.count += 1
        with open(copied, "wb", buffering=0, closefd=False) as target, open(spec.origin, "rb") as source:
            while os.sendfile(target.fileno(), source.fileno(), None, 1 << 30):
                pass
        original, spec.origin = spec.origin, f"/proc/self/fd/{'./' * Copying.count}{copied}"
        try:
            return super().create_module(spec)
        finally:
            spec.origin = original
            os.close(copied)


class Again:
    """C code that was loaded cannot be loaded again from the same file."""

    def __init__(self):
        self.files = set()
        self.refused = set()
        self.causes = set()

    def can_load(self, modules):
        """Whether none of these is C code that can't be loaded a second time."""
        return all(
            not is_extension(module)
            or is_of_interpreter(module.__spec__.origin)
            or top_level(module.__spec__.name) in LOADED_TWICE
            for module in modules
        )

    def expect(self, modules, causes):
        """These count as never loaded, because of what the task has of its own."""
        self.files.update(module.__spec__.origin for module in modules if is_extension(module))
        self.causes.update(causes)

    def find_spec(self, name, path):
        """None for what can be loaded as it is."""
        spec = importlib.machinery.PathFinder.find_spec(name, path) if "." in name else None
        if spec is None or spec.origin not in self.files:
            return None
        package = top_level(name)
        if package not in LOADED_TWICE:
            self.refuse(package, spec.origin)
        spec.loader = Copying(name, spec.origin)
        return spec

    def refuse(self, package, file):
        why = (
            f"{package} was loaded ahead of this task, for which an import of {', '.join(sorted(self.causes))} gives something "
            "else (another place of sys.path or sys.modules, or another file), and "
            f"{package} cannot be loaded a second time: have spark.nativePythonWorker.preload leave it out"
        )
        if package not in self.refused:
            # Who takes a failed import for a package that is not installed, as pandas does, says nothing.
            self.refused.add(package)
            print(f"ImportError: {why}", file=sys.stderr)
        raise ImportError(why, name=package, path=file)
