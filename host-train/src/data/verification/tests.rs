//! Pickles as verification sets are written, and everything else that a pickle could be.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::data::listing::Span;

/// Opens a file of these bytes.
fn open(bytes: &[u8]) -> Result<VerificationSet, DataError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    VerificationSet::open(file.path())
}

fn fault(bytes: &[u8]) -> (u64, PickleFault) {
    match open(bytes).unwrap_err() {
        DataError::Pickle { offset, fault, .. } => (offset, fault),
        other => panic!("{other}"),
    }
}

/// The images' bytes where the set says that they are.
fn images(bytes: &[u8]) -> Vec<&[u8]> {
    let of = |place| match place {
        Place::Span(Span { offset, length }) | Place::Latin1(Span { offset, length }) => {
            &bytes[offset as usize..][..length as usize]
        }
        other => panic!("{other:?}"),
    };
    open(bytes).unwrap().images.into_iter().map(of).collect()
}

/// What CPython's `pickle.dumps(([b'ab', b'cde'], [True]), protocol)` gives.
const PROTOCOLS: [&[u8]; 4] = [
    b"(]q\x00(c_codecs\nencode\nq\x01(X\x02\x00\x00\x00abq\x02X\x06\x00\x00\x00latin1q\x03tq\x04Rq\x05h\x01(X\x03\x00\x00\x00cdeq\x06h\x03tq\x07Rq\x08e]q\tI01\natq\n.",
    b"\x80\x02]q\x00(c_codecs\nencode\nq\x01X\x02\x00\x00\x00abq\x02X\x06\x00\x00\x00latin1q\x03\x86q\x04Rq\x05h\x01X\x03\x00\x00\x00cdeq\x06h\x03\x86q\x07Rq\x08e]q\t\x88a\x86q\n.",
    b"\x80\x03]q\x00(C\x02abq\x01C\x03cdeq\x02e]q\x03\x88a\x86q\x04.",
    b"\x80\x04\x95\x14\x00\x00\x00\x00\x00\x00\x00]\x94(C\x02ab\x94C\x03cde\x94e]\x94\x88a\x86\x94.",
];

/// What Python 2 gives for the same, with protocol 2: `BINSTRING` and `SHORT_BINSTRING`.
const PYTHON_2: &[u8] =
    b"\x80\x02]q\x01(U\x02abq\x02T\x03\x00\x00\x00cdeq\x03e]q\x04\x88a\x86q\x05.";

#[test]
fn every_protocol_gives_the_same_set() {
    for bytes in PROTOCOLS.into_iter().chain([PYTHON_2]) {
        assert_eq!(images(bytes), [&b"ab"[..], b"cde"]);
        assert_eq!(open(bytes).unwrap().same, [true]);
    }
}

#[test]
fn one_image_in_two_pairs_is_taken_from_the_memo() {
    let bytes = b"\x80\x04](C\x02ab\x94h\x00C\x01c\x94h\x01e](\x88\x89e\x86.";
    assert_eq!(images(bytes), [&b"ab"[..], b"ab", b"c", b"c"]);
    assert_eq!(open(bytes).unwrap().same, [true, false]);
}

#[test]
fn what_is_written_is_read() {
    let mut file = Vec::new();
    let image = |index: usize| Ok(vec![index as u8; 300 * index]);
    write(&mut file, Path::new("a.bin"), &[true, false, true], image).unwrap();
    let expected: Vec<Vec<u8>> = (0..6).map(|index| image(index).unwrap()).collect();
    assert_eq!(images(&file), expected);
    assert_eq!(open(&file).unwrap().same, [true, false, true]);
}

