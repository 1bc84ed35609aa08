//! The OpenAPI document: made of the table of routes and of the very types that they read and write.

use std::collections::BTreeMap;

use parloir_tenancy::retention::Retention;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::asked::{MAX_PAGE, SIGNATURE};
use super::calls::MAX_WHY;
use super::documents::MEDIA_TYPES;
use super::endpoint::{Endpoint, Method, Place};
use super::problem::{PROBLEM_JSON, Problem};
use super::sounds;
use crate::calls::ERASED;
use crate::resource::{
    Access, Agent, AgentKey, AgentPolicy, Aside, AuditEntry, BlockNumber, Blocked, BreakGlass, Calendar,
    CallFile, CallState, Case, CloseCase, Connector, Contact, Cordon, CordonState, Document, EraseCase,
    Erasure, ExtendCase, Found, Glass, ImportTenant, Item, Key, KeyMade, Ledger, Line, LogIn, LogInWith,
    LookUp, MONTH, Myself, NewCase, NewKey, NewSecret, NewTenant, Number, Page, Provider, Rectification,
    RectifyCase, RestrictCase, RetentionState, Review, RollBack, Secret, Setting, Sound, StartCanary,
    Suspend, Suspension, Team, Tenant, TenantMade, TenantState, Usage, User, Version, Webhook, WebhookSecret,
    WebhookState, WebhookTested,
};

/// What goes into a route and what comes out of it.
struct Shape {
    takes: Option<Schema>,
    gives: Option<Schema>,
    paged: bool,
}

fn gives<T: JsonSchema>(all: &mut SchemaGenerator) -> Shape {
    Shape { takes: None, gives: Some(all.subschema_for::<T>()), paged: false }
}

fn pages<T: JsonSchema>(all: &mut SchemaGenerator) -> Shape {
    Shape { takes: None, gives: Some(all.subschema_for::<Page<T>>()), paged: true }
}

fn takes<B: JsonSchema, T: JsonSchema>(all: &mut SchemaGenerator) -> Shape {
    let takes = Some(all.subschema_for::<B>());
    Shape { takes, gives: Some(all.subschema_for::<T>()), paged: false }
}

const fn nothing() -> Shape {
    Shape { takes: None, gives: None, paged: false }
}

