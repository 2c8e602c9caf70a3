//! The part of Python's pickle that verification sets are made of, without the part that runs programs.
//!
//! A pickle is a program for a small stack machine, and general ones may call any function. Here a byte string, a flag and
//! a list of either are all that can come to be; whatever imports, calls or builds is refused by name. One exception holds
//! no danger: Python 3 writes byte strings for Python 2 (protocols 0 to 2) as `_codecs.encode(text, 'latin1')`, where each
//! character of the text is one byte; that call and no other is understood.
//!
//! Image bytes are passed over, not read: what comes out is where they lie.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::fault::{PROTOCOL, PickleFault, refused};
use crate::data::DataError;
use crate::data::listing::{Place, Span};

/// Texts up to this length are looked at; longer ones can only be images.
const SHORT_TEXT: u64 = 16;

/// What can be on the stack.
#[derive(Clone, Debug)]
enum Value {
    Mark,
    Bytes(Place),
    Text {
        span: Span,
        latin1: bool,
    },
    Flag(bool),
    List(Items),
    /// The function `_codecs.encode`.
    Encode,
    /// Its arguments.
    Arguments(Span),
    /// The whole set.
    Set(Items, Items),
}

/// A list; what it holds is known by its first item.
#[derive(Clone, Debug)]
enum Items {
    None,
    Images(Vec<Place>),
    Flags(Vec<bool>),
}

impl Items {
    /// Whether the value could be added.
    fn push(&mut self, value: Value) -> bool {
        match (&mut *self, value) {
            (Self::None, Value::Bytes(place)) => *self = Self::Images(vec![place]),
            (Self::Images(images), Value::Bytes(place)) => images.push(place),
            (Self::None, Value::Flag(flag)) => *self = Self::Flags(vec![flag]),
            (Self::Flags(flags), Value::Flag(flag)) => flags.push(flag),
            _ => return false,
        }
        true
    }
}

/// Where the images of the set at `path` lie, and which pairs show one person.
pub(super) fn read(path: &Path) -> Result<(Vec<Place>, Vec<bool>), DataError> {
    let refuse = |error| DataError::from_io(path, error);
    let file = File::open(path).map_err(refuse)?;
    let length = file.metadata().map_err(refuse)?.len();
    let mut machine = Machine {
        path,
        file: BufReader::new(file),
        at: 0,
        length,
        start: 0,
        stack: Vec::new(),
        memo: HashMap::new(),
    };
    machine.run()
}

