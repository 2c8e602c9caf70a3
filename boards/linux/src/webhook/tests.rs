//! Signatures, order, and a server that fails before it takes an event.

use super::*;
use crate::hub::hub;
use crate::outside::Outside;
use edge_infer::door::{Door, Event, Policy};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;

fn config(folder: &std::path::Path, url: &str) -> WebhookConfig {
    let secret = folder.join("secret");
    let mut options = std::fs::OpenOptions::new();
    if let Ok(mut file) = options.write(true).create_new(true).mode(0o600).open(&secret) {
        file.write_all(b"key\n").unwrap();
    }
    WebhookConfig { url: url.to_owned(), secret, ca: "no/such/file".into(), names: false }
}

/// As `printf '1.{}' | openssl dgst -sha256 -hmac key` says.
#[test]
fn the_signature_is_openssl_s() {
    assert_eq!(
        sign("key", "1", "{}"),
        "1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
    );
}

/// Takes one request, answers with `status`, and gives head and body.
fn take(listener: &TcpListener, status: &str) -> (String, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let count = stream.read(&mut buffer).unwrap();
        bytes.extend(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
            return (head.to_owned(), body.to_owned());
        }
    }
}

#[test]
fn an_event_is_sent_until_it_is_taken_and_then_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook?x=1", listener.local_addr().unwrap());
    let webhook = Webhook::new(&config(folder.path(), &url)).unwrap().unwrap();
    let (mut publisher, hub) = hub(0xc0ffee);
    let _outside = Outside::start(vec![Box::pin(webhook.run(hub))]).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let mut door = Door::new(Policy::default()).unwrap();
    publisher.decision(&door.step(0, Event::CredentialRefused), Some(7));
    publisher.decision(&door.step(1, Event::CredentialRefused), Some(8));
    publisher.failed();
    let mut ids = Vec::new();
    for status in ["500 Broken", "200 OK", "204 No Content"] {
        let (head, body) = take(&listener, status);
        assert!(head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{head}");
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let signature = header("x-door-signature: sha256=");
        assert_eq!(signature, sign("key", header("x-door-timestamp: "), &body));
        let event: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(event["event_type"], "credential-refused");
        ids.push(event["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[1], "not taken, so sent again");
    assert_ne!(ids[1], ids[2]);
    assert!(ids[0].starts_with("00c0ffee-"), "{ids:?}");
}

#[test]
fn rejects_settings_that_nothing_can_be_sent_with() {
    let folder = tempfile::tempdir().unwrap();
    let with = |url: &str| config(folder.path(), url);
    assert!(Webhook::new(&with("off")).unwrap().is_none());
    assert!(matches!(Webhook::new(&with("ftp://x")), Err(WebhookError::Address(_))));
    let none = WebhookConfig { secret: PathBuf::new(), ..with("http://x") };
    assert!(matches!(Webhook::new(&none), Err(WebhookError::NoSecret)));
    let missing = WebhookConfig { secret: "no/such/file".into(), ..with("http://x") };
    assert!(matches!(Webhook::new(&missing), Err(WebhookError::Secret(_))));
    #[cfg(feature = "tls")]
    assert!(matches!(Webhook::new(&with("https://x")), Err(WebhookError::Ca(_))));
    #[cfg(not(feature = "tls"))]
    assert!(matches!(Webhook::new(&with("https://x")), Err(WebhookError::NoTls)));
}
