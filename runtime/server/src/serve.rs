//! The HTTP side of an installation.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use axum::serve::{Listener, ListenerExt};
use parloir_admin::Directory;
use parloir_contract::TenantId;
use parloir_telemetry::Telemetry;
use parloir_tenancy::Line;
use parloir_transport::signature::AuthToken;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::admin_threads::AdminThreads;
use crate::calls::{Calls, Finished};
use crate::circles::Circles;
use crate::config::{CarrierKind, Config};
use crate::connections::{Answering, FOR_OTHERS, OF_CARRIERS, answer};
use crate::installation::Installation;
use crate::suspended::Suspended;
use crate::tls::{self, Certificates, Looked, TlsListener};
use crate::turned_away::TurnedAway;
use crate::webhooks::Webhooks;
use crate::whole::whole;
use crate::witnesses::Witnesses;
use crate::{admin, control, ledger, media, recall, rotate, routes, sweep, telemetry, turned_away};

/// How long live calls may take to say their goodbyes when the installation closes. Requests of the administration that are under
/// way have the same seconds to be answered: most take a moment, and what takes longer, such as an agent that is still coming,
/// makes no closing longer than a call does.
const CLOSING: Duration = Duration::from_secs(20);

/// How long a carrier's request that is under way then may take to be answered.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// How long until a voice that failed is asked for the host's own words again.
const WORDS_AGAIN: Duration = Duration::from_secs(60);
/// How long after a change of lines their words are looked at, together with the changes that come until then.
const WORDS_TOGETHER: Duration = Duration::from_millis(250);

/// A listener for sound: of what is sent on its sockets, a small packet does not wait until the one before it is acknowledged,
/// so that a frame after a mark goes out at once.
pub fn undelayed(listener: TcpListener) -> impl Listener<Io = TcpStream, Addr = SocketAddr> {
    listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "small packets may be delayed");
        }
    })
}

/// The longest time until then, however often it failed.
const WORDS_AT_LEAST: Duration = Duration::from_secs(3_600);

