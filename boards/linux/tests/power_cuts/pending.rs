//! What is written and not yet safe, and what a cut leaves of it.

use std::collections::BTreeMap;

/// What is there, of all that is pending, after a cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Survival {
    Nothing,
    Everything,
    DataWithoutNames,
    NamesWithoutData,
    /// Files are as long as they should be.
    NamesWithZeros,
    /// Any part of it.
    Some(u64),
}

pub(crate) const SURVIVALS: [Survival; 8] = [
    Survival::Nothing,
    Survival::Everything,
    Survival::DataWithoutNames,
    Survival::NamesWithoutData,
    Survival::NamesWithZeros,
    Survival::Some(1),
    Survival::Some(2),
    Survival::Some(3),
];

/// A change of a file.
#[derive(Clone, Debug)]
pub(crate) enum DataOp {
    Cut(usize),
    Write(usize, Vec<u8>),
}

/// A change of the folder.
#[derive(Clone, Debug)]
pub(crate) enum NameOp {
    Put(String, usize),
    Move(String, String, usize),
    Remove(String),
}

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// From 0 to `last`.
    pub(crate) fn to(&mut self, last: usize) -> usize {
        (self.next() % (last as u64 + 1)) as usize
    }
}

impl NameOp {
    pub(crate) fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Put(name, file) => drop(names.insert(name.clone(), *file)),
            Self::Move(from, to, file) => {
                if names.get(from) == Some(file) {
                    names.remove(from);
                }
                names.insert(to.clone(), *file);
            }
            Self::Remove(name) => drop(names.remove(name)),
        }
    }
}

impl DataOp {
    pub(crate) fn apply(&self, data: &mut Vec<u8>) {
        match self {
            Self::Cut(len) => data.resize(*len, 0),
            Self::Write(at, bytes) => {
                data.resize(data.len().max(at + bytes.len()), 0);
                data[*at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }

    pub(crate) fn survive(&self, data: &mut Vec<u8>, survival: Survival, random: &mut Random) {
        match (survival, self) {
            (Survival::Nothing | Survival::NamesWithoutData, _) => {}
            (Survival::NamesWithZeros, Self::Write(at, bytes)) => {
                Self::Write(*at, vec![0; bytes.len()]).apply(data);
            }
            (Survival::Some(_), Self::Write(at, bytes)) => {
                // From somewhere to somewhere: sectors arrive in any order.
                let end = random.to(bytes.len());
                let start = if random.coin() { 0 } else { random.to(end) };
                Self::Write(at + start, bytes[start..end].to_vec()).apply(data);
            }
            (Survival::Some(_), Self::Cut(_)) if random.coin() => {}
            _ => self.apply(data),
        }
    }
}
