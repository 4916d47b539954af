"""An M3UA application server process (RFC 4666): "IP PORT COUNT". Over one-to-one SCTP and ancillary data it brings
itself up, registers a routing key, becomes active, and has the signalling gateway transfer COUNT messages, to itself."""
import socket
import struct
import sys

from patient import connect

SCTP, SNDRCV, SCTP_EVENTS = 132, 1, 11
M3UA_PPID = 3

# Message class and type.
NTFY, DATA = (0, 1), (1, 1)
ASPUP, BEAT, ASPUP_ACK, BEAT_ACK = (3, 1), (3, 3), (3, 4), (3, 6)
ASPAC, ASPAC_ACK = (4, 1), (4, 3)
REG_REQ, REG_RSP = (9, 1), (9, 2)
# Parameters.
ROUTING_CONTEXT, TRAFFIC_MODE, ROUTING_KEY, REGISTRATION_RESULT = 0x0006, 0x000b, 0x0207, 0x0208
LOCAL_RK_ID, DPC, PROTOCOL_DATA, REGISTRATION_STATUS = 0x020a, 0x020b, 0x0210, 0x0212
LOADSHARE, ME, SCCP, INTERNATIONAL = 2, 42, 3, 0


def param(tag, value):
    return struct.pack(">HH", tag, 4 + len(value)) + value + bytes(-len(value) % 4)


def params(body):
    found = {}
    while body:
        tag, length = struct.unpack_from(">HH", body)
        found[tag] = body[4:length]
        body = body[(length + 3) & ~3:]
    return found


def number(n):
    return struct.pack(">L", n)


def say(name, kind, body=b"", stream=0):
    info = struct.pack("=HHHxxLLLLLl", stream, 0, 0, socket.htonl(M3UA_PPID), 0, 0, 0, 0, 0)
    s.sendmsg([struct.pack(">BBBBL", 1, 0, *kind, 8 + len(body)), body], [(SCTP, SNDRCV, info)])
    if kind != DATA:
        print("sent", name, flush=True)


def hear(name, kind):
    while True:
        data, ancillary, _, _ = s.recvmsg(65536, 256)
        assert data, "the peer has hung up"
        (level, cmsg, info), = ancillary
        assert (level, cmsg) == (SCTP, SNDRCV)
        assert socket.ntohl(struct.unpack_from("=L", info, 8)[0]) == M3UA_PPID
        assert struct.unpack_from(">L", data, 4)[0] == len(data)
        if (data[2], data[3]) == kind:
            if kind != DATA:
                print("got", name, flush=True)
            return params(data[8:])
        assert (data[2], data[3]) == NTFY, data


s = connect(sys.argv[1], int(sys.argv[2]))
s.setsockopt(SCTP, SCTP_EVENTS, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
say("ASPUP", ASPUP)
hear("ASPUP ACK", ASPUP_ACK)
say("BEAT", BEAT)
hear("BEAT ACK", BEAT_ACK)
key = param(LOCAL_RK_ID, number(1)) + param(TRAFFIC_MODE, number(LOADSHARE)) + param(DPC, number(ME))
say("REG REQ", REG_REQ, param(ROUTING_KEY, key))
result = params(hear("REG RSP", REG_RSP)[REGISTRATION_RESULT])
assert result[REGISTRATION_STATUS] == number(0), result
context = param(ROUTING_CONTEXT, result[ROUTING_CONTEXT])
say("ASPAC", ASPAC, param(TRAFFIC_MODE, number(LOADSHARE)) + context)
hear("ASPAC ACK", ASPAC_ACK)
count = int(sys.argv[3])
for i in range(count):
    text = b"message %d" % i
    label = struct.pack(">LLBBBB", 7, ME, SCCP, INTERNATIONAL, 0, i % 16)
    say("DATA", DATA, context + param(PROTOCOL_DATA, label + text), 1)
    assert hear("DATA", DATA)[PROTOCOL_DATA][12:] == text
print("transferred", count)
