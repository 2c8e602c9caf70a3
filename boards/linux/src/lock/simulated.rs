//! A lock that only remembers, for replays and tests.

use super::{Bolt, Lock, LockError};

/// A change of level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// When, by the door's clock.
    pub at_ms: u64,
    /// The level from then on.
    pub bolt: Bolt,
}

/// Every change of level since it was made, when it was locked.
#[derive(Clone, Debug, Default)]
pub struct SimulatedLock {
    edges: Vec<Edge>,
}

impl SimulatedLock {
    /// The changes, in their order: released and engaged in turn.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The level now.
    pub fn bolt(&self) -> Bolt {
        self.edges.last().map_or(Bolt::Locked, |edge| edge.bolt)
    }

    /// The longest time for which it was released. One that still is counts to `now_ms`.
    pub fn longest_open_ms(&self, now_ms: u64) -> u64 {
        let ends = self.edges.iter().skip(1).map(|edge| edge.at_ms).chain([now_ms]);
        let open = self.edges.iter().zip(ends).filter(|(edge, _)| edge.bolt == Bolt::Unlocked);
        open.map(|(edge, end)| end.saturating_sub(edge.at_ms)).max().unwrap_or(0)
    }
}

impl Lock for SimulatedLock {
    fn drive(&mut self, at_ms: u64, bolt: Bolt) -> Result<(), LockError> {
        if bolt != self.bolt() {
            self.edges.push(Edge { at_ms, bolt });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Bolt::{Locked, Unlocked};

    #[test]
    fn only_changes_are_edges() {
        let mut lock = SimulatedLock::default();
        for (at, bolt) in [(0, Locked), (5, Unlocked), (7, Unlocked), (9, Locked), (20, Unlocked)] {
            lock.drive(at, bolt).unwrap();
        }
        let expected = [(5, Unlocked), (9, Locked), (20, Unlocked)];
        assert_eq!(lock.edges(), expected.map(|(at_ms, bolt)| Edge { at_ms, bolt }));
        assert_eq!(lock.longest_open_ms(21), 4);
        assert_eq!(lock.longest_open_ms(30), 10, "one that is open still counts");
        assert_eq!(SimulatedLock::default().longest_open_ms(9), 0);
    }
}
