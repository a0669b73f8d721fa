"""Waits for an IPv4 packet in a VLAN, without a VLAN device, which not every kernel has: vlan-hearing.py DEVICE VLAN SECONDS."""
import socket
import struct
import sys
import time

SOL_PACKET, PACKET_AUXDATA = 263, 8
device, vlan, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])


def is_wanted(frame, auxiliary):
    """The kernel may have put the tag aside."""
    for level, kind, data in auxiliary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tag = struct.unpack('=IIIHHH', data[:18])
            if status & 0x10:
                return tag & 0xFFF == vlan and frame[12:14] == b'\x08\x00'
    return frame[12:14] == b'\x81\x00' and struct.unpack('!H', frame[14:16])[0] & 0xFFF == vlan and frame[16:18] == b'\x08\x00'


with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
    wire.bind((device, 0))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.settimeout(0.2)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            frame, auxiliary, _, _ = wire.recvmsg(2048, 256)
        except TimeoutError:
            continue
        if is_wanted(frame, auxiliary):
            sys.exit(0)
sys.exit('heard nothing')
