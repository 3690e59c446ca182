"""A module whose import does not end."""

import time

import importers

importers.note()
time.sleep(600)
