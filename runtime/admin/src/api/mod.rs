//! The API on HTTP: one way for every route. The key says who asks, the matrix whether they may, the log is told, and it is done.

mod accesses;
mod agents;
pub(crate) mod answer;
pub(crate) mod asked;
mod audit;
mod blocked;
mod calendar;
mod calls;
mod changed;
mod connectors;
mod contacts;
mod cordon;
mod documents;
mod endpoint;
mod glass;
mod jobs;
mod keys;
mod ledger;
mod lines;
mod log_in;
mod numbers;
mod openapi;
mod permit;
mod persons;
mod problem;
mod problems;
mod providers;
mod rate;
mod repeat;
mod retention;
mod reviews;
mod secrets;
mod sent;
mod settings;
mod shape;
mod share;
mod signers;
mod sounds;
mod stored;
mod suspension;
mod teams;
mod tenants;
mod upload;
mod users;
mod versions;
mod webhooks;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::on;
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use answer::Answer;
use asked::Asked;
pub use endpoint::{Endpoint, Method, Place};
use jobs::Jobs;
pub use openapi::document;
use permit::{denied, hidden, permitted, realm};
use problem::Kind;
pub use problem::{PROBLEM_JSON, Problem};
use rate::{Changes, Rate};
pub use repeat::tidy;
use share::{Places, Shares};

use crate::directory::{Directory, Principal};
use crate::oidc::LogIns;
use crate::resource::Myself;
use crate::role::{Verdict, is_installation};
use crate::secret::ApiKey;

/// The largest body of a request, in bytes.
pub const MAX_BODY: usize = 64 << 10;
/// How long a body may take to arrive.
const READING: Duration = Duration::from_secs(10);
/// Requests that are carried out at one time; more of them wait.
const MAX_REQUESTS: usize = 256;
/// Requests of one tenant among them; more of them are told to come again.
const MAX_OF_A_TENANT: usize = MAX_REQUESTS / 4;
/// Calls that are read at one time, each in memory until it is sent.
const MAX_READING: usize = 16;
/// Those of one tenant among them.
const MAX_READING_OF_A_TENANT: usize = 4;
/// vCons that are made at one time, each several times as large as the sound in it until it is.
const MAX_VCONS: usize = 2;
/// Sounds that are uploaded or read at one time, each in memory until it is kept or sent. More uploads wait; who reads more is told to
/// come again.
const MAX_SOUNDS: usize = 32;
/// Those of one tenant that are read, among them.
const MAX_SOUNDS_OF_A_TENANT: usize = 4;
/// Log-ins that are read and checked at one time, of people whom nobody knows yet; more of them are told to come again.
const MAX_STRANGERS: usize = 16;

/// What the routes share.
pub(crate) struct Api {
    pub(crate) directory: Arc<Directory>,
    pub(crate) log_ins: Option<Arc<LogIns>>,
    /// Taken once a request is here whole, by somebody whose key fitted: whoever sends slowly takes nobody's place.
    room: Semaphore,
    strangers: Semaphore,
    shares: Arc<Shares>,
    uploads: upload::Uploads,
    /// Taken by whoever reads a call, until it is sent or took too long.
    reading: Places,
    reading_shares: Arc<Shares>,
    /// How often each user has read what was said, by whatever keys.
    readings: Rate,
    /// How often each user has logged in.
    log_ins_made: Rate,
    /// How often each user, and each tenant, has changed something.
    changes: Changes,
    /// Proofs take the longest: a tenant has one made at a time.
    proofs: Arc<Shares>,
    /// A receiver may take long to answer, too: a tenant tests one at a time.
    tests: Arc<Shares>,
    /// Persons who are looked up.
    lookups: Arc<Jobs<persons::Answered>>,
    /// Persons who are erased.
    erasures: Arc<Jobs<crate::persons::Erased>>,
    /// Taken while a vCon is made, in memory whole; more of them wait.
    vcons: Semaphore,
    /// Taken while a sound is in memory whole.
    sounds: Places,
    sound_shares: Arc<Shares>,
}

/// The API on a directory, with every route of [`Endpoint::ALL`] and no other.
pub fn router(directory: Arc<Directory>) -> Router {
    router_with(directory, None)
}

