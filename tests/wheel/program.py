"""A program in an environment of its own, with what a user has in the environment of the wheel."""

import json
import subprocess
import venv


class Program:
    """It has packages of its own, and prints JSON line by line."""

    def __init__(self, folder, user):
        self.folder = folder
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self.python = folder / "venv/bin/python"
        [self.site] = (folder / "venv/lib").glob("*/site-packages")
        [theirs] = (user / "lib").glob("*/site-packages")
        (self.site / "user.pth").write_text(str(theirs))
        self.own = folder / "program"
        self.own.mkdir()

    def start(self, text, *arguments, **variables):
        """Runs it to its end."""
        (self.own / "program.py").write_text(f"import json, os, sys\n{text}")
        environment = {"PATH": f"{self.python.parent}:/usr/bin:/bin", "HOME": str(self.folder), **variables}
        command = [self.python, "program.py", *arguments]
        done = subprocess.run(command, cwd=self.own, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done

    def run(self, text, *arguments, **variables):
        """What it prints."""
        return list(map(json.loads, self.start(text, *arguments, **variables).stdout.splitlines()))
