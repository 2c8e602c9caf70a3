//! The pages over drawn frames, without camera, networks or door, to work on how they look:
//! `cargo run -p door-linux --example pages -- 127.0.0.1:8470`, then sign in as admin with `correct horse`.
#![allow(clippy::std_instead_of_core, reason = "a program for Linux: std is the normal path")]

#[path = "../tests/web/house.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a house for tests")]
mod house;

use edge_infer::door::{Calibration, Door, Event, Policy};
use house::{House, Loop};

fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8470".to_owned());
    let mut house = House::with(|config, _| {
        config.listen = Some(address.parse().expect("an address and port"));
        config.keep_faces_minutes = 60;
    });
    let mut people = house.people.0.lock().expect("nobody panicked");
    people[0].1 = "Ada".to_owned();
    people.extend([(2, "Grace".to_owned()), (3, "Zoë".to_owned())]);
    drop(people);
    let mut publisher = house.publisher.take().expect("it is new");
    publisher.keep_crops(core::time::Duration::from_secs(3_600));
    let table = [model_format::Threshold { fmr: 1e-4, cosine: 0.4137 }];
    publisher.calibrated(3, Calibration::new(1e-3, 10, table).ok());
    let camera = "drawn, 640x480, 30 frames a second".to_owned();
    publisher.health(door_linux::hub::Health { camera, ..Default::default() });
    let mut door = Door::new(Policy::default()).expect("the defaults are safe");
    for at in 1..4 {
        publisher.decision(
            &door.step(at, Event::CredentialRefused),
            Some(1_764_190_800_000 + 1_000 * at),
        );
    }
    let _running = Loop::start(publisher);
    println!("http://{}", house.address);
    std::thread::park();
}
