# Shell functions shared by quickstart.sh and check.sh: messages, packages, a copy of the sources to
# build from, and web servers without their system services. To be sourced by bash.

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { warn "$*"; exit 1; }

# ---- packages (Debian and its descendants) ----

# Everything the sources need to be built; the same list stands in README.md.
BUILD_PACKAGES="gcc make libc6-dev autoconf automake libtool pkg-config libssl-dev libsodium-dev \
libsecp256k1-dev libjson-c-dev libxml2-dev zlib1g-dev libcurl4-openssl-dev libfcgi-dev libdb5.3-dev \
libp11-kit-dev"

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root and there is no sudo: $*"
	fi
}

missing_packages() {
	local p
	for p; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
			printf '%s ' "$p"
	done
}

apt_update() {
	[ -n "${apt_is_fresh-}" ] && return
	as_root apt-get update -q >>"$APT_LOG" 2>&1 || warn "apt-get update failed, see $APT_LOG"
	apt_is_fresh=yes
}

# Installs what is missing of these. Libraries and tools only: for web servers see have_server,
# for a package that brings a system service must not be installed from here. needrestart, where
# it is installed, is kept from restarting anything.
install_packages() {
	local missing
	command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || {
		warn "not a Debian system: make sure yourself that there is: $*"
		return 0
	}
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	say "    installing $missing"
	apt_update
	as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 \
		$missing >>"$APT_LOG" 2>&1 </dev/null || {
		tail -n 15 "$APT_LOG" >&2
		die "cannot install: $missing (whole log: $APT_LOG)"
	}
}

# Fetches packages and unpacks them below a directory without installing them, and installs the
# libraries they need. So a web server can be run without its system service being set up.
unpack_packages() {	# directory package...
	local to=$1 p deb libs
	shift
	mkdir -p "$to/deb"
	for p; do
		deb=$(ls "$to/deb/$p"_*.deb 2>/dev/null | head -n 1)
		if [ -z "$deb" ]; then
			say "    fetching $p, to be unpacked in ${to##*/}/"
			(cd "$to/deb" && apt-get download "$p") >>"$APT_LOG" 2>&1 || {
				apt_update
				(cd "$to/deb" && apt-get download "$p") >>"$APT_LOG" 2>&1
			} || return 1
			deb=$(ls "$to/deb/$p"_*.deb | head -n 1)
		fi
		dpkg-deb -x "$deb" "$to/root" || return 1
		libs="${libs-} $(dpkg-deb -f "$deb" Depends | tr ',' '\n' |
			sed -n 's/^ *\(lib[^ (|]*\).*/\1/p' | tr '\n' ' ')"
	done
	install_packages $(printf '%s\n' $libs | grep -v '^libapache2-mod-' | sort -u)
}

# ---- web servers ----

# Makes lighttpd, nginx or apache2 runnable by its bare name: the installed one where there is one
# (PATH is widened to sbin), else one unpacked below $1, through a small script in $1/bin that
# knows its place. Modules of Apache: $TALLY_APACHE_MODULES, for templates. Returns 1 when it
# cannot be had.
have_server() {	# directory name
	local to=$1 name=$2 modules=/usr/lib/apache2/modules
	case :$PATH: in *:/usr/sbin:*) ;; *) PATH=$PATH:/usr/sbin:/sbin ;; esac
	if [ -x "$to/bin/$name" ]; then
		PATH=$to/bin:$PATH
	elif ! command -v "$name" >/dev/null ||
	     { [ "$name" = apache2 ] && ! [ -f $modules/mod_fcgid.so ]; }; then
		command -v apt-get >/dev/null || return 1
		case $name in
		lighttpd) unpack_packages "$to" lighttpd ;;
		nginx) unpack_packages "$to" nginx ;;
		apache2) unpack_packages "$to" apache2-bin libapache2-mod-fcgid ;;
		*) return 1 ;;
		esac || return 1
		mkdir -p "$to/bin"
		case $name in
		lighttpd) server_script "$to" lighttpd "-m '$to/root/usr/lib/lighttpd'" ;;
		*) server_script "$to" "$name" "" ;;
		esac
		PATH=$to/bin:$PATH
	fi
	if [ "$name" = apache2 ]; then
		[ -d "$to/root$modules" ] && modules=$to/root$modules
		export TALLY_APACHE_MODULES=$modules
	fi
	export PATH
	command -v "$name" >/dev/null
}

server_script() {	# directory name arguments
	printf '#!/bin/sh\nexec "%s" %s "$@"\n' "$1/root/usr/sbin/$2" "$3" >"$1/bin/$2"
	chmod +x "$1/bin/$2"
}

# ---- sources and ports ----

# Copies the sources, so that nothing is written beside them and a checkout that is configured in
# place does no harm. Times are kept, so make builds only what changed.
copy_sources() {	# from to
	local from to=$2
	from=$(cd "$1" && pwd -P)
	mkdir -p "$to"
	(cd "$from" && {
		[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$PWD" ] &&
			git ls-files -z --cached --others --exclude-standard ||
			find . \( -name .git -o -path './build*' ! -path ./build-aux -o -path ./demo -o -name node_modules \) \
				-prune -o -type f -print0
	} | tar --null --no-recursion --ignore-failed-read -cf - -T - 2>/dev/null) |
		tar -xf - -C "$to"
	[ -f "$to/configure.ac" ] || die "cannot copy the sources from $from"
	# a file that is gone from the sources must not live on in the copy
	(cd "$to" && find src drivers tests -type f \( -name '*.[ch]' -o -name '*.am' \) 2>/dev/null) |
	while read -r f; do
		[ -e "$from/$f" ] || rm -f "$to/$f"
	done
}

bootstrap() {	# directory with sources
	[ -f "$1/configure" ] && [ -z "$(find "$1" -newer "$1/configure" \
		\( -name configure.ac -o -name Makefile.am \) -print -quit)" ] && return
	(cd "$1" && autoreconf -fi)
}

# A port of 127.0.0.1 that is free now, chosen by the kernel.
free_port() {
	perl -MIO::Socket::INET -e \
		'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:0")->sockport'
}

# Does something listen there?
port_in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Asks a URL of 127.0.0.1 until it answers 200, at most so many seconds (and no longer than process
# $3 lives, when given).
wait_http() {	# port path seconds [pid]
	perl -MIO::Socket::INET -MTime::HiRes=time,sleep -e '
		my ($port, $path, $seconds, $pid) = @ARGV;
		my $end = time + $seconds;
		while (time < $end) {
			my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 1);
			if ($s) {
				print $s "GET $path HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n";
				my $line = <$s> // "";
				exit 0 if $line =~ m{^HTTP/1\.\d 200};
			}
			exit 1 if $pid && !kill(0, $pid);
			select undef, undef, undef, 0.02;
		}
		exit 1' "$@"
}

# Waits until a process is gone, at most so many seconds.
wait_gone() {	# pid seconds
	perl -MTime::HiRes=time -e '
		my $end = time + $ARGV[1];
		while (kill 0, $ARGV[0]) {
			exit 1 if time > $end;
			select undef, undef, undef, 0.02;
		}' "$@"
}
