# No second, inconsistent checkpoint of a ledger: processes that own a store in turn and at once,
# copies that are started side by side with one high-water place or with two, a store whose lock file
# was taken away. After each step the log is published where it was before; publish refuses whatever
# did not grow out of that.
. "$SOURCE/tests/cli/lib.sh"

append() { echo "$1" | "$TALLY" append "$id"; }
# The newest checkpoint continues all those before.
continues() { passes "$1" "$TALLY" publish "$id" "$dir/log-$driver-$2"; }

# Another process that serves the store of TALLY_STORE, or wants to.
start_second() {
	rm -f second.log
	mkfifo second.log
	exec 6<>second.log
	"$TALLY_FCGI" --listen "$dir/second.sock" 2>&6 6<&- 7<&- &
	second=$!
	children="$children $second"
	local line
	while read -rt 60 line <&6; do
		case $line in *event=fcgi.start*) return 0 ;; esac
	done
	return 1
}

owners_in_turn_and_at_once() {
	local i
	export TALLY_STORE=$dir/turn-$driver
	"$TALLY" init --driver "$driver" >/dev/null 2>&1
	id=$("$TALLY" ledger create --public-read on one)
	start_owner || not_ok "$driver: an owner starts" "see above"
	start_second || not_ok "$driver: a second one starts" "see above"
	same "$driver: one of them owns it" "$(ls -l /proc/$owner/fd /proc/$second/fd 2>/dev/null | grep -c "turn-$driver/lock")" 1
	for ((i = 0; i < 3; i++)); do
		append "relayed $i" >/dev/null
	done
	continues "$driver: through the owner" turn
	# Many at once, half of them while the owner dies and the second one takes over.
	for ((i = 0; i < 8; i++)); do
		append "many $i" >/dev/null &
		pids[i]=$!
	done
	kill -KILL "$owner"
	wait "$owner" 2>/dev/null
	local bad=
	for ((i = 0; i < 8; i++)); do
		wait "${pids[i]}" || bad="$bad $i"
	done
	same "$driver: all are appended while the owner changes" "$bad" ""
	continues "$driver: by whoever took over" turn
	append "after" >/dev/null
	continues "$driver: and on" turn
	kill -TERM "$second"
	wait "$second"
	append "alone" >/dev/null
	continues "$driver: by a short-lived one" turn
	same "$driver: every journal once" "$("$TALLY" dump "$id" --journals | grep -c '"payload"')" 13
	same "$driver: the reader of tiles" "$([ -z "$python" ] || "$python" "$SOURCE/tests/proof/verify_tiles.py" \
		"$dir/log-$driver-turn" "$("$TALLY" ledger vkey "$id")" --count 14 >/dev/null && echo good)" good
}

# Whoever takes the lock file away lets a second process in; it does not write.
lock_taken_away() {
	export TALLY_STORE=$dir/lock-$driver
	"$TALLY" init --driver "$driver" >/dev/null 2>&1
	id=$("$TALLY" ledger create one)
	start_owner || not_ok "$driver: an owner starts" "see above"
	append "one" >/dev/null
	mv "$TALLY_STORE/lock" taken
	mv "$TALLY_STORE/socket" taken.socket
	refuses "$driver: a second process beside the owner" "read only|owned" append "two"
	mv taken "$TALLY_STORE/lock"
	mv taken.socket "$TALLY_STORE/socket"
	passes "$driver: the owner goes on" append "three"
	stop_owner
}

# A copy started beside the original, with its own high-water place or with the same.
copies() {	# own|same
	local original=$dir/orig-$driver-$1 copy=$dir/copy-$driver-$1 highs
	export TALLY_STORE=$original
	"$TALLY" init --driver "$driver" >/dev/null 2>&1
	id=$("$TALLY" ledger create --public-read on one)
	append "both have it" >/dev/null
	cp -a "$original" "$copy"
	if [ "$1" = same ]; then
		export TALLY_STORE_MASTER_KEY=$original.key
	else
		cp -a "$original.key" "$copy.key"
		cp -a "$original.key.high" "$copy.key.high"
	fi
	start_owner || not_ok "$driver, $1: the original starts" "see above"
	local first=$owner
	append "only the original" >/dev/null
	continues "$driver, $1: the original goes on" "copies-$1"
	export TALLY_STORE=$copy
	refuses "$driver, $1: the copy is not written to" "read only" append "fork"
	refuses "$driver, $1: nor signed for" "nothing is signed" "$TALLY" ledger vkey "$id"
	refuses "$driver, $1: nor published" "nothing is signed|LedgerReadOnly" "$TALLY" publish "$id" "$dir/log-$driver-copy"
	same "$driver, $1: but read" "$("$TALLY" get "$id" 1 --payload 2>/dev/null)" "both have it"
	start_owner || not_ok "$driver, $1: the copy starts" "see above"
	refuses "$driver, $1: nor by a server" "read only" append "fork"
	stop_owner

	# What the original signed is in its high-water file within a second.
	highs="^[^ ]* 3 "
	for ((i = 0; i < 300; i++)); do
		grep -q "$highs" "$original.key.high" && break
		perl -e 'select undef, undef, undef, 0.02'
	done
	same "$driver, $1: what was signed is remembered" "$(grep -c "$highs" "$original.key.high")" 1
	if [ "$1" = same ]; then
		# An operator who adopts the copy although the original runs.
		refuses "$driver, $1: adopt says that it is less" "not all there" "$TALLY" adopt
		passes "$driver, $1: the copy goes on under a new name" "$TALLY" adopt --yes --new-origin
		passes "$driver, $1: it is written to" append "another log"
		passes "$driver, $1: and signed for" "$TALLY" publish "$id" "$dir/log-$driver-other"
		TALLY_STORE=$original
		passes "$driver, $1: the original is not disturbed" append "still here"
		continues "$driver, $1: and goes on under its own" "copies-$1"
	fi
	kill -TERM "$first"
	wait "$first"
	unset TALLY_STORE_MASTER_KEY
}

