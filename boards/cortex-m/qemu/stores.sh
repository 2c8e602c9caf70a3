# A board's door with all that it keeps, through resets; read by ../run-qemu.
#
#   power   the factory's model proves itself ─ Ada is enrolled, listed and exported
#   reset   Ada comes and gets in ─ she is removed
#   reset   she comes and does not get in ─ another model is installed
#   reset   it is on trial, and confirmed ─ one with a wrong known answer is installed
#   reset   it is on trial, and fails; the board resets itself, and the one before is back
#
# Resets come from the emulator's monitor, people and questions from `host-train device` over TCP.

# ends WHY: the run is no good.
ends() {
  grep -v '^mps2_fpgaio' "$work/run" | cut -c1-160 | tail -20 >&2
  echo "$board: the door with its stores: $1" >&2
  exit 1
}
# await TEXT COUNT: until the board has printed so many lines with this text.
await() {
  local end=$((SECONDS + ${LIMIT:-1800}))
  until [ "$(grep -cF -- "$1" "$work/run")" -ge "$2" ]; do
    kill -0 "$emulator" 2> /dev/null || ends "the emulator ended before \"$1\""
    [ $SECONDS -lt $end ] || ends "no \"$1\""
    sleep 0.1
  done
}
# monitor WORD..: tells the emulator.
monitor() { echo "$*" >&"$to_monitor"; }
# device COMMAND WORD..: asks the door.
device() { with_key secret "$@" || ends "device $1: $(tail -1 "$work/log")"; }
with_key() { "$HOST_TRAIN" device "${@:2}" --port "tcp:127.0.0.1:$port" --key "$work/$1.hex" 2>> "$work/log"; }
# next WORD..: lets this happen at the door.
next() { echo "$*" > "$work/next.new" && mv "$work/next.new" "$work/next"; }
# says WHAT FOUND EXPECTED
says() { [ "$2" = "$3" ] || ends "$1: \"$2\" where \"$3\" is expected"; }

# stores BOARD PROGRAM: all of it.
stores() {
  local board=$1 program=$2 port= to_monitor from_monitor answer kinds
  rm -f "$work"/monitor.*
  mkfifo "$work/monitor.in" "$work/monitor.out"
  exec {to_monitor}<> "$work/monitor.in" {from_monitor}<> "$work/monitor.out"
  (cd "$work" && exec qemu-system-arm -M "$board" -display none -icount shift=1,sleep=off \
    -chardev pipe,id=monitor,path=monitor -mon chardev=monitor \
    -chardev socket,id=line,host=127.0.0.1,port=0,server=on,wait=off -serial chardev:line \
    -semihosting-config enable=on,target=native,arg=door,arg=door,arg=detector.signed,arg=factory,arg=owner,arg=secret \
    "${plugin[@]}" -kernel "$program" > "$work/run" 2>&1) &
  emulator=$!
  monitor info chardev
  while [ -z "$port" ] && read -r -t 60 answer <&"$from_monitor"; do
    port=$(sed -n 's/.*line: filename=.*tcp:127.0.0.1:\([0-9]*\).*/\1/p' <<< "$answer")
  done
  [ -n "$port" ] || ends "the emulator did not start"

  await ready 1
  says list "$(device list | tail -n 1)" "0 templates"
  ! with_key wrong list > /dev/null || ends "it answers to another key"
  says enroll "$(device enroll --name Ada --model "$zoo" "$work"/ada?.jpg)" "person 1: 4 templates of Ada"
  # With Helium's instructions, which are slow to emulate, it takes longer than the host waits.
  [ "$board" = mps3-an547 ] || says selftest "$(device selftest | tail -n 1)" "the self-test passes"
  rm -f "$work/export" && device export --out "$work/export" > /dev/null
  grep -q '"Ada"' "$work/export" || ends "nobody was exported"

  monitor system_reset
  await ready 2
  next show returns
  await shown 1
  says remove "$(device remove 1)" "person 1: 4 templates removed"

  monitor system_reset
  await ready 3
  says list "$(device list | tail -n 1)" "0 templates"
  next show returns
  await shown 2
  next install update
  await installed 1

  monitor system_reset
  await ready 4
  next install broken
  await installed 2

  monitor system_reset
  await ready 5
  kinds=$(device log --json | sed -n 's/.*"kind": "\(.*\)".*/\1/p' | paste -sd ' ')
  says log "$kinds" "started confirmed enrolled enrolled enrolled enrolled exported started granted removed started installed started confirmed \
installed started self_test_failed started rolled_back"
  kinds=$(device log --book routine --json | sed -n 's/.*"kind": "\(.*\)".*/\1/p' | paste -sd ' ')
  says log "$kinds" "unauthorized"
  next end
  wait "$emulator" || ends "it ended with status $?"
  emulator=
  exec {to_monitor}>&- {from_monitor}>&-

  says boots "$(sed -n 's/^boot //p' "$work/run" | paste -sd ';')" \
    "1: model 1, Trial;2: model 1, Confirmed;3: model 1, Confirmed;4: model 2, Trial;5: model 3, Trial;6: model 2, RolledBack"
  # One opening, behind the second start.
  says relay "$(relay "$work/run")" "R 0 R 0 1 0 R 0 R 0 R 0 R 0"
}
