"""What Python has compiled of the files in Spark's archives is taken where it is of the same file."""

import marshal
import py_compile
import zipfile
from pathlib import Path

import pytest

SOURCE = "def where():\n    return VALUE, where.__code__.co_filename\nVALUE = {!r}\n"
IMPORT = """
with compiled.taken():
    from pyspark.one import where
value, file = where()
tell(value=value, file=file)
"""


def write_archive(archive, text):
    with zipfile.ZipFile(archive, "w") as spark:
        spark.writestr("pyspark/__init__.py", "")
        spark.writestr("pyspark/one.py", text)


@pytest.fixture
def spark(tmp_path):
    """spark(twin, text): a Spark whose archive has `pyspark/one.py`, and beside it in `twin` the same compiled from this text."""

    def make(twin, text):
        home = tmp_path / "site/pyspark"
        archive, file = home / "python/lib/pyspark.zip", home / twin / "one.py"
        archive.parent.mkdir(parents=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_archive(archive, SOURCE.format("archive"))
        file.write_text(text)
        compiled = Path(py_compile.compile(str(file), doraise=True))
        # To be told from what the archive would give.
        code = compile(SOURCE.format("twin"), str(file), "exec")
        compiled.write_bytes(compiled.read_bytes()[:16] + marshal.dumps(code))
        return archive, file

    return make


@pytest.mark.parametrize("twin", [".", "python/pyspark"])
def test_it_is_taken_and_the_archive_named(interpreter, spark, twin):
    archive, _ = spark(twin, SOURCE.format("archive"))
    assert interpreter(IMPORT, archive) == {"value": "twin", "file": f"{archive}/pyspark/one.py"}


def test_what_is_beside_the_archive_may_be_another_file(interpreter, spark):
    archive, _ = spark(".", SOURCE.format("another"))
    assert interpreter(IMPORT, archive) == {"value": "archive", "file": f"{archive}/pyspark/one.py"}


def test_what_was_compiled_may_be_older_than_the_file(interpreter, spark):
    archive, file = spark(".", SOURCE.format("another"))
    text = SOURCE.format("archive") + "\n"
    file.write_text(text)
    write_archive(archive, text)
    assert interpreter(IMPORT, archive)["value"] == "archive"


def test_nothing_is_written(interpreter, spark):
    archive, file = spark(".", SOURCE.format("archive"))
    [compiled] = file.parent.glob("__pycache__/one.*.pyc")
    compiled.unlink()
    assert interpreter("sys.dont_write_bytecode = False\n" + IMPORT, archive)["value"] == "archive"
    assert not compiled.exists()
