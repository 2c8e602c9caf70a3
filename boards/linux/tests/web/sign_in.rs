//! Who gets in to the pages.

use crate::house::{ADMIN, House};
use door_linux::audit::Kind;
use door_linux::web::{Lifetime, Role, Server, WebError};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PAGES: [&str; 9] = [
    "/",
    "/people",
    "/attempts",
    "/attempts/1.jpg",
    "/rates",
    "/health",
    "/audit",
    "/live.json",
    "/live.jpg",
];

#[test]
fn nothing_is_shown_to_whoever_is_not_signed_in() {
    let house = House::new();
    let (cookie, _) = house.sign_in(Role::Operator);
    for path in PAGES {
        for cookie in ["", "door=", "door=0000", "other=1"] {
            let answer = house.get(path, cookie);
            let expected: &[u16] = if path.contains('.') { &[401] } else { &[303] };
            assert!(expected.contains(&answer.status), "{path}: {}", answer.status);
            assert!(!answer.text().contains("Lovelace"));
        }
        let answer = house.get(path, &cookie);
        assert!(matches!(answer.status, 200 | 404 | 503), "{path}: {}", answer.status);
    }
}

#[test]
fn guessing_is_slowed_down_and_recorded() {
    let house = House::new();
    let start = Instant::now();
    let mut looked_at = 0;
    let mut statuses = Vec::new();
    while start.elapsed() < Duration::from_secs(8) {
        let answer = house.try_sign_in(Role::Admin, "wrong horse!");
        looked_at += u32::from(answer.status == 401);
        if answer.status == 429 {
            assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        }
        statuses.push(answer.status);
    }
    // Three without a pause, then after 2 s and 4 s more.
    assert!((4..=5).contains(&looked_at), "{looked_at} guesses in 8 s");
    assert!(statuses.len() > 20, "refusals cost the server little");
    let right = house.try_sign_in(Role::Admin, ADMIN);
    assert_eq!(right.status, 429, "a right password during a pause says nothing");
    let told = house.told.lock().unwrap();
    assert_eq!(
        told.iter().filter(|event| event.kind == Kind::SignInFailed).count(),
        looked_at as usize
    );
    println!("{looked_at} of {} guesses in 8 s were looked at", statuses.len());
}

#[test]
fn guesses_at_once_count_one_by_one() {
    let house = Arc::new(House::new());
    let threads: Vec<_> = (0..40)
        .map(|_| {
            let house = house.clone();
            std::thread::spawn(move || house.try_sign_in(Role::Admin, "wrong horse!").status)
        })
        .collect();
    let statuses: Vec<u16> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let looked_at = statuses.iter().filter(|&&status| status == 401).count();
    assert!((1..=3).contains(&looked_at), "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
}

#[test]
fn a_session_ends_by_itself_and_by_signing_out() {
    let house = House::with(|config, _| {
        config.lifetime = Lifetime { idle: Duration::from_secs(1), total: Duration::from_secs(60) };
    });
    let (cookie, csrf) = house.sign_in(Role::Admin);
    assert_eq!(house.post("/logout", &cookie, "csrf=other").status, 403);
    assert_eq!(house.get("/", &cookie).status, 200);
    assert_eq!(house.post("/logout", &cookie, &format!("csrf={csrf}")).status, 303);
    assert_eq!(house.get("/", &cookie).status, 303);
    let (cookie, _) = house.sign_in(Role::Admin);
    assert_eq!(house.get("/", &cookie).status, 200);
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(house.get("/", &cookie).status, 303);
}

#[test]
fn the_cookie_and_every_answer_are_guarded() {
    let house = House::new();
    let answer = house.try_sign_in(Role::Admin, ADMIN);
    let cookie = answer.header("set-cookie").unwrap();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "there is no TLS on the loopback");
    let behind = House::with(|config, _| config.proxy = true);
    let answer = behind.try_sign_in(Role::Admin, ADMIN);
    assert!(answer.header("set-cookie").unwrap().contains("; Secure"));
    assert!(answer.header("strict-transport-security").is_some());
    for path in ["/", "/login", "/style.css", "/app.js", "/nothing"] {
        let answer = house.get(path, "");
        let csp = answer.header("content-security-policy").unwrap();
        assert!(
            csp.contains("default-src 'self'") && csp.contains("frame-ancestors 'none'"),
            "{csp}"
        );
        assert_eq!(answer.header("x-content-type-options").unwrap(), "nosniff");
        assert_eq!(answer.header("x-frame-options").unwrap(), "DENY");
    }
}

