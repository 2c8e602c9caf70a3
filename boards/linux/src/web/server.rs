//! The listener, and connections from their first byte to their last.

use super::app::{App, Peer, Shared, Start};
use super::guard::guard;
use super::office::{Office, Tell};
use super::password::{PasswordError, Passwords};
use super::slots::{Slots, Taken};
use super::{WebConfig, pages};
use crate::hub::Hub;
use axum::Router;
use core::net::SocketAddr;
use core::time::Duration;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Most connections at once: with some kilobytes each, and far from a process's usual limit of 1,024 files, of which the camera, the
/// people and the log need theirs.
pub(super) const CONNECTIONS: usize = 256;

/// Longest time for a request's head, for the silence before the next one, and for TLS to begin.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// Longest life of a connection, whatever it does.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// Most bytes of a head, and headers in it.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;

/// Pages that can't be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// The passwords.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Somebody else has the address, or the machine has none such.
    #[error("web.listen {address}: {error}")]
    Listen {
        /// As set.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// Passwords and faces would cross the network for everybody to read.
    #[error(
        "web.listen {address} can be reached from the network without TLS: set web.certificate and web.private_key, \
         or web.proxy behind a proxy that speaks TLS, or web.allow_plain if the network is as good as a cable"
    )]
    Plain {
        /// As set.
        address: SocketAddr,
    },
    /// The certificate or its key can't be read.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The certificate or its key is none.
    #[error("web.certificate and web.private_key: {0}")]
    Certificate(String),
    /// Built without it.
    #[error("this `door` was built without TLS: leave web.certificate empty")]
    NoTls,
}

/// Pages, ready to be shown.
pub struct Server {
    listener: std::net::TcpListener,
    address: SocketAddr,
    router: Router,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Server {
    /// Listens, if the settings are safe. `None` if they say that there are no pages.
    ///
    /// # Errors
    /// [`WebError`].
    pub fn bind(
        config: WebConfig,
        hub: Hub,
        office: Arc<dyn Office>,
        tell: Tell,
        audit: PathBuf,
    ) -> Result<Option<Self>, WebError> {
        let Some(address) = config.listen else { return Ok(None) };
        let has_tls = !config.certificate.as_os_str().is_empty();
        if !(address.ip().is_loopback() || has_tls || config.proxy || config.allow_plain) {
            return Err(WebError::Plain { address });
        }
        let passwords = Passwords::read(&config.passwords)?;
        let metrics_token = secret(&config.metrics_token)?;
        #[cfg(not(feature = "tls"))]
        if has_tls {
            return Err(WebError::NoTls);
        }
        #[cfg(feature = "tls")]
        let tls = match has_tls {
            true => Some(super::tls::acceptor(&config.certificate, &config.private_key)?),
            false => None,
        };
        let listen = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        };
        let (address, listener) = listen().map_err(|error| WebError::Listen { address, error })?;
        let secure = has_tls || config.proxy;
        let start = Start { config, hub, office, tell, passwords, audit, secure, metrics_token };
        let app: Shared = Arc::new(App::new(start));
        let guard = axum::middleware::from_fn_with_state(app.clone(), guard);
        let router = pages::router(app).layer(guard);
        Ok(Some(Self {
            listener,
            address,
            router,
            #[cfg(feature = "tls")]
            tls,
        }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows the pages until it is dropped.
    ///
    /// # Errors
    /// The listener is none for this runtime.
    pub async fn serve(self) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let slots = Slots::new(CONNECTIONS);
        let mut connections = tokio::task::JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(_) => {
                    // No file is left for it: others will end.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            // One that finds no place is closed.
            let Some(taken) = slots.take() else { continue };
            let _ = stream.set_nodelay(true);
            let router = self.router.clone();
            #[cfg(feature = "tls")]
            if let Some(tls) = self.tls.clone() {
                connections.spawn(async move {
                    let slot = taken.slot.clone();
                    let stream = tokio::select! {
                        stream = tokio::time::timeout(HEAD_TIME, tls.accept(stream)) => stream,
                        () = slot.leave.notified() => return,
                    };
                    if let Ok(Ok(stream)) = stream {
                        connection(stream, peer, router, taken).await;
                    }
                });
                continue;
            }
            connections.spawn(connection(stream, peer, router, taken));
        }
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    router: Router,
    taken: Taken,
) {
    let pages = TowerToHyperService::new(router);
    let slot = taken.slot.clone();
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        let busy = slot.work();
        request.extensions_mut().insert(Peer(peer));
        let answer = pages.call(request);
        async move {
            let answer = answer.await;
            drop(busy);
            answer
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // How a connection ends is the client's affair.
        _ = serving => {}
        () = slot.leave.notified() => {}
        () = tokio::time::sleep(LIFE) => {}
    }
}

/// A secret in a file of its owner's alone; `None` for no file.
pub(crate) fn secret(path: &Path) -> Result<Option<String>, WebError> {
    use crate::disk::{Disk as _, place};
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let read = || {
        let (folder, name) = place(path)?;
        let text = String::from_utf8(folder.read(name, 0)?);
        let text = text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        match text.trim() {
            "" => Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty")),
            text => Ok(text.to_owned()),
        }
    };
    read().map(Some).map_err(|error| WebError::File { path: path.to_owned(), error })
}
