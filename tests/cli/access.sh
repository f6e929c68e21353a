# How ledgers are reached, through each web server that is here: private listeners, networks, open access;
# how often callers may ask; and by the command line limits of a ledger and listings of keys.
. "$SOURCE/tests/cli/lib.sh"

driver=$(durable | head -n 1)
[ "$driver" ] || { skip "how ledgers are reached" "no durable driver is built in"; finish; }

# ---- on a store ----

export TALLY_STORE=$dir/local
"$TALLY" init --driver "$driver" >/dev/null 2>&1
kv=$("$TALLY" ledger create keys --type kv)
journal=$("$TALLY" ledger create journals)
for key in b/2 a b/1 "b/ä" c b/10; do
	"$TALLY" kv set "$kv" "$key" "value of $key" >/dev/null
done
"$TALLY" kv set "$kv" a "another value" >/dev/null
"$TALLY" kv delete "$kv" c >/dev/null
same "kv list: in the order of bytes" "$("$TALLY" kv list "$kv" | awk 'NR > 1 { print $1 }' | tr '\n' ' ')" \
	"a b/1 b/10 b/2 b/ä "
same "kv list: by a prefix" "$("$TALLY" kv list "$kv" b/1 --json | json --lines)" 2
same "kv list: with values" "$("$TALLY" kv list "$kv" b/2 --values --json | json Value)" "value of b/2"
same "kv list: no more than asked" "$("$TALLY" kv list "$kv" --limit 2 --json | json --lines)" 2
same "kv list: in a table" "$("$TALLY" kv list "$kv" b/2 --values | tail -n 1)" "b/2  1        value of b/2"
same "kv list: nothing there" "$("$TALLY" kv list "$kv" z | wc -l)" 1
same "kv history: newest first" "$("$TALLY" kv history "$kv" a | awk 'NR > 1 { print $1, $3, $4, $5 }')" \
	"$(printf '7 another value \n2 value of a')"
same "kv history: as NDJSON" "$("$TALLY" kv history "$kv" a --json | json --lines)" 2
same "kv history: a deletion" "$("$TALLY" kv history "$kv" c | awk 'NR > 1 { print $NF }' | tr '\n' ' ')" "(deleted) c "
refuses "kv history: never set" "does not exist" "$TALLY" kv history "$kv" never
refuses "kv list: of no KV ledger" "LedgerId is invalid" "$TALLY" kv list "$journal"
refuses "append: to a KV ledger" "LedgerId is invalid" "$TALLY" append "$kv" "$SOURCE/README.md"

passes "ledger set: limits" "$TALLY" ledger set "$journal" --payload-limit 10 --clue-limit 1 --page-limit 3
same "ledger show: limits" "$("$TALLY" ledger show "$journal" --json | json PayloadLimit)" 10
printf elevenchars >eleven
printf x >one
refuses "a payload over the limit" "Payload is invalid" "$TALLY" append "$journal" eleven
refuses "more clues than the limit" "Clues is invalid" "$TALLY" append "$journal" one --clue a --clue b
passes "... and within both" "$TALLY" append "$journal" one --clue a
refuses "a limit above the server's" "PageLimit" "$TALLY" ledger set "$journal" --page-limit 1025
refuses "a limit that is no number" "payload-limit" "$TALLY" ledger set "$journal" --payload-limit many
passes "ledger set: the server's limit again" "$TALLY" ledger set "$journal" --payload-limit server
passes "... and it fits" "$TALLY" append "$journal" eleven

same "ledger access: shown" "$("$TALLY" ledger access "$journal" | tr -s ' ' | tr '\n' ' ')" "OpenAccess on Networks all "
"$TALLY" ledger access "$journal" --open off --networks 192.0.2.1 --add 10.0.0.0/8,::1 --remove ::1 >/dev/null
same "ledger access: set, and no list locks the store's own administration out" \
	"$("$TALLY" ledger access "$journal" | tr -s ' ' | tr '\n' ' ')" \
	"OpenAccess off Networks 192.0.2.1,10.0.0.0/8 "
same "ledger access: as JSON" "$("$TALLY" ledger access "$journal" --json | json IpList)" "192.0.2.1,10.0.0.0/8"
refuses "ledger access: no network" "IpList is invalid" "$TALLY" ledger access "$journal" --add nowhere
refuses "ledger access: neither on nor off" "on or off" "$TALLY" ledger access "$journal" --open half
same "... which changed nothing" "$("$TALLY" ledger access "$journal" --json | json IpList)" "192.0.2.1,10.0.0.0/8"
passes "all of it is audited" "$TALLY" audit

