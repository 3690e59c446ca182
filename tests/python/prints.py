"""A module that prints when it is imported, and leaves what it printed in a buffer."""

import sys

sys.stdout.reconfigure(line_buffering=False, write_through=False)
sys.stdout.write("once")