#[test]
fn folds_are_cut_as_insightface_cuts_them() {
    // scikit-learn's KFold: of 23 pairs the first three folds have three.
    let set = |pairs: usize| VerificationSet { images: vec![], same: vec![true; pairs] };
    let folds: Vec<usize> = (0..23).map(|pair| set(23).fold(pair)).collect();
    let expected = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9];
    assert_eq!(folds, expected);
    assert_eq!((set(6000).fold(599), set(6000).fold(600), set(6000).fold(5999)), (0, 1, 9));
    assert_eq!((0..4).map(|pair| set(4).fold(pair)).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

/// Nothing in a pickle is run: each instruction that imports, calls or builds is refused by its name and place.
#[test]
fn rejects_malicious_pickles() {
    // What `pickle.dumps` gives for an object whose __reduce__ is os.system('id').
    let classic = b"\x80\x03cposix\nsystem\nq\x00X\x02\x00\x00\x00idq\x01\x85q\x02Rq\x03.";
    let what = " (posix.system)".to_owned();
    assert_eq!(fault(classic), (2, PickleFault::Dangerous { opcode: "GLOBAL", what }));
    let error = open(classic).unwrap_err().to_string();
    assert!(
        error.contains("byte 2: the pickle instruction GLOBAL (posix.system) could run"),
        "{error}"
    );
    for (tail, name) in [
        (&b"c__builtin__\neval\n"[..], "GLOBAL"),
        (b"c_codecs\ndecode\n", "GLOBAL"),
        (b"X\x01\x00\x00\x00aR", "REDUCE"),
        (b"c_codecs\nencode\n]R", "REDUCE"),
        (b"\x93", "STACK_GLOBAL"),
        (b"(iposix\nsystem\n", "INST"),
        (b"o", "OBJ"),
        (b"b", "BUILD"),
        (b"\x81", "NEWOBJ"),
        (b"\x92", "NEWOBJ_EX"),
        (b"\x82\x01", "EXT1"),
        (b"\x83\x01\x00", "EXT2"),
        (b"\x84\x01\x00\x00\x00", "EXT4"),
        (b"Pid\n", "PERSID"),
        (b"Q", "BINPERSID"),
    ] {
        let (_, fault) = fault(&[b"\x80\x04", tail].concat());
        assert!(
            matches!(&fault, PickleFault::Dangerous { opcode, .. } if *opcode == name),
            "{fault}"
        );
    }
}

#[test]
fn rejects_unneeded_instructions() {
    for (tail, name) in [
        (&b"S'ab'\n"[..], "STRING"),
        (b"Vab\n", "UNICODE"),
        (b"p0\n", "PUT"),
        (b"g0\n", "GET"),
        (b"l", "LIST"),
        (b"}", "EMPTY_DICT"),
        (b"K\x01", "BININT"),
        (b"\xff", "0xff"),
    ] {
        let expected = PickleFault::Unneeded { opcode: name.to_owned() };
        assert_eq!(fault(&[b"\x80\x02", tail].concat()), (2, expected));
    }
}

#[test]
fn rejects_misfits() {
    for (tail, name) in [
        (&b"."[..], "STOP"),
        (b"]C\x01a.", "STOP"),
        (b"]\x88a]a", "APPEND"),
        (b"](\x88C\x01ae", "APPENDS"),
        (b"\x88e", "APPENDS"),
        (b"]\x86", "TUPLE2"),
        (b"]\x88\x86", "TUPLE2"),
        (b"(]]]t", "TUPLE"),
        (b"t", "TUPLE"),
        (b"q\x00", "BINPUT"),
        (b"h\x00", "BINGET"),
        (b"]q\x00h\x00", "BINGET"),
        (b"I02\n", "INT"),
        (b"X\x01\x00\x00\x00aX\x04\x00\x00\x00utf8\x86", "TUPLE2"),
    ] {
        let (_, fault) = fault(&[b"\x80\x02", tail].concat());
        assert_eq!(fault, PickleFault::Misfit { opcode: name });
    }
}

#[test]
fn rejects_every_cut() {
    for whole in PROTOCOLS {
        for length in 0..whole.len() {
            let (_, fault) = fault(&whole[..length]);
            assert!(matches!(fault, PickleFault::Truncated { .. }), "{length}: {fault}");
        }
    }
    // A length beyond the file asks for no memory.
    let huge = b"\x80\x04](\x8e\xff\xff\xff\xff\xff\xff\xff\xff";
    let needed = u64::MAX;
    assert_eq!(fault(huge), (4, PickleFault::Truncated { needed, left: 0 }));
}

#[test]
fn rejects_what_is_no_pickle() {
    for bytes in [&b"\xff\xd8\xff\xe0"[..], b"PK\x03\x04", b"\x80\x09", b"Ann\t1\t2\n"] {
        assert_eq!(fault(bytes), (0, PickleFault::NotAPickle));
    }
}

#[test]
fn rejects_lists_that_do_not_fit_each_other() {
    for (bytes, images, pairs) in [
        (&b"\x80\x02](C\x01aC\x01be](\x88\x89e\x86."[..], 2, 2),
        (b"\x80\x02]]\x86.", 0, 0),
        (b"\x80\x02](\x88\x89e](C\x01ae\x86.", 0, 0),
    ] {
        let error = open(bytes).unwrap_err();
        assert!(
            matches!(error, DataError::VerificationCount { images: i, pairs: p, .. } if (i, p) == (images, pairs)),
            "{error}"
        );
    }
}

/// Any change of any byte gives a set or an error, never a panic.
#[test]
fn survives_every_changed_byte() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for whole in PROTOCOLS {
        for at in 0..whole.len() {
            for value in (0..=255).step_by(5).chain(*b"()]abehjqrtRT.") {
                let mut bytes = whole.to_vec();
                bytes[at] = value;
                std::fs::write(file.path(), bytes).unwrap();
                let _ = VerificationSet::open(file.path());
            }
        }
    }
}