# CGI programs hand their requests to whoever has the store open, and are counted there.
by_cgi() {	# query
	REQUEST_METHOD=GET QUERY_STRING="$1" REQUEST_URI="/?$1" SCRIPT_NAME='' GATEWAY_INTERFACE=CGI/1.1 \
		SERVER_PROTOCOL=HTTP/1.1 REMOTE_ADDR=198.51.100.7 "$TALLY_FCGI" | sed '1,/^\r*$/d'
}
"$TALLY" ledger access "$journal" --open on --networks 0.0.0.0/0,::/0 >/dev/null
"$TALLY" ledger set "$journal" --public-read on
TALLY_THROTTLE_RATE=1 TALLY_THROTTLE_BURST=2 start_owner || not_ok "an owner starts"
answered=0
for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
	last=$(by_cgi "Action=StatLedger&LedgerId=$journal" | json Code)
	[ "$last" ] && break
	answered=$((answered + 1))
done
same "CGI programs share the owner's buckets" "$last" Throttling.User
[ "$answered" -ge 2 ] && ok "... which held two at once" || not_ok "... which held two at once" "$answered"
same "local administration is not counted" \
	"$(for try in 1 2 3 4 5 6; do "$TALLY" ledger show "$journal" --json | json LedgerId; done | sort | uniq -c | tr -s ' ')" " 6 $journal"
stop_owner
unset TALLY_STORE

# ---- through web servers ----

command -v python3 >/dev/null || { skip "through web servers" "there is no python3"; finish; }

# Web servers do not run as root.
as=
if [ "$(id -u)" = 0 ]; then
	as="setpriv --reuid=65533 --regid=65533 --clear-groups"
	chown 65533:65533 "$dir"
fi
cp "$TALLY" "$TALLY_FCGI" "$dir" && cp -r "$SOURCE/templates" "$dir/templates" && chmod -R a+rX "$dir/templates"
TALLY=$dir/tally TALLY_FCGI=$dir/tally.fcgi

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
code() {	# endpoint action parameter...
	local endpoint=$1
	shift
	"$TALLY" call --endpoint "$endpoint" "$@" 2>/dev/null | json Code
}

# Three at once, one a second: of ten quick requests some are too many. And one that is told so.
too_often() {
	local try
	for try in 1 2 3 4 5 6 7 8 9 10; do
		curl -s -D headers -o out "${url}?Action=StatLedger&LedgerId=$id"
		grep -q Throttling.User out && break
	done
	same "$kind: who asks too often is told" "$(json Code <out)" Throttling.User
	same "$kind: ... and when to come back" "$(grep -ci '^retry-after: 1' headers)" 1
	same "$kind: ... as client libraries look for it" \
		"$(grep -i '^x-ratelimit-user-api' headers | grep -c 'Limit:1,Remain:0,TimeLeft:[1-9]')" 1
}

