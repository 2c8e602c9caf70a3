//! Ranks as threads over the loopback interface.
#![allow(clippy::unwrap_used)]

use super::message::{Kind, send};
use super::*;
use serde_json::{Value, json};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn meeting(rank: usize, ranks: usize) -> Meeting {
    let settings = json!({"train": {"batch": 64, "seed": 1}, "classes": 10, "images": 100});
    Meeting { rank, ranks, settings, patience: PATIENCE }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// What `count` ranks come to, each on its own thread.
pub(crate) fn together<T: Send>(count: usize, act: impl Fn(Arc<Ranks>) -> T + Sync) -> Vec<T> {
    let (listener, address) = listener();
    let act = &act;
    thread::scope(|scope| {
        // Rank 0 last: the others come in any order, and may come first.
        let others = (1..count).map(|rank| {
            scope.spawn(move || act(meeting(rank, count).at(&address.to_string()).unwrap()))
        });
        let others: Vec<_> = others.collect();
        let mut all = vec![act(meeting(0, count).lead(&listener).unwrap())];
        all.extend(others.into_iter().map(|other| other.join().unwrap()));
        all
    })
}

/// Numbers whose sum depends on the order of adding.
fn numbers(rank: usize) -> Vec<f32> {
    (0..1000)
        .map(|i| ((i * 37 + rank * 101) % 97) as f32 * 1.1e-3 + [1.0, 1e7, -1e7][rank])
        .collect()
}

#[test]
fn sums_in_the_order_of_ranks_and_gathers_all() {
    let all = together(3, |ranks| {
        let mut sum = numbers(ranks.rank());
        ranks.sum(&mut sum).unwrap();
        let gathered = ranks.gather(&[ranks.rank() as f64, 0.5]).unwrap();
        (sum, gathered, ranks.any(ranks.rank() == 2).unwrap(), ranks.any(false).unwrap())
    });
    let [a, b, c] = [0, 1, 2].map(numbers);
    let sum: Vec<f32> = a.iter().zip(&b).zip(&c).map(|((a, b), c)| a + b + c).collect();
    let gathered = vec![vec![0.0, 0.5], vec![1.0, 0.5], vec![2.0, 0.5]];
    for seen in all {
        assert_eq!(seen, (sum.clone(), gathered.clone(), true, false));
    }
}

#[test]
fn state_of_rank_0_comes_to_all() {
    let all = together(3, |ranks| {
        if ranks.rank() == 0 {
            return ranks.share_state(b"weights").map(|()| b"weights".to_vec()).unwrap();
        }
        ranks.state_of_first(7).unwrap()
    });
    assert_eq!(all, [b"weights"; 3]);
}

#[test]
fn alone_is_one_rank() {
    let ranks = Ranks::alone();
    let mut sum = numbers(0);
    ranks.sum(&mut sum).unwrap();
    assert_eq!(sum, numbers(0));
    assert_eq!(ranks.gather(&[2.0]).unwrap(), [[2.0]]);
    assert_eq!((ranks.rank(), ranks.count()), (0, 1));
}

/// Both ends of a meeting that fails.
fn refused(other: Meeting) -> (RankError, RankError) {
    let (listener, address) = listener();
    let other = thread::spawn(move || other.join(&address.to_string()).unwrap_err());
    let first = meeting(0, 2).lead(&listener).unwrap_err();
    (first, other.join().unwrap())
}

#[test]
fn rejects_a_rank_with_other_settings() {
    let settings = json!({"train": {"batch": 32, "seed": 1}, "classes": 10, "images": 100});
    let (first, other) = refused(Meeting { settings, ..meeting(1, 2) });
    let text = "rank 1 has train.batch = 32 where rank 0 has 64: start all ranks with the same settings and the same data";
    assert_eq!(first.to_string(), text);
    assert_eq!(other, RankError::Refused(text.to_owned()));
    let settings = json!({"train": {"batch": 64, "seed": 1}, "classes": 10});
    let (first, _) = refused(Meeting { settings, ..meeting(1, 2) });
    let expected = ("images".to_owned(), "100".to_owned(), Value::Null.to_string());
    let (name, here, there) = expected;
    assert_eq!(first, RankError::Setting { rank: 1, name, here, there });
}

#[test]
fn rejects_other_numbers() {
    let (first, _) = refused(meeting(1, 3));
    assert!(matches!(&first, RankError::Setting { name, .. } if name == "ranks"), "{first}");
    assert_eq!(refused(meeting(2, 2)).0, RankError::Number { rank: 2, ranks: 2 });
    assert_eq!(refused(meeting(0, 2)).0, RankError::Taken { rank: 0 });
    assert_eq!(meeting(2, 2).at("nowhere").err(), Some(RankError::Number { rank: 2, ranks: 2 }));
    assert_eq!(meeting(0, 1).at("nowhere").err(), Some(RankError::Number { rank: 0, ranks: 1 }));
}

#[test]
fn rejects_two_of_a_number() {
    let (listener, address) = listener();
    let same =
        [(); 2].map(|()| thread::spawn(move || meeting(1, 3).at(&address.to_string()).err()));
    let first = meeting(0, 3).lead(&listener).unwrap_err();
    assert_eq!(first, RankError::Taken { rank: 1 });
    let errors = same.map(|rank| rank.join().unwrap());
    // The one that came first is told too.
    assert_eq!(errors, [(); 2].map(|()| Some(RankError::Refused(first.to_string()))));
}

#[test]
fn rejects_another_build() {
    let (listener, address) = listener();
    let mut bytes = Vec::new();
    send(&mut bytes, Kind::Hello, b"{}").unwrap();
    bytes[3] = 200;
    let mut other = TcpStream::connect(address).unwrap();
    other.write_all(&bytes).unwrap();
    let error = meeting(0, 2).lead(&listener).unwrap_err();
    assert!(error.to_string().contains("version 200"), "{error}");
}

/// What a port scan leaves behind: connections that close, lengths of 2^64 - 1, text that is no JSON. The ranks meet all the same.
#[test]
fn strangers_do_not_keep_ranks_from_meeting() {
    let (listener, address) = listener();
    drop(TcpStream::connect(address).unwrap());
    let mut hello = Vec::new();
    send(&mut hello, Kind::Hello, b"not JSON").unwrap();
    let mut long = hello.clone();
    long[8..16].fill(0xff);
    let strangers = [hello, long, b"GET / HTTP/1.1\r\n\r\n".to_vec()].map(|bytes| {
        let mut stranger = TcpStream::connect(address).unwrap();
        stranger.write_all(&bytes).unwrap();
        stranger
    });
    let other = thread::spawn(move || meeting(1, 2).at(&address.to_string()).unwrap().any(true));
    let first = meeting(0, 2).lead(&listener).unwrap();
    assert!(first.any(false).unwrap() && other.join().unwrap().unwrap());
    drop(strangers);
}

#[test]
fn ranks_that_never_come_are_not_waited_for_for_ever() {
    let patience = Duration::from_millis(200);
    let start = Instant::now();
    let (listener, address) = listener();
    let error = Meeting { patience, ..meeting(0, 2) }.lead(&listener).unwrap_err();
    assert_eq!(error, RankError::Missing { rank: 1, seconds: 0 });
    drop(listener);
    let error = Meeting { patience, ..meeting(1, 2) }.at(&address.to_string()).unwrap_err();
    assert!(matches!(error, RankError::Connect { .. }), "{error}");
    let error = meeting(1, 2).at("no port").unwrap_err();
    assert!(matches!(error, RankError::Connect { .. }), "{error}");
    let error = meeting(0, 2).at("192.0.2.1:1").unwrap_err();
    assert!(matches!(error, RankError::Listen { .. }), "{error}");
    assert!(start.elapsed() < PATIENCE);
}

/// A rank that ends, and one that is silent: the others get an error that names it, at once or after their patience, and get
/// it again whatever they ask for next.
#[test]
fn a_rank_that_vanishes_is_an_error_and_no_hang() {
    let start = Instant::now();
    let errors = together(3, |ranks| {
        (ranks.rank() != 2).then(|| {
            let error = ranks.gather(&[1.0]).unwrap_err();
            assert_eq!(ranks.sum(&mut [1.0]), Err(error.clone()));
            error
        })
    });
    assert!(start.elapsed() < PATIENCE);
    let text = errors[0].as_ref().unwrap().to_string();
    assert!(text.starts_with("rank 2 is lost") && text.contains("--resume"), "{text}");
    // Rank 0 has hung up in turn.
    assert!(matches!(errors[1], Some(RankError::Lost { rank: 0, .. })), "{errors:?}");
}

#[test]
fn a_silent_rank_is_an_error_and_no_hang() {
    let patience = Duration::from_millis(300);
    let (listener, address) = listener();
    let other = thread::spawn(move || meeting(1, 2).at(&address.to_string()).unwrap());
    let first = Meeting { patience, ..meeting(0, 2) }.lead(&listener).unwrap();
    let silent = other.join().unwrap();
    let error = first.gather(&[1.0]).unwrap_err();
    assert!(error.to_string().contains("silent for longer than --patience"), "{error}");
    drop(silent);
}

#[test]
fn rejects_another_count_of_numbers() {
    let errors = together(2, |ranks| {
        let own = vec![1.0; 1 + ranks.rank()];
        ranks.gather(&own).unwrap_err()
    });
    let reason = MessageError::Length { found: 16, least: 8, most: 8 };
    assert_eq!(errors[0], RankError::Lost { rank: 1, reason });
}
