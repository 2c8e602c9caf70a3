//! Where a broker or a webhook is: `scheme://host:port/path`, in as few forms as a setting needs.

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Whether TLS is spoken.
    pub secure: bool,
    /// A name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// From the slash on; `/` for none.
    pub path: String,
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Another scheme.
    #[error("`{text}` must begin with {plain}:// or {secure}://")]
    Scheme {
        /// As set.
        text: String,
        /// Without TLS.
        plain: &'static str,
        /// With it.
        secure: &'static str,
    },
    /// No host, a port that is none, or signs that no address has.
    #[error("`{text}` has no host, or a port that is none")]
    Host {
        /// As set.
        text: String,
    },
}

impl Address {
    /// Reads `text`, whose scheme is one of the two and has that port if none is given.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(
        text: &str,
        plain: (&'static str, u16),
        secure: (&'static str, u16),
    ) -> Result<Self, AddressError> {
        let wrong_scheme =
            || AddressError::Scheme { text: text.to_owned(), plain: plain.0, secure: secure.0 };
        let wrong_host = || AddressError::Host { text: text.to_owned() };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong_scheme)?;
        let (is_secure, port) = match scheme {
            scheme if scheme == plain.0 => (false, plain.1),
            scheme if scheme == secure.0 => (true, secure.1),
            _ => return Err(wrong_scheme()),
        };
        if !rest.chars().all(|c| c.is_ascii_graphic()) || rest.contains('@') {
            return Err(wrong_host());
        }
        let (place, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, after) = match place.strip_prefix('[') {
            Some(inner) => inner.split_once(']').ok_or_else(wrong_host)?,
            None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
        };
        let port = match after.strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| wrong_host())?,
            None if after.is_empty() => port,
            None => return Err(wrong_host()),
        };
        if host.is_empty() || port == 0 {
            return Err(wrong_host());
        }
        Ok(Self { secure: is_secure, host: host.to_owned(), port, path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(text: &str) -> Result<Address, AddressError> {
        Address::parse(text, ("http", 80), ("https", 443))
    }

    #[test]
    fn hosts_ports_and_paths() {
        let expected = |secure, host: &str, port, path: &str| Address {
            secure,
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        };
        for (text, address) in [
            ("http://a.lan", expected(false, "a.lan", 80, "/")),
            ("https://a.lan:8443/x?y=1", expected(true, "a.lan", 8443, "/x?y=1")),
            ("http://[::1]:9/", expected(false, "::1", 9, "/")),
            ("https://[fd00::1]", expected(true, "fd00::1", 443, "/")),
        ] {
            assert_eq!(http(text), Ok(address), "{text}");
        }
    }

    #[test]
    fn rejects_other_schemes() {
        for text in ["", "a.lan", "ftp://a", "mqtt://a", "HTTP://a"] {
            assert!(matches!(http(text), Err(AddressError::Scheme { .. })), "{text}");
        }
    }

    #[test]
    fn rejects_hosts_and_ports_that_are_none() {
        for text in [
            "http://",
            "http://:80",
            "http:///x",
            "http://a:",
            "http://a:0",
            "http://a:65536",
            "http://[::1",
            "http://[::1]x",
            "http://u:p@a",
            "http://a b",
            "http://a\r\nX: y",
        ] {
            assert!(matches!(http(text), Err(AddressError::Host { .. })), "{text}");
        }
    }
}
