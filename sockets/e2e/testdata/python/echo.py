"""Echo over plain sockets: "server IP PORT", "client IP PORT COUNT"; asynchronous both."""
import asyncio
import socket
import sys


def sctp(ip):
    s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    s.setblocking(False)
    return s


async def serve_one(loop, c):
    while data := await loop.sock_recv(c, 65536):
        await loop.sock_sendall(c, data)
    c.close()


async def serve(ip, port):
    loop = asyncio.get_running_loop()
    s = sctp(ip)
    s.bind((ip, port))
    s.listen(5)
    print("listening", s.getsockname(), flush=True)
    while True:
        c, _ = await loop.sock_accept(s)
        asyncio.create_task(serve_one(loop, c))


async def call(ip, port, count):
    loop = asyncio.get_running_loop()
    s = sctp(ip)
    await asyncio.wait_for(loop.sock_connect(s, (ip, port)), 20)
    for i in range(count):
        text = b"message %d" % i
        await loop.sock_sendall(s, text)
        got = await asyncio.wait_for(loop.sock_recv(s, 65536), 20)
        assert got == text, (got, text)
    s.close()
    print("echoed", count, flush=True)


ip, port = sys.argv[2], int(sys.argv[3])
asyncio.run(serve(ip, port) if sys.argv[1] == "server" else call(ip, port, int(sys.argv[4])))
