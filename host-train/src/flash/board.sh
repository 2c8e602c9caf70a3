# Puts a release of the door in its place on a Linux board. `host-train flash` runs this on the board, as root; it can be run there by hand too:
#
#   sh flash.sh install FOLDER DIGEST     FOLDER holds door, models/*.afm and SHA256SUMS, whose own SHA-256 is DIGEST
#   sh flash.sh rollback                  the release before
#   sh flash.sh probe                     what this board is, and what it runs
#
#   /opt/door/releases/DIGEST/  door models/ SHA256SUMS      whole and verified, or absent
#   /opt/door/current           which of them runs: one rename changes it
#   /opt/door/previous          the one before
#   /etc/systemd/system/door.service.d/release.conf          has the unit of the package run it
#
# The lock is engaged while releases change, because the door is stopped. A release is looked at by its own `door doctor` before it becomes
# the current one: what was right with the release before must not be wrong. A power cut at any step leaves the old release or the new
# one current, both whole.
set -eu
# Tests lay a board's files under another root.
root=${DOOR_FLASH_ROOT-}
opt=$root/opt/door
unit=door
# The connection may end; what was begun is brought to its end.
trap '' HUP PIPE

say() { echo "$*" 2> /dev/null || :; }
die() { echo "flash: $*" >&2; exit 1; }

# verify FOLDER DIGEST: all that is listed is there with these bytes, and nothing else.
verify() {
  [ "$(sha256sum < "$1/SHA256SUMS" | cut -d' ' -f1)" = "$2" ] || return 1
  (cd "$1" && sha256sum --quiet --check --strict SHA256SUMS > /dev/null 2>&1) || return 1
  [ "$(cd "$1" && find . -type f ! -name SHA256SUMS | wc -l)" = "$(wc -l < "$1/SHA256SUMS")" ]
}

# point NAME RELEASE: makes a link in one step.
point() {
  ln -sfn "$2" "$opt/.$1.new"
  mv -T "$opt/.$1.new" "$opt/$1"
  sync
}

# wrong PROGRAM MODELS: names of what its doctor finds wrong; fails if there is no such program or it does not run.
wrong() {
  code=0
  found=$(runuser -u door -- env DOOR_MODELS="$2" "$1" doctor) || code=$?
  [ "$code" -le 1 ] || return 1
  say "$found" >&2
  echo "$found" | awk '$2 == "wrong" { print $1 }'
}

# The unit of the package runs /usr/bin/door; this has it run the current release.
drop_in() {
  folder=$root/etc/systemd/system/$unit.service.d
  mkdir -p "$folder"
  cat > "$folder/.release.new" << END
# Written by \`host-train flash\`.
[Service]
ExecStart=
ExecStart=/opt/door/current/door run
ExecStopPost=
ExecStopPost=/opt/door/current/door lock
Environment=DOOR_MODELS=/opt/door/current/models
END
  if ! cmp -s "$folder/.release.new" "$folder/release.conf"; then
    sync
    mv -T "$folder/.release.new" "$folder/release.conf"
    sync
    systemctl daemon-reload
  fi
  rm -f "$folder/.release.new"
}

# Back to what ran before: a release, or the package's own program.
undo() {
  if [ -n "$1" ]; then
    point current "$1"
  else
    rm -f "$opt/current" "$root/etc/systemd/system/$unit.service.d/release.conf"
    systemctl daemon-reload
  fi
  [ "$2" = 0 ] || systemctl start $unit
}

# activate RELEASE: looks at it, makes it the current one, starts the door if it ran.
activate() {
  new=$1
  old=$(readlink "$opt/current" || :)
  stays=${old:-what the package installed}
  ran=0
  ! systemctl --quiet is-active $unit || ran=1
  # The camera and the relay are one process's.
  [ $ran = 0 ] || systemctl stop $unit
  if [ -n "$old" ]; then
    before=$(wrong "$opt/$old/door" "$opt/$old/models" 2> /dev/null) || before=all
  else
    # A board that never ran a release may have nobody enrolled yet: only what does not run at all is no release.
    before=all
  fi
  if ! after=$(wrong "$opt/$new/door" "$opt/$new/models"); then
    [ $ran = 0 ] || systemctl start $unit
    die "the new release does not run; $stays stays"
  fi
  if [ "$before" != all ]; then
    for name in $after; do
      case " $(echo $before) " in
        *" $name "*) ;;
        *)
          [ $ran = 0 ] || systemctl start $unit
          die "with the new release this is wrong: $name; $stays stays"
          ;;
      esac
    done
  fi
  if [ "$new" != "$old" ]; then
    [ -z "$old" ] || point previous "$old"
    point current "$new"
  fi
  drop_in
  if [ $ran = 1 ] && ! systemctl start $unit; then
    undo "$old" 1 || :
    die "the new release does not start; $stays runs again"
  fi
  say "wrong=$(echo $after)"
  say "running=$ran"
  say "current=$new"
  say "previous=$old"
}

install_release() {
  folder=$1 digest=$2
  release=releases/$(echo "$digest" | cut -c1-16)
  mkdir -p "$opt/releases"
  # Of tries that were cut off.
  rm -rf "$opt/releases"/.new-*
  if ! [ -d "$opt/$release" ] || ! verify "$opt/$release" "$digest"; then
    new=$opt/releases/.new-$$
    cp -R "$folder" "$new"
    # What was copied is verified, not what was sent: nobody but root can change it any more.
    if ! verify "$new" "$digest"; then
      rm -rf "$new"
      die "what came is not what was sent"
    fi
    chown -R 0:0 "$new"
    chmod -R u=rwX,go=rX "$new"
    chmod 755 "$new/door"
    sync
    rm -rf "$opt/$release"
    mv -T "$new" "$opt/$release"
    sync
  fi
  activate "$release"
  # Two are kept.
  for kept in "$opt"/releases/*; do
    case releases/$(basename "$kept") in
      "$(readlink "$opt/current")" | "$(readlink "$opt/previous" || :)") ;;
      *) rm -rf "$kept" ;;
    esac
  done
}

# Whole before it begins: a script that comes over a connection may be cut.
main() {
  case ${1-} in
    probe)
      say "machine=$(uname -m)"
      say "model=$(tr -d '\0' < "$root/proc/device-tree/model" 2> /dev/null || :)"
      package=0
      [ ! -e "$root/usr/lib/systemd/system/$unit.service" ] && [ ! -e "$root/lib/systemd/system/$unit.service" ] || package=1
      say "package=$package"
      say "current=$(readlink "$opt/current" || :)"
      ;;
    install) install_release "$2" "$3" ;;
    rollback)
      previous=$(readlink "$opt/previous") || die "there is no release before this one"
      activate "$previous"
      ;;
    *) die "probe, install FOLDER DIGEST or rollback" ;;
  esac
}
main "$@"
