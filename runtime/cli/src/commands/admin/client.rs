//! The other side of the API: one request, one answer, and its problem in words.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use parloir_admin::Problem;
use parloir_contract::{CallId, TenantId};
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

/// Where the administration is, and whose key is used.
#[derive(Args, Clone)]
pub(crate) struct ApiArgs {
    /// Where the administration listens: `[admin]` of its parloir.toml.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081", env = "PARLOIR_API")]
    api: Url,
    /// The file that your key is in. Default: the key itself in the variable `PARLOIR_KEY`, or that of `parloir login`.
    #[arg(long, value_name = "FILE", env = "PARLOIR_KEY_FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    authority: AuthorityArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ApiArgs {
    /// Where the administration is, without a path: what a log-in's key is kept for.
    pub(super) fn origin(&self) -> String {
        self.api.origin().ascii_serialization()
    }

    /// A client for others than the administration.
    pub(super) fn others(&self) -> Result<reqwest::ClientBuilder, Failure> {
        self.authority.client_for_others()
    }
}

/// A running installation that is asked in place of a data folder.
#[derive(Args, Clone)]
pub(crate) struct AskedArgs {
    /// Ask the running installation whose administration listens there, by your key, in place of a data folder.
    #[arg(long, value_name = "URL", env = "PARLOIR_API", conflicts_with_all = ["data", "keys"])]
    api: Option<Url>,
    /// The file that your key is in. Default: the key itself in the variable `PARLOIR_KEY`, or that of `parloir login`.
    #[arg(long, value_name = "FILE", env = "PARLOIR_KEY_FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    authority: AuthorityArgs,
}

impl AskedArgs {
    /// The installation, where one is asked.
    pub(crate) fn client(&self) -> Result<Option<Client>, Failure> {
        let Some(api) = self.api.clone() else { return Ok(None) };
        let (key_file, authority) = (self.key_file.clone(), self.authority.clone());
        Client::new(&ApiArgs { api, key_file, authority, json: false }).map(Some)
    }
}

/// The same, for what is one tenant's.
#[derive(Args, Clone)]
pub(crate) struct OneAskedArgs {
    #[command(flatten)]
    asked: AskedArgs,
    /// Whose call it is, where an installation is asked. Default: your key's own tenant.
    #[arg(long, requires = "api")]
    tenant: Option<TenantId>,
}

impl OneAskedArgs {
    /// The installation, where one is asked, and the path of a call.
    pub(crate) async fn open(&self, call: CallId) -> Result<Option<(Client, String)>, Failure> {
        let Some(client) = self.asked.client()? else { return Ok(None) };
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        Ok(Some((client, format!("/v1/tenants/{tenant}/calls/{call}"))))
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
    if detail.ends_with(remedy) { detail.to_owned() } else { format!("{detail} ({remedy})") }
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
            None => match (std::env::var("PARLOIR_KEY"), Kept::find(&args.origin())) {
                (Ok(key), _) => key,
                (Err(_), Some(kept)) => kept.key,
                (Err(_), None) => {
                    return Err(Failure::bad_input(
                        &"there is no key: name its file with --key-file, put it into the variable PARLOIR_KEY, or log in: parloir login",
                    ));
                }
            },
        };
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
        let etag = answer.headers().get("etag").and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let bytes = answer.bytes().await?;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        if status.is_success() {
            return Ok(Reply { etag, body });
        }
        Err(self.refused(status, body))
    }

    /// A problem in words.
    fn refused(&self, status: StatusCode, body: Value) -> Failure {
        let Ok(problem) = serde_json::from_value::<Problem>(body) else {
            return Failure::new(format!("{} answered {status}: is it an administration?", self.api));
        };
        let field = problem.field.map(|field| format!("{field}: ")).unwrap_or_default();
        let message = format!("{field}{}", in_words(&problem.detail, &problem.remedy));
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

    /// Writes what there is under a path as it is sent; returns its length in bytes.
    pub(crate) async fn download(
        &self,
        path: &str,
        query: &[(&str, &str)],
        to: &mut (dyn Write + Send),
    ) -> Result<u64, Failure> {
        let request = self.request(Method::GET, self.url_with(path, query)?);
        let mut answer = self.sent(request).await?;
        let status = answer.status();
        if !status.is_success() {
            let bytes = answer.bytes().await?;
            return Err(self.refused(status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)));
        }
        let mut length = 0;
        while let Some(part) = answer.chunk().await? {
            to.write_all(&part)?;
            length += part.len() as u64;
        }
        Ok(length)
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

    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.ask(Method::DELETE, self.url(path)?, None, None).await.map(drop)
    }

    /// What there is under a path; `None` where there is nothing.
    pub(crate) async fn find(&self, list: &str, id: &str) -> Result<Option<Reply>, Failure> {
        let found = self.list(list).await?.into_iter().find(|item| text(item, "/id") == id);
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
    fn a_remedy_is_told_once() {
        assert_eq!(in_words("there is no such user", "list them"), "there is no such user (list them)");
        assert_eq!(in_words("`url` is none: write one", "write one"), "`url` is none: write one");
        assert_eq!(
            in_words("unknown field `a` at line 1 column 8", "correct it"),
            "unknown field `a` (correct it)"
        );
    }
}
