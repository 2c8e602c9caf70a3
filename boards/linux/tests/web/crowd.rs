//! Many clients, slow ones and big ones: the loop keeps its pace, and whoever is signed in gets their page.

use crate::house::{Answer, FRAME, House, Loop};
use door_linux::web::Role;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The share of turns that took longer than a tenth of a frame, and the longest.
fn pace(turns: &[Duration]) -> (f64, Duration) {
    let slow = turns.iter().filter(|turn| **turn > FRAME / 10).count();
    (slow as f64 / turns.len() as f64, *turns.iter().max().unwrap())
}

#[test]
fn a_thousand_idle_clients_slow_nothing_and_keep_nobody_out() {
    let mut house = House::new();
    let (cookie, _) = house.sign_in(Role::Admin);
    let running = Loop::start(house.publisher.take().unwrap());
    let start = Instant::now();
    let mut idle: Vec<TcpStream> = Vec::new();
    for number in 0..1_000 {
        // Where the system gives no more sockets, those that were closed make room.
        let Ok(stream) = TcpStream::connect(house.address) else { break };
        idle.push(stream);
        if number % 100 == 99 {
            let asked = Instant::now();
            assert_eq!(house.get("/", &cookie).status, 200, "after {number}");
            assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
            assert!(matches!(house.get("/live.jpg", &cookie).status, 200 | 503));
        }
    }
    assert_eq!(idle.len(), 1_000, "raise `ulimit -n` to run this test");
    while start.elapsed() < Duration::from_secs(5) {
        assert_eq!(house.get("/live.json", &cookie).status, 200);
    }
    let turns = running.stop();
    let (slow, longest) = pace(&turns);
    println!(
        "{} turns beside 1,000 idle clients: {:.1} % above 3.3 ms, longest {longest:?}",
        turns.len(),
        slow * 100.0
    );
    assert!(
        turns.len() as u128 >= start.elapsed().as_millis() * 27 / 1_000,
        "{} turns",
        turns.len()
    );
    assert!(slow < 0.1, "{slow}");
    // Those without a place were closed.
    let mut open = 0;
    for stream in &mut idle {
        stream.set_nonblocking(true).unwrap();
        let read = stream.read(&mut [0]);
        open += u32::from(read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    }
    assert!(open <= 256, "{open}");
}

#[test]
fn slow_heads_and_bodies_are_ended() {
    let house = House::new();
    let start = Instant::now();
    let mut head = house.connect();
    head.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
    let mut body = house.connect();
    body.write_all(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nrole=").unwrap();
    let slow = std::thread::spawn({
        let (mut head, mut body) = (head.try_clone().unwrap(), body.try_clone().unwrap());
        move || {
            for _ in 0..30 {
                std::thread::sleep(Duration::from_secs(1));
                if head.write_all(b"a").is_err() & body.write_all(b"a").is_err() {
                    break;
                }
            }
        }
    });
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let _ = head.read_to_end(&mut first);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    let _ = body.read_to_end(&mut second);
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
    assert!(
        second.is_empty() || second.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&second)
    );
    slow.join().unwrap();
}

#[test]
fn a_hundred_megabytes_are_refused_before_they_are_sent() {
    let house = House::new();
    let (cookie, csrf) = house.sign_in(Role::Admin);
    let head = |length: &str| {
        format!(
            "POST /people/enrol HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nContent-Type: multipart/form-data; boundary=XX\r\n{length}\r\n\
             --XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--XX\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"x\"\r\n\r\n",
            house.address
        )
    };
    let mut announced = house.connect();
    announced.write_all(head("Content-Length: 104857600\r\n").as_bytes()).unwrap();
    let answer = Answer::read(&mut announced);
    assert_eq!(answer.status, 413, "{}", answer.text());

    // Not announced: in chunks, until somebody has had enough.
    let mut stream = house.connect();
    let text = head("Transfer-Encoding: chunked\r\n");
    let (head, first) = text.split_once("\r\n\r\n").unwrap();
    stream.write_all(format!("{head}\r\n\r\n{:x}\r\n{first}\r\n", first.len()).as_bytes()).unwrap();
    let mut chunk = format!("{:x}\r\n", 1 << 16).into_bytes();
    chunk.extend(vec![7; 1 << 16]);
    chunk.extend(b"\r\n");
    let mut sent = 0_usize;
    while sent < 100 << 20 && stream.write_all(&chunk).is_ok() {
        sent += 1 << 16;
    }
    println!("{} MB of 100 were taken from the socket", sent >> 20);
    assert!(sent < 20 << 20, "{sent}");
}

#[test]
fn heads_that_are_too_long_or_none_are_refused() {
    let house = House::new();
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(40_000));
    assert!(matches!(house.raw(long.as_bytes()).status, 0 | 414 | 431));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100));
    assert!(matches!(house.raw(many.as_bytes()).status, 0 | 431));
    for bytes in
        [&b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"[..], b"\0\0\0\0\r\n\r\n", b"hello\r\n\r\n"]
    {
        assert!(matches!(house.raw(bytes).status, 0 | 400));
    }
    assert_eq!(house.get("/login", "").status, 200, "it goes on");
}
