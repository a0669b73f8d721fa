"""
A guest among others. Says `ready` when it listens; then reads a line of JSON, `[[number, protocol, address, port], ...]`, sends one packet
or opens one connection for each, and after some seconds says as JSON which numbers it has `heard` (UDP) and which of its own were `answered`.
packets.py PORT,PORT,... SECONDS
"""
import json
import select
import socket
import struct
import sys
import time

ports, seconds = [int(port) for port in sys.argv[1].split(',')], float(sys.argv[2])
families = (socket.AF_INET, socket.AF_INET6)
heard, answered = [], []
udp, tcp, echo = {}, [], {}


def opened(family, kind, port):
    one = socket.socket(family, kind)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setblocking(False)
    one.bind(('', port))
    return one


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


for family in families:
    for port in ports:
        udp[opened(family, socket.SOCK_DGRAM, port)] = port
        listener = opened(family, socket.SOCK_STREAM, port)
        listener.listen(256)
        tcp.append(listener)
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    echo[family] = socket.socket(family, socket.SOCK_RAW, protocol)
    echo[family].setblocking(False)

print('ready', flush=True)
connecting = {}
for number, protocol, address, port in json.loads(sys.stdin.readline()):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    if protocol == 'icmp':
        kind = 8 if family == socket.AF_INET else 128
        head = struct.pack('!BBHHH', kind, 0, 0, number, 1)
        # The kernel fills it in for IPv6.
        packet = head if family == socket.AF_INET6 else struct.pack('!BBHHH', kind, 0, checksum(head), number, 1)
        try:
            echo[family].sendto(packet, (address, 0))
        except OSError:
            pass
        continue
    # A port of its own for each: no packet is the answer to another.
    one = opened(family, socket.SOCK_DGRAM if protocol == 'udp' else socket.SOCK_STREAM, 20000 + number)
    try:
        if protocol == 'udp':
            one.sendto(str(number).encode(), (address, port))
        else:
            one.connect_ex((address, port))
            connecting[one] = number
    except OSError:
        pass

end = time.monotonic() + seconds
while time.monotonic() < end:
    readable, writable, _ = select.select([*udp, *tcp, *echo.values()], list(connecting), [], 0.1)
    for one in readable:
        if one in udp:
            heard.append(int(one.recv(64)))
        elif one in tcp:
            one.accept()[0].close()
        else:
            data = one.recv(2048)
            data = data[(data[0] & 15) * 4:] if one is echo[socket.AF_INET] else data
            if data[0] in (0, 129):
                answered.append(struct.unpack('!H', data[4:6])[0])
    for one in writable:
        if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            answered.append(connecting[one])
        del connecting[one]
print(json.dumps({'heard': heard, 'answered': answered}), flush=True)
