# What a board's program takes, from the linked file. For `run-qemu` and `budget-check`, which source it.

# section_bytes PROGRAM SECTION..: their bytes together.
section_bytes() {
  local program=$1 sum=0 name size
  shift
  while read -r name size; do
    if [[ " $* " == *" $name "* ]]; then sum=$((sum + 16#$size)); fi
  done < <(readelf -SW "$program" | sed -n 's/^ *\[ *[0-9]*\] *\(\.[a-z_]*\) *[A-Z_]* *[0-9a-f]* [0-9a-f]* \([0-9a-f]*\) .*/\1 \2/p')
  echo "$sum"
}
# budget BOARD: flash, RAM and stack that it may take.
budget() { sed -n "s/^$1  *//p" budgets; }
# within BOARD WHAT BYTES BUDGET
within() {
  [ "$3" -le "$4" ] || { echo "$1: $2 takes $3 bytes, the budget is $4 (boards/cortex-m/budgets)" >&2; exit 1; }
}
# without_allocator BOARD PROGRAM
without_allocator() {
  if readelf -sW "$2" | grep -E '__rust_alloc|__rg_alloc|__rdl_alloc|_ZN5alloc|_ZN3std'; then
    echo "$1: the program has std or an allocator: see the symbols above" >&2
    exit 1
  fi
}