struct Machine<'a> {
    path: &'a Path,
    file: BufReader<File>,
    /// Byte at which the file stands.
    at: u64,
    length: u64,
    /// Byte at which the instruction at hand starts.
    start: u64,
    stack: Vec<Value>,
    /// Values put aside by number. Lists are not: no verification set takes one out again.
    memo: HashMap<u32, Option<Value>>,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<(Vec<Place>, Vec<bool>), DataError> {
        loop {
            self.start = self.at;
            let [code] = self.take()?;
            if self.start == 0 && !matches!(code, 0x80 | b']' | b'(') {
                return Err(self.fault(PickleFault::NotAPickle));
            }
            if code == b'.' {
                return match (self.stack.pop(), self.stack.len()) {
                    (Some(Value::Set(images, flags)), 0) => Ok(unpack(images, flags)),
                    _ => Err(self.misfit("STOP")),
                };
            }
            self.step(code)?;
        }
    }

    /// Carries one instruction out.
    fn step(&mut self, code: u8) -> Result<(), DataError> {
        match code {
            0x80 => {
                let [protocol] = self.take()?;
                if protocol > PROTOCOL {
                    return Err(self.fault(PickleFault::NotAPickle));
                }
            }
            // A frame says how many bytes could be read at once.
            0x95 => drop(self.take::<8>()?),
            b'(' => self.stack.push(Value::Mark),
            b']' => self.stack.push(Value::List(Items::None)),
            0x88 | 0x89 => self.stack.push(Value::Flag(code == 0x88)),
            b'I' => self.flag_in_words()?,
            b'C' | b'U' | b'B' | b'T' | 0x8e => {
                let length = self.length_of(code)?;
                let span = self.pass(length)?;
                self.stack.push(Value::Bytes(Place::Span(span)));
            }
            0x8c | b'X' | 0x8d => self.text(code)?,
            b'a' => {
                let item = self.stack.pop();
                self.append("APPEND", item)?;
            }
            b'e' => {
                let items = self.above_mark("APPENDS")?;
                self.append("APPENDS", items)?;
            }
            0x86 => {
                let second = self.stack.pop();
                let first = self.stack.pop();
                self.pair("TUPLE2", first, second)?;
            }
            b't' => {
                let mut items = self.above_mark("TUPLE")?.into_iter();
                let (first, second) = (items.next(), items.next());
                if items.next().is_some() {
                    return Err(self.misfit("TUPLE"));
                }
                self.pair("TUPLE", first, second)?;
            }
            0x94 => self.put(self.memo.len() as u32)?,
            b'q' | b'r' => {
                let number = self.number(code == b'r')?;
                self.put(number)?;
            }
            b'h' | b'j' => {
                let number = self.number(code == b'j')?;
                let value = self.memo.get(&number).cloned().flatten();
                self.stack.push(value.ok_or_else(|| self.misfit("BINGET"))?);
            }
            b'c' => self.global()?,
            b'R' => self.reduce()?,
            other => return Err(self.fault(refused(other))),
        }
        Ok(())
    }

    /// `I01` and `I00`, protocol 1's True and False.
    fn flag_in_words(&mut self) -> Result<(), DataError> {
        let flag = match self.line()?.as_str() {
            "01" => true,
            "00" => false,
            _ => return Err(self.misfit("INT")),
        };
        self.stack.push(Value::Flag(flag));
        Ok(())
    }

    fn text(&mut self, code: u8) -> Result<(), DataError> {
        let length = self.length_of(code)?;
        let mut latin1 = false;
        let offset = self.at;
        if length <= SHORT_TEXT {
            let mut text = [0; SHORT_TEXT as usize];
            // At most SHORT_TEXT.
            let text = &mut text[..length as usize];
            self.fill(text)?;
            latin1 = matches!(&*text, b"latin1" | b"latin-1");
        } else {
            self.pass(length)?;
        }
        self.stack.push(Value::Text { span: Span { offset, length }, latin1 });
        Ok(())
    }

    fn append(
        &mut self,
        opcode: &'static str,
        items: impl IntoIterator<Item = Value>,
    ) -> Result<(), DataError> {
        let fits = match self.stack.last_mut() {
            Some(Value::List(list)) => items.into_iter().all(|item| list.push(item)),
            _ => false,
        };
        if fits { Ok(()) } else { Err(self.misfit(opcode)) }
    }

    fn pair(
        &mut self,
        opcode: &'static str,
        first: Option<Value>,
        second: Option<Value>,
    ) -> Result<(), DataError> {
        self.stack.push(match (first, second) {
            (Some(Value::List(images)), Some(Value::List(flags))) => Value::Set(images, flags),
            (Some(Value::Text { span, .. }), Some(Value::Text { latin1: true, .. })) => {
                Value::Arguments(span)
            }
            _ => return Err(self.misfit(opcode)),
        });
        Ok(())
    }

    fn put(&mut self, number: u32) -> Result<(), DataError> {
        let kept = match self.stack.last() {
            Some(Value::List(_) | Value::Set(..)) => None,
            Some(value) => Some(value.clone()),
            None => return Err(self.misfit("BINPUT")),
        };
        self.memo.insert(number, kept);
        Ok(())
    }

    fn global(&mut self) -> Result<(), DataError> {
        let (module, name) = (self.line()?, self.line()?);
        if (module.as_str(), name.as_str()) != ("_codecs", "encode") {
            let what = format!(" ({module}.{name})");
            return Err(self.fault(PickleFault::Dangerous { opcode: "GLOBAL", what }));
        }
        self.stack.push(Value::Encode);
        Ok(())
    }

    fn reduce(&mut self) -> Result<(), DataError> {
        let (arguments, function) = (self.stack.pop(), self.stack.pop());
        let (Some(Value::Arguments(span)), Some(Value::Encode)) = (arguments, function) else {
            let what = String::new();
            return Err(self.fault(PickleFault::Dangerous { opcode: "REDUCE", what }));
        };
        self.stack.push(Value::Bytes(Place::Latin1(span)));
        Ok(())
    }

    /// The values above the last mark, which goes too.
    fn above_mark(&mut self, opcode: &'static str) -> Result<Vec<Value>, DataError> {
        let mark = self.stack.iter().rposition(|value| matches!(value, Value::Mark));
        let mark = mark.ok_or_else(|| self.misfit(opcode))?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    /// The length that stands behind an instruction for bytes or text.
    fn length_of(&mut self, code: u8) -> Result<u64, DataError> {
        Ok(match code {
            b'C' | b'U' | 0x8c => self.take::<1>()?[0].into(),
            0x8d | 0x8e => u64::from_le_bytes(self.take()?),
            // BINSTRING's is signed; a negative one is longer than any file.
            _ => u32::from_le_bytes(self.take()?).into(),
        })
    }

    fn number(&mut self, long: bool) -> Result<u32, DataError> {
        Ok(if long { u32::from_le_bytes(self.take()?) } else { self.take::<1>()?[0].into() })
    }

    /// Passes over bytes without reading them.
    fn pass(&mut self, length: u64) -> Result<Span, DataError> {
        self.need(length)?;
        let span = Span { offset: self.at, length };
        let step = i64::try_from(length).unwrap_or(i64::MAX);
        self.file.seek_relative(step).map_err(|error| DataError::from_io(self.path, error))?;
        self.at += length;
        Ok(span)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DataError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), DataError> {
        self.need(bytes.len() as u64)?;
        self.file.read_exact(bytes).map_err(|error| DataError::from_io(self.path, error))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// A short line, without its end.
    fn line(&mut self) -> Result<String, DataError> {
        let mut line = String::new();
        loop {
            match self.take()? {
                [b'\n'] => return Ok(line),
                [byte] if byte.is_ascii_graphic() && line.len() < 80 => line.push(byte.into()),
                _ => return Err(self.fault(PickleFault::NotAPickle)),
            }
        }
    }

    fn need(&self, needed: u64) -> Result<(), DataError> {
        let left = self.length - self.at;
        if needed <= left {
            Ok(())
        } else {
            Err(self.fault(PickleFault::Truncated { needed, left }))
        }
    }

    fn misfit(&self, opcode: &'static str) -> DataError {
        self.fault(PickleFault::Misfit { opcode })
    }

    fn fault(&self, fault: PickleFault) -> DataError {
        DataError::Pickle { path: self.path.to_owned(), offset: self.start, fault }
    }
}

/// Two lists as what a set holds; wrong kinds come out empty and are counted by the caller.
fn unpack(images: Items, flags: Items) -> (Vec<Place>, Vec<bool>) {
    let images = if let Items::Images(images) = images { images } else { Vec::new() };
    (images, if let Items::Flags(flags) = flags { flags } else { Vec::new() })
}
