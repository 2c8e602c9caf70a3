//! The camera's pictures, the log and the counts.

use crate::house::{House, Loop, multipart};
use door_linux::web::Role;
use edge_infer::door::{Door, Event, Policy};

#[test]
fn the_live_page_has_boxes_words_and_a_picture() {
    let mut house = House::new();
    let running = Loop::start(house.publisher.take().unwrap());
    let (cookie, _) = house.sign_in(Role::Operator);
    let picture = house.get("/live.jpg", &cookie);
    assert_eq!(picture.status, 200);
    let decoded = image::load_from_memory(&picture.body).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (320, 240));
    let live = house.get("/live.json", &cookie).text();
    let live: serde_json::Value = serde_json::from_str(&live).unwrap();
    assert_eq!(
        (&live["state"], &live["width"], &live["hangs"]),
        (&"locked".into(), &640.into(), &false.into())
    );
    assert_eq!(live["boxes"][0]["height"], 250);
    assert!(live["boxes"][0]["subject"].as_bool().unwrap());
    assert!(live["reason"].as_str().unwrap().starts_with("come closer"), "{live}");
    let page = house.get("/", &cookie).text();
    assert!(page.contains("<rect class=\"subject\""), "without a script too");
    running.stop();
}

#[test]
fn people_are_enrolled_from_the_camera_and_the_picture_is_forgotten() {
    let mut house = House::new();
    let (cookie, csrf) = house.sign_in(Role::Admin);
    let (kind, body) = multipart(&[("csrf", &csrf), ("name", "Zoë"), ("from", "camera")], &[]);
    let answer = house.post_as("/people/enrol", &cookie, &kind, &body, "");
    assert_eq!(answer.status, 503, "no camera: {}", answer.text());
    let running = Loop::start(house.publisher.take().unwrap());
    let answer = house.post_as("/people/enrol", &cookie, &kind, &body, "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("picture 6: good"));
    assert_eq!(house.people.0.lock().unwrap()[1].1, "Zoë");
    running.stop();
}

#[test]
fn attempts_say_why_and_have_no_faces_unless_asked_for() {
    let mut house = House::new();
    let mut publisher = house.publisher.take().unwrap();
    let mut door = Door::new(Policy::default()).unwrap();
    publisher.decision(&door.step(0, Event::CredentialRefused), Some(1_764_190_800_000));
    publisher.end_turn(door.state());
    let (cookie, _) = house.sign_in(Role::Operator);
    let page = house.get("/attempts", &cookie).text();
    assert!(page.contains("PIN or card refused") && page.contains("2025-11-26T21:00:00"), "{page}");
    assert!(page.contains("Faces are not kept."));
    for file in
        ["1.jpg", "0.jpg", "x.jpg", "1", "..%2f..%2fetc%2fpasswd", "99999999999999999999.jpg"]
    {
        assert_eq!(house.get(&format!("/attempts/{file}"), &cookie).status, 404, "{file}");
    }
}

#[test]
fn there_is_nothing_outside_of_the_pages_and_no_page_opens_the_door() {
    let house = House::new();
    let (cookie, csrf) = house.sign_in(Role::Admin);
    for path in [
        "/../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/style.css/../../etc/passwd",
        "//etc/passwd",
        "/people/../../etc",
        "/style.css%00",
        "/.git/config",
        "/passwords",
        "/open",
        "/unlock",
        "/api/open",
        "/door/open",
        "/live/open",
        "/people/1/open",
    ] {
        assert_eq!(house.get(path, &cookie).status, 404, "GET {path}");
        assert_eq!(house.post(path, &cookie, &format!("csrf={csrf}")).status, 404, "POST {path}");
    }
    let absolute = format!(
        "GET http://evil.example/etc/passwd HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(house.raw(absolute.as_bytes()).status, 404);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"] {
        let request = format!(
            "{method} /people HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        );
        assert!(matches!(house.raw(request.as_bytes()).status, 400..=405), "{method}");
    }
    assert_eq!(house.hub.snapshot().events.get("unlocked"), 0);
}

#[test]
fn the_log_is_shown_from_its_end() {
    use door_linux::audit::{self, Audit, BootId, Kind, Limits, Moment};
    let house = House::new();
    let (cookie, _) = house.sign_in(Role::Admin);
    assert!(house.get("/audit", &cookie).text().contains("cannot be read"), "there is none yet");
    let disk = door_linux::disk::Folder::lock(&house.folder.path().join("audit")).unwrap();
    let now = Moment { utc_ms: 1_764_190_800_000, mono_ms: 1 };
    let mut log = Audit::open(disk, Limits::default(), BootId([1; 16]), now).unwrap();
    let _ = log.append(audit::Event::new(Kind::Refused).reason("two <faces>"), now);
    let page = house.get("/audit", &cookie).text();
    assert!(page.contains("Refused") && page.contains("two &lt;faces&gt;"), "{page}");
}

#[test]
fn counts_are_for_whoever_has_the_token() {
    let house = House::new();
    assert_eq!(house.get("/metrics", "").status, 404);
    let house = House::with(|config, folder| {
        use std::os::unix::fs::OpenOptionsExt as _;
        config.metrics_token = folder.join("token");
        let mut options = std::fs::OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(0o600).open(&config.metrics_token).unwrap();
        std::io::Write::write_all(&mut file, b"abc\n").unwrap();
    });
    let with = |token: &str| {
        house.raw(
            format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{token}Connection: close\r\n\r\n")
                .as_bytes(),
        )
    };
    for token in ["", "Authorization: Bearer abcd\r\n", "Authorization: Basic abc\r\n"] {
        assert_eq!(with(token).status, 401, "{token}");
    }
    let answer = with("Authorization: Bearer abc\r\n");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("\ndoor_frames_total 0\n"));
    assert_eq!(answer.header("content-type").unwrap(), door_linux::metrics::CONTENT_TYPE);
}
