//! A disk in memory that keeps only what a disk promises to keep, and fails or loses power at a chosen step.
//!
//! ```text
//! write ──> pending data ── sync ──> durable          create, rename, remove ──> pending names ── sync_folder ──> durable
//! ```
//!
//! After a cut, whatever is pending is there, absent, torn, zero or in part, as [`Survival`] says: an old name may lead to new data
//! and a new name to none. A sync that failed takes its data with it: later ones succeed and keep nothing of it.

use crate::pending::{DataOp, NameOp, Random, Survival};
use door_linux::disk::Disk;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, MutexGuard};

/// A step of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    List,
    Read,
    Create,
    Open,
    /// Of so many bytes.
    Write(usize),
    Sync,
    Rename,
    Remove,
    SyncFolder,
    /// None: everything is done.
    Idle,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The power goes in this step, in a write after so many bytes. Nothing works any more.
    Cut { step: usize, bytes: usize },
    /// This step fails, a write after so many bytes.
    Fail { step: usize, bytes: usize },
    /// From this step on, no file can be made and no byte be written, but for so many.
    Full { step: usize, bytes: usize },
}

#[derive(Clone, Debug, Default)]
struct Data {
    durable: Vec<u8>,
    visible: Vec<u8>,
    pending: Vec<DataOp>,
}

#[derive(Clone, Debug, Default)]
struct State {
    files: Vec<Data>,
    durable: BTreeMap<String, usize>,
    visible: BTreeMap<String, usize>,
    pending: Vec<NameOp>,
    steps: Vec<Step>,
    fault: Option<Fault>,
    off: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct CutDisk {
    state: Mutex<State>,
    /// A defect to be found: this step does nothing.
    forgets: Option<Step>,
}

impl CutDisk {
    /// The same disk, which from now on forgets `step`.
    pub(crate) fn forgetting(self, step: Step) -> Self {
        Self { forgets: Some(step), ..self }
    }

    /// The same disk, on which the coming steps count from 0 and `fault` happens.
    pub(crate) fn with(&self, fault: Option<Fault>) -> Self {
        let mut state = self.state().clone();
        (state.steps, state.fault) = (Vec::new(), fault);
        Self { state: Mutex::new(state), forgets: self.forgets }
    }

    /// A fault to come.
    pub(crate) fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// No fault from now on.
    pub(crate) fn mend(&self) {
        self.state().fault = None;
    }

    pub(crate) fn is_off(&self) -> bool {
        self.state().off
    }

    /// A file that is there already, safely.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let mut file = self.create(name).unwrap();
        self.write(&mut file, bytes).unwrap();
        self.sync(&mut file).unwrap();
        self.sync_folder().unwrap();
    }

    /// The files that can be seen.
    pub(crate) fn names(&self) -> Vec<String> {
        self.state().visible.keys().cloned().collect()
    }