fn shape(endpoint: Endpoint, all: &mut SchemaGenerator) -> Shape {
    match endpoint {
        Endpoint::Document => gives::<BTreeMap<String, Value>>(all),
        Endpoint::GetLogIn => gives::<LogInWith>(all),
        Endpoint::LogIn => takes::<LogIn, KeyMade>(all),
        Endpoint::Me => gives::<Myself>(all),
        Endpoint::ListTenants => pages::<TenantState>(all),
        Endpoint::CreateTenant => takes::<NewTenant, TenantMade>(all),
        Endpoint::GetTenant => gives::<Item<TenantState>>(all),
        Endpoint::PutTenant => takes::<Tenant, Item<TenantState>>(all),
        Endpoint::GetSuspension => gives::<Item<Suspension>>(all),
        Endpoint::SuspendTenant => takes::<Suspend, Item<Suspension>>(all),
        Endpoint::GetCordon => gives::<Item<CordonState>>(all),
        Endpoint::PutCordon => takes::<Cordon, Item<CordonState>>(all),
        Endpoint::ImportTenant => takes::<ImportTenant, TenantMade>(all),
        Endpoint::ListProblems => pages::<Aside>(all),
        Endpoint::GetLedger => gives::<Ledger>(all),
        Endpoint::GetUsage => gives::<Usage>(all),
        Endpoint::ListProviders => pages::<Provider>(all),
        Endpoint::ListNumbers => pages::<Number>(all),
        Endpoint::GiveNumber => gives::<Item<Number>>(all),
        Endpoint::ListUsers => pages::<User>(all),
        Endpoint::CreateUser | Endpoint::PutUser => takes::<User, Item<User>>(all),
        Endpoint::GetUser => gives::<Item<User>>(all),
        Endpoint::ListKeys => pages::<Key>(all),
        Endpoint::CreateKey => takes::<NewKey, KeyMade>(all),
        Endpoint::GetKey => gives::<Item<Key>>(all),
        Endpoint::ListLines => pages::<Line>(all),
        Endpoint::GetLine => gives::<Item<Line>>(all),
        Endpoint::PutLine => takes::<Line, Item<Line>>(all),
        Endpoint::ListSettings => pages::<Setting>(all),
        Endpoint::PutSetting => takes::<Setting, Item<Setting>>(all),
        Endpoint::GetCalendar => gives::<Item<Calendar>>(all),
        Endpoint::PutCalendar => takes::<Calendar, Item<Calendar>>(all),
        Endpoint::ListGlass => pages::<Glass>(all),
        Endpoint::BreakGlass => takes::<BreakGlass, Item<Glass>>(all),
        Endpoint::ListSecrets => pages::<Secret>(all),
        Endpoint::PutSecret => takes::<NewSecret, Item<Secret>>(all),
        Endpoint::ListConnectors => pages::<Connector>(all),
        Endpoint::GetConnector => gives::<Item<Connector>>(all),
        Endpoint::PutConnector => takes::<Connector, Item<Connector>>(all),
        Endpoint::ListBlocked => pages::<Blocked>(all),
        Endpoint::BlockNumber => takes::<BlockNumber, Item<Blocked>>(all),
        Endpoint::ListDocuments => pages::<Document>(all),
        Endpoint::GetDocument => gives::<BTreeMap<String, Value>>(all),
        Endpoint::PutDocument => gives::<Item<Document>>(all),
        Endpoint::ListSounds => pages::<Sound>(all),
        Endpoint::GetSound => gives::<BTreeMap<String, Value>>(all),
        Endpoint::PutSound => gives::<Item<Sound>>(all),
        Endpoint::ListAgents => pages::<Agent>(all),
        Endpoint::GetAgent | Endpoint::ApproveVersion | Endpoint::PromoteVersion => gives::<Item<Agent>>(all),
        Endpoint::RollBackAgent => takes::<RollBack, Item<Agent>>(all),
        Endpoint::StartCanary => takes::<StartCanary, Item<Agent>>(all),
        Endpoint::ListVersions => pages::<Version>(all),
        Endpoint::PushVersion | Endpoint::GetVersion => gives::<Item<Version>>(all),
        Endpoint::ListAgentKeys => pages::<AgentKey>(all),
        Endpoint::TrustAgentKey => takes::<AgentKey, Item<AgentKey>>(all),
        Endpoint::GetAgentPolicy => gives::<Item<AgentPolicy>>(all),
        Endpoint::PutAgentPolicy => takes::<AgentPolicy, Item<AgentPolicy>>(all),
        Endpoint::ListContacts => pages::<Contact>(all),
        Endpoint::GetContact => gives::<Item<Contact>>(all),
        Endpoint::PutContact => takes::<Contact, Item<Contact>>(all),
        Endpoint::ListTeams => pages::<Team>(all),
        Endpoint::GetTeam => gives::<Item<Team>>(all),
        Endpoint::PutTeam => takes::<Team, Item<Team>>(all),
        Endpoint::ListCalls => pages::<CallState>(all),
        Endpoint::GetCall => gives::<CallFile>(all),
        Endpoint::GetRecording | Endpoint::GetProof => gives::<BTreeMap<String, Value>>(all),
        Endpoint::ListReviews => pages::<Review>(all),
        Endpoint::GetReview => gives::<Item<Review>>(all),
        Endpoint::PutReview => takes::<Review, Item<Review>>(all),
        Endpoint::ListAudit => pages::<AuditEntry>(all),
        Endpoint::ListAccesses | Endpoint::ListCallAccesses => pages::<Access>(all),
        Endpoint::GetRetention => gives::<Item<RetentionState>>(all),
        Endpoint::PutRetention => takes::<Retention, Item<RetentionState>>(all),
        Endpoint::ListWebhooks => pages::<WebhookState>(all),
        Endpoint::GetWebhook => gives::<Item<WebhookState>>(all),
        Endpoint::PutWebhook => takes::<Webhook, Item<WebhookState>>(all),
        Endpoint::MakeWebhookSecret => gives::<WebhookSecret>(all),
        Endpoint::ListCases => pages::<Case>(all),
        Endpoint::OpenCase => takes::<NewCase, Item<Case>>(all),
        Endpoint::GetCase => gives::<Item<Case>>(all),
        Endpoint::ExtendCase => takes::<ExtendCase, Item<Case>>(all),
        Endpoint::CloseCase => takes::<CloseCase, Item<Case>>(all),
        Endpoint::LookUpPerson => takes::<LookUp, Item<Found>>(all),
        Endpoint::GetPerson => gives::<Item<Found>>(all),
        Endpoint::GetPersonFile => gives::<Value>(all),
        Endpoint::ErasePerson => takes::<EraseCase, Item<Erasure>>(all),
        Endpoint::GetErasure => gives::<Item<Erasure>>(all),
        Endpoint::RectifyPerson => takes::<RectifyCase, Item<Rectification>>(all),
        Endpoint::RestrictPerson => takes::<RestrictCase, Item<Case>>(all),
        Endpoint::TestWebhook => gives::<WebhookTested>(all),
        Endpoint::DeleteContact
        | Endpoint::DeleteTeam
        | Endpoint::DeleteReview
        | Endpoint::DeleteTenant
        | Endpoint::ResumeTenant
        | Endpoint::DeleteCordon
        | Endpoint::LogOut
        | Endpoint::DeleteAgent
        | Endpoint::DeleteVersion
        | Endpoint::DistrustAgentKey
        | Endpoint::DeleteUser
        | Endpoint::DeleteKey
        | Endpoint::DeleteLine
        | Endpoint::TakeNumber
        | Endpoint::DeleteSetting
        | Endpoint::DeleteCalendar
        | Endpoint::DeleteSecret
        | Endpoint::DeleteConnector
        | Endpoint::DeleteDocument
        | Endpoint::DeleteSound
        | Endpoint::UnblockNumber
        | Endpoint::DeleteWebhook => nothing(),
    }
}

