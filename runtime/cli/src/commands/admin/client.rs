//! The other side of the API: one request, one answer, and its problem in words.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use parloir_admin::{ERASED, Problem};
use parloir_contract::TenantId;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use url::{Host, Url};

use super::log_in::kept::Kept;
use super::text;
use crate::authority::AuthorityArgs;
use crate::{Failure, terminal};

/// How long an answer may take: an agent that was never compiled for that machine takes half a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the administration listens unless its file says otherwise.
pub(super) const HERE: &str = "http://127.0.0.1:8081";

/// An address of an administration, as somebody writes it.
pub(super) fn address(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => Ok(url),
        Ok(_) | Err(_) => Err(format!("write http:// or https:// before it, as in {HERE}")),
    }
}

/// Where the administration is, and whose key is used.
#[derive(Args, Clone)]
pub(crate) struct ApiArgs {
    /// Where the administration listens: `[admin]` of its parloir.toml.
    #[arg(long, value_name = "URL", default_value = HERE, env = "PARLOIR_API", value_parser = address)]
    api: Url,
    /// The file that your key is in. Default: the key itself in the variable `PARLOIR_KEY`, or that of `parloir login`.
    #[arg(long, value_name = "FILE", env = "PARLOIR_KEY_FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    authority: AuthorityArgs,
    /// Print JSON: of a list one object a line, and no line where there is nothing.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ApiArgs {
    /// An administration that another command asks, as its own options say.
    pub(super) const fn of(api: Url, key_file: Option<PathBuf>, authority: AuthorityArgs) -> Self {
        Self { api, key_file, authority, json: false }
    }

    /// The same, elsewhere.
    pub(super) fn at(&self, origin: &str) -> Option<Self> {
        Some(Self { api: address(origin).ok()?, ..self.clone() })
    }

    /// What goes before the key of a log-in, where something does.
    pub(super) fn key_before(&self) -> Option<String> {
        let file = self.key_file.as_deref().map(Path::display).map(|file| format!("the key file {file}"));
        file.or_else(|| key_by_variable().map(|_| "the variable PARLOIR_KEY".to_owned()))
    }

    /// Where the administration is, without a path: what a log-in's key is kept for.
    pub(super) fn origin(&self) -> String {
        self.api.origin().ascii_serialization()
    }

    /// A client for others than the administration.
    pub(super) fn others(&self) -> Result<reqwest::ClientBuilder, Failure> {
        self.authority.client_for_others()
    }
}

/// Whether what is sent there can be read on the way: it leaves this machine, without TLS.
pub(super) fn travels_in_clear(url: &Url) -> bool {
    let on_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() != "https" && !on_this_machine
}

