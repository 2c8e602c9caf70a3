//! Pauses after wrong passwords: longer with each, for the address that they came from, and shorter ones for everybody.
//!
//! The pause for everybody bounds what a thousand addresses can guess; it stays short, so that they keep nobody out for long. A pause is
//! taken before the password is looked at, so guesses made at once count one by one.

use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use std::collections::HashMap;
use std::time::Instant;

/// Wrong passwords of one address without a pause.
const FREE: u32 = 3;
/// The first pause; each next one is twice the last.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// After so long without a wrong one, all is forgotten.
const FORGET: Duration = Duration::from_secs(60 * 60);
/// Wrong passwords of all addresses together without a pause.
const FREE_OF_ALL: u32 = 20;
/// The pause for everybody from then on.
const PAUSE_OF_ALL: Duration = Duration::from_secs(1);
/// Most addresses that are remembered. Whoever has more of them still meets the pause for everybody.
const ADDRESSES: usize = 1_024;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    until: Instant,
    last: Instant,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Throttle {
    addresses: HashMap<IpAddr, Failures>,
    all: Option<Failures>,
}

impl Throttle {
    /// Whether `address` may try a password now; how long it must wait if not. The try counts as wrong until [`Self::right`].
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn attempt(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = network(address);
        self.addresses.retain(|_, failures| now.saturating_duration_since(failures.last) < FORGET);
        self.all = self.all.filter(|all| now.saturating_duration_since(all.last) < FORGET);
        let own = self.addresses.get(&address).copied();
        let left = [own, self.all].into_iter().flatten();
        let left = left.map(|failures| failures.until.saturating_duration_since(now)).max();
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return Err(left);
        }
        let more = |before: Option<Failures>, pause: fn(u32) -> Duration| {
            let count = before.map_or(1, |failures| failures.count.saturating_add(1));
            Failures { count, until: now + pause(count), last: now }
        };
        if self.addresses.len() >= ADDRESSES && own.is_none() {
            let oldest = self.addresses.iter().min_by_key(|(_, failures)| failures.last);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.addresses.remove(&oldest);
            }
        }
        self.addresses.insert(address, more(own, pause));
        self.all = Some(more(self.all, pause_of_all));
        Ok(())
    }

    /// The password was right: nothing is held against the address, and this try not against all.
    pub(super) fn right(&mut self, address: IpAddr) {
        self.addresses.remove(&network(address));
        if let Some(all) = &mut self.all {
            all.count = all.count.saturating_sub(1);
            all.until = all.last;
        }
    }
}

fn pause(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(over) => FIRST.saturating_mul(2_u32.saturating_pow(over)).min(LONGEST),
    }
}

fn pause_of_all(failures: u32) -> Duration {
    if failures < FREE_OF_ALL { Duration::ZERO } else { PAUSE_OF_ALL }
}

/// One household has one IPv4 address, or 2^64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_forgotten() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..13 {
            throttle.attempt(address(1), now).unwrap();
            let pause = throttle.addresses[&address(1)].until - now;
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        now += FORGET;
        throttle.attempt(address(1), now).unwrap();
    }

    #[test]
    fn a_refused_try_counts_for_nothing_and_a_right_password_clears() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..3 {
            throttle.attempt(address(1), now).unwrap();
        }
        for _ in 0..10 {
            assert_eq!(throttle.attempt(address(1), now), Err(FIRST));
        }
        throttle.attempt(address(2), now).unwrap();
        throttle.attempt(address(1), now + FIRST).unwrap();
        throttle.right(address(1));
        throttle.attempt(address(1), now + FIRST).unwrap();
    }

    #[test]
    fn many_addresses_together_get_one_guess_a_second() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let mut guesses = 0;
        for tenth in 0..600 {
            let now = start + Duration::from_millis(100 * tenth);
            for last in 0..=255 {
                guesses += u32::from(throttle.attempt(address(last), now).is_ok());
            }
        }
        assert!((75..=80).contains(&guesses), "{guesses} in a minute");
    }

    #[test]
    fn memory_is_bounded_and_a_household_is_one() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        for number in 0..3_000_u32 {
            now += PAUSE_OF_ALL;
            throttle.attempt(IpAddr::from(number.to_be_bytes()), now).unwrap();
        }
        assert_eq!(throttle.addresses.len(), ADDRESSES);
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
