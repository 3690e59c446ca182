"""What Python has compiled already of the modules in Spark's archives.

It compiles what it imports from an archive each time, which for PySpark's takes a second. The same files are beside the archive:
those of PyPI's package with what they compile to.
"""

import _imp
import contextlib
import importlib.machinery
import zipimport


class Compiled(importlib.machinery.SourceFileLoader):
    """The code of a file where there is some that holds, else None. Compiles nothing and writes nothing."""

    def source_to_code(self, data, path, *, _optimize=-1):
        return None

    def set_data(self, path, data, *, _mode=0o666):
        pass


def twins(path):
    """Where the file of such an archive may be once more: in Spark's distribution, or where pip has put it."""
    archive, _, file = path.partition(".zip/")
    home, found, _ = archive.rpartition("/python/lib/")
    return [f"{home}/python/{file}", f"{home.rpartition('/')[0]}/{file}"] if found and file else []


def code_of(path, source):
    """That of a file in an archive, as if compiled from there."""
    for twin in twins(path):
        with contextlib.suppress(OSError, ImportError, EOFError, ValueError):
            with open(twin, "rb") as file:
                is_same = file.read() == source
            code = Compiled("twin", twin).get_code("twin") if is_same else None
            if code is not None:
                _imp._fix_co_filename(code, path)
                return code
    return None


@contextlib.contextmanager
def taken():
    """Meanwhile what is imported from an archive is not compiled anew."""
    compile_source = getattr(zipimport, "_compile_source", None)
    if compile_source is None:
        yield
        return
    zipimport._compile_source = lambda path, source: code_of(path, source) or compile_source(path, source)
    try:
        yield
    finally:
        zipimport._compile_source = compile_source