/// The same, and people log in with an issuer.
pub fn router_with(directory: Arc<Directory>, log_ins: Option<Arc<LogIns>>) -> Router {
    let (room, shares) = (Semaphore::new(MAX_REQUESTS), Shares::of(MAX_OF_A_TENANT));
    let (strangers, uploads) = (Semaphore::new(MAX_STRANGERS), upload::Uploads::default());
    let (reading, reading_shares) = (Places::of(MAX_READING), Shares::of(MAX_READING_OF_A_TENANT));
    let mut router = Router::new();
    for endpoint in Endpoint::ALL.iter().copied() {
        let handler = move |State(api): State<Arc<Api>>,
                            params: Result<RawPathParams, RawPathParamsRejection>,
                            request: Request| carry_out(api, endpoint, params, request);
        router = router.route(endpoint.path(), on(endpoint.method().filter(), handler));
    }
    router
        .fallback(|| async { Problem::no_such_route() })
        .method_not_allowed_fallback(|| async { Problem::no_such_method() })
        .with_state(Arc::new(Api {
            directory,
            log_ins,
            room,
            strangers,
            shares,
            uploads,
            reading,
            reading_shares,
            readings: Rate::of_readings(),
            log_ins_made: Rate::of_log_ins(),
            changes: Changes::default(),
            proofs: Shares::of(1),
            tests: Shares::of(1),
            lookups: Jobs::new(),
            erasures: Jobs::new(),
            vcons: Semaphore::new(MAX_VCONS),
            sounds: Places::of(MAX_SOUNDS),
            sound_shares: Shares::of(MAX_SOUNDS_OF_A_TENANT),
        }))
        .layer(map_response(as_it_says))
}

/// What is answered is what its media type says: no browser takes words that somebody else wrote for a page.
async fn as_it_says(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Carries a request out to its end, also where whoever asked is gone: what was begun is not left half-way.
async fn carry_out(
    api: Arc<Api>,
    endpoint: Endpoint,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let done = tokio::spawn(async move { answer(&api, endpoint, params, request).await });
    match done.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => problem.into_response(),
        Err(error) => {
            tracing::error!(%error, route = endpoint.name(), "a request to the administration failed");
            Problem::new(Kind::Failed, "the installation could not do it", "tell the operator")
                .into_response()
        }
    }
}