    /// The steps since [`Self::with`].
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.state().steps.clone()
    }

    /// What the next start finds.
    pub(crate) fn after_cut(&self, survival: Survival) -> Self {
        let old = self.state();
        let seed = if let Survival::Some(seed) = survival { seed } else { 0 };
        let mut random = Random(seed << 32 | old.steps.len() as u64);
        let mut state = State { durable: old.durable.clone(), ..State::default() };
        for op in &old.pending {
            let kept = match survival {
                Survival::Nothing | Survival::DataWithoutNames => false,
                Survival::Some(_) => random.coin(),
                _ => true,
            };
            if kept {
                op.apply(&mut state.durable);
            }
        }
        state.visible = state.durable.clone();
        for file in &old.files {
            let mut durable = file.durable.clone();
            for op in &file.pending {
                op.survive(&mut durable, survival, &mut random);
            }
            state.files.push(Data { visible: durable.clone(), durable, pending: Vec::new() });
        }
        Self { state: Mutex::new(state), forgets: self.forgets }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts a step: whether its change is made, how many bytes of a write are, and what it says. A cut leaves it to
    /// [`Survival`] whether the step was made.
    fn step(&self, step: Step) -> (MutexGuard<'_, State>, bool, usize, io::Result<()>) {
        let mut state = self.state();
        let off = || io::Error::other("the power is off");
        if state.off {
            return (state, false, 0, Err(off()));
        }
        let at = state.steps.len();
        state.steps.push(step);
        let all = if let Step::Write(len) = step { len } else { 0 };
        match state.fault {
            Some(Fault::Cut { step: cut, bytes }) if cut == at => {
                state.off = true;
                (state, true, bytes, Err(off()))
            }
            Some(Fault::Fail { step: failing, bytes }) if failing == at => {
                (state, bytes > 0, bytes.min(all), Err(io::Error::other("the disk failed")))
            }
            Some(Fault::Full { step: first, bytes })
                if first <= at && matches!(step, Step::Write(_) | Step::Create) =>
            {
                let bytes = if first == at { bytes } else { 0 };
                (state, false, bytes, Err(ErrorKind::StorageFull.into()))
            }
            _ => (state, true, all, Ok(())),
        }
    }

    fn change_names(
        &self,
        step: Step,
        op: impl FnOnce(&mut State) -> io::Result<NameOp>,
    ) -> io::Result<()> {
        let (mut state, made, _, result) = self.step(step);
        if made {
            let op = op(&mut state)?;
            op.apply(&mut state.visible);
            state.pending.push(op);
        }
        result
    }
}

impl State {
    fn find(&self, name: &str) -> io::Result<usize> {
        self.visible.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn change(&mut self, file: usize, op: DataOp) {
        let file = &mut self.files[file];
        op.apply(&mut file.visible);
        file.pending.push(op);
    }
}

impl Disk for CutDisk {
    type File = usize;

    fn list(&self) -> io::Result<Vec<String>> {
        let (state, _, _, result) = self.step(Step::List);
        result.map(|()| state.visible.keys().cloned().collect())
    }

    fn read(&self, name: &str, from: u64) -> io::Result<Vec<u8>> {
        let (state, _, _, result) = self.step(Step::Read);
        result?;
        let visible = &state.files[state.find(name)?].visible;
        Ok(visible.get(from as usize..).unwrap_or_default().to_vec())
    }

    fn create(&self, name: &str) -> io::Result<usize> {
        let mut file = 0;
        self.change_names(Step::Create, |state| {
            if state.visible.contains_key(name) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            file = state.files.len();
            state.files.push(Data::default());
            Ok(NameOp::Put(name.to_owned(), file))
        })?;
        Ok(file)
    }

    fn open(&self, name: &str, len: u64) -> io::Result<usize> {
        let (mut state, made, _, result) = self.step(Step::Open);
        let file = state.find(name)?;
        if made && state.files[file].visible.len() as u64 != len {
            state.change(file, DataOp::Cut(len as usize));
        }
        result.map(|()| file)
    }

    fn write(&self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        let (mut state, _, written, result) = self.step(Step::Write(bytes.len()));
        let at = state.files[*file].visible.len();
        if written > 0 {
            state.change(*file, DataOp::Write(at, bytes[..written.min(bytes.len())].to_vec()));
        }
        result
    }

    fn sync(&self, file: &mut usize) -> io::Result<()> {
        let (mut state, made, _, result) = self.step(Step::Sync);
        if state.off || self.forgets == Some(Step::Sync) {
            return result;
        }
        let file = &mut state.files[*file];
        for op in file.pending.drain(..).filter(|_| made) {
            op.apply(&mut file.durable);
        }
        result
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change_names(Step::Rename, |state| {
            Ok(NameOp::Move(from.to_owned(), to.to_owned(), state.find(from)?))
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change_names(Step::Remove, |state| {
            state.find(name).map(|_| NameOp::Remove(name.to_owned()))
        })
    }

    fn sync_folder(&self) -> io::Result<()> {
        let (mut state, made, _, result) = self.step(Step::SyncFolder);
        if made && !state.off && self.forgets != Some(Step::SyncFolder) {
            state.durable = state.visible.clone();
            state.pending.clear();
        }
        result
    }
}
