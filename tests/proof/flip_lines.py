#!/usr/bin/env python3
"""Every byte of an export's journals, with one bit turned: no line of that verifies.

    flip_lines.py SEED FILE

Which bit is turned is chosen by the seed. The first line is left to verify_lines.py itself: its
signature is slow here. Prints the bytes that were turned; ends with 1 and the place of one that
verified.
"""

import random
import sys

from verify_lines import Wrong, check_line, read_head


def loose_signature(raw):
    """The first line with a bit set that is behind the end of the base64 of its last signature."""
    digits = b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    end = raw.index(b'=', raw.index('\u2014'.encode())) - 1
    return raw[:end] + bytes([digits[digits.index(raw[end]) ^ 1]]) + raw[end + 1:]


def main(seed, path):
    chance = random.Random(seed)
    with open(path, 'rb') as file:
        lines = file.readlines()
    head = read_head(lines[0], None)
    try:
        read_head(loose_signature(lines[0]), None)
        sys.exit('another form of the signature verifies')
    except Wrong:
        pass
    turned = 0
    for number, raw in enumerate(lines[1:], head['from']):
        check_line(raw, head, number)
        for at in range(len(raw)):
            other = bytearray(raw)
            other[at] ^= 1 << chance.randrange(8)
            try:
                check_line(bytes(other), head, number)
            except (Wrong, KeyError, TypeError):
                turned += 1
                continue
            sys.exit('journal %d verifies with byte %d turned' % (number, at))
    print(turned)


main(int(sys.argv[1]), sys.argv[2])