async fn answer(
    api: &Api,
    endpoint: Endpoint,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Result<Response, Problem> {
    if endpoint.place() == Place::Nobodys {
        return nobodys(api, endpoint, request).await.map(IntoResponse::into_response);
    }
    let params = params.map_err(|error| {
        Problem::new(Kind::Malformed, error.body_text(), "write the path in UTF-8, percent-encoded")
    })?;
    let params: HashMap<String, String> =
        params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (parts, body) = request.into_parts();
    let principal = authenticate(api, &parts.headers).await?;
    let _share = match is_installation(&principal.realm) {
        true => None,
        false => Some(api.shares.take(&principal.realm)?),
    };
    if let Some(refused) = suspension::refused(api, &principal.realm).await? {
        let by = (&principal, None);
        let _noted = denied(api, endpoint, by, &principal.realm, &params, refused.noted).await;
        return Err(refused.told);
    }
    let realm = realm(api, endpoint, &principal, &params)?;
    let verdict = match permitted(&principal, endpoint.action(), &realm) {
        Ok(verdict) => verdict,
        Err(problem) => return Err(denied(api, endpoint, (&principal, None), &realm, &params, problem).await),
    };
    let source = api.directory.source(&realm).await?;
    if source.is_none() && !is_installation(&realm) {
        return Err(hidden());
    }
    let glass = match verdict {
        Verdict::Glass => match glass::open(api, &principal, &realm).await {
            Ok(glass) => Some(glass),
            Err(problem) => {
                return Err(denied(api, endpoint, (&principal, None), &realm, &params, problem).await);
            }
        },
        Verdict::Own | Verdict::Above | Verdict::Forbidden | Verdict::Hidden => None,
    };
    let is_upload = endpoint.is_upload();
    let (body, upload) = if is_upload { (Bytes::new(), Some(body)) } else { (read(body).await?, None) };
    // What is uploaded takes its place when it has arrived.
    let _room = if is_upload { None } else { api.room.acquire().await.ok() };
    let upload = Mutex::new(upload);
    let store = api.directory.store(&realm).await?;
    let (uri, headers) = (parts.uri, parts.headers);
    let asked =
        Asked { endpoint, principal, glass, realm, store, source, params, uri, headers, body, upload };
    // Each is a record, as what is looked at through broken glass is.
    if (endpoint.method() != Method::Get || asked.glass.is_some())
        && let Err(problem) = api.changes.take(&asked.principal, endpoint.method(), Instant::now())
    {
        let by = (&asked.principal, asked.glass.clone());
        return Err(denied(api, endpoint, by, &asked.realm, &asked.params, problem).await);
    }
    if asked.glass.is_some() && endpoint.method() == Method::Get {
        let what = format!("{} {}", endpoint.method().name(), asked.uri.path());
        api.directory.looked(&asked.realm, asked.told(what)).await?;
    }
    // What a role allows, and not to those of it who see some calls alone.
    if let Err(problem) = persons::in_reach(&asked).await {
        let by = (&asked.principal, asked.glass.clone());
        return Err(denied(api, endpoint, by, &asked.realm, &asked.params, problem).await);
    }
    // Which component is uploaded is known once it has arrived.
    if !is_upload && let Some(again) = repeat::told_before(api, &asked).await? {
        return Ok(again.into_response());
    }
    match run(api, &asked).await {
        // What a role allows, and not for everybody or everything: to make an owner, say, or to change another's review.
        Err(problem) if problem.status == 403 => {
            let by = (&asked.principal, asked.glass.clone());
            Err(denied(api, endpoint, by, &asked.realm, &asked.params, problem).await)
        }
        // The same request was carried out beside this one, and took the last place.
        Err(problem) if problem.status == 409 && !is_upload => {
            repeat::told_before(api, &asked).await?.map(IntoResponse::into_response).ok_or(problem)
        }
        done => done,
    }
}

/// What is answered to whoever asks.
async fn nobodys(api: &Api, endpoint: Endpoint, request: Request) -> Result<Answer, Problem> {
    if endpoint == Endpoint::GetLogIn {
        return log_in::with(api);
    }
    if endpoint == Endpoint::LogIn {
        // Where nobody logs in, nothing is read.
        log_in::log_ins(api)?;
        let _place = api.strangers.try_acquire().map_err(|_| {
            let detail = format!("{MAX_STRANGERS} people are logging in");
            Problem::new(Kind::Busy, detail, "wait as Retry-After says, and log in again")
        })?;
        let (parts, body) = request.into_parts();
        return log_in::make(api, &parts.headers, &read(body).await?).await;
    }
    the_document()
}

/// The body, which may not take for ever.
async fn read(body: Body) -> Result<Bytes, Problem> {
    let remedy = format!("send it at once, and at most {MAX_BODY} bytes");
    match timeout(READING, axum::body::to_bytes(body, MAX_BODY)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            Err(Problem::new(Kind::TooLarge, format!("the body cannot be read: {error}"), remedy).of("body"))
        }
        Err(_) => Err(Problem::new(Kind::Malformed, "the body did not arrive", remedy).of("body")),
    }
}

/// Whose key the request bears.
async fn authenticate(api: &Api, headers: &HeaderMap) -> Result<Principal, Problem> {
    let refused =
        |detail: &str, remedy: &str| Problem::new(Kind::Unauthenticated, detail, remedy).of("authorization");
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (given, another) = (all.next(), all.next());
    if another.is_some() {
        // Whoever stands before this may have looked at the other.
        return Err(refused("the request bears two keys", "send one, in one header"));
    }
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, key)) = key else {
        return Err(refused("the request bears no key", "send it as authorization: Bearer parloir_…"));
    };
    let key = key.trim().parse::<ApiKey>();
    let key = key.map_err(|error| refused(&error.to_string(), "send the key as it was shown"))?;
    let principal = api.directory.authenticate(&key).await?;
    principal.ok_or_else(|| {
        let remedy = "use another, or have one made: parloir key add";
        refused("the key is unknown, revoked or over", remedy)
    })
}

