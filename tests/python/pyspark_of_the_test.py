"""A worker module of a user's own, whose name PySpark's daemon takes for one of Spark's."""


def main(infile, outfile):
    infile.read()