/// Pages hold to their own policy: no script, style or handler inside of the markup, nothing from elsewhere.
#[test]
fn pages_bring_nothing_from_elsewhere() {
    let house = House::new();
    let (cookie, _) = house.sign_in(Role::Admin);
    for path in ["/", "/people", "/attempts", "/rates", "/health", "/audit", "/login"] {
        let page = house.get(path, &cookie).text();
        for bad in
            ["http://", "https://", "<style", " style=", " onclick", " onload", "javascript:"]
        {
            assert!(!page.contains(bad), "{path} has {bad}");
        }
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.contains("name=\"viewport\"") && page.contains("<html lang=\"en\">"));
    }
    assert!(house.get("/people", &cookie).text().contains("Ada &lt;Lovelace&gt;"));
}

#[test]
fn behind_a_proxy_addresses_are_told_apart_and_elsewhere_nobody_can_make_them_up() {
    let guess = |house: &House, address: &str| {
        let form = b"role=admin&password=wrong+horse+1";
        let header = format!("X-Forwarded-For: 1.2.3.4, {address}\r\n");
        house.post_as("/login", "", "application/x-www-form-urlencoded", form, &header).status
    };
    let behind = House::with(|config, _| config.proxy = true);
    let bare = House::new();
    let of = |house| (0..6).map(|last| guess(house, &format!("10.0.0.{last}"))).collect::<Vec<_>>();
    assert_eq!(of(&behind), [401; 6]);
    assert_eq!(of(&bare), [401, 401, 401, 429, 429, 429]);
}

fn bind(
    edit: impl FnOnce(&mut door_linux::web::WebConfig, &std::path::Path),
) -> Result<bool, WebError> {
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::house::config(folder.path());
    edit(&mut config, folder.path());
    let people = Arc::new(crate::house::Listing::default());
    let (_, hub) = door_linux::hub::hub(1);
    let server = Server::bind(config, hub, people, Arc::new(|_| ()), folder.path().to_owned())?;
    Ok(server.is_some())
}

#[test]
fn rejects_a_network_without_tls() {
    let everywhere = Some("0.0.0.0:0".parse().unwrap());
    assert!(matches!(bind(|config, _| config.listen = everywhere), Err(WebError::Plain { .. })));
    for edit in [
        |config: &mut door_linux::web::WebConfig| config.proxy = true,
        |config: &mut door_linux::web::WebConfig| config.allow_plain = true,
    ] {
        let allowed = bind(|config, _| {
            config.listen = everywhere;
            edit(config);
        });
        assert!(allowed.unwrap());
    }
    assert!(!bind(|config, _| config.listen = None).unwrap());
}

#[test]
fn rejects_what_it_cannot_start_with() {
    let no_passwords = bind(|config, folder| config.passwords = folder.join("none"));
    assert!(matches!(no_passwords, Err(WebError::Password(_))));
    let no_token = bind(|config, folder| config.metrics_token = folder.join("none"));
    assert!(matches!(no_token, Err(WebError::File { .. })));
    let house = House::new();
    let taken = bind(|config, _| config.listen = Some(house.address));
    assert!(matches!(taken, Err(WebError::Listen { .. })));
}

#[cfg(feature = "tls")]
#[test]
fn rejects_certificates_that_are_none() {
    let missing = bind(|config, folder| config.certificate = folder.join("none"));
    assert!(matches!(missing, Err(WebError::File { .. })));
    let none = bind(|config, folder| {
        config.certificate = folder.join("c");
        config.private_key = folder.join("c");
        std::fs::write(folder.join("c"), "no certificate").unwrap();
    });
    assert!(matches!(none, Err(WebError::Certificate(_))));
}

/// A certificate made on the spot, and a client that trusts it alone.
#[cfg(feature = "tls")]
#[test]
#[ignore = "needs openssl and curl: cargo test -p door-linux --test web -- --ignored"]
fn pages_by_tls() {
    use std::process::Command;
    let mut files = None;
    let house = House::with(|config, folder| {
        config.certificate = folder.join("certificate.pem");
        config.private_key = folder.join("key.pem");
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ])
            .args(["-days", "2", "-subj", "/CN=door", "-addext", "subjectAltName=IP:127.0.0.1"])
            .arg("-keyout")
            .arg(&config.private_key)
            .arg("-out")
            .arg(&config.certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        files = Some(config.certificate.clone());
    });
    let curl = |more: &[&str]| {
        let url = format!("https://{}/login", house.address);
        Command::new("curl")
            .args(["-sS", "-i", "--max-time", "20"])
            .args(more)
            .arg(url)
            .output()
            .unwrap()
    };
    let certificate = files.unwrap();
    let certificate = certificate.to_str().unwrap();
    let form = format!("role=admin&password={}", ADMIN.replace(' ', "+"));
    let answer = curl(&["--cacert", certificate, "-d", &form]);
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(text.starts_with("HTTP/1.1 303"), "{text} {}", String::from_utf8_lossy(&answer.stderr));
    assert!(text.contains("; Secure") && text.contains("strict-transport-security"), "{text}");
    assert!(!curl(&[]).status.success(), "nobody else vouches for it");
    // Without TLS there is no page there.
    assert_ne!(house.get("/login", "").status, 200);
}
