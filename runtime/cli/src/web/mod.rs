//! A telephone in a page, for `parloir talk --web`: a developer speaks with the agent by microphone.
//!
//! The page is the handset; this command is the carrier, and rings the line as any carrier does. Whoever
//! reaches the page can hear and speak, so it is served on 127.0.0.1 alone, below a path nobody guesses,
//! to requests that name this machine as their host (which a page elsewhere, however its name resolves,
//! does not), and its socket to pages of its own only.

mod handset;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parloir_providers::Registry;
use parloir_rehearsal::Scene;
use parloir_sandbox::Agent;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use self::handset::Line;
pub(crate) use self::handset::{Talked, this_minute};
use crate::{Failure, loopback};

/// What a page may load, and from where: its own three files and its own socket.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What a page is told that wants the line while another has it.
const BUSY: &str = "Another page is on the line: hang up there, or close it, and call again.\n";
/// Bytes of one message of the page, at most.
const MESSAGE: usize = 16 << 10;

/// A page that is served.
pub(crate) struct Served {
    /// Where it is. Whoever knows it can speak.
    pub(crate) address: String,
    /// What each call left, when it is over.
    pub(crate) talked: mpsc::Receiver<Talked>,
}

/// Who is talked with, and in which world.
pub(crate) struct Talk {
    pub(crate) agent: Agent,
    pub(crate) scene: Scene,
    /// Whether each call has the date of its own day instead of the scene's.
    pub(crate) today: bool,
    pub(crate) providers: Registry,
    /// Where the page is served, or 0 for any port that is free.
    pub(crate) port: u16,
}

struct Shared {
    secret: String,
    port: u16,
    line: Line,
    talked: mpsc::Sender<Talked>,
    /// One telephone, one line.
    places: Arc<Semaphore>,
}

/// Serves the page, and rings the agent when somebody calls.
pub(crate) async fn serve(talk: Talk) -> Result<Served, Failure> {
    let port = talk.port;
    let line = Line::open(talk).await?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(at)
        .await
        .map_err(|error| Failure::new(format!("cannot listen on {at}: {error}; choose another --port")))?;
    let port = listener.local_addr()?.port();
    let listener = parloir_server::undelayed(listener);
    let secret = loopback::secret()?;
    let address = format!("http://127.0.0.1:{port}/{secret}/");
    let (sender, talked) = mpsc::channel(4);
    let places = Arc::new(Semaphore::new(1));
    let shared = Arc::new(Shared { secret, port, line, talked: sender, places });
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router(shared)).await {
            tracing::error!(%error, "the page is served no more");
        }
    });
    Ok(Served { address, talked })
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/{secret}/", get(index))
        .route("/{secret}/call", get(call))
        .route("/{secret}/{file}", get(file))
        .layer(from_fn_with_state(shared.clone(), admit))
        .with_state(shared)
}

/// Lets in who comes to this machine by its own name and knows the path.
async fn admit(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    if !host.is_some_and(|host| shared.is_ours(host)) {
        let port = shared.port;
        return (StatusCode::FORBIDDEN, format!("this page is on 127.0.0.1:{port} only\n")).into_response();
    }
    let given = request.uri().path().split('/').nth(1).unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(shared.secret.as_bytes())) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = next.run(request).await;
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}

impl Shared {
    fn is_ours(&self, host: &str) -> bool {
        let name = host.strip_suffix(&format!(":{}", self.port));
        matches!(name, Some("127.0.0.1" | "localhost"))
    }
}

/// One telephone, one line: who comes while somebody speaks is told so, and gets the page once they have
/// hung up.
async fn index(State(shared): State<Arc<Shared>>) -> Response {
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    if shared.places.available_permits() == 0 {
        return (StatusCode::CONFLICT, html, include_str!("page/busy.html")).into_response();
    }
    (html, include_str!("page/index.html")).into_response()
}

async fn file(Path((_, file)): Path<(String, String)>) -> Response {
    let (kind, text) = match file.as_str() {
        "page.js" => ("text/javascript; charset=utf-8", include_str!("page/page.js")),
        "sound.js" => ("text/javascript; charset=utf-8", include_str!("page/sound.js")),
        "page.css" => ("text/css; charset=utf-8", include_str!("page/page.css")),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Somebody calls. Browsers name the page that opens a socket: it must be ours.
async fn call(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or_default());
    let ours = origin.is_some_and(|o| o.strip_prefix("http://").is_some_and(|host| shared.is_ours(host)));
    let foreign = || (StatusCode::FORBIDDEN, "only the page itself calls\n").into_response();
    let busy = || (StatusCode::CONFLICT, BUSY).into_response();
    if origin.is_some() && !ours {
        return foreign();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        // A page whose socket was refused is not told why, and asks again without one.
        Err(_) if shared.places.available_permits() == 0 => return busy(),
        Err(no_socket) => return no_socket.into_response(),
    };
    if !ours {
        return foreign();
    }
    let Ok(place) = shared.places.clone().try_acquire_owned() else { return busy() };
    upgrade.max_message_size(MESSAGE).max_frame_size(MESSAGE).on_upgrade(move |socket| async move {
        match handset::hold(&shared.line, socket).await {
            Ok(talked) => drop(shared.talked.send(talked).await),
            Err(failure) => tracing::warn!(why = %failure.message, "a call from the page failed"),
        }
        drop(place);
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pages_load_nothing_but_their_own_files() {
        for page in [include_str!("page/index.html"), include_str!("page/busy.html")] {
            for foreign in ["http:", "https:", "//", "style=", "<script>", "onclick"] {
                assert!(!page.contains(foreign), "{foreign}");
            }
        }
    }
}
