"""Where things are: the environment of a user, who has stock PySpark and has installed the wheel."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from program import Program

ROOT = Path(__file__).resolve().parent.parent.parent
USER = Path(os.environ.get("NATIVE_PYTHON_WORKER_USER_VENV", ROOT / "build/venvs/user"))
# JVMs that live for seconds do not earn back what the second compiler and the parallel collector take.
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
APPLICATION = Path(__file__).with_name("application.py")


class User:
    """Runs commands as a user does who has activated the environment."""

    def __init__(self, directory):
        self.directory = directory

    def run(self, command, status=0, **variables):
        kept = ("HOME", "LANG", "TZ", "JAVA_HOME", "TMPDIR", "USER")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {"PATH": f"{USER / 'bin'}:{os.environ['PATH']}", "SPARK_LOCAL_IP": "127.0.0.1"}
        environment |= {"SPARK_SUBMIT_OPTS": SHORT_LIVED, "SPARK_LAUNCHER_OPTS": SHORT_LIVED, **variables}
        done = subprocess.run(
            ["bash", "-c", command],
            env=environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == status, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def factories(self, command, **variables):
        """Which factories served the application."""
        lines = self.run(command, **variables).splitlines()
        return json.loads(next(line for line in lines if line.startswith("[")))


@pytest.fixture
def user(tmp_path):
    return User(tmp_path)


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path, USER)
