"""A worker module: for each byte that comes it does a task's work, which for `p` and `n` is to import something."""


def main(infile, outfile):
    work = infile.read(1)
    if work == b"p":
        import pandas  # noqa: F401
    elif work == b"n":
        import needs_no_children  # noqa: F401
    outfile.write(work)
    outfile.flush()
