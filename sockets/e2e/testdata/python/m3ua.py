"""An M3UA application server process (RFC 4666): "IP PORT". Brings itself up with one-to-one SCTP and ancillary data."""
import socket
import struct
import sys

from patient import connect

SCTP, SNDRCV, SCTP_EVENTS = 132, 1, 11
M3UA_PPID = 3

s = connect(sys.argv[1], int(sys.argv[2]))
s.setsockopt(SCTP, SCTP_EVENTS, bytes([1, 0, 0, 0, 0, 0, 0, 0]))


def say(name, message_class, message_type):
    info = struct.pack("=HHHxxLLLLLl", 0, 0, 0, socket.htonl(M3UA_PPID), 0, 0, 0, 0, 0)
    s.sendmsg([struct.pack(">BBBBL", 1, 0, message_class, message_type, 8)], [(SCTP, SNDRCV, info)])
    print("sent", name, flush=True)


def hear(name, message_class, message_type):
    while True:
        data, ancillary, _, _ = s.recvmsg(65536, 256)
        assert data, "the peer has hung up"
        (level, kind, info), = ancillary
        assert (level, kind) == (SCTP, SNDRCV)
        assert socket.ntohl(struct.unpack_from("=L", info, 8)[0]) == M3UA_PPID
        if (data[2], data[3]) == (message_class, message_type):
            print("got", name, flush=True)
            return
        print("passed over", data[2], data[3], flush=True)


say("ASPUP", 3, 1)
hear("ASPUP ACK", 3, 4)
say("BEAT", 3, 3)
hear("BEAT ACK", 3, 6)
print("up")
