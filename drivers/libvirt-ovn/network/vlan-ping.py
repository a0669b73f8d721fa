"""Pings from a VLAN without a VLAN device, which not every kernel has: vlan-ping.py DEVICE VLAN OWN_MAC OWN_IP PEER_MAC PEER_IP."""
import socket
import struct
import sys
import time

SOL_PACKET, PACKET_AUXDATA = 263, 8
device, vlan, own_mac, own_ip, peer_mac, peer_ip = sys.argv[1:]


def mac(text):
    return bytes.fromhex(text.replace(':', ''))


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(sequence):
    icmp = struct.pack('!BBHHH', 8, 0, 0, 7, sequence) + b'intercloud 1234.'
    icmp = icmp[:2] + struct.pack('!H', checksum(icmp)) + icmp[4:]
    addresses = socket.inet_aton(own_ip) + socket.inet_aton(peer_ip)
    header = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(icmp), 1, 0, 64, 1, 0) + addresses
    header = header[:10] + struct.pack('!H', checksum(header)) + header[12:]
    return mac(peer_mac) + mac(own_mac) + struct.pack('!HH', 0x8100, int(vlan)) + struct.pack('!H', 0x0800) + header + icmp


def arp_reply(asker_mac, asker_ip):
    body = struct.pack('!HHBBH', 1, 0x0800, 6, 4, 2) + mac(own_mac) + socket.inet_aton(own_ip) + asker_mac + asker_ip
    return asker_mac + mac(own_mac) + struct.pack('!HH', 0x8100, int(vlan)) + struct.pack('!H', 0x0806) + body


def tagged(frame, auxiliary):
    """What came in the VLAN, without its tag; None for the rest. The kernel may have put the tag aside."""
    for level, kind, data in auxiliary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tag = struct.unpack('=IIIHHH', data[:18])
            if status & 0x10 and tag & 0xFFF == int(vlan):
                return frame[12:]
    if frame[12:14] == b'\x81\x00' and struct.unpack('!H', frame[14:16])[0] & 0xFFF == int(vlan):
        return frame[16:]
    return None


with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
    wire.bind((device, 0))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.settimeout(0.2)
    for sequence in range(5):
        wire.send(packet(sequence))
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            try:
                frame, auxiliary, _, _ = wire.recvmsg(2048, 256)
            except TimeoutError:
                continue
            inner = tagged(frame, auxiliary)
            if inner is None:
                continue
            if inner[:2] == b'\x08\x06' and inner[8:10] == b'\x00\x01' and inner[26:30] == socket.inet_aton(own_ip):
                wire.send(arp_reply(inner[10:16], inner[16:20]))
            if inner[:2] == b'\x08\x00' and inner[2 + 12:2 + 16] == socket.inet_aton(peer_ip) and inner[2 + 20] == 0:
                sys.exit(0)
sys.exit('no answer')