try_server() {	# kind
	local kind=$1 store=$dir/$1 port url private id endpoint six=
	port=$(free_port)
	grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null && six="vpc-a/vsw-6=[::1]:$port"
	printf '[access]\nlisteners = vpc-a/vsw-1=127.0.0.1:%s %s\n[throttle]\nactions = StatLedger=1:3\n' "$port" "$six" \
		>"$kind.conf"
	$as "$TALLY" init --store "$store" --driver "$driver" --json >"$kind.json" 2>/dev/null
	$as "$TALLY" serve --store "$store" --config "$kind.conf" --server "$kind" --listen 127.0.0.1:0 --daemon \
		--fcgi "$TALLY_FCGI" --templates "$dir/templates" >"$kind.url" 2>"$kind.err"
	url=$(grep -o 'http://[^ ]*' "$kind.url")
	if [ -z "$url" ]; then
		skip "$kind" "it does not start: $(tail -n 1 "$kind.err")"
		return
	fi
	trap '$as "$TALLY" serve --stop --store "'"$store"'" >/dev/null 2>&1; cleanup' EXIT
	private=http://127.0.0.1:$port/
	TALLY_ACCESS_KEY_ID=$(json AccessKeyId <"$kind.json")
	TALLY_ACCESS_KEY_SECRET=$(json AccessKeySecret <"$kind.json")
	export TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET TALLY_ENDPOINT=$url
	id=$("$TALLY" call CreateLedger LedgerName=x PublicRead=true --post | json LedgerId)
	same "$kind: by a listener without an endpoint there is no ledger" \
		"$(code "$private" DescribeLedger LedgerId=$id)" ResourceNotFound
	same "$kind: ... nor its log" "$(curl -s -o /dev/null -w '%{http_code}' "${private}log/$id/checkpoint")" 404
	same "$kind: the client cannot name a listener" \
		"$(curl -s -o /dev/null -w '%{http_code}' -H 'TALLY_LISTENER: vpc-a/vsw-1' -H 'Tally-Listener: vpc-a/vsw-1' \
			"${url}log/$id/checkpoint")" 200
	same "$kind: nor a port by its Host" "$(curl -s -o /dev/null -w '%{http_code}' -H "Host: $(expr "$url" : 'http://\([^/]*\)')" \
		"${private}log/$id/checkpoint")" 404
	endpoint=$("$TALLY" call CreateVpcEndpoint LedgerId=$id VpcId=vpc-a VSwitchId=vsw-1 --post | json VpcEndpointId)
	same "$kind: with one there is" \
		"$("$TALLY" call --endpoint "$private" DescribeLedger LedgerId=$id | json Ledger LedgerId)" "$id"
	same "$kind: the log too" "$(curl -s -o /dev/null -w '%{http_code}' "${private}log/$id/checkpoint")" 200
	same "$kind: it is listed" "$("$TALLY" call ListVpcEndpoints LedgerId=$id |
		json VpcEndpoints 0 VpcEndpointId)" "$endpoint"
	if [ "$six" ]; then
		same "$kind: another listener has none, by IPv6" \
			"$(curl -s -g -o out -w '%{http_code}' "http://[::1]:$port/log/$id/checkpoint")" 404
		"$TALLY" call CreateVpcEndpoint LedgerId=$id VpcId=vpc-a VSwitchId=vsw-6 --post >/dev/null
		same "$kind: ... until it gets one" \
			"$(curl -s -g -o out -w '%{http_code}' "http://[::1]:$port/log/$id/checkpoint")" 200
	fi
	same "$kind: no such listener" \
		"$(code "$url" CreateVpcEndpoint LedgerId=$id VpcId=vpc-b VSwitchId=vsw-1)" InvalidParameter
	"$TALLY" call ModifyIpWhiteList LedgerId=$id IpList=192.0.2.0/24 ModifyType=Cover --post >/dev/null
	same "$kind: from an address that is not on the list" \
		"$(code "$private" DescribeLedger LedgerId=$id)" UnauthorizedOperation
	same "$kind: ... nor the log, by any listener" \
		"$(curl -s -o out -w '%{http_code} ' "${private}log/$id/checkpoint" -o out "${url}log/$id/checkpoint")" "404 404 "
	same "$kind: X-Forwarded-For of nobody who is trusted" \
		"$(curl -s -o /dev/null -w '%{http_code}' -H 'X-Forwarded-For: 192.0.2.1' "${url}log/$id/checkpoint")" 404
	passes "$kind: the store's administration gets in" env -u TALLY_ENDPOINT $as "$TALLY" ledger access "$id" \
		--store "$store" --add 127.0.0.0/8
	same "$kind: ... and lets this address in" \
		"$("$TALLY" call GetIpWhiteList LedgerId=$id | json IpList)" "192.0.2.0/24,127.0.0.0/8"
	"$TALLY" call ModifyAccessAttribute LedgerId=$id EnableOpenAccess=False --post >/dev/null
	same "$kind: open access off, from this host" "$(code "$url" DescribeLedger LedgerId=$id)" ""
	same "$kind: ... through a proxy here that nobody trusts" \
		"$(curl -s -o /dev/null -w '%{http_code}' -H 'X-Forwarded-For: 127.0.0.1' "${url}log/$id/checkpoint")" 404
	same "$kind: ... by the private listener" \
		"$(curl -s -o /dev/null -w '%{http_code}' -H 'X-Forwarded-For: 127.0.0.1' "${private}log/$id/checkpoint")" 200
	# A CGI program counts for its own short life only.
	[ "$kind" = lighttpd-cgi ] || too_often
	passes "$kind: all of it is audited" $as "$TALLY" audit --store "$store"
	$as "$TALLY" serve --stop --store "$store"
	trap 'cleanup' EXIT
}

command -v curl >/dev/null || { skip "through web servers" "there is no curl"; finish; }
for kind in lighttpd lighttpd-cgi apache nginx; do
	try_server "$kind"
done
finish
