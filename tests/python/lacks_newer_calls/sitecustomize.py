"""Takes away what came with Python 3.9, as if this were 3.8. Some builds of later ones lack a part of it, too."""

import os
import signal
import socket

for module, names in (
    (os, ("pidfd_open",)),
    (signal, ("pidfd_send_signal",)),
    (socket, ("recv_fds", "send_fds")),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
