"""Notes which processes import a module of the tests, for a test that wants to know."""

import os


def note():
    file = os.environ.get("IMPORTERS_OF_THE_TEST")
    if file:
        with open(file, "a") as importers:
            print(os.getpid(), file=importers)
