# doc/datashare.md as it stands there: its blocks of shell are run one after the other, and what each
# prints is held against the block of text behind it, where "…" stands for anything. On every durable
# driver, through lighttpd.
. "$SOURCE/tests/cli/lib.sh"

for program in openssl curl jq lighttpd; do
	PATH=$PATH:/usr/sbin command -v $program >/dev/null || { skip "the document" "there is no $program"; finish; exit; }
done
[ "$(durable)" ] || { skip "the document" "no durable driver is built in"; finish; exit; }

# Blocks as files: sh.1, sh.2 ..., and text.N for what sh.N prints.
take_apart() {	# document
	awk '/^```$/ && kind != "" { kind = ""; next }
		/^```sh$/ { kind = "sh." ++n; next }
		/^```text$/ { kind = "text." n; next }
		/^```/ { kind = "other." NR }
		kind != "" { print >kind }' "$1"
}

# All of them in one shell, each with its output in a file; the number of the one that failed is left.
whole_script() {
	local n
	echo 'set -eu -o pipefail'
	for ((n = 1; n <= count; n++)); do
		printf 'echo %d >at\n{\n' "$n"
		cat "sh.$n"
		printf '} >out.%d 2>err.%d\n' "$n" "$n"
	done
	echo 'echo done >at'
}

# Each line of the text is like the line of the output.
is_like() {	# text output
	local want got lines=0
	exec 5<"$2"
	while IFS= read -r want; do
		lines=$((lines + 1))
		IFS= read -r got <&5 || { printf 'line %s is missing: %s' "$lines" "$want"; return 1; }
		want=$(printf '%s' "$want" | sed 's/[][\\*?]/\\&/g; s/…/*/g')
		# shellcheck disable=SC2254
		case $got in $want) ;; *) printf 'line %s is: %s' "$lines" "$got"; return 1 ;; esac
	done <"$1"
	if IFS= read -r got <&5; then
		printf 'more than the document has: %s' "$got"
		return 1
	fi
}

# The programs as they are found when they are installed: serve knows where the others are.
install_programs() {
	mkdir -p bin
	cp "$TALLY" bin/tally.real && cp "$TALLY_FCGI" bin/tally.fcgi && cp -r "$SOURCE/templates" templates
	cat >bin/tally <<-END
		#!/bin/sh
		case \$1 in
		serve) shift; exec "$dir/bin/tally.real" serve --fcgi "$dir/bin/tally.fcgi" --templates "$dir/templates" "\$@" ;;
		*) exec "$dir/bin/tally.real" "\$@" ;;
		esac
		END
	chmod -R a+rX bin templates
	chmod a+x bin/tally
}

tell() {	# driver
	local n why
	mkdir "$1" && cd "$1" || exit 1
	take_apart "$SOURCE/doc/datashare.md"
	count=$(ls | grep -c '^sh\.')
	whole_script >story
	[ -z "$as_user" ] || chown -R 65533:65533 .
	$as_user env PATH="$dir/bin:$PATH:/usr/sbin" HOME="$dir" TALLY_DRIVER="$1" bash story
	same "$1: all blocks run" "$(cat at)" "done"
	if [ "$(cat at)" != "done" ]; then
		tail -n 5 "err.$(cat at)" "out.$(cat at)" store.serve/*.log 2>/dev/null | sed 's/^/# /'
		$as_user "$dir/bin/tally" serve --stop --store "$dir/$1/store" >/dev/null 2>&1
	fi
	for ((n = 1; n <= count; n++)); do
		if [ -f "text.$n" ] && why=$(is_like "text.$n" "out.$n"); then
			ok "$1: block $n prints what the document says"
		elif [ -f "text.$n" ]; then
			not_ok "$1: block $n prints what the document says" "$why"
		fi
	done
	same "$1: the store is of this driver" "$(head -n 1 store/format | cut -d' ' -f2)" "$1"
	cd "$dir" || exit 1
}

as_user=
if [ "$(id -u)" = 0 ]; then
	as_user="setpriv --reuid=65533 --regid=65533 --clear-groups"
fi
install_programs
[ -z "$as_user" ] || chown 65533:65533 "$dir"
for driver in $(durable); do
	tell "$driver"
done
# Nothing of it is left out of the run.
same "every block of the document is of shell or its text" "$(ls "$driver" | grep -c '^other\.')" 0
same "every step has its section" "$(grep -cE '^## (Publish|Apply|Authorise|Decrypt|Share|Query|Credentials|Prove)' \
	"$SOURCE/doc/datashare.md")" 8
finish