fn parameter(name: &str, place: &str, required: bool, what: &str, schema: Value) -> Value {
    json!({ "name": name, "in": place, "required": required, "description": what, "schema": schema })
}

/// The parameters of a path, of a page, and of a request that says which state it expects.
fn parameters(endpoint: Endpoint, paged: bool) -> Vec<Value> {
    let mut all = Vec::new();
    for part in endpoint.path().split('/') {
        let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else { continue };
        let (what, pattern) = match name {
            "tenant" => ("A tenant, or `installation`.", "^[a-z0-9][a-z0-9-]{0,39}$"),
            "line" => ("A number in E.164 form.", "^\\+[0-9]{3,15}$"),
            "agent" => ("The name of an agent.", "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"),
            "version" => ("The SHA-256 of a component.", "^[0-9a-f]{64}$"),
            "document" => ("The name of a document.", "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,59}\\.(txt|md)$"),
            "sound" => ("The name of a sound.", "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"),
            "name" => ("A name.", "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"),
            _ => ("An identifier, as the list has it.", "^[0-9a-f]{32}$"),
        };
        all.push(parameter(name, "path", true, what, json!({ "type": "string", "pattern": pattern })));
    }
    let text = || json!({ "type": "string", "minLength": 1, "maxLength": 128 });
    // A tag that is none matches nothing, and is no mistake.
    let any = || json!({ "type": "string" });
    if paged {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 50 });
        all.push(parameter("limit", "query", false, "The most items of the page.", limit));
        all.push(parameter("after", "query", false, "`next` of the page before.", text()));
    }
    if matches!(endpoint, Endpoint::GetCall | Endpoint::GetRecording | Endpoint::GetProof) {
        let why = json!({ "type": "string", "minLength": 1, "maxLength": MAX_WHY });
        all.push(parameter("why", "query", false, "Why you read it: it is sealed in the tenant's log.", why));
    }
    if endpoint == Endpoint::GetLedger {
        let what = "Only this month, in UTC, as in `2026-11`. Left out: all there are.";
        let month = json!({ "type": "string", "pattern": MONTH });
        all.push(parameter("month", "query", false, what, month));
    }
    if endpoint == Endpoint::GetProof {
        let what = "`contents` to leave out all that was said.";
        let redact = json!({ "type": "string", "enum": ["contents"] });
        all.push(parameter("redact", "query", false, what, redact));
    }
    if endpoint == Endpoint::PushVersion {
        let what = "The key's name and the signature: the second and the third line of the file that `parloir agent sign` writes.";
        all.push(parameter(SIGNATURE, "header", false, what, text()));
    }
    match endpoint.method() {
        Method::Get => {}
        Method::Post => {
            if endpoint.is_repeatable() {
                let what =
                    "1 to 64 printable ASCII characters: the same request is carried out once in a day.";
                let key = json!({ "type": "string", "pattern": "^[!-~]{1,64}$" });
                all.push(parameter("Idempotency-Key", "header", false, what, key));
            }
            if endpoint.changes_case() {
                let what = "The ETag of the case, where it has to be as it was read.";
                all.push(parameter("If-Match", "header", false, what, any()));
            }
            if endpoint.changes_agent() {
                let what = "The ETag of the agent, where it has to be as it was read.";
                all.push(parameter("If-Match", "header", false, what, any()));
            }
        }
        Method::Put => {
            let what = "The ETag of what is replaced, or nothing where it is new.";
            all.push(parameter("If-Match", "header", false, what, any()));
            let what = "`*` where nothing may be replaced.";
            all.push(parameter("If-None-Match", "header", false, what, any()));
        }
        Method::Delete => {
            let what = "The ETag of what is removed.";
            all.push(parameter("If-Match", "header", false, what, any()));
        }
    }
    all
}