# Both copies are adopted and run, each with the high-water place of the other: whoever writes there
# first has the name, and the other finds that out before it signs again.
adopted_copies() {
	local original=$dir/both-$driver copy=$dir/both-copy-$driver first second_owner
	export TALLY_STORE=$original TALLY_STORE_MASTER_KEY=$original.key
	"$TALLY" init --driver "$driver" >/dev/null 2>&1
	id=$("$TALLY" ledger create --public-read on one)
	append "both have it" >/dev/null
	cp -a "$original" "$copy"
	TALLY_STORE=$copy passes "$driver: the copy is adopted while nothing is wrong" "$TALLY" adopt --yes
	start_owner || not_ok "$driver: the original starts" "see above"
	first=$owner
	append "one" >/dev/null
	append "two" >/dev/null
	passes "$driver: the original publishes" "$TALLY" publish "$id" "$dir/log-$driver-both"
	for ((i = 0; i < 300; i++)); do
		grep -q "^[^ ]* 4 " "$original.key.high" && break
		perl -e 'select undef, undef, undef, 0.02'
	done
	export TALLY_STORE=$copy
	refuses "$driver: the copy finds out before it writes" "4 were signed: an older copy" append "fork"
	refuses "$driver: or signs" "4 were signed|read only" "$TALLY" publish "$id" "$dir/log-$driver-fork"
	export TALLY_STORE=$original
	passes "$driver: the original goes on" append "three"
	continues "$driver: and publishes on" both
	kill -TERM "$first"
	wait "$first"
	unset TALLY_STORE_MASTER_KEY
}

# A store that was moved as a whole and is an older copy: both are mended in one go.
moved_and_older() {
	export TALLY_STORE=$dir/moved-$driver
	"$TALLY" init --driver "$driver" >/dev/null 2>&1
	id=$("$TALLY" ledger create one)
	append "one" >/dev/null
	cp -a "$TALLY_STORE" aside
	append "two" >/dev/null
	rm -r "$TALLY_STORE"
	mv aside "$TALLY_STORE"
	start_owner || not_ok "$driver: an owner starts" "see above"
	refuses "$driver: moved and older" "moved or copied" "$TALLY" adopt
	passes "$driver: adopted under a new name, through an owner that ends" "$TALLY" adopt --yes --new-origin
	wait "$owner" 2>/dev/null
	same "$driver: it goes on" "$(append two)" "1 appended; journals 3 to 3"
	same "$driver: its journal names the old one" "$("$TALLY" get "$id" 2 --payload | json previousSize)" 3
	same "$driver: nothing is left to adopt" "$("$TALLY" adopt --json 2>/dev/null | json Logs 0 Fits)" true
	passes "$driver: the index is a function of the blocks" "$TALLY" rebuild
	same "$driver: ... the origin too" "$("$TALLY" adopt --json 2>/dev/null | json Logs 0 Fits)" true
	"$TALLY" dump | "$TALLY" load --store "$TALLY_STORE-2" --driver "$driver" --key-file "$TALLY_STORE.key" >/dev/null 2>&1
	same "$driver: ... and in a store that is loaded" "$("$TALLY" ledger vkey "$id" --store "$TALLY_STORE-2")" \
		"$("$TALLY" ledger vkey "$id")"
}

python=$(command -v python3)
[ "$(durable)" ] || skip "no fork" "no durable driver is built in"
for driver in $(durable); do
	owners_in_turn_and_at_once
	lock_taken_away
	copies own
	copies same
	adopted_copies
	moved_and_older
done
finish
