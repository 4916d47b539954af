"""Connects as signalling clients do: again and again."""
import socket
import time


def connect(ip, port, patience=15):
    end = time.monotonic() + patience
    while True:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
        s.settimeout(patience)
        try:
            s.connect((ip, port))
            return s
        except ConnectionRefusedError:
            s.close()
            if time.monotonic() > end:
                raise
        time.sleep(0.1)
