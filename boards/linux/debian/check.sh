#!/usr/bin/env bash
# What must hold for a Debian package of the door: its files, what it needs, how much its unit may do, and that it installs, works, is
# removed and is purged in a clean Debian without leaving anything behind.
#
#   boards/linux/debian/check.sh DOOR.deb
#
# Needs dpkg-deb. Uses systemd-analyze, objdump and, for another architecture, qemu in user mode; the clean Debian needs root and debootstrap,
# and a program of this machine's architecture. Says NOT RUN for what it lacks.
set -euo pipefail
package=$(realpath "${1:?which package?}")
work=$(mktemp -d)
root=
end() {
  [ -z "$root" ] || umount "$root/proc" 2> /dev/null || true
  rm -rf "$work"
}
trap end EXIT
fail() { echo "$package: $*" >&2; exit 1; }
field() { dpkg-deb -f "$package" "$1"; }
architecture=$(field Architecture)

echo "-- files"
dpkg-deb -x "$package" "$work/files"
dpkg-deb -e "$package" "$work/control"
files=$work/files
for file in usr/bin/door usr/share/man/man1/door.1.gz usr/share/man/man1/door-run.1.gz usr/share/bash-completion/completions/door \
  usr/share/zsh/vendor-completions/_door usr/share/fish/vendor_completions.d/door.fish usr/share/door/door.toml \
  usr/share/door/raspberry-pi/door.toml usr/share/door/jetson/door.toml usr/lib/udev/rules.d/60-door.rules usr/share/doc/door/copyright; do
  [ -s "$files/$file" ] || fail "has no $file"
done
unit=$(find "$files" -name door.service)
[ -n "$unit" ] || fail "has no unit"
[ "$(find "$files" -name '*.1.gz' -exec gzip -dc {} + | grep -c '^\.TH door')" -ge 12 ] || fail "has no manual page a command"
# Settings and people are made on the machine; nothing of a package lies where it could replace them.
[ -z "$(find "$files" -mindepth 1 -maxdepth 1 ! -name usr ! -name lib)" ] || fail "has files outside of /usr and /lib"
if dpkg-deb -c "$package" | awk '$2 !~ /^(root|0)\/(root|0)$/ || substr($1, 6, 1) == "w" || substr($1, 9, 1) == "w" { bad = 1; print } END { exit !bad }'; then
  fail "has files of others than root, or that others may write"
fi
for script in postinst postrm prerm; do
  sh -n "$work/control/$script" || fail "$script is no script"
  ! grep -q DEBHELPER "$work/control/$script" || fail "$script has a mark in the place of commands"
done

echo "-- needs"
case $architecture in
  amd64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
  *) fail "is for $architecture, which nobody builds" ;;
esac
if command -v $machine-linux-gnu-objdump > /dev/null; then
  needed=$($machine-linux-gnu-objdump -T "$files/usr/bin/door" | grep -o 'GLIBC_[0-9.]*' | sort -u -V | tail -n 1)
  named=$(field Depends | sed -n 's/.*libc6 (>= \([0-9.]*\)).*/GLIBC_\1/p')
  [ "$needed" = "$named" ] || fail "needs $needed and names $named"
else
  echo "NOT RUN: no $machine-linux-gnu-objdump"
fi
run=()
if [ "$architecture" != "$(dpkg --print-architecture)" ]; then
  run=(qemu-$machine -L /usr/$machine-linux-gnu)
