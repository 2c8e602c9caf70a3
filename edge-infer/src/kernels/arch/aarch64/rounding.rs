//! The instructions that make int8 of sums, as text for the assembly of every way to it: the registers are the user's.

// Its lower 16 bits are zero, so that those of a sum are the integer.
pub(super) use super::super::elementwise::ROUNDING_SHIFT as SHIFT;

/// The same instruction on each of four vectors of 32-bit numbers: `op a, b` or `op a, b, c`.
macro_rules! each {
    ($op:literal: $($a:literal $b:literal $($c:literal)?),+) => {
        concat!($($op, " ", $a, ".4s, ", $b, ".4s" $(, ", ", $c, ".4s")?, "\n"),+)
    };
}
pub(super) use each;

/// Four vectors of sums times the multipliers of their signs, as numbers: by the positive side's multipliers, the negative one's
/// and four registers more.
macro_rules! scale {
    ($a:literal, $b:literal, $c:literal, $d:literal; $e:literal, $f:literal, $g:literal, $h:literal;
     $i:literal, $j:literal, $k:literal, $l:literal; $m:literal, $n:literal, $o:literal, $p:literal) => {
        concat!(
            "cmlt ", $m, ".4s, ", $a, ".4s, #0\n", "cmlt ", $n, ".4s, ", $b, ".4s, #0\n",
            "cmlt ", $o, ".4s, ", $c, ".4s, #0\n", "cmlt ", $p, ".4s, ", $d, ".4s, #0\n",
            each!("scvtf": $a $a, $b $b),
            "bsl ", $m, ".16b, ", $i, ".16b, ", $e, ".16b\n",
            "bsl ", $n, ".16b, ", $j, ".16b, ", $f, ".16b\n",
            each!("scvtf": $c $c, $d $d),
            "bsl ", $o, ".16b, ", $k, ".16b, ", $g, ".16b\n",
            "bsl ", $p, ".16b, ", $l, ".16b, ", $h, ".16b\n",
            each!("fmul": $a $a $m, $b $b $n, $c $c $o, $d $d $p),
        )
    };
}
pub(super) use scale;

/// The same times multipliers of both signs.
macro_rules! scale_alike {
    ($a:literal, $b:literal, $c:literal, $d:literal; $e:literal, $f:literal, $g:literal, $h:literal) => {
        concat!(
            each!("scvtf": $a $a, $b $b, $c $c, $d $d),
            each!("fmul": $a $a $e, $b $b $f, $c $c $g, $d $d $h),
        )
    };
}
pub(super) use scale_alike;

/// Adds sixteen values of a residual to four vectors of numbers: by its zero point and multiplier, and two registers more.
macro_rules! add {
    ($a:literal, $b:literal, $c:literal, $d:literal; $values:literal, $zero_point:literal, $multiplier:literal; $m:literal, $n:literal) => {
        concat!(
            "ssubl ", $m, ".8h, ", $values, ".8b, ", $zero_point, ".8b\n",
            "sshll2 ", $n, ".4s, ", $m, ".8h, #0\n", "sshll ", $m, ".4s, ", $m, ".4h, #0\n",
            each!("scvtf": $m $m, $n $n),
            each!("fmul": $m $m $multiplier, $n $n $multiplier),
            each!("fadd": $a $a $m, $b $b $n),
            "ssubl2 ", $m, ".8h, ", $values, ".16b, ", $zero_point, ".16b\n",
            "sshll2 ", $n, ".4s, ", $m, ".8h, #0\n", "sshll ", $m, ".4s, ", $m, ".4h, #0\n",
            each!("scvtf": $m $m, $n $n),
            each!("fmul": $m $m $multiplier, $n $n $multiplier),
            each!("fadd": $c $c $m, $d $d $n),
        )
    };
}
pub(super) use add;

/// Of four vectors of numbers within [`NEAR`](super::super::NEAR) the nearest integers, plus the zero point, as bytes in the first register.
macro_rules! nearest {
    ($a:literal, $b:literal, $c:literal, $d:literal; $shift:literal, $zero_point:literal) => {
        concat!(
            each!("fadd": $a $a $shift, $b $b $shift, $c $c $shift, $d $d $shift),
            "uzp1 ", $a, ".8h, ", $a, ".8h, ", $b, ".8h\n",
            "uzp1 ", $c, ".8h, ", $c, ".8h, ", $d, ".8h\n",
            "sqadd ", $a, ".8h, ", $a, ".8h, ", $zero_point, ".8h\n",
            "sqadd ", $c, ".8h, ", $c, ".8h, ", $zero_point, ".8h\n",
            "sqxtn ", $a, ".8b, ", $a, ".8h\n", "sqxtn2 ", $a, ".16b, ", $c, ".8h\n",
        )
    };
}
pub(super) use nearest;
