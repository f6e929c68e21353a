# An upload that is killed in its middle and run again appends every line once, in order.
. "$SOURCE/tests/cli/lib.sh"

count=20000

try_driver() {
	local driver=$1 id pid line killed=0 present
	export TALLY_STORE=$dir/$driver
	"$TALLY" init --driver "$driver" >/dev/null 2>&1
	id=$("$TALLY" ledger create upload)
	lines $count >$driver.ndjson

	# The lines come through a pipe that stops in the middle, so that the upload is certainly under
	# way; it is killed there. The name of the upload is given, since a pipe has none.
	mkfifo $driver.pipe
	"$TALLY" append "$id" --token again --lines --batch 100 <$driver.pipe >/dev/null 2>&1 &
	pid=$!
	exec 8>$driver.pipe
	head -n 7777 $driver.ndjson >&8
	# Its batches are answered in order: when the reader takes more than a pipe holds, some were sent.
	kill -KILL $pid && killed=1
	wait $pid 2>/dev/null
	exec 8>&-
	same "$driver: killed while it appended" $killed 1
	# not JournalCount: among them are STATE_ROOT journals, which are the service's own
	present=$("$TALLY" list "$id" --type CUSTOM --json | json --lines)
	if [ "$present" -gt 0 ] && [ "$present" -lt 7777 ]; then
		ok "$driver: a part was appended"
	else
		not_ok "$driver: a part was appended" "$present journals"
	fi
	"$TALLY" append "$id" --token again --lines --json <$driver.ndjson >out
	same "$driver: run again, the rest is appended" "$(json Appended <out)" $((count - present))
	same "$driver: ... and what was there is known" "$(json Present <out)" "$present"
	"$TALLY" dump "$id" --journals | sed -n 's/.*"payload":"\(.*\)"}$/\1/p' | sed 's/\\"/"/g' >got
	cmp -s got $driver.ndjson && ok "$driver: every line once, in order" ||
		not_ok "$driver: every line once, in order" "$(wc -l <got) lines"

	# By path: a file that grew.
	lines 50 >grow.ndjson
	"$TALLY" append "$id" grow.ndjson >/dev/null
	lines 80 >grow.ndjson
	same "$driver: only the new lines of a file that grew" \
		"$("$TALLY" append "$id" grow.ndjson --json | json Appended)" 30
	sed -i '5s/record/another record/' grow.ndjson
	refuses "$driver: a line that changed is refused" "line 5: .*IdempotentParameterMismatch" \
		"$TALLY" append "$id" grow.ndjson
	same "$driver: under another name it is appended" \
		"$("$TALLY" append "$id" grow.ndjson --token other --json | json Appended)" 80
	same "$driver: standard input without a name is new each time" \
		"$(echo x | "$TALLY" append "$id" --json | json Appended)$(echo x |
			"$TALLY" append "$id" --json | json Appended)" 11
	head -c 5000000 /dev/zero | tr '\0' x >large.txt
	refuses "$driver: a payload over the limit is named" "large.txt: .*InvalidParameter" \
		"$TALLY" append "$id" large.txt
}

[ "$(durable)" ] || skip "an interrupted upload" "no durable driver is built in"
for driver in $(durable); do
	try_driver "$driver"
done
finish
