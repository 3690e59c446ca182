"""Who forks this application's workers: PySpark's daemon, or the zygote.

They look alike, down to the command line. But only the zygote is talked to over a Unix socket of packets. As a program,
with the process id of a JVM, it prints them as JSON.
"""

import json
import os
import sys
from pathlib import Path

from processes import descendants, name, parent_of

PACKETS = "0005"  # SOCK_SEQPACKET
TYPE_COLUMN, INODE_COLUMN = 4, 6


def packet_sockets():
    """How /proc/<pid>/fd names the sockets of packets on this machine."""
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return {f"socket:[{line[INODE_COLUMN]}]" for line in lines if line[TYPE_COLUMN] == PACKETS}


def holds(pid, sockets):
    """Whether a process has one of these sockets open."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(entry) in sockets:
                return True
        except FileNotFoundError:
            continue
    return False


def forkers(jvm, besides):
    """Either 'daemon' or 'zygote' for each Python process that the JVM has started, but for the process `besides`."""
    sockets = packet_sockets()
    started = [one for one in descendants(jvm, besides) if parent_of(one) == jvm and "python" in name(one)]
    return ["zygote" if holds(one.pid, sockets) else "daemon" for one in started]


if __name__ == "__main__":
    print(json.dumps(forkers(int(sys.argv[1]), besides=os.getpid())))
