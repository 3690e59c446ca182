"""The wheel itself, as scripts/wheel.py makes it."""

import subprocess
import sys
import zipfile

from conftest import ROOT


def test_a_wheel_is_for_all_platforms_of_its_jar(tmp_path):
    with zipfile.ZipFile(tmp_path / "some.jar", "w") as jar:
        for processor in ("x86_64", "aarch64"):
            jar.writestr(f"native/linux-{processor}/libnative_python_worker.so", b"\0GLIBC_2.5\0GLIBC_2.17\0GLIBC_2.9\0")
    program = [sys.executable, ROOT / "scripts/wheel.py", jar.filename, tmp_path / "wheel", tmp_path / "dist"]
    subprocess.run(program, check=True)
    [wheel] = tmp_path.glob("dist/*.whl")
    assert wheel.name.endswith("-py3-none-manylinux_2_17_aarch64.manylinux_2_17_x86_64.whl")
    subprocess.run([sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", wheel], check=True)
