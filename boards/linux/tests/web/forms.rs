//! What forms do, and whose.

use crate::house::{House, multipart};
use door_linux::web::Role;

fn names(house: &House) -> Vec<String> {
    house.people.0.lock().unwrap().iter().map(|(_, name)| name.clone()).collect()
}

#[test]
fn people_are_renamed_and_removed() {
    let house = House::new();
    let (cookie, csrf) = house.sign_in(Role::Admin);
    let answer = house.post("/people/1/rename", &cookie, &format!("csrf={csrf}&name=Zo%C3%AB"));
    assert_eq!((answer.status, names(&house)), (303, vec!["Zoë".to_owned()]));
    assert_eq!(
        house.post("/people/1/remove", &cookie, &format!("csrf={csrf}")).status,
        400,
        "not really"
    );
    assert_eq!(
        house.post("/people/9/remove", &cookie, &format!("csrf={csrf}&really=yes")).status,
        404
    );
    assert_eq!(names(&house).len(), 1);
    let answer = house.post("/people/1/remove", &cookie, &format!("csrf={csrf}&really=yes"));
    assert_eq!((answer.status, names(&house).len()), (303, 0));
}

#[test]
fn forms_without_the_session_s_token_change_nothing() {
    let house = House::new();
    let (cookie, csrf) = house.sign_in(Role::Admin);
    let (_, other) = house.sign_in(Role::Admin);
    for token in ["", "csrf=", "csrf=0", &format!("csrf={other}")] {
        for form in ["/people/1/rename", "/people/1/remove"] {
            let answer = house.post(form, &cookie, &format!("{token}&name=Eve&really=yes"));
            assert!(matches!(answer.status, 403 | 422), "{form} {token}: {}", answer.status);
        }
        let token = token.trim_start_matches("csrf=");
        let (kind, body) = multipart(&[("csrf", token), ("name", "Eve")], &[("a.jpg", &jpeg())]);
        assert_eq!(house.post_as("/people/enrol", &cookie, &kind, &body, "").status, 403);
    }
    // The right token, from another site's page, as no browser sends it but a stolen one could be used.
    let form = format!("csrf={csrf}&name=Eve");
    let kind = "application/x-www-form-urlencoded";
    for header in
        ["Sec-Fetch-Site: cross-site\r\n", "Origin: http://evil.example\r\n", "Origin: null\r\n"]
    {
        let answer = house.post_as("/people/1/rename", &cookie, kind, form.as_bytes(), header);
        assert_eq!(answer.status, 403, "{header}");
    }
    assert_eq!(names(&house), ["Ada <Lovelace>"]);
    // By GET nothing is done at all.
    assert_eq!(house.get(&format!("/people/1/remove?csrf={csrf}&really=yes"), &cookie).status, 405);
}

#[test]
fn an_operator_cannot_remove_people() {
    let house = House::new();
    let (cookie, csrf) = house.sign_in(Role::Operator);
    let answer = house.post("/people/1/remove", &cookie, &format!("csrf={csrf}&really=yes"));
    assert_eq!((answer.status, names(&house).len()), (403, 1));
    assert!(!house.get("/people", &cookie).text().contains("Remove"));
    let answer = house.post("/people/1/rename", &cookie, &format!("csrf={csrf}&name=Ada"));
    assert_eq!((answer.status, names(&house)), (303, vec!["Ada".to_owned()]));
}

pub fn jpeg() -> Vec<u8> {
    let mut bytes = Vec::new();
    let pixels = vec![120; 64 * 64 * 3];
    image::codecs::jpeg::JpegEncoder::new(&mut bytes)
        .encode(&pixels, 64, 64, image::ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

#[test]
fn pictures_are_uploaded_and_damaged_ones_named() {
    let house = House::new();
    let (cookie, csrf) = house.sign_in(Role::Operator);
    let good = jpeg();
    let upload = |name: &str, files: &[(&str, &[u8])]| {
        let (kind, body) = multipart(&[("csrf", &csrf), ("name", name)], files);
        house.post_as("/people/enrol", &cookie, &kind, &body, "")
    };
    let answer = upload(
        "Zoë",
        &[("good.jpg", &good), ("../../etc/<b>.jpg", b"\xff\xd8\xff\xe0 half"), ("text", b"hello")],
    );
    let page = answer.text();
    assert_eq!(answer.status, 200, "{page}");
    assert!(page.contains("good.jpg: good"));
    assert!(page.contains("neither JPEG nor PNG") && page.contains("&lt;b&gt;"), "{page}");
    assert_eq!(names(&house), ["Ada <Lovelace>", "Zoë"]);
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bomb.extend([0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 8, 2, 0, 0, 0]);
    bomb.extend(b"\0\0\0\0\0\0\0\0IEND\xae\x42\x60\x82");
    for bytes in [&b""[..], b"\xff\xd8", &good[..good.len() / 2], &bomb, &[0; 1_000]] {
        let answer = upload("Eve", &[("x.jpg", bytes)]);
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.text().contains("x.jpg: "));
    }
    assert_eq!(names(&house).len(), 2);
}

#[test]
fn uploads_that_are_none_are_refused() {
    let house = House::new();
    let (cookie, csrf) = house.sign_in(Role::Admin);
    let post =
        |kind: &str, body: &[u8]| house.post_as("/people/enrol", &cookie, kind, body, "").status;
    assert_eq!(post("multipart/form-data; boundary=XX", b"--XX\r\nbroken"), 400);
    assert_eq!(post("multipart/form-data", b""), 400);
    assert_eq!(post("text/plain", b"hello"), 400);
    let (kind, body) = multipart(&[("csrf", &csrf)], &vec![("x.jpg", &b"x"[..]); 13]);
    assert_eq!(post(&kind, &body), 413, "too many");
}