/// A header that an answer may have.
fn header(what: &str) -> Value {
    json!({ "description": what, "schema": { "type": "string" } })
}

/// The header of every answer, problems too.
const AS_IT_SAYS: (&str, &str) =
    ("X-Content-Type-Options", "`nosniff`: it is what its media type says, and nothing else.");

/// Headers of every answer that is no problem.
fn not_kept() -> Map<String, Value> {
    let what = "`no-store`: nobody between here and whoever asks keeps it.";
    let (name, says) = AS_IT_SAYS;
    Map::from_iter([("Cache-Control".to_owned(), header(what)), (name.to_owned(), header(says))])
}

/// Whether what is read there has a state of its own, which an `ETag` names.
const fn is_tagged(endpoint: Endpoint) -> bool {
    !matches!(
        endpoint,
        Endpoint::Document
            | Endpoint::GetLogIn
            | Endpoint::Me
            | Endpoint::GetLedger
            | Endpoint::GetUsage
            | Endpoint::GetVersion
            | Endpoint::GetCall
            | Endpoint::GetRecording
            | Endpoint::GetProof
            | Endpoint::GetPersonFile
    )
}

/// The statuses that a route answers with, and those of the problems.
fn answers(endpoint: Endpoint, given: Option<Schema>, paged: bool) -> Map<String, Value> {
    let mut all = Map::new();
    match given {
        Some(schema) => {
            let body = json!({ "application/json": { "schema": schema } });
            let etag = header("What tells this state from every other.");
            let mut headers = not_kept();
            let tagged = !paged && is_tagged(endpoint);
            if tagged {
                headers.insert("ETag".into(), etag.clone());
            }
            if endpoint == Endpoint::GetProof {
                let what = "What of the call was erased: `content`, `recording`, with a comma between them; empty where nothing was.";
                headers.insert(ERASED.into(), header(what));
            }
            let done = |what: &str| json!({ "description": what, "headers": headers, "content": body });
            match endpoint.method() {
                Method::Post => {
                    let mut made = done("It was made.");
                    if let Some(headers) = made.get_mut("headers").and_then(Value::as_object_mut) {
                        headers.insert("Location".into(), header("Where it is."));
                    }
                    all.insert("201".into(), made);
                }
                Method::Put => {
                    all.insert("200".into(), done("It was replaced."));
                    all.insert("201".into(), done("It was made."));
                }
                Method::Get => {
                    all.insert("200".into(), done("This is it."));
                    if tagged {
                        let mut headers = not_kept();
                        headers.insert("ETag".into(), etag);
                        let same = json!({ "description": "It is as you have it.", "headers": headers });
                        all.insert("304".into(), same);
                    }
                }
                Method::Delete => {}
            }
        }
        None => {
            let gone = json!({ "description": "It is gone.", "headers": not_kept() });
            all.insert("204".into(), gone);
        }
    }
    if endpoint == Endpoint::GetDocument
        && let Some(read) = all.get_mut("200").and_then(Value::as_object_mut)
    {
        let content = json!({ "text/plain": { "schema": { "type": "string" } } });
        read.insert("content".into(), content);
    }
    if endpoint == Endpoint::GetSound
        && let Some(heard) = all.get_mut("200").and_then(Value::as_object_mut)
    {
        let content = json!({ "audio/wav": { "schema": { "type": "string", "format": "binary" } } });
        heard.insert("content".into(), content);
    }
    if endpoint == Endpoint::GetRecording {
        let content = json!({ "audio/wav": { "schema": { "type": "string", "format": "binary" } } });
        let heard = json!({ "description": "This is it.", "headers": not_kept(), "content": content });
        all.insert("200".into(), heard);
    }
    if endpoint == Endpoint::GetPersonFile {
        let content = json!({ "application/json": { "schema": {} }, "audio/wav": { "schema": { "type": "string", "format": "binary" } } });
        let file = json!({ "description": "This is it.", "headers": not_kept(), "content": content });
        all.insert("200".into(), file);
    }
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    let headers = json!({
        "WWW-Authenticate": header("With 401: how a key is sent."),
        "Retry-After": header("With 429: in how many seconds to ask again."),
        AS_IT_SAYS.0: header(AS_IT_SAYS.1),
    });
    let content = json!({ PROBLEM_JSON: { "schema": schema } });
    let problem =
        json!({ "description": "It was not done, and why.", "headers": headers, "content": content });
    all.insert("default".into(), problem);
    all
}

