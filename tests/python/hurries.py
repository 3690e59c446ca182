"""A module that gives all sockets a timeout, which no worker's can keep to."""

import socket

socket.setdefaulttimeout(0)
