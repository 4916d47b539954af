"""Asks a SIP server for its OPTIONS over SCTP: "IP PORT"."""
import sys

from patient import connect

ip, port = sys.argv[1], int(sys.argv[2])
s = connect(ip, port)
me = "%s:%d" % s.getsockname()
s.sendall((
    "OPTIONS sip:test@{to}:{port} SIP/2.0\r\n"
    "Via: SIP/2.0/SCTP {me};branch=z9hG4bK-1\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:a@{me}>;tag=1\r\n"
    "To: <sip:test@{to}:{port}>\r\n"
    "Call-ID: 1@{me}\r\n"
    "CSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
).format(to=ip, port=port, me=me).encode())
print(s.recv(65536).decode().splitlines()[0])