/// Says how large a machine's integers are, which their format alone tells no client.
fn bound(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let most = match fields.get("format").and_then(Value::as_str) {
                Some("uint32") => Some(json!(u32::MAX)),
                Some("uint64" | "uint") => Some(json!(u64::MAX)),
                Some(_) | None => None,
            };
            if let Some(most) = most {
                fields.entry("maximum").or_insert(most);
            }
            fields.values_mut().for_each(bound);
        }
        Value::Array(values) => values.iter_mut().for_each(bound),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The OpenAPI document of every route.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    let mut all = settings.into_generator();
    let _referred_to_by_every_route = all.subschema_for::<Problem>();
    let mut paths = Map::new();
    for endpoint in Endpoint::ALL.iter().copied() {
        let Shape { takes, gives, paged } = shape(endpoint, &mut all);
        let mut operation = Map::new();
        operation.insert("operationId".into(), endpoint.name().into());
        operation.insert("summary".into(), endpoint.summary().trim().into());
        operation.insert("parameters".into(), parameters(endpoint, paged).into());
        if let Some(takes) = takes {
            let content = json!({ "application/json": { "schema": takes } });
            operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
        if endpoint == Endpoint::PushVersion {
            let schema = json!({ "type": "string", "format": "binary" });
            let content = json!({ "application/wasm": { "schema": schema } });
            operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
        if endpoint == Endpoint::PutDocument {
            let text = |kind: &str| (kind.to_owned(), json!({ "schema": { "type": "string" } }));
            let content: Map<String, Value> = MEDIA_TYPES.into_iter().map(text).collect();
            operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
        if endpoint == Endpoint::PutSound {
            let wav =
                |kind: &str| (kind.to_owned(), json!({ "schema": { "type": "string", "format": "binary" } }));
            let content: Map<String, Value> = sounds::MEDIA_TYPES.into_iter().map(wav).collect();
            operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
        operation.insert("responses".into(), answers(endpoint, gives, paged).into());
        match endpoint.place() {
            Place::Nobodys => drop(operation.insert("security".into(), json!([]))),
            Place::Own | Place::Installation | Place::Tenant => {
                operation.insert("x-scope".into(), endpoint.action().name().into());
            }
        }
        let method = endpoint.method().name().to_ascii_lowercase();
        if let Value::Object(path) = paths.entry(endpoint.path()).or_insert_with(|| json!({})) {
            path.insert(method, operation.into());
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Parloir: the administration of an installation",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Tenants, users, keys, lines, settings and agents. Whatever is not allowed by the role of whoever asks is refused; every change is in the log of the tenant that it is made to.",
        },
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "bearerFormat": "parloir_…" } },
            "schemas": all.definitions(),
        },
    });
    bound(&mut document);
    document
}
