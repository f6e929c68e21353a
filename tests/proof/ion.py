"""Amazon Ion 1.0 as text and binary, and Ion Hash 1.0 with SHA-256, written from their specifications with
the standard library alone. Shares no code with the program; only writes.

Values: None, bool, int, float, decimal.Decimal, str, bytes (a blob), list, dict (a struct), and the classes
below. A timestamp is written as text, as in Ion text.
"""

import base64
import datetime
import hashlib
import re
import struct
from decimal import Decimal


class Symbol(str):
    pass


class Clob(bytes):
    pass


class Sexp(list):
    pass


class Timestamp(str):
    pass


class Null:
    """null of a type."""

    def __init__(self, kind):
        self.kind = kind


class Annotated:
    def __init__(self, annotations, value):
        self.annotations, self.value = annotations, value


CODES = {'null': 0, 'bool': 1, 'int': 2, 'float': 4, 'decimal': 5, 'timestamp': 6, 'symbol': 7, 'string': 8,
         'clob': 9, 'blob': 10, 'list': 11, 'sexp': 12, 'struct': 13}


def kind_of(value):
    for kind, name in ((Null, 'null'), (bool, 'bool'), (int, 'int'), (float, 'float'), (Decimal, 'decimal'),
                       (Timestamp, 'timestamp'), (Symbol, 'symbol'), (str, 'string'), (Clob, 'clob'),
                       (bytes, 'blob'), (Sexp, 'sexp'), (list, 'list'), (dict, 'struct')):
        if isinstance(value, kind):
            return name
    raise TypeError(value)


# ---- fields of the binary form ----

def varuint(number):
    out = [number & 127 | 128]
    while number := number >> 7:
        out.insert(0, number & 127)
    return bytes(out)


def varint(number, negative_zero=False):
    sign, magnitude, out = 64 if number < 0 or negative_zero else 0, abs(number), []
    while magnitude > 63:
        out.insert(0, magnitude & 127)
        magnitude >>= 7
    out.insert(0, magnitude | sign)
    out[-1] |= 128
    return bytes(out)


