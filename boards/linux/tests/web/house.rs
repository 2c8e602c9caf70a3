//! A house for the tests: a server, people who are only a list, and a loop that publishes drawn frames.

use door_linux::audit::Event;
use door_linux::hub::{Hub, Looked, Publisher, hub};
use door_linux::outside::Outside;
use door_linux::vision::{Picture, decode};
use door_linux::watch::Shot;
use door_linux::web::{
    Lifetime, Listed, Office, OfficeError, Outcome, Passwords, Photograph, Photographs, Role,
    Server, WebConfig, Wish,
};
use edge_infer::detect::Face;
use edge_infer::door::{self, Calibration, Door, Event as Told, Observation, Policy, Stamp};
use edge_infer::image::quality::{Pose, Quality};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub const ADMIN: &str = "correct horse";
pub const OPERATOR: &str = "at the front door";

/// Enrols whatever decodes, as the real one would pictures with one good face.
#[derive(Default)]
pub struct Listing(pub Mutex<Vec<(u32, String)>>);

impl Office for Listing {
    fn people(&self) -> Vec<Listed> {
        let people = self.0.lock().unwrap();
        let listed = |(id, name): &(u32, String)| Listed {
            id: *id,
            name: name.clone(),
            usable: 2,
            dormant: 0,
        };
        people.iter().map(listed).collect()
    }

    fn enrol(&self, wish: &Wish, photographs: Photographs) -> Result<Outcome, OfficeError> {
        let mut outcome = Outcome::default();
        for (name, photograph) in photographs {
            let decoded = match photograph {
                Photograph::File(bytes) => decode::decode(&bytes).map(drop),
                Photograph::Frame(_) => Ok(()),
            };
            match decoded {
                Ok(()) => outcome.good.push(name),
                Err(error) => outcome.refused.push((name, error.to_string())),
            }
        }
        if let door_linux::enrol::Who::New(profile) = &wish.who
            && !outcome.good.is_empty()
        {
            let mut people = self.0.lock().unwrap();
            let id = people.len() as u32 + 1;
            people.push((id, profile.name.clone()));
            outcome.id = Some(id);
        }
        Ok(outcome)
    }

    fn rename(&self, id: u32, name: &str) -> Result<(), OfficeError> {
        let mut people = self.0.lock().unwrap();
        let person = people.iter_mut().find(|(other, _)| *other == id);
        person.map(|person| person.1 = name.to_owned()).ok_or(OfficeError::NoPerson(id))
    }

    fn remove(&self, id: u32) -> Result<(), OfficeError> {
        let mut people = self.0.lock().unwrap();
        let before = people.len();
        people.retain(|(other, _)| *other != id);
        if people.len() < before { Ok(()) } else { Err(OfficeError::NoPerson(id)) }
    }
}

/// A loop at 30 frames a second, and how late each of its turns was.
pub struct Loop {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

pub const FRAME: Duration = Duration::from_micros(33_333);

/// A drawn face, for nobody's is shown here.
pub fn drawn(number: u64) -> (Picture, Face) {
    let (width, height) = (640_usize, 480_usize);
    let (cx, cy) = (320.0 + 40.0 * (number as f32 / 15.0).sin(), 235.0);
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = ((x as f32 - cx) / 95.0, (y as f32 - cy) / 125.0);
            let eye = |side: f32| ((dx - side).powi(2) * 90.0 + (dy + 0.25).powi(2) * 150.0) < 1.0;
            let mouth =
                dx.abs() < 0.4 && (dy - 0.45 - 0.12 * (1.0 - (dx / 0.4).powi(2))).abs() < 0.045;
            let wall = (90 + y / 8) as u8;
            let pixel = if eye(-0.38) || eye(0.38) {
                [40, 45, 60]
            } else if mouth {
                [150, 60, 60]
            } else if dx * dx + dy * dy < 1.0 {
                let light = (25.0 * dx) as i32;
                [226, 186, 152].map(|c: i32| (c - light).clamp(0, 255) as u8)
            } else if dy > 0.9 && dx.abs() < 1.9 - 0.25 * (2.0 - dy) {
                [62, 92, 130]
            } else {
                [wall, wall, wall.saturating_add(14)]
            };
            rgb.extend(pixel);
        }
    }
    let face = Face {
        x: cx - 95.0,
        y: cy - 125.0,
        width: 190.0,
        height: 250.0,
        score: 0.9,
        ..Default::default()
    };
    (Picture::new(width, height, rgb).unwrap(), face)
}

/// A face that is too far away to be judged, so that there is something to say.
fn far() -> door::Face {
    door::Face {
        track: 1,
        eye_distance: 18.0,
        pose: Some(Pose { yaw: 0.0, pitch: 0.0, roll: 0.0 }),
        quality: Quality { brightness: 120.0, dark: 0.0, bright: 0.0, sharpness: 90.0 },
        matched: None,
        liveness: None,
        to_previous: None,
    }
}

