"""An HTTP client that signs, for the suite: RPC signature 1.0, nothing of ours in it."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import time
import urllib.parse
import uuid
import xml.etree.ElementTree


def encode(text):
    return urllib.parse.quote(text, safe='-_.~')


def sign(method, params, key_id, secret):
    """All parameters with the common ones and the signature."""
    full = dict(params)
    full.setdefault('Version', '2019-11-22')
    full.setdefault('AccessKeyId', key_id)
    full.setdefault('SignatureMethod', 'HMAC-SHA1')
    full.setdefault('SignatureVersion', '1.0')
    full.setdefault('SignatureNonce', uuid.uuid4().hex)
    full.setdefault('Timestamp', time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()))
    pairs = '&'.join(encode(k) + '=' + encode(full[k]) for k in sorted(full))
    text = method + '&%2F&' + encode(pairs)
    digest = hmac.new((secret + '&').encode(), text.encode(), hashlib.sha1).digest()
    full['Signature'] = base64.b64encode(digest).decode()
    return full


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def xml(self):
        return xml.etree.ElementTree.fromstring(self.body)

    def code(self):
        """The error code, whatever the format; None without one."""
        try:
            return self.json().get('Code')
        except ValueError:
            pass
        try:
            return self.xml().findtext('Code')
        except xml.etree.ElementTree.ParseError:
            return None

    def __str__(self):
        return '%d %r' % (self.status, self.body[:300])


class Client:
    """One endpoint: host, port and the mount point above the service."""

    def __init__(self, url, key_id=None, secret=None, timeout=30):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.mount = parts.path.rstrip('/')
        self.key_id, self.secret, self.timeout = key_id, secret, timeout

    def raw(self, method, path, body=None, headers=None, chunked=False):
        """path is below the mount point and sent as it is."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request(method, self.mount + path, body=body, headers=headers or {},
                               encode_chunked=chunked)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def socket(self):
        return socket.create_connection((self.host, self.port), self.timeout)

    def call(self, action, method='GET', body=None, content_type=None, chunked=False, unsigned=False,
             **params):
        """An action; by POST as a form unless a body is given."""
        params = dict(params, Action=action)
        if not unsigned:
            params = sign(method, params, self.key_id, self.secret)
        query = urllib.parse.urlencode(params, quote_via=urllib.parse.quote, safe='-_.~')
        if method != 'POST':
            return self.raw(method, '/?' + query)
        if body is None:
            headers = {'Content-Type': 'application/x-www-form-urlencoded'}
            path, body = '/', query.encode()
        else:
            headers = {'Content-Type': content_type}
            path = '/?' + query
        if chunked:
            headers['Transfer-Encoding'] = 'chunked'
            pieces = [body[i:i + 7000] for i in range(0, len(body), 7000)]
            return self.raw('POST', path, iter(pieces), headers, chunked=True)
        return self.raw('POST', path, body, headers)

    def batch(self, ledger, payloads, chunked=False, **params):
        body = ''.join(json.dumps({'Payload': p}) + '\n' for p in payloads).encode()
        params.setdefault('ContentSHA256', hashlib.sha256(body).hexdigest())
        return self.call('AppendJournals', 'POST', body, 'application/x-ndjson', chunked,
                         LedgerId=ledger, **params)