/// A header of an answer.
fn header(answer: &Response, name: &str) -> Option<String> {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Why nobody answers there, and what to do about it.
fn unanswered(api: &Url, error: &reqwest::Error) -> Failure {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let why = cause.to_string();
    let remedy = if why.contains("certificate") {
        "name the authority that signed its certificate with --ca FILE, and write the name that the certificate is of"
    } else if why.contains("invalid HTTP version") {
        "write https:// where [admin] of its file has `tls`"
    } else if why.contains("InvalidContentType") {
        "write http:// where [admin] of its file has no `tls`"
    } else {
        "is `parloir serve` running, with [admin] in its file?"
    };
    Failure::new(format!("the administration at {api} does not answer ({why}): {remedy}"))
}

/// A problem and its remedy, which is told once. A command writes its body in one line: which one was wrong tells nobody anything.
fn in_words(detail: &str, remedy: &str) -> String {
    let detail = detail.split_once(" at line 1 column ").map_or(detail, |(detail, _)| detail);
    if detail.contains(remedy) { detail.to_owned() } else { format!("{detail} ({remedy})") }
}

/// What was answered, in lines of this program's own: nothing in them has a colour, as what a compiler says may have.
fn quoted(message: &str) -> String {
    message.lines().map(terminal::plain).collect::<Vec<_>>().join("\n")
}

/// The key that a variable holds, which goes before that of a log-in.
fn key_by_variable() -> Option<String> {
    std::env::var("PARLOIR_KEY").ok().filter(|key| !key.trim().is_empty())
}

/// A remedy for somebody at commands, of which some are written for those who speak HTTP.
fn for_commands(remedy: &str, retry_after: Option<&str>) -> String {
    if remedy.contains("If-Match") {
        return "somebody else changed it meanwhile: run the command again".to_owned();
    }
    if remedy.contains("/v1/openapi.json") {
        return "correct it as told; where nothing is to correct, the installation is of another version than this command"
            .to_owned();
    }
    if remedy.contains("authorization: Bearer") {
        return "name the file of your key with --key-file, or log in: parloir login".to_owned();
    }
    // What follows is the same, in a path.
    let remedy = remedy.split_once(", or GET ").map_or(remedy, |(remedy, _)| remedy);
    let remedy =
        remedy.replace("list what there is: GET the path without the last part", "list what there is");
    let wait = retry_after.map_or_else(|| "wait a moment".to_owned(), |seconds| format!("wait {seconds} s"));
    remedy.replace("wait as Retry-After says", &wait)
}

/// Somebody who administers an installation.
pub(crate) struct Client {
    http: reqwest::Client,
    api: Url,
    key: String,
}

/// What was answered.
pub(crate) struct Reply {
    pub(crate) etag: Option<String>,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(args: &ApiArgs) -> Result<Self, Failure> {
        let key = match &args.key_file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| Failure::bad_input(&format!("{}: {error}", file.display())))?,
            None => match (key_by_variable(), Kept::find(&args.origin())) {
                (Some(key), _) => key,
                (None, Some(kept)) => kept.key,
                (None, None) => {
                    return Err(Failure::bad_input(
                        &"there is no key: name its file with --key-file, put it into the variable PARLOIR_KEY, or log in: parloir login",
                    ));
                }
            },
        };
        if key.trim().is_empty() {
            let file = args.key_file.as_deref().map(Path::display).map(|file| file.to_string());
            let message = format!("{}: there is no key in it", file.unwrap_or_default());
            return Err(Failure::bad_input(&message));
        }
        Self::with_key(args, &key)
    }

    /// For what needs no key.
    pub(super) fn without_key(args: &ApiArgs) -> Result<Self, Failure> {
        Self::with_key(args, "")
    }

    pub(super) fn with_key(args: &ApiArgs, key: &str) -> Result<Self, Failure> {
        if travels_in_clear(&args.api) {
            return Err(Failure::bad_input(&format!(
                "--api {} would carry your key in clear: write an https:// address",
                args.api
            )));
        }
        let http = args.authority.client()?.timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        Ok(Self { http: http.build()?, api: args.api.clone(), key: key.trim().to_owned() })
    }

    async fn ask(
        &self,
        method: Method,
        url: Url,
        header: Option<(&str, &str)>,
        body: Option<Value>,
    ) -> Result<Reply, Failure> {
        let mut request = self.request(method, url);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.answered(request).await
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        // Who logs in has none yet.
        if self.key.is_empty() {
            request
        } else {
            request.header("authorization", format!("Bearer {}", self.key))
        }
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let answer = terminal::waiting("asking the installation", request.send()).await;
        answer.map_err(|error| unanswered(&self.api, &error))
    }

    async fn answered(&self, request: RequestBuilder) -> Result<Reply, Failure> {
        let answer = self.sent(request).await?;
        let status = answer.status();
        let (etag, retry) = (header(&answer, "etag"), header(&answer, "retry-after"));
        let bytes = answer.bytes().await?;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        if status.is_success() {
            return Ok(Reply { etag, body });
        }
        Err(self.refused(status, body, retry.as_deref()))
    }

    /// A problem in words.
    fn refused(&self, status: StatusCode, body: Value, retry_after: Option<&str>) -> Failure {
        let Ok(problem) = serde_json::from_value::<Problem>(body) else {
            return Failure::new(format!("{} answered {status}: is it an administration?", self.api));
        };
        let field = problem.field.map(|field| format!("{field}: ")).unwrap_or_default();
        let message = match problem.detail.ends_with(&problem.remedy) {
            true => format!("{field}{}", in_words(&problem.detail, &problem.remedy)),
            false => {
                let remedy = for_commands(&problem.remedy, retry_after);
                format!("{field}{}", in_words(&problem.detail, &remedy))
            }
        };
        let message = quoted(&message);
        match problem.status {
            400 | 413 | 415 | 422 => Failure::bad_input(&message),
            _ => Failure::new(message),
        }
    }

    fn url_with(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Failure> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// What is read of a call, and why.
    pub(crate) async fn read(&self, path: &str, why: Option<&str>) -> Result<Value, Failure> {
        let query: Vec<_> = why.map(|why| ("why", why)).into_iter().collect();
        Ok(self.ask(Method::GET, self.url_with(path, &query)?, None, None).await?.body)
    }

    /// Writes what there is under a path as it is sent; returns its length in bytes, and what is said beside it of what was erased.
    pub(crate) async fn download(
        &self,
        path: &str,
        query: &[(&str, &str)],
        to: &mut (dyn Write + Send),
    ) -> Result<(u64, Option<String>), Failure> {
        let request = self.request(Method::GET, self.url_with(path, query)?);
        let mut answer = self.sent(request).await?;
        let status = answer.status();
        if !status.is_success() {
            let retry = header(&answer, "retry-after");
            let body = serde_json::from_slice(&answer.bytes().await?).unwrap_or(Value::Null);
            return Err(self.refused(status, body, retry.as_deref()));
        }
        let erased = header(&answer, ERASED);
        let mut length = 0;
        while let Some(part) = answer.chunk().await? {
            to.write_all(&part)?;
            length += part.len() as u64;
        }
        Ok((length, erased))
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        Ok(self.api.join(path)?)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.ask(Method::GET, self.url(path)?, None, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Result<Value, Failure> {
        let body = Some(serde_json::to_value(body)?);
        Ok(self.ask(Method::POST, self.url(path)?, None, body).await?.body)
    }

    /// The same, where what was read before is still so.
    pub(crate) async fn post_to(
        &self,
        path: &str,
        read: &Reply,
        body: &impl Serialize,
    ) -> Result<Value, Failure> {
        let body = Some(serde_json::to_value(body)?);
        let header = read.etag.as_deref().map(|etag| ("if-match", etag));
        Ok(self.ask(Method::POST, self.url(path)?, header, body).await?.body)
    }

    /// Uploads a component, with its signature where it has one.
    pub(crate) async fn upload(
        &self,
        path: &str,
        component: Vec<u8>,
        signature: Option<&str>,
    ) -> Result<Value, Failure> {
        let mut request =
            self.request(Method::POST, self.url(path)?).header("content-type", "application/wasm");
        if let Some(signature) = signature {
            request = request.header("parloir-agent-signature", signature);
        }
        Ok(self.answered(request.body(component)).await?.body)
    }

    /// Replaces what was read, or makes what was not there.
    pub(crate) async fn put(
        &self,
        path: &str,
        read: Option<&Reply>,
        body: &impl Serialize,
    ) -> Result<Value, Failure> {
        let body = Some(serde_json::to_value(body)?);
        let header = match read.and_then(|read| read.etag.as_deref()) {
            Some(etag) => ("if-match", etag),
            None => ("if-none-match", "*"),
        };
        Ok(self.ask(Method::PUT, self.url(path)?, Some(header), body).await?.body)
    }

    /// Keeps what is in a file in place of what was read, or where there was nothing.
    pub(crate) async fn put_file(
        &self,
        path: &str,
        read: Option<&Reply>,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<Value, Failure> {
        let (name, value) = match read.and_then(|read| read.etag.as_deref()) {
            Some(etag) => ("if-match", etag),
            None => ("if-none-match", "*"),
        };
        let request = self.request(Method::PUT, self.url(path)?).header(name, value);
        let request = request.header("content-type", media_type).body(bytes);
        Ok(self.answered(request).await?.body)
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.ask(Method::DELETE, self.url(path)?, None, None).await.map(drop)
    }

    /// Revokes the key itself, which a log-in made. Whether it opened anything until now.
    pub(super) async fn give_back(&self) -> Result<bool, Failure> {
        let answer = self.sent(self.request(Method::DELETE, self.url("/v1/me")?)).await?;
        let status = answer.status();
        if status.is_success() || status == StatusCode::UNAUTHORIZED {
            return Ok(status.is_success());
        }
        let body = serde_json::from_slice(&answer.bytes().await?).unwrap_or(Value::Null);
        Err(self.refused(status, body, None))
    }

    /// Why whoever asks may not change what is there, if they may not: it is asked with a change that is none, of a state that never
    /// is.
    async fn change_refused(&self, path: &str) -> Option<Failure> {
        let request = self.request(Method::PUT, self.url(path).ok()?).header("if-match", "\"never\"");
        let request = request.header("content-type", "application/json").body("null");
        let answer = self.sent(request).await.ok()?;
        let status = answer.status();
        if status != StatusCode::FORBIDDEN {
            return None;
        }
        let body = serde_json::from_slice(&answer.bytes().await.ok()?).unwrap_or(Value::Null);
        Some(self.refused(status, body, None))
    }

    /// What there is under a path, before it is changed. Whoever may not look hears whether they may change it at all: what would
    /// let them look, as broken glass does, may not let them do that.
    pub(crate) async fn get_to_change(&self, path: &str) -> Result<Reply, Failure> {
        match self.get(path).await {
            Ok(read) => Ok(read),
            Err(failure) => Err(self.change_refused(path).await.unwrap_or(failure)),
        }
    }

    /// The same, in a list; `None` where there is nothing.
    pub(crate) async fn find(&self, list: &str, id: &str) -> Result<Option<Reply>, Failure> {
        let all = match self.list(list).await {
            Ok(all) => all,
            Err(failure) => {
                return Err(self.change_refused(&format!("{list}/{id}")).await.unwrap_or(failure));
            }
        };
        let found = all.into_iter().find(|item| text(item, "/id") == id);
        Ok(found.map(|item| Reply { etag: Some(format!("\"{}\"", text(&item, "/etag"))), body: item }))
    }

    /// Every item of a list, page by page.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        self.first_of(path, usize::MAX).await
    }

    /// The first items of a list, at most so many.
    pub(crate) async fn first_of(&self, path: &str, most: usize) -> Result<Vec<Value>, Failure> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut url = self.url(path)?;
            let left = most.saturating_sub(all.len()).clamp(1, 200);
            url.query_pairs_mut().append_pair("limit", &left.to_string());
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let page = self.ask(Method::GET, url, None, None).await?.body;
            all.extend(page.get("items").and_then(Value::as_array).into_iter().flatten().cloned());
            match page.get("next").and_then(Value::as_str) {
                Some(next) if all.len() < most => after = Some(next.to_owned()),
                Some(_) | None => return Ok(all),
            }
        }
    }

    /// The tenant that is meant: the one that is named, or the key's own.
    pub(crate) async fn tenant(&self, named: Option<&TenantId>) -> Result<String, Failure> {
        match named {
            Some(tenant) => Ok(tenant.to_string()),
            None => Ok(text(&self.get("/v1/me").await?.body, "/tenant").to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_are_what_somebody_at_commands_can_do() {
        for (written, told) in [
            (
                "list what there is: parloir user list, or GET the path without the last part",
                "list what there is: parloir user list",
            ),
            ("list what there is: GET the path without the last part", "list what there is"),
            (
                "read it, and send its ETag as If-Match",
                "somebody else changed it meanwhile: run the command again",
            ),
            ("wait as Retry-After says, and ask again", "wait 7 s, and ask again"),
            ("give the tenant another name", "give the tenant another name"),
        ] {
            assert_eq!(for_commands(written, Some("7")), told);
        }
        assert!(!for_commands("send it as authorization: Bearer parloir_…", None).contains("Bearer"));
    }

    #[test]
    fn an_address_without_its_scheme_says_what_it_lacks() {
        for wrong in ["127.0.0.1:8081", "localhost:8081", "voice.example.com", "ftp://voice.example.com"] {
            assert!(address(wrong).unwrap_err().contains("http://"), "{wrong}");
        }
        assert_eq!(address("https://voice.example.com:8081").unwrap().port(), Some(8081));
    }

    #[test]
    fn what_an_installation_answers_moves_no_cursor_and_hides_nothing() {
        let answered = "the tenant is suspended: \u{1b}[8mpay\u{1b}[0m \u{202e}yap\u{9b}2J\nask the operator";
        let told = quoted(answered);
        assert!(!told.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{told:?}");
        assert_eq!(told.lines().last(), Some("ask the operator"));
    }

    #[test]
    fn a_remedy_is_told_once() {
        assert_eq!(in_words("there is no such user", "list them"), "there is no such user (list them)");
        assert_eq!(in_words("`url` is none: write one", "write one"), "`url` is none: write one");
        assert_eq!(
            in_words("unknown field `a` at line 1 column 8", "correct it"),
            "unknown field `a` (correct it)"
        );
    }
}