impl Loop {
    pub fn start(mut publisher: Publisher) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let frames: Vec<_> = (0..8).map(|number| drawn(number * 8)).collect();
        let thread = std::thread::spawn(move || {
            let mut door = Door::new(Policy::default()).unwrap();
            let table = [model_format::Threshold { fmr: 1e-4, cosine: 0.4 }];
            let calibration = Calibration::new(1e-3, 10, table).ok();
            let _ = door.step(0, Told::Calibration(calibration));
            let mut late = Vec::new();
            let start = Instant::now();
            for number in 0_u64.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let due = start + FRAME * number as u32;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let begun = Instant::now();
                let (picture, face) = &frames[number as usize % frames.len()];
                let now_ms = start.elapsed().as_millis() as u64;
                let stamp = Stamp { captured_ms: now_ms, sequence: number + 1, digest: number };
                let observation =
                    Observation { stamp, face: Some(far()), other_eye_distance: None };
                publisher.decision(&door.step(now_ms, Told::Frame(observation)), None);
                let shot = Shot { stamp, picture: picture.clone() };
                let looked = Looked {
                    faces: &[*face],
                    subject: Some(*face),
                    liveness: None,
                    took: FRAME / 4,
                };
                publisher.frame(&shot, &looked);
                publisher.end_turn(door.state());
                // What publishing took, whenever the machine woke this thread.
                late.push(begun.elapsed());
            }
            late
        });
        Self { stop, thread }
    }

    /// Ends it: how long each turn was.
    pub fn stop(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

pub struct House {
    pub address: SocketAddr,
    pub people: Arc<Listing>,
    pub told: Arc<Mutex<Vec<Event>>>,
    pub hub: Hub,
    pub publisher: Option<Publisher>,
    pub folder: tempfile::TempDir,
    _outside: Outside,
}

pub fn config(folder: &std::path::Path) -> WebConfig {
    let passwords = folder.join("passwords");
    if !passwords.exists() {
        Passwords::set(&passwords, Role::Admin, ADMIN).unwrap();
        Passwords::set(&passwords, Role::Operator, OPERATOR).unwrap();
    }
    WebConfig {
        listen: Some("127.0.0.1:0".parse().unwrap()),
        passwords,
        certificate: "".into(),
        private_key: "".into(),
        proxy: false,
        allow_plain: false,
        keep_faces_minutes: 0,
        metrics_token: "".into(),
        lifetime: Lifetime::default(),
    }
}

impl House {
    pub fn new() -> Self {
        Self::with(|_, _| ())
    }

    pub fn with(edit: impl FnOnce(&mut WebConfig, &std::path::Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        edit(&mut config, folder.path());
        let (publisher, hub) = hub(1);
        let people = Arc::new(Listing::default());
        people.0.lock().unwrap().push((1, "Ada <Lovelace>".to_owned()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let tell = Arc::new(move |event| tell.lock().unwrap().push(event));
        let audit = folder.path().join("audit");
        let server =
            Server::bind(config, hub.clone(), people.clone(), tell, audit).unwrap().unwrap();
        let address = server.address();
        let serve = Box::pin(async move { server.serve().await.unwrap() });
        let outside = Outside::start(vec![serve]).unwrap();
        let publisher = Some(publisher);
        Self { address, people, told, hub, publisher, folder, _outside: outside }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends bytes on a connection of their own and reads all that comes back.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A server that has heard enough answers and closes while this still writes.
        let _ = stream.write_all(bytes);
        Answer::read(&mut stream)
    }

    pub fn get(&self, path: &str, cookie: &str) -> Answer {
        self.raw(
            format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n",
                self.address
            )
            .as_bytes(),
        )
    }

    pub fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        self.post_as(path, cookie, "application/x-www-form-urlencoded", form.as_bytes(), "")
    }

    pub fn post_as(
        &self,
        path: &str,
        cookie: &str,
        kind: &str,
        body: &[u8],
        headers: &str,
    ) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n",
            self.address,
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    pub fn try_sign_in(&self, role: Role, password: &str) -> Answer {
        self.post("/login", "", &format!("role={role}&password={}", password.replace(' ', "+")))
    }

    /// The cookie, and the token of forms.
    pub fn sign_in(&self, role: Role) -> (String, String) {
        let answer = self.try_sign_in(role, if role == Role::Admin { ADMIN } else { OPERATOR });
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.header("set-cookie").unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let page = self.get("/people", &cookie).text();
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        (cookie, rest.split('"').next().unwrap().to_owned())
    }
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is an end too.
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        let Some(end) = end else { return Self { status: 0, head: String::new(), body: bytes } };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(header, _)| header.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.to_owned())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A form with files.
pub fn multipart(fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .bytes(),
        );
    }
    for (name, bytes) in files {
        body.extend(format!("--XX\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"{name}\"\r\nContent-Type: image/jpeg\r\n\r\n").bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--XX--\r\n");
    ("multipart/form-data; boundary=XX".to_owned(), body)
}
