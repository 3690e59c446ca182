"""Executors in containers: what they are allowed, and what came of it."""

import json
import os
import platform
import re
import shlex
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

import psutil
import pytest
from class_archive import CHEAP
from processes import descendants
from standalone import EXECUTOR

HERE = Path(__file__).resolve().parent
NOBODY = 65534
# Numbers of system calls that are the same on every architecture, as they are newer than most of those.
PIDFD_SEND_SIGNAL, PIDFD_OPEN, CLONE3, CLOSE_RANGE = 424, 434, 435, 436


@dataclass(frozen=True)
class Container:
    """How an executor's container is made; by default it is one that allows everything."""

    init: bool = False
    read_only: bool = False
    noexec: bool = False  # what the JVM has for /tmp
    hide: bool = False
    user: int = 0
    deny: tuple = ()
    groups: tuple = ()
    variables: tuple = ()


def need_root():
    if os.geteuid() != 0:
        pytest.skip("only root may make namespaces here")


def call_number(name, x86_64, aarch64):
    numbers = {"x86_64": x86_64, "aarch64": aarch64}
    if platform.machine() not in numbers:
        pytest.skip(f"the number of {name} is not known here")
    return numbers[platform.machine()]


@dataclass
class Executor:
    """The one executor of an application, in its container: Spark's worker starts it by the `java` of a JAVA_HOME of ours."""

    container: Container
    folder: Path
    log_file: Path = field(init=False)

    def __post_init__(self):
        self.log_file = self.folder / "executor.log"
        self.temporary = self.folder / "tmp"
        self.local = self.folder / "local"
        for folder in (self.temporary, self.local):
            folder.mkdir(parents=True)
            folder.chmod(0o777)
        # Whoever runs it may have to come through here.
        for folder in self.folder.parents:
            if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001 and folder != Path.home():
                folder.chmod(folder.stat().st_mode | 0o001)
        spec = {one.name: getattr(self.container, one.name) for one in fields(Container)}
        spec["noexec"] = str(self.temporary) if self.container.noexec else None
        spec["writable"] = [str(self.local)] + ([] if self.container.noexec else [str(self.temporary)])
        spec["executables"] = [sys.base_prefix] if self.container.user else []
        spec["groups"] = dict(self.container.groups)
        # Spark's worker has made some folders for it, of which the container knows nothing.
        spec["variables"] = {"SPARK_EXECUTOR_DIRS": str(self.local), **dict(self.container.variables)}
        file = self.folder / "spec.json"
        file.write_text(json.dumps(spec))
        java = self.folder / "java-home/bin/java"
        java.parent.mkdir(parents=True)
        words = [sys.executable, str(HERE / "enter.py"), str(file), real_java()]
        java.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@" >>{shlex.quote(str(self.log_file))} 2>&1\n')
        java.chmod(0o755)

    @property
    def conf(self):
        return {
            "spark.master": "local-cluster[1,2,1024]",
            "spark.executor.memory": "512m",
            "spark.executorEnv.JAVA_HOME": str(self.folder / "java-home"),
            "spark.executorEnv.TMPDIR": str(self.temporary),
            "spark.executor.extraJavaOptions": f"{CHEAP} -Djava.io.tmpdir={self.temporary}",
        }

    @property
    def log(self):
        return self.log_file.read_text(errors="replace")

    @property
    def warnings(self):
        return re.findall(r"WARN (?:NativePythonWorkerPlugin|PythonWorkerFactory): (.*)", self.log)

    def processes(self, driver):
        """The executor, and all that it has started, as the machine sees them."""
        (jvm,) = {one.pid for one in descendants(driver.process.pid) if EXECUTOR in one.command and is_in_namespace(one.pid)}
        return [jvm, *(one.pid for one in descendants(jvm))]


def is_in_namespace(pid):
    """Whether it has a pid of its own in a container, and is the JVM there and no process of `enter.py`."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/status").read_text()
        inside = re.search(r"^NSpid:\s+\d+\s+\d+", text, re.M)
        return bool(inside) and psutil.Process(pid).name() == "java"
    return False


def real_java():
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin/java") if home else Path(shutil.which("java")).resolve())
