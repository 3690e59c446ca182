"""A module that starts a process of its own, in a session of its own, and leaves it alone."""

import subprocess

subprocess.Popen(["sleep", "600"], start_new_session=True)
