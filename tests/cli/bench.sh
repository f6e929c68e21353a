# tally bench http: counts against a server and against answers that are none; what it makes is deleted
# again. Rates are not looked at.
. "$SOURCE/tests/cli/lib.sh"

refuses "without a server" "which server" "$TALLY" bench http --key a --secret b
refuses "without a key" "whose requests" "$TALLY" bench http --endpoint http://127.0.0.1:1/
refuses "half a key" "two things" "$TALLY" bench http --endpoint http://127.0.0.1:1/ --key a
refuses "https" "http://" "$TALLY" bench http --endpoint https://127.0.0.1/ --key a --secret b
refuses "no host" "no host" "$TALLY" bench http --endpoint http://:80/ --key a --secret b
refuses "unknown work" "append, batch" "$TALLY" bench http --work all --endpoint http://127.0.0.1:1/
refuses "a batch of single appends" "batch" "$TALLY" bench http --batch 2 --endpoint http://127.0.0.1:1/
refuses "a batch too large" "15 MiB" \
	"$TALLY" bench http --work batch --batch 10000 --size 4096 --endpoint http://127.0.0.1:1/
refuses "no client at all" "clients" "$TALLY" bench http --clients 0 --endpoint http://127.0.0.1:1/
refuses "nobody there" "no answer" \
	"$TALLY" bench http --endpoint http://127.0.0.1:1/ --key a --secret b

driver=$(durable | head -n 1)
if [ -z "$driver" ] || ! start_server "$dir/store" --driver "$driver"; then
	skip "bench http against a server" "no durable driver, or no lighttpd"
	finish
fi

run() {	# name words...
	local name=$1
	shift
	if "$TALLY" bench http --json --seconds 1 "$@" >out 2>err && [ "$(json count <out)" -gt 0 ]; then
		ok "bench http: $name"
	else
		not_ok "bench http: $name" "$(cat out err)"
	fi
}
run "single appends" --clients 3
for name in rate p50_ms p99_ms p999_ms count refused seconds batch size clients signed; do
	json $name <out >/dev/null || not_ok "bench http --json has $name"
done
run "signed appends" --clients 3 --signed
same "... as it says" "$(json signed <out)" true
run "batches" --work batch --batch 50 --clients 2
same "... counted by journals" "$(($(json count <out) % 50))" 0
run "signed batches" --work batch --batch 20 --signed
run "reads" --work get --journals 200 --clients 2
run "proofs" --work proof --journals 200 --clients 2
run "a mix" --work mix --journals 200 --clients 2 --signed
same "its ledgers are deleted again" "$("$TALLY" ledger list --json | grep -c '"LedgerId"')" 0

id=$("$TALLY" ledger create kept)
run "a ledger that is there" --ledger "$id" --work batch --batch 10
same "... has what was counted" "$("$TALLY" ledger show "$id" --json | json JournalCount)" \
	"$(($(json count <out) + 1))"
run "... is read as it is" --ledger "$id" --work get --journals 2
refuses "a ledger that is not there" "NotFound|no such|does not exist" \
	"$TALLY" bench http --ledger l-00000000000000000000000000 --seconds 1
refuses "a wrong secret" "Signature" "$TALLY" bench http --secret wrong --seconds 1

# Answers in other forms, and what is no answer: a server that says the same to everybody.
if ! command -v python3 >/dev/null; then
	skip "answers in other forms" "there is no python3"
	finish
fi
cat >canned.py <<'END'
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
ledger = b'{"LedgerId":"l-00000000000000000000000000"}'
good = b'{"JournalId":"7","Pad":"' + b"x" * 70000 + b'"}'
def sized(body): return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
def chunked(body):
    parts = [body[i:i + 9000] for i in range(0, len(body), 9000)]
    return (b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n" +
            b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n")
closing = {"closed": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + good,
           "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
           "none": b"SSH-2.0 nothing\r\n\r\n", "headless": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000}
kept = {"sized": sized(good), "chunked": chunked(good), "other": sized(b'{"Nothing":1}'),
        "busy": b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n",
        "refused": b'HTTP/1.1 400 No\r\nContent-Length: 44\r\n\r\n{"Code":"Forbidden.RAM","Message":"not you"}'}
def serve(peer):
    with peer, peer.makefile("rb") as lines:
        while True:
            size, first = 0, lines.readline()
            if not first: return
            kind = first.split(b"/")[1].split(b"?")[0].split()[0].decode()
            while (line := lines.readline().strip()):
                if line.lower().startswith(b"content-length:"): size = int(line.split(b":")[1])
            body = lines.read(size)
            if b"AppendJournal" not in body: peer.sendall(sized(ledger)); continue
            if kind in closing: peer.sendall(closing[kind]); return
            peer.sendall(kept[kind])
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
END
mkfifo port
python3 canned.py >port &
children="$children $!"
read -rt 60 port <port
canned=http://127.0.0.1:$port
for kind in sized chunked closed; do
	run "an answer that is $kind" --endpoint "$canned/$kind" --clients 2
done
canned() { "$TALLY" bench http --seconds 1 --endpoint "$canned/$1"; }
refuses "an answer cut short" "closed" canned cut
refuses "no HTTP" "no HTTP" canned none
refuses "a head without end" "no HTTP" canned headless
refuses "an answer of another kind" "lacks .JournalId" canned other
refuses "busy all the time" "come later" canned busy
refuses "a refusal" "Forbidden.RAM" canned refused
finish
