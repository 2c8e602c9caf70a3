//! What is wrong with a pickle, and which instructions are refused under which name.

/// Highest version of the pickle format.
pub(super) const PROTOCOL: u8 = 5;

/// What is wrong with a pickle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleFault {
    /// An instruction that imports, calls or builds something.
    #[error(
        "the pickle instruction {opcode}{what} could run a program and is refused; a verification set is two lists, of \
         image bytes and of True or False"
    )]
    Dangerous {
        /// Its name in Python's `pickletools`.
        opcode: &'static str,
        /// What it refers to, where it says so: ` (os.system)`.
        what: String,
    },
    /// An instruction that verification sets do not need.
    #[error(
        "the pickle instruction {opcode} does not belong into a verification set; write it with protocol 2 or later"
    )]
    Unneeded {
        /// Its name, or its code.
        opcode: String,
    },
    /// An instruction on values that it can't go with.
    #[error("the pickle instruction {opcode} meets other values than a verification set has")]
    Misfit {
        /// Its name.
        opcode: &'static str,
    },
    /// The file ends too early.
    #[error(
        "the file is cut off: {needed} bytes more were announced, {left} are left; copy it again"
    )]
    Truncated {
        /// Bytes that were announced.
        needed: u64,
        /// Bytes that are left.
        left: u64,
    },
    /// The file is no pickle, or a newer one than is known.
    #[error("no pickle of protocol 1 to {PROTOCOL} starts here")]
    NotAPickle,
}

/// Why an instruction that is not carried out is refused.
pub(super) fn refused(code: u8) -> PickleFault {
    let dangerous = |opcode| PickleFault::Dangerous { opcode, what: String::new() };
    let unneeded = |opcode: &str| PickleFault::Unneeded { opcode: opcode.to_owned() };
    match code {
        b'i' => dangerous("INST"),
        b'o' => dangerous("OBJ"),
        b'b' => dangerous("BUILD"),
        b'P' => dangerous("PERSID"),
        b'Q' => dangerous("BINPERSID"),
        0x81 => dangerous("NEWOBJ"),
        0x82 => dangerous("EXT1"),
        0x83 => dangerous("EXT2"),
        0x84 => dangerous("EXT4"),
        0x92 => dangerous("NEWOBJ_EX"),
        0x93 => dangerous("STACK_GLOBAL"),
        b'S' => unneeded("STRING"),
        b'V' => unneeded("UNICODE"),
        b'p' => unneeded("PUT"),
        b'g' => unneeded("GET"),
        b'l' => unneeded("LIST"),
        b'}' => unneeded("EMPTY_DICT"),
        b'K' | b'M' | b'J' => unneeded("BININT"),
        other => PickleFault::Unneeded { opcode: format!("{other:#04x}") },
    }
}
