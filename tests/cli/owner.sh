# Verbs while another process owns the store, and as root on another user's store.
. "$SOURCE/tests/cli/lib.sh"

while_owned() {	# driver
	local id before
	export TALLY_STORE=$dir/$1
	"$TALLY" init --driver "$1" >/dev/null 2>&1
	id=$("$TALLY" ledger create owned)
	start_owner || not_ok "$1: an owner starts" "see above"
	# What only the process that opened the store can know: its figures go on over several verbs.
	same "$1: append through the owner" "$(lines 500 | "$TALLY" append "$id" --batch 100)" \
		"500 appended; journals 1 to 500"
	before=$("$TALLY" stat | sed -n 's/^groups  *//p')
	[ "$before" -ge 5 ] && ok "$1: the owner did it" || not_ok "$1: the owner did it" "$before groups"
	same "$1: get through the owner" "$("$TALLY" get "$id" 500 --payload)" "$(lines 500 | tail -n 1)"
	same "$1: create through the owner" "$(expr length "$("$TALLY" ledger create more)")" 27
	passes "$1: maintain through the owner" "$TALLY" maintain
	passes "$1: rebuild through the owner" "$TALLY" rebuild
	"$TALLY" key create --json >key.json
	same "$1: a key through the owner" "$("$TALLY" key list | grep -c "$(json AccessKeyId <key.json)")" 1
	"$TALLY" dump >owned.dump
	refuses "$1: no second store over it" "exists|already|is open|BUSY|busy" "$TALLY" init --driver "$1"
	stop_owner
	"$TALLY" dump | cmp -s - owned.dump && ok "$1: without the owner the same is there" ||
		not_ok "$1: without the owner the same is there"
	# An owner that is killed leaves the store to the next.
	start_owner || not_ok "$1: an owner starts again" "see above"
	kill -KILL "$owner"
	wait "$owner" 2>/dev/null
	same "$1: after the owner was killed" "$(echo x | "$TALLY" append "$id")" "1 appended; journals 501 to 501"
}

# The owner dies in the middle of an upload through it: the upload goes on, every line once.
owner_dies() {	# driver
	local id upload
	export TALLY_STORE=$dir/$1-dies
	"$TALLY" init --driver "$1" >/dev/null 2>&1
	id=$("$TALLY" ledger create upload)
	start_owner || not_ok "$1: an owner starts" "see above"
	lines 9000 >lines.ndjson
	mkfifo $1.pipe
	"$TALLY" append "$id" --lines --batch 50 <$1.pipe >upload.out 2>upload.err &
	upload=$!
	exec 8>$1.pipe
	head -n 5000 lines.ndjson >&8
	kill -KILL "$owner"
	wait "$owner" 2>/dev/null
	tail -n +5001 lines.ndjson >&8
	exec 8>&-
	wait $upload
	same "$1: an upload outlives the owner" "$?$(cat upload.err)" 0
	"$TALLY" dump "$id" --journals | sed -n 's/.*"payload":"\(.*\)"}$/\1/p' | sed 's/\\"/"/g' >got
	cmp -s got lines.ndjson && ok "$1: ... every line once, in order" ||
		not_ok "$1: ... every line once, in order" "$(wc -l <got) lines; $(cat upload.out)"
}

as_root() {	# driver
	local id user="setpriv --reuid=65533 --regid=65532 --clear-groups"
	mkdir home-$1
	chown 65533:65532 home-$1
	export TALLY_STORE=$dir/home-$1/store
	$user "$TALLY" init --driver "$1" >/dev/null 2>&1
	id=$("$TALLY" ledger create root)
	"$TALLY" append "$id" "$SOURCE/README.md" >/dev/null
	umask 077
	lines 10 >for-root.ndjson
	umask 022
	same "$1: root's own files are read as root" "$("$TALLY" append "$id" for-root.ndjson)" \
		"10 appended; journals 2 to 11"
	passes "$1: root maintains" "$TALLY" maintain
	passes "$1: root rebuilds" "$TALLY" rebuild
	same "$1: nothing in it belongs to another" \
		"$(find home-$1 ! -uid 65533 -o ! -gid 65532)" ""
	start_owner $user || not_ok "$1: an owner of that user starts" "see above"
	same "$1: root through the owner" "$("$TALLY" get "$id" 11 --payload)" "$(lines 10 | tail -n 1)"
	same "$1: root appends through the owner" "$(echo x | "$TALLY" append "$id")" \
		"1 appended; journals 12 to 12"
	refuses "$1: another user is refused" "." setpriv --reuid=65530 --regid=65530 --clear-groups \
		"$TALLY" get "$id" 1
	stop_owner
	same "$1: still nothing in it belongs to another" \
		"$(find home-$1/store ! -uid 65533 -o ! -gid 65532)" ""
	TALLY_STORE=$dir/home-$1/second "$TALLY" init --driver "$1" >/dev/null 2>&1
	same "$1: root makes a store in that user's directory for that user" \
		"$(stat -c %u:%g home-$1/second home-$1/second.key | sort -u)" 65533:65532
	passes "$1: the user goes on" $user "$TALLY" get "$id" 12
}

[ "$(durable)" ] || skip "verbs and owners" "no durable driver is built in"
for driver in $(durable); do
	while_owned "$driver"
	owner_dies "$driver"
	if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
		as_root "$driver"
	else
		skip "$driver: as root on another user's store" "this is not root"
	fi
done
finish