async fn run(api: &Api, asked: &Asked) -> Result<Response, Problem> {
    let answer = match asked.endpoint {
        Endpoint::Document | Endpoint::GetLogIn | Endpoint::LogIn => the_document(),
        Endpoint::Me => me(asked),
        Endpoint::LogOut => log_in::give_back(api, asked).await,
        Endpoint::ListTenants => tenants::list(api, asked).await,
        Endpoint::CreateTenant => tenants::create(api, asked).await,
        Endpoint::GetTenant => tenants::get(api, asked).await,
        Endpoint::PutTenant => tenants::put(api, asked).await,
        Endpoint::GetSuspension => suspension::get(api, asked).await,
        Endpoint::SuspendTenant => suspension::put(api, asked).await,
        Endpoint::ResumeTenant => suspension::delete(api, asked).await,
        Endpoint::GetCordon => cordon::get(api, asked).await,
        Endpoint::PutCordon => cordon::put(api, asked).await,
        Endpoint::DeleteCordon => cordon::delete(api, asked).await,
        Endpoint::ImportTenant => tenants::import(api, asked).await,
        Endpoint::ListProblems => problems::list(api, asked).await,
        Endpoint::GetLedger => ledger::get(api, asked).await,
        Endpoint::GetUsage => ledger::usage(api, asked).await,
        Endpoint::ListProviders => providers::list(api, asked),
        Endpoint::ListNumbers => numbers::list(asked).await,
        Endpoint::GiveNumber => numbers::put(api, asked).await,
        Endpoint::TakeNumber => numbers::delete(api, asked).await,
        Endpoint::ListUsers => users::list(asked).await,
        Endpoint::CreateUser => users::create(api, asked).await,
        Endpoint::GetUser => users::get(asked).await,
        Endpoint::PutUser => users::put(api, asked).await,
        Endpoint::DeleteUser => users::delete(api, asked).await,
        Endpoint::ListKeys => keys::list(asked).await,
        Endpoint::CreateKey => keys::create(api, asked).await,
        Endpoint::GetKey => keys::get(asked).await,
        Endpoint::DeleteKey => keys::delete(api, asked).await,
        Endpoint::ListLines => lines::list(asked).await,
        Endpoint::GetLine => lines::get(asked).await,
        Endpoint::PutLine => lines::put(api, asked).await,
        Endpoint::DeleteLine => lines::delete(api, asked).await,
        Endpoint::ListSettings => settings::list(asked).await,
        Endpoint::PutSetting => settings::put(api, asked).await,
        Endpoint::DeleteSetting => settings::delete(api, asked).await,
        Endpoint::GetCalendar => calendar::get(asked).await,
        Endpoint::PutCalendar => calendar::put(api, asked).await,
        Endpoint::DeleteCalendar => calendar::delete(api, asked).await,
        Endpoint::ListGlass => glass::list(api, asked).await,
        Endpoint::BreakGlass => glass::break_it(api, asked).await,
        Endpoint::ListSecrets => secrets::list(asked).await,
        Endpoint::PutSecret => secrets::put(api, asked).await,
        Endpoint::DeleteSecret => secrets::delete(api, asked).await,
        Endpoint::ListConnectors => connectors::list(asked).await,
        Endpoint::GetConnector => connectors::get(asked).await,
        Endpoint::PutConnector => connectors::put(api, asked).await,
        Endpoint::DeleteConnector => connectors::delete(api, asked).await,
        Endpoint::ListBlocked => blocked::list(api, asked).await,
        Endpoint::BlockNumber => blocked::block(api, asked).await,
        Endpoint::UnblockNumber => blocked::unblock(api, asked).await,
        Endpoint::ListDocuments => documents::list(asked).await,
        Endpoint::GetDocument => return documents::get(asked).await,
        Endpoint::PutDocument => documents::put(api, asked).await,
        Endpoint::DeleteDocument => documents::delete(api, asked).await,
        Endpoint::ListSounds => sounds::list(asked).await,
        Endpoint::GetSound => return sounds::get(api, asked).await,
        Endpoint::PutSound => sounds::put(api, asked).await,
        Endpoint::DeleteSound => sounds::delete(api, asked).await,
        Endpoint::ListAgents => agents::list(asked).await,
        Endpoint::GetAgent => agents::get(asked).await,
        Endpoint::DeleteAgent => agents::delete(api, asked).await,
        Endpoint::RollBackAgent => agents::roll_back(api, asked).await,
        Endpoint::ListVersions => versions::list(asked).await,
        Endpoint::PushVersion => versions::push(api, asked).await,
        Endpoint::GetVersion => versions::get(asked).await,
        Endpoint::DeleteVersion => versions::delete(api, asked).await,
        Endpoint::ApproveVersion => versions::approve(api, asked).await,
        Endpoint::StartCanary => agents::canary(api, asked).await,
        Endpoint::PromoteVersion => agents::promote(api, asked).await,
        Endpoint::ListAgentKeys => signers::list(asked).await,
        Endpoint::TrustAgentKey => signers::trust(api, asked).await,
        Endpoint::DistrustAgentKey => signers::distrust(api, asked).await,
        Endpoint::GetAgentPolicy => signers::policy(asked).await,
        Endpoint::PutAgentPolicy => signers::put_policy(api, asked).await,
        Endpoint::ListContacts => contacts::list(asked).await,
        Endpoint::GetContact => contacts::get(asked).await,
        Endpoint::PutContact => contacts::put(api, asked).await,
        Endpoint::DeleteContact => contacts::delete(api, asked).await,
        Endpoint::ListTeams => teams::list(asked).await,
        Endpoint::GetTeam => teams::get(asked).await,
        Endpoint::PutTeam => teams::put(api, asked).await,
        Endpoint::DeleteTeam => teams::delete(api, asked).await,
        Endpoint::ListCalls => calls::list(api, asked).await,
        Endpoint::GetCall => return calls::get(api, asked).await,
        Endpoint::GetRecording => return calls::recording(api, asked).await,
        Endpoint::GetProof => return calls::proof(api, asked).await,
        Endpoint::ListReviews => reviews::list(api, asked).await,
        Endpoint::GetReview => reviews::get(api, asked).await,
        Endpoint::PutReview => reviews::put(api, asked).await,
        Endpoint::DeleteReview => reviews::delete(api, asked).await,
        Endpoint::ListCases => persons::list(api, asked).await,
        Endpoint::OpenCase => persons::open(api, asked).await,
        Endpoint::GetCase => persons::get(api, asked).await,
        Endpoint::ExtendCase => persons::extend(api, asked).await,
        Endpoint::CloseCase => persons::close(api, asked).await,
        Endpoint::LookUpPerson => persons::look_up(api, asked).await,
        Endpoint::GetPerson => persons::looked_up(api, asked).await,
        Endpoint::GetPersonFile => return persons::file(api, asked).await,
        Endpoint::ErasePerson => persons::erase(api, asked).await,
        Endpoint::GetErasure => persons::erased(api, asked).await,
        Endpoint::RectifyPerson => persons::rectify(api, asked).await,
        Endpoint::RestrictPerson => persons::restrict(api, asked).await,
        Endpoint::ListAudit => audit::list(api, asked).await,
        Endpoint::DeleteTenant => tenants::remove(api, asked).await,
        Endpoint::GetRetention => retention::get(api, asked).await,
        Endpoint::PutRetention => retention::put(api, asked).await,
        Endpoint::ListWebhooks => webhooks::list(asked).await,
        Endpoint::GetWebhook => webhooks::get(asked).await,
        Endpoint::PutWebhook => webhooks::put(api, asked).await,
        Endpoint::MakeWebhookSecret => webhooks::make_secret(api, asked).await,
        Endpoint::DeleteWebhook => webhooks::delete(api, asked).await,
        Endpoint::ListAccesses => accesses::list(api, asked).await,
        Endpoint::ListCallAccesses => accesses::of_call(api, asked).await,
        Endpoint::TestWebhook => webhooks::test(api, asked).await,
    };
    answer.map(IntoResponse::into_response)
}

/// The document, made once: whoever asks for it needs no key.
fn the_document() -> Result<Answer, Problem> {
    static MADE: OnceLock<Value> = OnceLock::new();
    Ok(Answer::ok(MADE.get_or_init(document))?)
}

fn me(asked: &Asked) -> Result<Answer, Problem> {
    let Principal { realm, key_id, key, user } = &asked.principal;
    Ok(Answer::ok(&Myself {
        tenant: realm.to_string(),
        user: key.user.clone(),
        role: user.role,
        key: key_id.clone(),
        scopes: key.scopes.clone(),
        expires: key.expires,
    })?)
}
