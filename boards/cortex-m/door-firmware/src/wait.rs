//! Transfers of a HAL that is written for an executor, looked at again and again: one that does not end is an error, and no door that hangs.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use crate::ports::Clock;

/// What `transfer` gives if it is over at a first look.
pub fn now<F: Future>(transfer: F) -> Option<F::Output> {
    match pin!(transfer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// What `transfer` gives; `None` if it has not ended within `limit_ms`. It is dropped then, which must stop it.
pub fn within<F: Future>(limit_ms: u32, clock: &impl Clock, transfer: F) -> Option<F::Output> {
    let mut transfer = pin!(transfer);
    let mut context = Context::from_waker(Waker::noop());
    let start_ms = clock.now_ms();
    loop {
        if let Poll::Ready(output) = transfer.as_mut().poll(&mut context) {
            return Some(output);
        }
        if clock.now_ms() - start_ms > limit_ms.into() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use core::future::{pending, poll_fn, ready};

    /// Goes on by 10 ms with every look at it.
    struct Steps(Cell<u64>);

    impl Clock for Steps {
        fn now_ms(&self) -> u64 {
            self.0.set(self.0.get() + 10);
            self.0.get()
        }
    }

    #[test]
    fn ends_with_the_transfer_or_with_the_time() {
        let clock = Steps(Cell::new(0));
        assert_eq!((now(ready(7)), now(pending::<()>())), (Some(7), None));
        assert_eq!(within(100, &clock, ready(7)), Some(7));
        let mut left = 5;
        let slow = poll_fn(|_| {
            left -= 1;
            if left == 0 { Poll::Ready(8) } else { Poll::Pending }
        });
        assert_eq!(within(100, &clock, slow), Some(8));
        let before_ms = clock.0.get();
        assert_eq!(within(100, &clock, pending::<()>()), None);
        assert_eq!(clock.0.get() - before_ms, 120, "one look before, eleven until it is over");
    }
}