/// Why an installation does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {error}; choose another `listen`, or stop what uses it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// A witness cannot be asked.
    #[error("witness {url}: {problem}")]
    Witness {
        /// Its address.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// A tenant's receiver cannot be told.
    #[error("the [[webhook]] of {tenant} at {host}: {problem}")]
    Webhook {
        /// Whose.
        tenant: String,
        /// Its host.
        host: String,
        /// What is wrong.
        problem: String,
    },
    /// The administration does not open.
    #[error("the administration: {problem}")]
    Admin {
        /// What is wrong.
        problem: String,
    },
    /// A certificate cannot be shown.
    #[error("{table} `tls`: {problem}")]
    Certificate {
        /// Whose: the table of the operator's file.
        table: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Telemetry cannot be sent.
    #[error("telemetry: {0}")]
    Telemetry(String),
    /// A carrier's token is not where the file says.
    #[error("carrier {name}: {problem}")]
    Carrier {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

/// What the routes share.
pub(crate) struct House {
    pub(crate) installation: Installation,
    pub(crate) calls: Arc<Calls>,
    pub(crate) turned_away: TurnedAway,
    /// Callers who are handed from line to line.
    pub(crate) circles: Arc<Circles>,
    /// Tenants that whoever runs the installation suspended.
    pub(crate) suspended: Suspended,
    pub(crate) closing: CancellationToken,
    pub(crate) telemetry: Option<Telemetry>,
    pub(crate) webhooks: Webhooks,
    /// Whether there is a directory, which goes before the operator's file.
    pub(crate) administered: bool,
    /// That directory, once it is open: it counts the calls of agents' versions.
    pub(crate) directory: OnceLock<Weak<Directory>>,
    /// Told where lines are new, so that the host's own words are spoken for them.
    pub(crate) new_lines: Notify,
    tokens: HashMap<String, AuthToken>,
    public: String,
}

impl House {
    /// The token that signs this line's requests.
    pub(crate) fn token(&self, line: &Line) -> Option<&AuthToken> {
        self.tokens.get(&line.config.carrier)
    }

    /// Who is described in the directory, whether they are answered yet or not.
    pub(crate) async fn described(&self) -> Vec<TenantId> {
        let Some(directory) = self.directory.get().and_then(Weak::upgrade) else { return Vec::new() };
        let described = directory.tenants().await;
        described.unwrap_or_else(|error| {
            tracing::error!(%error, "it is not known which tenants are described");
            Vec::new()
        })
    }

    /// A path as the carrier calls it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public)
    }

    /// The same for a stream: `ws` for `http`, `wss` for `https`.
    pub(crate) fn stream_url(&self, path: &str) -> String {
        let url = self.url(path);
        url.strip_prefix("http").map(|rest| format!("ws{rest}")).unwrap_or(url)
    }
}

/// An installation that serves.
pub struct Running {
    /// Where it listens; the port is real where the configuration said 0.
    pub address: SocketAddr,
    /// What carriers reach it by.
    pub public: String,
    /// Where the API of its administration listens, if it has one.
    pub admin: Option<SocketAddr>,
    /// What that is asked by, such as `https://127.0.0.1:8081`.
    pub admin_url: Option<String>,
    /// The key of the installation's owner, where one was made now: to be told this once.
    pub owner_key: Option<String>,
    /// The key of a tenant's owner, where one was asked for: to be told this once.
    pub tenant_owner_key: Option<(TenantId, String)>,
    house: Arc<House>,
    server: Answering,
    administering: Option<(Answering, AdminThreads)>,
    counting: tokio::task::JoinHandle<()>,
    witnessing: Option<tokio::task::JoinHandle<()>>,
    telling: Vec<tokio::task::JoinHandle<()>>,
    certificates: Vec<Arc<Certificates>>,
}

impl Running {
    /// Calls as they end.
    pub fn finished(&self) -> broadcast::Receiver<Finished> {
        self.house.calls.watch()
    }

    /// Whether there is such a tenant here, also where its lines are not answered yet.
    pub async fn knows(&self, tenant: &TenantId) -> bool {
        let house = self.installation().house();
        house.tenants().iter().any(|known| known.id == *tenant)
            || self.house.described().await.contains(tenant)
    }

    /// Calls that are live or announced.
    pub fn live(&self) -> u32 {
        self.house.calls.count()
    }

    /// Looks at the files of the certificates now, rather than within 10 s: by the table that names them, what that came to. It is
    /// for the caller to tell; the log is not told.
    pub async fn look_at_certificates(&self) -> Vec<(&'static str, Looked)> {
        let mut looked = Vec::new();
        for certificates in &self.certificates {
            looked.push((certificates.table(), certificates.look().await));
        }
        looked
    }

    /// The installation behind it.
    pub fn installation(&self) -> &Installation {
        &self.house.installation
    }

    /// Serves until `stop`, then lets live calls say goodbye and requests of the administration have their answers, and seals the
    /// journal.
    pub async fn until(self, stop: impl Future<Output = ()>) {
        stop.await;
        // Kept until what it counted is told.
        let directory = self.house.directory.get().and_then(Weak::upgrade);
        self.house.closing.cancel();
        let goodbyes = async {
            let deadline = tokio::time::Instant::now() + CLOSING;
            while self.house.calls.is_busy() && tokio::time::Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // Whatever the administration still does, who rings from here on is not told goodbye: the carrier finds nobody.
            self.server.end(ANSWERED_WITHIN).await;
        };
        let answers = async {
            if let Some((requests, _)) = &self.administering {
                requests.end(CLOSING).await;
            }
        };
        tokio::join!(goodbyes, answers);
        if let Some(directory) = directory {
            directory.tell_what_was_denied().await;
        }
        // With its threads, whatever is still under way there.
        drop(self.administering);
        control::end(self.house.installation.storage.keys_folder());
        if let Some(witnessing) = self.witnessing {
            witnessing.abort();
        }
        // What they are sending goes again after the next start.
        self.telling.iter().for_each(tokio::task::JoinHandle::abort);
        // What it is telling now is told to its end; the rest has no hour any more to wait for. A carrier's request that is under
        // way outlasts this: a blocked number that rings by one from here on is turned away, and nobody is told of it.
        let _ended_already = self.counting.await;
        self.house.tell_counted(None).await;
        self.house.installation.storage.close().await;
        if let Some(telemetry) = &self.house.telemetry {
            telemetry.shutdown().await;
        }
    }
}

/// Starts to serve.
///
/// # Errors
/// Where an address is taken, a token or a witness's key cannot be used, or the administration does not open.
pub async fn serve(config: &Config, installation: Installation) -> Result<Running, ServeError> {
    serve_with(config, installation, None).await
}

/// As [`serve`]; with `new_owner_key`, an owner of that tenant, or of `installation`, gets another key, for where all of them lapsed or
/// are lost.
///
/// # Errors
/// As [`serve`].
pub async fn serve_with(
    config: &Config,
    installation: Installation,
    new_owner_key: Option<&TenantId>,
) -> Result<Running, ServeError> {
    let mut tokens = HashMap::new();
    for carrier in &config.carriers {
        let CarrierKind::Twilio = carrier.kind;
        let key = carrier.auth_token.resolve();
        let key = key.map_err(|problem| ServeError::Carrier { name: carrier.name.clone(), problem })?;
        tokens.insert(carrier.name.clone(), AuthToken::new(key.reveal()));
    }
    let witnesses = Witnesses::new(&config.journal.witnesses)?;
    let webhooks = Webhooks::new(config, &installation.names)?;
    let certificates = match &config.server.tls {
        Some(files) => Some(Certificates::open("[server]", files).await?),
        None => None,
    };
    let listen = config.server.listen;
    let listener =
        TcpListener::bind(listen).await.map_err(|error| ServeError::Listen { address: listen, error })?;
    let address = listener.local_addr().map_err(|error| ServeError::Listen { address: listen, error })?;
    let public = match &config.server.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => own_url(address, certificates.as_ref()),
    };
    let telemetry = telemetry::start(config.telemetry.as_ref(), &installation.storage.journal)
        .map_err(ServeError::Telemetry)?;
    let house = Arc::new(House {
        installation,
        calls: Calls::new(config.server.concurrent_calls),
        turned_away: TurnedAway::default(),
        circles: Arc::default(),
        suspended: Suspended::default(),
        closing: CancellationToken::new(),
        telemetry,
        webhooks,
        administered: config.admin.is_some(),
        directory: OnceLock::new(),
        new_lines: Notify::new(),
        tokens,
        public: public.clone(),
    });
    // Before the administration opens, which may make a key that is told once.
    let acceptor = certificates.as_ref().map(|certificates| certificates.acceptor()).transpose()?;
    let administration = match &config.admin {
        Some(admin) => Some(admin::open(config, admin, &house, new_owner_key).await?),
        None => {
            let rooms = house.installation.storage.directory_rooms();
            let suspended = parloir_admin::suspended(&rooms).await;
            for id in suspended.map_err(|error| ServeError::Admin { problem: error.to_string() })? {
                house.suspended.set(&id, true);
            }
            None
        }
    };
    recall::recall(&house).await;
    let telling = Webhooks::start(&house).await;
    let router = Router::new()
        .route("/twilio/voice", post(routes::voice))
        .route("/twilio/media/{number}", get(media::upgrade))
        .route("/twilio/ended/{number}", post(routes::ended))
        .route("/twilio/dialled/{number}", post(routes::dialled))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(from_fn(whole))
        .with_state(house.clone());
    let connections = OF_CARRIERS.saturating_add(config.server.concurrent_calls as usize);
    let server = match acceptor {
        Some(acceptor) => answer(TlsListener::new(listener, acceptor), router, (connections, FOR_OTHERS)),
        None => answer(undelayed(listener), router, (connections, FOR_OTHERS)),
    };
    // Here: a provider's connection is served by the executor on which it was first asked, and calls ask the same ones.
    tokio::spawn(prepare_words(house.clone()));
    match control::listen(house.installation.storage.keys_folder()) {
        Ok(listener) => drop(tokio::spawn(control::run(listener, house.clone()))),
        Err(error) => {
            tracing::warn!(%error, "commands such as `parloir erase` cannot be handed over: they need this program stopped");
        }
    }
    tokio::spawn(sweep::run(house.clone()));
    tokio::spawn(ledger::run(house.clone()));
    tokio::spawn(rotate::run(house.clone(), config.journal.log_key_lasts));
    let counting = tokio::spawn(turned_away::run(house.clone()));
    let journal = house.installation.storage.journal.clone();
    let witnessing = witnesses.map(|witnesses| tokio::spawn(witnesses.run(journal)));
    let mut certificates: Vec<_> = certificates.into_iter().collect();
    let (mut admin, mut admin_url, mut owner_key, mut administering) = (None, None, None, None);
    let mut tenant_owner_key = None;
    if let Some(open) = administration {
        (admin, owner_key) = (Some(open.address), open.owner_key);
        tenant_owner_key = open.tenant_owner_key;
        administering = Some((open.requests, open.threads));
        admin_url = Some(own_url(open.address, open.certificates.as_ref()));
        certificates.extend(open.certificates);
    }
    if !certificates.is_empty() {
        tokio::spawn(tls::run(certificates.clone(), house.closing.clone()));
    }
    Ok(Running {
        address,
        public,
        admin,
        admin_url,
        owner_key,
        tenant_owner_key,
        house,
        server,
        administering,
        counting,
        witnessing,
        telling,
        certificates,
    })
}

/// What a listener is reached by.
fn own_url(address: SocketAddr, certificates: Option<&Arc<Certificates>>) -> String {
    let scheme = if certificates.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// Has the host's own words spoken, so that no voice is needed when one fails: again until all are, and where lines are new.
async fn prepare_words(house: Arc<House>) {
    let mut again = WORDS_AGAIN;
    loop {
        let missing = house.installation.prepare_words().await;
        if missing == 0 {
            again = WORDS_AGAIN;
        } else {
            tracing::warn!(
                missing,
                "sentences for callers whose agent fails are not prepared: no voice speaks them"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(again), if missing > 0 => again = (again * 2).min(WORDS_AT_LEAST),
            () = house.new_lines.notified() => {}
            () = house.closing.cancelled() => return,
        }
        // What changes soon after is looked at together with it.
        tokio::select! {
            () = tokio::time::sleep(WORDS_TOGETHER) => {}
            () = house.closing.cancelled() => return,
        }
    }
}