def uint(number):
    return number.to_bytes((number.bit_length() + 7) // 8, 'big')


def signed(number, negative):
    out = bytearray(uint(number))
    if not out or out[0] & 128:
        out.insert(0, 0)
    if negative:
        out[0] |= 128
    return bytes(out)


def decimal_bytes(value):
    sign, digits, exponent = value.as_tuple()
    number = int(''.join(map(str, digits)))
    if not number and not sign and not exponent:
        return b''
    return varint(exponent) + (signed(number, sign) if number or sign else b'')


TIME = re.compile(r'(\d{4})(?:-(\d\d)(?:-(\d\d))?)?T?(?:(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d))?$')


def timestamp_bytes(text):
    year, month, day, hour, minute, second, fraction, zone = TIME.match(text).groups()
    parts = [int(one) for one in (year, month, day, hour, minute, second) if one is not None]
    if zone is None or zone == '-00:00':
        offset, out = 0, varint(0, True)
    else:
        offset = 0 if zone == 'Z' else int(zone[1:3]) * 60 + int(zone[4:])
        offset = -offset if zone[0] == '-' else offset
        out = varint(offset)
    if hour is not None:
        moment = datetime.datetime(*parts) - datetime.timedelta(minutes=offset)
        parts = [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second][:len(parts)]
    out += b''.join(map(varuint, parts))
    if fraction is not None:
        out += varint(-len(fraction)) + (signed(int(fraction), False) if int(fraction) else b'')
    return out


def float_bytes(value):
    return b'' if struct.pack('>d', value) == bytes(8) else struct.pack('>d', value)


def scalar_bytes(kind, value):
    if kind == 'int':
        return uint(abs(value))
    if kind in ('symbol', 'string'):
        return value.encode()
    if kind in ('clob', 'blob'):
        return bytes(value)
    return {'float': float_bytes, 'decimal': decimal_bytes, 'timestamp': timestamp_bytes}[kind](value)


# ---- the hash ----

def escaped(data):
    return re.sub(rb'[\x0b\x0c\x0e]', lambda match: b'\x0c' + match.group(), data)


def framed(code, qualifier, content):
    return b'\x0b' + bytes([code << 4 | qualifier]) + content + b'\x0e'


def serialized(value):
    if value is None:
        return framed(0, 15, b'')
    if isinstance(value, Annotated):
        return framed(14, 0, b''.join(serialized(Symbol(one)) for one in value.annotations) +
                      serialized(value.value))
    kind = kind_of(value)
    if kind == 'null':
        return framed(CODES[value.kind], 15, b'')
    if kind == 'bool':
        return framed(1, value, b'')
    if kind == 'struct':
        members = sorted(hashlib.sha256(serialized(Symbol(name)) + serialized(one)).digest()
                         for name, one in value.items())
        return framed(13, 0, escaped(b''.join(members)))
    if kind in ('list', 'sexp'):
        return framed(CODES[kind], 0, b''.join(map(serialized, value)))
    code = CODES[kind] + (kind == 'int' and value < 0)
    return framed(code, 0, escaped(scalar_bytes(kind, value)))


def ion_hash(value):
    return hashlib.sha256(serialized(value)).digest()


# ---- binary ----

SYSTEM = ['$ion', '$ion_1_0', '$ion_symbol_table', 'name', 'version', 'imports', 'symbols', 'max_id',
          '$ion_shared_symbol_table']


class Symbols:
    def __init__(self):
        self.numbers = {text: number for number, text in enumerate(SYSTEM, 1)}

    def number(self, text):
        return self.numbers.setdefault(str(text), len(self.numbers) + 1)


def tagged(code, content):
    if len(content) < 14:
        return bytes([code << 4 | len(content)]) + content
    return bytes([code << 4 | 14]) + varuint(len(content)) + content


def binary_value(value, symbols):
    if value is None:
        return b'\x0f'
    if isinstance(value, Annotated):
        numbers = b''.join(varuint(symbols.number(one)) for one in value.annotations)
        return tagged(14, varuint(len(numbers)) + numbers + binary_value(value.value, symbols))
    kind = kind_of(value)
    if kind == 'null':
        return bytes([CODES[value.kind] << 4 | 15])
    if kind == 'bool':
        return bytes([16 | value])
    if kind == 'symbol':
        return tagged(7, uint(symbols.number(value)))
    if kind == 'struct':
        content = b''.join(varuint(symbols.number(name)) + binary_value(one, symbols)
                           for name, one in value.items())
        # a length of one has a meaning of its own
        return tagged(13, content) if len(content) != 1 else b'\xde\x81' + content
    if kind in ('list', 'sexp'):
        return tagged(CODES[kind], b''.join(binary_value(one, symbols) for one in value))
    return tagged(CODES[kind] + (kind == 'int' and value < 0), scalar_bytes(kind, value))


def binary(values):
    """A stream with one symbol table at its beginning; padding here and there, as writers may."""
    symbols = Symbols()
    body = [binary_value(value, symbols) for value in values]
    texts = sorted(symbols.numbers, key=symbols.numbers.get)[len(SYSTEM):]
    table = Annotated(['$ion_symbol_table'], {'symbols': texts})
    return b'\xe0\x01\x00\xea' + binary_value(table, symbols) + b'\x02ab' + b'\x00'.join(body)


# ---- text ----

def quoted(text, quote):
    out = ''
    for one in text:
        if one in (quote, '\\'):
            out += '\\' + one
        elif ord(one) < 32:
            out += '\\x%02x' % ord(one)
        else:
            out += one
    return quote + out + quote


def text_name(text):
    return str(text) if re.fullmatch(r'[A-Za-z_][A-Za-z0-9_]*', text) and text not in (
        'null', 'true', 'false', 'nan') else quoted(text, "'")


def text_decimal(value):
    sign, digits, exponent = value.as_tuple()
    return '%s%sd%d' % ('-' if sign else '', ''.join(map(str, digits)), exponent)


def text_float(value):
    if value != value or value in (float('inf'), float('-inf')):
        return 'nan' if value != value else '+inf' if value > 0 else '-inf'
    text = repr(value)
    return text if 'e' in text else text + 'e0'


def text(value):
    if value is None:
        return 'null'
    if isinstance(value, Annotated):
        return ''.join(text_name(one) + '::' for one in value.annotations) + text(value.value)
    kind = kind_of(value)
    if kind == 'struct':
        return '{' + ','.join(text_name(name) + ':' + text(one) for name, one in value.items()) + '}'
    return {
        'null': lambda: 'null.' + value.kind, 'bool': lambda: str(value).lower(), 'int': lambda: str(value),
        'float': lambda: text_float(value), 'decimal': lambda: text_decimal(value),
        'timestamp': lambda: str(value), 'symbol': lambda: text_name(value),
        'string': lambda: quoted(value, '"'),
        'clob': lambda: '{{' + quoted(value.decode('latin-1'), '"') + '}}',
        'blob': lambda: '{{' + base64.b64encode(value).decode() + '}}',
        'list': lambda: '[' + ', '.join(map(text, value)) + ']',
        'sexp': lambda: '(' + ' '.join(map(text, value)) + ')',
    }[kind]()
