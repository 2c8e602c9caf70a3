//! A board at the other end of `ssh` and `scp`, and what it answers.

use super::FlashError;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What is done on the board.
pub(super) const SCRIPT: &str = include_str!("board.sh");

/// `ssh` ends so when there is no connection.
const NO_CONNECTION: i32 = 255;

/// A board that `ssh` reaches without asking for anything.
#[derive(Clone, Debug)]
pub struct Remote {
    host: String,
    /// What `ssh` and `scp` find in their environment beside the process's own.
    environment: Vec<(&'static str, OsString)>,
}

/// How the line begins in which the script says why not.
const VERDICT: &str = "flash: ";

/// What the script says, by name.
pub(super) type Answer = BTreeMap<String, String>;

impl Remote {
    /// The board at `host`: a name, `user@name` or a name of `ssh`'s settings.
    ///
    /// # Errors
    /// `ssh` would take it for something else than a name.
    pub fn new(host: &str) -> Result<Self, FlashError> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | ':');
        if host.is_empty() || host.starts_with('-') || !host.chars().all(good) {
            return Err(FlashError::Host { host: host.to_owned() });
        }
        Ok(Self { host: host.to_owned(), environment: Vec::new() })
    }

    /// The board that other programs of these names stand for.
    #[cfg(test)]
    pub(super) fn among(host: &str, environment: Vec<(&'static str, OsString)>) -> Self {
        Self { host: host.to_owned(), environment }
    }

    /// As given.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Runs the script as root.
    pub(super) fn script(&self, arguments: &[&str]) -> Result<Answer, FlashError> {
        let words = arguments.join(" ");
        // The words are names of ours, hashes and folders that the board made: they need no quotes.
        let command = format!(
            "if [ \"$(id -u)\" = 0 ]; then sh -s -- {words}; else sudo -n sh -s -- {words}; fi"
        );
        let output = self.ssh(&command, SCRIPT)?;
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let pairs = lines.lines().filter_map(|line| line.split_once('='));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Copies `folder` to a new one on the board; its path there.
    pub(super) fn copy(&self, folder: &Path) -> Result<String, FlashError> {
        let made = self.ssh("mktemp -d /tmp/door-flash.XXXXXXXX", "")?;
        let made = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        let known = made.strip_prefix("/tmp/door-flash.");
        if !known.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric())) {
            return Err(self.refused(format!("it makes no folder but says `{made}`")));
        }
        let mut command = Command::new("scp");
        command
            .args(["-q", "-B", "-r", "--"])
            .arg(folder)
            .arg(format!("{}:{made}/release", self.host));
        let copied = self.run("scp", &mut command, "");
        if let Err(error) = copied {
            self.forget(&made);
            return Err(error);
        }
        Ok(made)
    }

    /// Removes what [`Self::copy`] made. It is in the way of nothing, so whether that works is of no matter.
    pub(super) fn forget(&self, folder: &str) {
        let _ = self.ssh(&format!("rm -rf {folder}"), "");
    }

    fn ssh(&self, command: &str, input: &str) -> Result<Output, FlashError> {
        let mut ssh = Command::new("ssh");
        ssh.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "--", &self.host, command]);
        self.run("ssh", &mut ssh, input)
    }

    fn run(
        &self,
        tool: &'static str,
        command: &mut Command,
        input: &str,
    ) -> Result<Output, FlashError> {
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => FlashError::NoTool { tool },
            _ => FlashError::Tool { tool, error },
        };
        let mut child = command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // The script fits into the pipe or is read as it comes; one that ends early has its own words for it.
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(input.as_bytes());
        }
        self.check(child.wait_with_output().map_err(failed)?)
    }

    fn check(&self, output: Output) -> Result<Output, FlashError> {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.code() == Some(NO_CONNECTION) {
            return Err(FlashError::Connection { host: self.host.clone(), said });
        }
        // The script's last word is one line; what stands before it, as the doctor's table, is for the user as it is.
        let (verdict, rest): (Vec<&str>, Vec<&str>) =
            said.lines().partition(|line| line.starts_with(VERDICT));
        let verdict = verdict.concat();
        if output.status.success() || !verdict.is_empty() {
            rest.iter().for_each(|line| eprintln!("{line}"));
        }
        match verdict.strip_prefix(VERDICT) {
            _ if output.status.success() => Ok(output),
            Some(verdict) => Err(self.refused(verdict.to_owned())),
            None => Err(self.refused(said)),
        }
    }

    fn refused(&self, said: String) -> FlashError {
        FlashError::Refused { host: self.host.clone(), said }
    }
}
