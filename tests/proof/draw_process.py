#!/usr/bin/env python3
"""Puts a process proof file together from a server's answers, as they come: nothing is checked.

    draw_process.py TALLY LEDGER CREATOR PROCESS

`tally prove --process` writes only what holds; this is for looking at what does not. TALLY_ENDPOINT and the
access key are taken from the environment."""

import base64
import json
import subprocess
import sys


def call(action, **parameters):
    words = ['%s=%s' % item for item in parameters.items()]
    out = subprocess.run([tally, 'call', action, *words], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out)


def raw(text):
    """A leaf as it is, in canonical JSON already."""
    return base64.b64decode(text).decode()


def text(value):
    return json.dumps(value, ensure_ascii=False)


def main():
    clue = 'process %s %s' % (creator, process)
    proof = call('GetClueProof', LedgerId=ledger, Clue=clue, Leaves='true')
    leaves = [raw(leaf) for leaf in proof['Leaves']]
    stages = []
    for number in proof['JournalIds']:
        page = call('ExportJournals', LedgerId=ledger, StartJournalId=number, MaxResults=1)
        entry = page['Entries'][0]
        stages.append('{"evidence":"%s","evidenceSalt":"%s","payload":"%s","salt":"%s"}' % (
            entry['Evidence'], entry['EvidenceSalt'], entry['Payload'], entry['Salt']))
    root = proof['StateRootJournal']
    state = ('{"absent":false,"checkpoint":%s,"count":%d,"format":"tallystick state proof v1","journals":[%s],'
             '"key":%s,"kind":"clue","ledgerId":"%s","stateProof":"%s","stateRootLeaf":%s,"stateRootPath":%s}' % (
                 text(proof.get('Checkpoint', '')), proof['Count'], ','.join(leaves), text(clue), ledger,
                 proof['StateProof'], raw(root['Leaf']), json.dumps(root['ProofPath'], separators=(',', ':'))))
    print('{"format":"tallystick process proof v1","stages":[%s],"state":%s}' % (','.join(stages), state))


tally, ledger, creator, process = sys.argv[1:]
main()