fi
if [ ${#run[@]} = 0 ] || command -v qemu-$machine > /dev/null; then
  [ "$("${run[@]}" "$files/usr/bin/door" --version)-1" = "door $(field Version)" ] || fail "has another version than its program"
  for settings in '' raspberry-pi/ jetson/; do
    "${run[@]}" "$files/usr/bin/door" config check --config "$files/usr/share/door/${settings}door.toml" > /dev/null ||
      fail "has settings that its program refuses"
  done
else
  echo "NOT RUN: no qemu-$machine for a program of $architecture"
fi

echo "-- unit"
if command -v systemd-analyze > /dev/null; then
  # Exposure 3.0 of 10; without the overview of every line, which is long.
  systemd-analyze security --offline=true --threshold=30 --no-pager "$unit" | tail -n 1
else
  echo "NOT RUN: no systemd-analyze"
fi

echo "-- a clean Debian"
if [ "$architecture" != "$(dpkg --print-architecture)" ]; then
  echo "NOT RUN: it would be of another architecture"
  exit
fi
if [ "$(id -u)" != 0 ] || ! command -v debootstrap > /dev/null; then
  echo "NOT RUN: needs root and debootstrap"
  exit
fi
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 2> /dev/null | awk -v suite="$suite" '$2 == suite { print $1; exit }')
debootstrap --variant=minbase --include=adduser "$suite" "$work/root" ${mirror:+"$mirror"} > "$work/log" 2>&1 || {
  tail -n 3 "$work/log"
  echo "NOT RUN: debootstrap made no root"
  exit
}
root=$work/root
mount -t proc proc "$root/proc"
cp "$package" "$root/root/door.deb"
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
as_door() { inside setpriv --reuid door --regid door --init-groups "$@"; }
# What is there but for dpkg's own records and what it changes in lists of users.
listing() { (cd "$root" && find . -xdev ! -path './proc*' ! -path './run/*' ! -path './var/lib/dpkg*' ! -path './var/log*' ! -path './var/cache*' ! -path './etc/*-' | sort); }
listing > "$work/before"
inside dpkg -i /root/door.deb > "$work/log" 2>&1 || { cat "$work/log"; fail "does not install"; }
mode() { inside stat -c '%a %U %G' "$1"; }
expect() { [ "$2" = "$3" ] || fail "$1 is $2, not $3"; }
expect /var/lib/door "$(mode /var/lib/door)" "700 door door"
expect /var/lib/door/models "$(mode /var/lib/door/models)" "700 door door"
expect /etc/door "$(mode /etc/door)" "750 root door"
expect /etc/door/door.toml "$(mode /etc/door/door.toml)" "640 root door"
expect "the user's shell" "$(inside getent passwd door | cut -d: -f7)" /usr/sbin/nologin
for group in video gpio dialout; do
  inside getent group $group > /dev/null || fail "makes no group $group"
done
inside test ! -e /etc/systemd/system/multi-user.target.wants/door.service || fail "starts a door that nobody asked for"

# The door's user can do what the instructions say, and nobody else reads what comes of it.
as_door door config check > /dev/null
as_door door people init > /dev/null
echo 'correct horse battery' | as_door door web password > /dev/null
for file in people.key web.passwords people/people; do
  expect "/var/lib/door/$file" "$(mode "/var/lib/door/$file")" "600 door door"
done
# Without camera, networks and calibration a door is not ready, and says so.
found=$(as_door door doctor 2> /dev/null) && fail "doctor finds nothing wrong with a door that has no camera"
grep -q '^people .*0 enrolled' <<< "$found" || fail "doctor does not find the people: $found"
grep -q '^pages .*ok' <<< "$found" || fail "doctor does not find the pages: $found"
as_door door demo --seconds 2 > /dev/null 2>&1 || fail "the demonstration does not run"

echo "# changed" >> "$root/etc/door/door.toml"
inside dpkg -i /root/door.deb > "$work/log" 2>&1 || { cat "$work/log"; fail "does not install over itself"; }
grep -q '# changed' "$root/etc/door/door.toml" || fail "an update overwrites settings"
inside dpkg -r door > "$work/log" 2>&1 || { cat "$work/log"; fail "is not removed"; }
inside test -s /var/lib/door/people/people || fail "a removal takes the people with it"
inside test ! -e /usr/bin/door || fail "a removal leaves the program"
inside dpkg -P door > "$work/log" 2>&1 || { cat "$work/log"; fail "is not purged"; }
listing > "$work/after"
diff "$work/before" "$work/after" || fail "leaves these files behind"
inside getent passwd door > /dev/null || fail "a purge gives the user's number to somebody else"
echo "$package: installs, works, is removed and purged"
