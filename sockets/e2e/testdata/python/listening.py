"""Waits until a server listens: "IP PORT". Its association is aborted at once."""
import socket
import struct
import sys

from patient import connect

s = connect(sys.argv[1], int(sys.argv[2]))
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
