"""Asks a SIP server for its OPTIONS over SCTP, again and again over one association: "IP PORT COUNT"."""
import sys

from patient import connect

ip, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = connect(ip, port)
me = "%s:%d" % s.getsockname()
for i in range(1, count + 1):
    s.sendall((
        "OPTIONS sip:test@{to}:{port} SIP/2.0\r\n"
        "Via: SIP/2.0/SCTP {me};branch=z9hG4bK-{i}\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:a@{me}>;tag=1\r\n"
        "To: <sip:test@{to}:{port}>\r\n"
        "Call-ID: {i}@{me}\r\n"
        "CSeq: {i} OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    ).format(to=ip, port=port, me=me, i=i).encode())
    reply = s.recv(65536).decode().split("\r\n")
    assert reply[0] == "SIP/2.0 200 Alive", reply
    assert "Call-ID: %d@%s" % (i, me) in reply, reply
print("alive", count)
