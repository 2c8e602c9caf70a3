//! The public key that models are signed with: RFC 8410, PEM around DER, as `host-train keygen` and `openssl` write it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model_format::PublicKey;

/// What precedes the key's 32 bytes: it says Ed25519.
const DER: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

pub(super) fn public(pem: &str) -> Option<PublicKey> {
    let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
    let body = body.strip_suffix("-----END PUBLIC KEY-----")?;
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    der.strip_prefix(DER)?.try_into().ok().map(PublicKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public key of RFC 8410, 10.1.
    const PEM: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";

    #[test]
    fn the_key_of_the_rfc() {
        let key = public(PEM).unwrap();
        let text = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        assert_eq!(key.to_string(), text);
    }

    #[test]
    fn rejects_other_files() {
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----";
        let cut = PEM.replace("ZuE=", "");
        for text in ["", "0123", private, &cut, &PEM.replace("VwAy", "VxAy")] {
            assert_eq!(public(text), None, "{text}");
        }
    }
}
