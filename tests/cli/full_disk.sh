# A store on a file system that fills up: appends are refused with a reason, nothing that was
# acknowledged is lost, and it goes on when there is room again. Needs root, for the file system.
. "$SOURCE/tests/cli/lib.sh"

disk=$dir/disk
mkdir "$disk"
if [ -z "$(durable)" ]; then
	skip "full disk" "no durable driver is built in"
	finish
fi
if [ "$(id -u)" != 0 ] || ! mount -t tmpfs -o size=48m tally-test "$disk" 2>/dev/null; then
	skip "full disk" "only root may mount a file system here"
	finish
fi
trap 'umount "$disk"; cleanup' EXIT

# Lines of 2,000 bytes, each its own.
long_lines() {	# first count
	awk -v first="$1" -v count="$2" 'BEGIN { for (i = first; i < first + count; i++)
		printf "{\"line\":%d,\"filler\":\"%01960d\"}\n", i, i }'
}

# The payloads of the ledger, in order, are the first so many lines.
holds() {	# name count
	"$TALLY" dump "$id" --journals 2>err | sed -n 's/.*"payload":"\(.*\)"}$/\1/p' | sed 's/\\"/"/g' |
		cmp -s - <(long_lines 1 "$2") && ok "$1" || not_ok "$1" "not the first $2 lines"
}

journals() { "$TALLY" ledger show "$id" --json 2>err | json JournalCount; }

try_driver() {	# driver
	local acked=0 status
	export TALLY_STORE=$disk/$1
	"$TALLY" init --driver "$1" >/dev/null 2>&1
	id=$("$TALLY" ledger create full)
	# Something to delete later, so that the disk need not be larger for the store to go on.
	head -c 16M /dev/zero >"$disk/ballast"
	while :; do
		long_lines $((acked + 1)) 100 | "$TALLY" append "$id" --lines --token "$acked" --batch 100 \
			>out 2>err
		status=$?
		[ $status = 0 ] && [ $acked -lt 100000 ] || break
		acked=$((acked + 100))
	done
	[ $acked -gt 500 ] && [ $acked -lt 100000 ] && ok "$1: some fit, not all" ||
		not_ok "$1: some fit, not all" "$acked journals; $(cat err)"
	same "$1: a full disk ends an append with status 1" $status 1
	grep -qiE 'full|space|left on' err && ok "$1: ... and says so" || not_ok "$1: ... and says so" "$(cat err)"
	if [ "$("$TALLY" get "$id" "$acked" --payload 2>err)" = "$(long_lines "$acked" 1)" ]; then
		ok "$1: reading goes on"
	else
		not_ok "$1: reading goes on" "$(tail -n 3 err)"
	fi
	same "$1: what was acknowledged is there, and no more" "$(journals)" $((acked + 1))
	holds "$1: ... as it was sent" "$acked"
	# To the last byte, as others might fill it. Opening may need room (bdb logs that it is open); then
	# it says so.
	cat /dev/zero >"$disk/rest" 2>/dev/null
	if "$TALLY" get "$id" 1 --payload >out 2>err; then
		same "$1: it opens on a disk without a free byte" "$(cat out)" "$(long_lines 1 1)"
	else
		grep -q "No space left" err && ok "$1: without a free byte it says why it does not open" ||
			not_ok "$1: without a free byte it says why it does not open" "$(tail -n 3 err)"
	fi
	rm "$disk/rest" "$disk/ballast"
	same "$1: with room again, the same upload goes on" \
		"$(long_lines $((acked + 1)) 100 | "$TALLY" append "$id" --lines --token "$acked" --batch 100 2>err)" \
		"100 appended; journals $((acked + 1)) to $((acked + 100))"
	holds "$1: everything once, in order" $((acked + 100))
	rm -rf "$TALLY_STORE"
}

# How many lines the owner still writes to its log, up to a line END.
log_lines() {
	local count=0 line
	while read -rt 60 line <&7 && [ "$line" != END ]; do
		count=$((count + 1))
	done
	echo "$count"
}

# A medium that others fill to the last byte while a process has the store open: what it cannot write
# down at its end it says in a few lines, not in one for each page, and the store has it all.
fill_while_open() {	# driver
	local lines counter
	export TALLY_STORE=$disk/$1
	"$TALLY" init --driver "$1" >/dev/null 2>&1
	id=$("$TALLY" ledger create filled)
	start_owner
	long_lines 1 1000 | "$TALLY" append "$id" --lines --batch 100 >out 2>err
	same "$1: appended before the disk is full" $? 0
	cat /dev/zero >"$disk/rest" 2>/dev/null
	log_lines >lines &
	counter=$!
	stop_owner
	echo END >&7
	wait "$counter"
	lines=$(cat lines)
	[ "$lines" -lt 20 ] && ok "$1: the end of its owner on a full disk takes few lines of the log" ||
		not_ok "$1: the end of its owner on a full disk takes few lines of the log" "$lines"
	"$TALLY" get "$id" 1 --payload >out 2>err
	lines=$(wc -l <err)
	[ "$lines" -lt 20 ] && ok "$1: ... so does the next opening" ||
		not_ok "$1: ... so does the next opening" "$lines"
	rm "$disk/rest"
	holds "$1: ... and everything is there" 1000
	rm -rf "$TALLY_STORE"
}

for driver in $(durable); do
	try_driver "$driver"
	fill_while_open "$driver"
done
finish
