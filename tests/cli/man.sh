# Manual pages: well formed, one for each verb, and their options are those of --help.
. "$SOURCE/tests/cli/lib.sh"

man=$SOURCE/man
if command -v mandoc >/dev/null; then
	# A page that is not installed here cannot be found; that is no fault of the page.
	for page in "$man"/*.[1-8]; do
		out=$(mandoc -T lint -W style "$page" 2>&1 | grep -vE 'referenced manual not found|mandoc.db')
		same "${page##*/} is clean" "$out" ""
	done
else
	skip "pages are well formed" "there is no mandoc"
fi

help_options() { "$TALLY" "$@" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p' | sort -u; }
page_options() { sed -n 's/^\.It Fl \\-\([a-z\\-]*\).*/\1/p' "$1" | tr -d '\\' | sort -u; }

for verb in $("$TALLY" help | sed -n 's/^  \([a-z]*\)  *.*/\1/p'); do
	grep -q "^\.It Cm $verb\$" "$man/tally.1" && ok "tally(1) names $verb" ||
		not_ok "tally(1) names $verb"
	[ "$verb" = help ] && continue
	if [ ! -f "$man/tally-$verb.1" ]; then
		not_ok "tally-$verb(1)" "there is no such page"
		continue
	fi
	same "tally-$verb(1) has the options of --help" "$(page_options "$man/tally-$verb.1" | tr '\n' ' ')" \
		"$(help_options "$verb" | tr '\n' ' ')"
done

# Every setting that this build has; the pages may know more, of what was not built.
settings=$("$TALLY" doctor --settings | sed -n 's/^\([a-z_]*\.[a-z_]*\) = .*/\1/p')
[ "$(printf '%s\n' "$settings" | wc -l)" -ge 20 ] || not_ok "the settings are listed" "$settings"
for key in $settings; do
	grep -q "^\.It Cm ${key//./\\.}\$" "$man/tally.conf.5" && ok "tally.conf(5) has $key" ||
		not_ok "tally.conf(5) has $key"
done
finish
