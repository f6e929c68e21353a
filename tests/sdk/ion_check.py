"""tests/proof/ion.py, which the tests make Ion with, against Amazon's own libraries: its text and its binary
read there as one value, whose Ion Hash is the one that it computes."""
import sys
from decimal import Decimal

import amazon.ion.simpleion as simpleion
import ionhash  # noqa: F401  (gives values their method ion_hash)

import ion

VALUES = [
    None, ion.Null('timestamp'), True, False, 0, -1, 255, 256, 3 ** 80, -(2 ** 64), 0.0, 1.5, 1e300, Decimal('0.'),
    Decimal('12.50'), Decimal('1E+7'), Decimal('-128'), ion.Timestamp('2000-02-29'),
    ion.Timestamp('2000-01-01T00:30Z'), ion.Timestamp('2000-01-01T00:30:15.120+01:00'), ion.Symbol('a b'),
    ion.Symbol('null'), '', 't"\\é\x0b', ion.Clob(b'c\x00"'), b'\x0b\x0c\x0e\xff', [], [1, [2, 'x']],
    ion.Sexp([ion.Symbol('and'), 1]), {}, {'b': 1, 'a': {'c': None}}, ion.Annotated(['x', 'y z'], [1]),
]

failed = 0
for value in VALUES:
    name = "Amazon's Ion reads %s" % ion.text(value)
    try:
        hashes = [simpleion.loads(form).ion_hash('SHA256').hex() for form in (ion.text(value), ion.binary([value]))]
    except Exception as error:  # reported, and told by the exit status
        hashes = [repr(error)]
    if set(hashes) == {ion.ion_hash(value).hex()}:
        print('ok - ' + name)
    else:
        failed += 1
        print('not ok - %s: %s' % (name, ' '.join(hashes)))
sys.exit(bool(failed))
