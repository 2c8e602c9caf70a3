//! Whom TLS believes, of those that the door calls.

use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The authorities of the PEM file `ca`, and nobody else.
pub(crate) fn trust(ca: &Path) -> io::Result<Arc<ClientConfig>> {
    let wrong = |error: &dyn core::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", ca.display()))
    };
    let text = std::fs::read(ca)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", ca.display())))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        // A system's list may hold some that are too old to be read.
        let _ = roots.add(certificate.map_err(|error| wrong(&error))?);
    }
    if roots.is_empty() {
        return Err(wrong(&"there is no certificate in it"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}
