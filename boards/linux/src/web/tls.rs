//! The certificate that browsers are shown.

use super::WebError;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// From the files of a certificate, with those above it behind it, and of its private key.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, WebError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| WebError::File { path: path.to_owned(), error })
    };
    let (chain, key) = (read(certificate)?, read(key)?);
    let config = || -> Result<ServerConfig, String> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| error.to_string())?;
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| error.to_string())
    };
    let config = config().map_err(WebError::Certificate)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
