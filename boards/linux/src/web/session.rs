//! Who is signed in. A session is a random token in the browser's cookie and its hash here, in memory: a restart signs everybody out.

use super::password::Role;
use crate::hex;
use core::time::Duration;
use sha2::{Digest as _, Sha256};
use std::time::Instant;

/// Most people who are signed in at once; one more signs out whoever was idle the longest.
const SESSIONS: usize = 64;

/// How long a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Without a request.
    pub idle: Duration,
    /// In all.
    pub total: Duration,
}

impl Default for Lifetime {
    fn default() -> Self {
        Self { idle: Duration::from_secs(30 * 60), total: Duration::from_secs(12 * 60 * 60) }
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// As what.
    pub(super) role: Role,
    /// What every form of theirs must bring.
    pub(super) csrf: String,
}

struct Entry {
    token: [u8; 32],
    session: Session,
    since: Instant,
    used: Instant,
}

/// Everybody.
pub(super) struct Sessions {
    lifetime: Lifetime,
    list: Vec<Entry>,
}

impl Sessions {
    /// Nobody yet.
    pub(super) fn new(lifetime: Lifetime) -> Self {
        Self { lifetime, list: Vec::new() }
    }

    /// Signs somebody in; the cookie's value.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn begin(&mut self, role: Role, now: Instant) -> Result<String, getrandom::Error> {
        self.expire(now);
        if self.list.len() >= SESSIONS
            && let Some((oldest, _)) =
                self.list.iter().enumerate().min_by_key(|(_, entry)| entry.used)
        {
            self.list.swap_remove(oldest);
        }
        let (token, csrf) = (random()?, random()?);
        let session = Session { role, csrf };
        self.list.push(Entry { token: hash(&token), session, since: now, used: now });
        Ok(token)
    }

    /// Whose cookie this is.
    pub(super) fn find(&mut self, token: &str, now: Instant) -> Option<Session> {
        self.expire(now);
        // Compared are hashes, so how far they agree says nothing of the token.
        let token = hash(token);
        let entry = self.list.iter_mut().find(|entry| entry.token == token)?;
        entry.used = now;
        Some(entry.session.clone())
    }

    /// Signs out.
    pub(super) fn end(&mut self, token: &str) {
        let token = hash(token);
        self.list.retain(|entry| entry.token != token);
    }

    fn expire(&mut self, now: Instant) {
        let Lifetime { idle, total } = self.lifetime;
        self.list.retain(|entry| {
            now.saturating_duration_since(entry.used) < idle
                && now.saturating_duration_since(entry.since) < total
        });
    }
}

impl Session {
    /// Whether a form is this session's own. Hashes are compared, as with tokens.
    pub(super) fn owns(&self, csrf: &str) -> bool {
        hash(&self.csrf) == hash(csrf)
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Lifetime =
        Lifetime { idle: Duration::from_secs(10), total: Duration::from_secs(30) };

    #[test]
    fn a_session_ends_when_idle_and_when_old() {
        let (mut sessions, start) = (Sessions::new(LIFETIME), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let token = sessions.begin(Role::Operator, start).unwrap();
        for seconds in [9, 18, 27, 29] {
            assert_eq!(sessions.find(&token, at(seconds)).unwrap().role, Role::Operator);
        }
        assert_eq!(sessions.find(&token, at(30)), None, "old");
        let token = sessions.begin(Role::Admin, start).unwrap();
        assert_eq!(sessions.find(&token, at(10)), None, "idle");
        assert_eq!(sessions.find(&token, at(1)), None, "gone is gone");
    }

    #[test]
    fn tokens_differ_and_end() {
        let (mut sessions, now) = (Sessions::new(LIFETIME), Instant::now());
        let [a, b] = [Role::Admin, Role::Admin].map(|role| sessions.begin(role, now).unwrap());
        assert_eq!((a.len(), b.len()), (64, 64));
        assert_ne!(a, b);
        let [first, second] = [&a, &b].map(|token| sessions.find(token, now).unwrap());
        assert!(first.owns(&first.csrf) && !first.owns(&second.csrf) && !first.owns(""));
        sessions.end(&a);
        assert_eq!(sessions.find(&a, now), None);
        assert_eq!(sessions.find("", now), None);
        assert!(sessions.find(&b, now).is_some());
    }

    #[test]
    fn one_too_many_signs_out_the_one_idle_for_longest() {
        let (mut sessions, start) = (Sessions::new(LIFETIME), Instant::now());
        let tokens: Vec<String> = (0..=SESSIONS)
            .map(|number| {
                let now = start + Duration::from_millis(number as u64);
                sessions.begin(Role::Admin, now).unwrap()
            })
            .collect();
        let now = start + Duration::from_secs(1);
        let there: Vec<bool> =
            tokens.iter().map(|token| sessions.find(token, now).is_some()).collect();
        assert!(!there[0] && there[1..].iter().all(|&there| there));
    }
}
