"""What Python has compiled of the files in Spark's archives is taken where it is of the same file."""

import py_compile
import zipfile

import pytest

SOURCE = "def where():\n    return VALUE, where.__code__.co_filename\nVALUE = {!r}\n"
IMPORT = """
with compiled.taken():
    from pyspark.one import where
value, file = where()
tell(value=value, file=file)
"""


@pytest.fixture
def spark(tmp_path):
    """spark(twin, text): a Spark whose archive has `pyspark/one.py`, and beside it in `twin` the same compiled from this text."""

    def make(twin, text):
        home = tmp_path / "site/pyspark"
        archive, file = home / "python/lib/pyspark.zip", home / twin / "one.py"
        archive.parent.mkdir(parents=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive, "w") as spark:
            spark.writestr("pyspark/__init__.py", "")
            spark.writestr("pyspark/one.py", SOURCE.format("archive"))
        file.write_text(text)
        # To be told from what the archive would give; the name of the file is none of that.
        other = tmp_path / "other.py"
        other.write_text(SOURCE.format("twin".ljust(7)))
        py_compile.compile(str(other), cfile=str(file.parent / "__pycache__" / "x.pyc"), doraise=True)
        code = (file.parent / "__pycache__" / "x.pyc").read_bytes()[16:]
        py_compile.compile(str(file), doraise=True)
        [compiled] = file.parent.glob("__pycache__/one.*.pyc")
        compiled.write_bytes(compiled.read_bytes()[:16] + code)
        return archive, file

    return make


@pytest.mark.parametrize("twin", [".", "python/pyspark"])
def test_it_is_taken_and_the_archive_named(interpreter, spark, twin):
    archive, _ = spark(twin, SOURCE.format("archive"))
    assert interpreter(IMPORT, archive) == {"value": "twin   ", "file": f"{archive}/pyspark/one.py"}


def test_what_is_beside_the_archive_may_be_another_file(interpreter, spark):
    archive, _ = spark(".", SOURCE.format("another"))
    assert interpreter(IMPORT, archive) == {"value": "archive", "file": f"{archive}/pyspark/one.py"}


def test_what_was_compiled_may_be_older_than_the_file(interpreter, spark):
    archive, file = spark(".", SOURCE.format("another"))
    file.write_text(SOURCE.format("archive") + "\n")
    with zipfile.ZipFile(archive, "w") as changed:
        changed.writestr("pyspark/__init__.py", "")
        changed.writestr("pyspark/one.py", SOURCE.format("archive") + "\n")
    assert interpreter(IMPORT, archive)["value"] == "archive"


def test_nothing_is_written(interpreter, spark):
    archive, file = spark(".", SOURCE.format("archive"))
    [compiled] = file.parent.glob("__pycache__/one.*.pyc")
    compiled.unlink()
    assert interpreter("sys.dont_write_bytecode = False\n" + IMPORT, archive)["value"] == "archive"
    assert not compiled.exists()
