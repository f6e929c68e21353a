#!/usr/bin/env python3
"""Runs the example of every action, as the manual prints it, against a server.

    examples.py ACTIONS      what `tally actions --json` printed

The environment names server, key and store, as the manual says; `tally` and `curl` are in PATH. Ids, and
numbers that name something, are replaced by those of a ledger made for it; all else stands as it is
printed. An action without an example, or one that this server refuses, fails. Prints a line of TAP for
each line that was run.
"""

import json
import os
import re
import shlex
import subprocess
import sys

# What a single server cannot have: the refusal that shows the request to be well-formed.
REFUSED = {'KeepCosignedCheckpoint': 'UnauthorizedOperation|InvalidParameter|UnsupportedOperation'}

made = {}			# fixtures that reads share
lines = {}			# of the endpoints of data sharing: their examples
counter = 0


def shell(line, env=None):
    return subprocess.run(['bash', '-c', line], env={**os.environ, **(env or {})}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=120)


def tally(*words, env=None):
    done = subprocess.run(['tally', *words], env={**os.environ, **(env or {})}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError('tally %s: %s' % (' '.join(words), done.stderr.strip()))
    return json.loads(done.stdout) if done.stdout.startswith('{') else done.stdout.strip()


def call(action, **params):
    return tally('call', action, '--post', *('%s=%s' % one for one in params.items()))


def admin(action, **params):
    return tally('call', '--admin', action, *('%s=%s' % one for one in params.items()))


def account(name):
    """Of an account that is made once: its number, and the environment of its key."""
    if name not in made:
        number = admin('CreateAccount', Name=name)['AliUid']
        key = admin('CreateAccessKey', AliUid=number)
        made[name] = number, {'TALLY_ACCESS_KEY_ID': key['AccessKeyId'],
                              'TALLY_ACCESS_KEY_SECRET': key['AccessKeySecret']}
    return made[name]


def fresh_number():
    global counter
    counter += 1
    return counter


# ---- ledgers ----

def ledger():
    """Eight journals in four blocks, two of each clue of the examples."""
    at = call('CreateLedger', LedgerName='examples', RemovalPolicy='ADMIN')['LedgerId']
    for i in range(8):
        tally('call', 'AppendJournal', 'LedgerId=' + at, 'Payload=%d' % i, 'Clues=["clue1","clue2"]')
    known = tally('call', 'GetJournal', 'LedgerId=' + at, 'JournalId=2')['Journal']
    return {'LedgerId': at, 'JournalId': 2, 'JournalSequence': 2, 'JournalHash': known['JournalHash'],
            'BlockSequence': 2, 'OldSize': 3, 'Before': 3, 'TreeSize': 5, 'AliUid': account('third')[0],
            'AliUids': account('third')[0]}


def with_member():
    values = ledger()
    member = call('CreateMember', LedgerId=values['LedgerId'], AliUid=account('second')[0], Role='READER')
    return {**values, 'MemberId': member['MemberId']}


def keys():
    at = call('CreateLedger', LedgerName='examples', LedgerType='KV', RemovalPolicy='ADMIN')['LedgerId']
    call('KvSet', LedgerId=at, Key='price/4711', Value='1', StateRoot='true')
    return {'LedgerId': at}


def anchored():
    values = with_member()
    call('SetTrustPoint', LedgerId=values['LedgerId'], JournalId='2')
    call('CreateStateRoot', LedgerId=values['LedgerId'])
    anchor = call('CreateTimeAnchor', LedgerId=values['LedgerId'])['TimeAnchor']
    call('OccultJournal', LedgerId=values['LedgerId'], JournalId='7')
    return {**values, 'SequenceWithinLedger': json.loads(anchor['Proof'])['sequence']}


def read():
    if 'read' not in made:
        made['read'] = anchored()
    return made['read']


# ---- what an action's example needs beside a ledger ----

def access_key():
    key = admin('CreateAccessKey', AliUid=account('second')[0])['AccessKeyId']
    return {'UserAccessKeyId': key}


def disabled_key():
    values = access_key()
    admin('DisableAccessKey', **values)
    return values


def checkpoint():
    values = read()
    note = tally('call', 'GetCheckpoint', 'LedgerId=' + values['LedgerId'])['Checkpoint']
    return {**values, 'Checkpoint': note}


def directory():
    return {'Directory': os.path.join(os.environ['EXAMPLES_BACKUPS'], 'backup%d' % fresh_number())}


def backup():
    values = directory()
    admin('BackupStore', **values)
    return values


def removed():
    return {**read(), 'JournalId': 7}


def invited():
    values = ledger()
    call('InviteMembers', LedgerId=values['LedgerId'], AliUids=account('third')[0])
    return {**values, 'as': account('third')[1]}


def granted():
    values = with_member()
    call('GrantServiceLinkedRole', LedgerId=values['LedgerId'])
    return values


def disabled_member():
    values = with_member()
    call('DisableMember', LedgerId=values['LedgerId'], MemberId=values['MemberId'])
    return values


def endpoint():
    values = ledger()
    made_now = call('CreateVpcEndpoint', LedgerId=values['LedgerId'], VpcId='vpc-office', VSwitchId='vsw-1')
    return {**values, 'VpcEndpointId': made_now['VpcEndpointId']}


def certificate():
    """Of a CA; an organisation of it is not there yet."""
    if 'certificate' not in made:
        done = shell('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null '
                     '-subj /CN=examples -days 30 -addext keyUsage=critical,keyCertSign,cRLSign')
        if done.returncode != 0:
            raise RuntimeError('openssl: ' + done.stderr.strip())
        made['certificate'] = done.stdout
    return {'OrganizationId': 'org%d' % fresh_number(), 'Certificate': made['certificate']}


def organization():
    values = certificate()
    admin('AddOrganization', **values)
    return values


def channel_name():
    return {'Channel': 'channel%d' % fresh_number(), 'LedgerId': ledger()['LedgerId']}


def channel():
    values = channel_name()
    admin('AddChannel', **values)
    return values


def nothing():
    return {'AliUid': account('second')[0], 'LedgerId': read()['LedgerId']}


# ---- data sharing ----

def member(name):
    """Certificate and key of a member of org1, NAME.pem and NAME.key; a channel is there."""
    if 'org1' not in made:
        shell('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem '
              '-subj /CN=org1 -days 30 -addext keyUsage=critical,keyCertSign,cRLSign')
        with open('ca.pem') as file:
            made['org1'] = admin('AddOrganization', OrganizationId='org1', Certificate=file.read())
        admin('AddChannel', Channel='mychannel', LedgerId=ledger()['LedgerId'])
    if not os.path.exists(name + '.pem'):
        shell('openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {0}.key && '
              'openssl req -new -key {0}.key -subj /CN={0} -out {0}.csr && '
              'echo keyUsage=critical,digitalSignature >extensions && '
              'openssl x509 -req -in {0}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 10 '
              '-extfile extensions -out {0}.pem'.format(name))
    return name


def share(who, endpoint, **fields):
    """What an endpoint's own example answers, with these values, to this member."""
    done = shell('set -o pipefail; ' + substituted(lines[endpoint], {**fields, 'me': member(who)}))
    if done.returncode != 0 or '"errorCode"' in done.stdout or '"Code"' in done.stdout:
        raise RuntimeError('%s: %s%s' % (endpoint, done.stderr, done.stdout))
    return json.loads(done.stdout)


def did(who):
    if 'did ' + who not in made:
        made['did ' + who] = share(who, 'RegisterDID')['did']
    return made['did ' + who]


def newcomer():
    return {'me': member('member%d' % fresh_number())}


def myself():
    return {'me': 'alice', 'did': did('alice')}


def unpublished():
    return {'me': 'alice', 'provider': did('alice'), 'productID': 'product%d' % fresh_number(),
            'consumer': did('bob')}


def published():
    values = unpublished()
    share('alice', 'PublishDataset', provider=values['provider'], productID=values['productID'])
    return values


def unordered():
    return {**published(), 'me': 'bob', 'orderSeq': 'order%d' % fresh_number()}


def ordered():
    values = unordered()
    share('bob', 'ApplyOrder', **{name: values[name] for name in values if name != 'me'})
    return {**values, 'me': 'alice'}


def shared():
    values = unpublished()
    order = share('alice', 'ShareDataset', **{name: values[name] for name in values if name != 'me'})
    return {**values, 'me': 'bob', **{name: order[name] for name in ('orderSeq', 'creatorDID', 'processID')}}


# ---- credentials: what is said twice within a second is a replay, so each has an applicant of its own ----

def issuer():
    """Carol, whose DID has the service of the example."""
    if 'did carol' not in made:
        made['did carol'] = share('carol', 'RegisterDIDWithService')['did']
    return made['did carol']


def publisher():
    return {'me': 'carol', 'issuer': issuer(), 'identifier': 'schema%d' % fresh_number()}


def schema():
    values = publisher()
    return {**values, 'schemaIndex': share('carol', 'PublishCredentialSchema', **values)['schemaIndex']}


def applicant():
    values = newcomer()
    return {**values, 'applyer': did(values['me']), 'serviceID': issuer() + '#service1'}


def unissued():
    return {**schema(), 'applyer': applicant()['applyer'], 'sequence': '%d' % fresh_number()}


def issued():
    """To who applied for it; the application is not answered."""
    who = applicant()
    number = share('carol', 'IssueVerifiableCredential', **{**unissued(), 'applyer': who['applyer']})['vcIndex']
    return {'me': 'carol', 'owner': who['applyer'], 'serviceID': who['serviceID'], 'vcIndex': number,
            'orderIndex': share(who['me'], 'ApplyVerifiableCredential', **who)['orderIndex']}


SHARE_SETUP = {
    'RegisterDID': newcomer, 'RegisterDIDWithService': newcomer, 'UpdateDIDService': myself, 'ShowDID': myself,
    'PublishDataset': unpublished, 'ShareDataset': unpublished, 'ApplyOrder': unordered,
    'AuthorizeDatasetOrder': ordered, 'CloseDataset': published, 'DeleteDataset': published,
    'PublishCredentialSchema': publisher, 'ShowVCSchema': schema, 'ApplyVerifiableCredential': applicant,
    'ConfirmOrder': issued, 'ShowVCOrder': issued, 'ShowVCUntreatedOrder': issued,
    'IssueVerifiableCredential': unissued, 'ShowVerifiableCredential': issued,
    'VerifyVerifiableCredential': issued,
}


SETUP = {
    'AcceptMember': invited, 'AddChannel': channel_name, 'AddOrganization': certificate, 'BackupStore': directory, 'CheckSignedCheckpoint': checkpoint,
    'CreateTemporaryKey': access_key,
    'DeleteAccessKey': access_key, 'DeleteMember': with_member, 'DeleteVpcEndpoint': endpoint,
    'DisableAccessKey': access_key, 'DisableMember': with_member, 'EnableAccessKey': disabled_key,
    'EnableMember': disabled_member, 'ForgetBackup': backup, 'GetErasureCertificate': removed,
    'KeepCosignedCheckpoint': checkpoint, 'KvDelete': keys, 'KvGet': keys, 'KvHistory': keys, 'KvList': keys,
    'KvSet': keys,
    'ModifyMemberACLs': with_member, 'ModifyMemberKey': with_member, 'RemoveChannel': channel,
    'RemoveOrganization': organization, 'UpdateMember': with_member,
    'UpdateMemberKeyByKMS': granted,
}


def setup_of(action):
    if action['family'] == 'datashare':
        return SHARE_SETUP.get(action['name'], shared)()
    if action['name'] in SETUP:
        return SETUP[action['name']]()
    if action['family'] == 'admin':
        return nothing()
    return read() if action['kind'] == 'read' else ledger()


# ---- running ----

def substituted(line, values):
    for name, value in values.items():
        word = shlex.quote('%s=%s' % (name, value))
        if name == 'me':
            line = re.sub(r'\bme\.(pem|key)\b', lambda at: '%s.%s' % (value, at.group(1)), line)
            continue
        line = re.sub(r'"%s":"[^"]*"' % name, lambda _: '"%s":"%s"' % (name, value), line)
        if name != 'as':
            line = re.sub(r"'%s=[^']*'|(?<![\w])%s=[^\s')]*" % (name, name), lambda _: word, line)
    return line


def outcome(action, line, values):
    """Why it is not well; None: it is."""
    done = shell('set -o pipefail; ' + line, values.get('as'))
    if action['name'] in REFUSED:
        return None if re.search(REFUSED[action['name']], done.stderr) else done.stderr + done.stdout
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return 'no JSON: %s' % (done.stderr.strip() or done.stdout)
    wanted = action['reply'][0]['name'] if action['family'] == 'datashare' else 'RequestId'
    if done.returncode != 0 or wanted not in answer or 'Code' in answer:
        return '%s %s' % (done.stderr.strip(), done.stdout.strip())
    return None


def main(path):
    failed = False
    with open(path) as file:
        actions = json.load(file)
    for action in actions:
        if action['family'] == 'datashare':
            lines[action['name']] = ''.join(action['example'].values())
    for action in actions:
        forms = {'admin': ['call'], 'ledgerdb': ['call', 'curl'], 'datashare': action['example']}[action['family']]
        for form in forms:
            what = 'the example of %s, %s' % (action['name'], form)
            line = action['example'].get(form)
            try:
                why = outcome(action, substituted(line, values), values) \
                    if line and (values := setup_of(action)) is not None else 'there is none'
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                why = str(error)
            print('ok - ' + what if why is None else 'not ok - %s: %s' % (what, ' '.join(why.split())), flush=True)
            failed = failed or why is not None
    sys.exit(failed)


main(sys.argv[1])
