"""The command `native-python-worker`."""

import argparse
import shlex
import sys

from native_python_worker import conf, doctor


def parser():
    top = argparse.ArgumentParser(prog="native-python-worker", description="Native Python Worker for Apache Spark.")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name, run, help):
        one = commands.add_parser(name, help=help, description=help)
        one.set_defaults(run=run)
        return one

    command("conf", show_conf, "print the lines for spark-defaults.conf")
    command("submit-args", show_submit_arguments, "print the arguments for spark-submit")
    command("jar", show_jar, "print the path of the jar")
    doctor.add_arguments(command("doctor", doctor.main, "look at this machine and this Python as an executor would"))
    return top


def show_conf(_):
    print(*conf.defaults_lines(), sep="\n")


def show_submit_arguments(_):
    """They are used as `$(native-python-worker submit-args)`, of which the shell splits words at blanks, and reads no quotes."""
    arguments = conf.submit_arguments()
    if shlex.join(arguments) != " ".join(arguments):
        sys.exit(f"the shell would not give this path to spark-submit as one word, so name it yourself: --jars '{conf.jar()}'")
    print(*arguments)


def show_jar(_):
    print(conf.jar())


def main(arguments=None):
    chosen = parser().parse_args(arguments)
    return chosen.run(chosen)


if __name__ == "__main__":
    sys.exit(main())
