//! At which minutes of the week somebody may enter.
//!
//! ```text
//! minute   0            1,439 | 1,440 ..        | .. 10,079
//!          Monday 00:00 23:59 | Tuesday 00:00   | Sunday 23:59
//! ```
//!
//! Local time, its zone and its summer are the caller's: an unknown time is passed as such, and then only those get in who may
//! always. A schedule is a list of windows, of a person, a group or several together; the caller keeps it.

/// Minutes of a week.
const WEEK: u16 = 7 * DAY;
const DAY: u16 = 24 * 60;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    /// The first day.
    Monday,
    /// 1,440 minutes later.
    Tuesday,
    /// The third day.
    Wednesday,
    /// The fourth day.
    Thursday,
    /// The fifth day.
    Friday,
    /// The sixth day.
    Saturday,
    /// The last day.
    Sunday,
}

/// A minute of the week, 0 to 10,079.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinuteOfWeek(u16);

/// From one minute of the week up to, not including, another; past Sunday's end it goes on on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    from: MinuteOfWeek,
    to: MinuteOfWeek,
}

/// Why there is no such window or minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// A day has no such time.
    #[error("{hour:02}:{minute:02} is no time of a day; use 00:00 to 23:59")]
    Time {
        /// As passed.
        hour: u8,
        /// As passed.
        minute: u8,
    },
    /// It would be empty or the whole week, and nobody can tell which.
    #[error(
        "a window from minute {minute} to the same minute is none; leave the schedule out for always"
    )]
    Empty {
        /// Both of its ends.
        minute: u16,
    },
}

/// When somebody may enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule<'a> {
    /// At any time, even if nobody knows what time it is.
    Always,
    /// Within any of these; never, if there is none.
    During(&'a [Window]),
}

/// Whether somebody may enter now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Yes.
    Inside,
    /// Not at this time.
    Outside,
    /// That depends on the time, and nobody knows it.
    TimeUnknown,
}

impl MinuteOfWeek {
    /// Of a local time.
    ///
    /// # Errors
    /// [`WindowError::Time`].
    pub const fn new(day: Weekday, hour: u8, minute: u8) -> Result<Self, WindowError> {
        if hour > 23 || minute > 59 {
            return Err(WindowError::Time { hour, minute });
        }
        Ok(Self(day as u16 * DAY + hour as u16 * 60 + minute as u16))
    }

    /// Of minutes since Monday 00:00, local time; more than a week wraps around.
    pub const fn from_minutes(minutes: u32) -> Self {
        Self((minutes % WEEK as u32) as u16)
    }

    /// Minutes since Monday 00:00.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Minutes from `earlier` on to this one, over the week's end if need be.
    const fn since(self, earlier: Self) -> u16 {
        (self.0 + WEEK - earlier.0) % WEEK
    }
}

impl Window {
    /// From `from` up to `to`.
    ///
    /// # Errors
    /// [`WindowError::Empty`].
    pub const fn new(from: MinuteOfWeek, to: MinuteOfWeek) -> Result<Self, WindowError> {
        if from.0 == to.0 {
            return Err(WindowError::Empty { minute: from.0 });
        }
        Ok(Self { from, to })
    }

    /// Its first minute.
    pub const fn from(&self) -> MinuteOfWeek {
        self.from
    }

    /// The first minute after it.
    pub const fn to(&self) -> MinuteOfWeek {
        self.to
    }

    const fn contains(&self, minute: MinuteOfWeek) -> bool {
        minute.since(self.from) < self.to.since(self.from)
    }
}

impl Schedule<'_> {
    /// Whether it admits at the local time `now`; `None` is an unknown time.
    pub fn admission(&self, now: Option<MinuteOfWeek>) -> Admission {
        match (self, now) {
            (Self::Always, _) => Admission::Inside,
            (Self::During(_), None) => Admission::TimeUnknown,
            (Self::During(windows), Some(now))
                if windows.iter().any(|window| window.contains(now)) =>
            {
                Admission::Inside
            }
            (Self::During(_), Some(_)) => Admission::Outside,
        }
    }
}

impl Admission {
    /// Of somebody whom this admission or `other` lets in: a person of two groups.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Inside, _) | (_, Self::Inside) => Self::Inside,
            (Self::TimeUnknown, _) | (_, Self::TimeUnknown) => Self::TimeUnknown,
            (Self::Outside, Self::Outside) => Self::Outside,
        }
    }
}
