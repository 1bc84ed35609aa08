//! Services of the tenant's own, such as a customer file. An agent names a connector, never an address;
//! the host adds the credentials, which the agent never sees.
//!
//! ```
//! use parloir_agent::{Refusal, connectors};
//!
//! fn customer(phone: &str) -> Result<Option<String>, Refusal> {
//!     let answer = connectors::get("crm", "customers").query("phone", phone).send()?;
//!     Ok(answer.is_success().then_some(answer.body))
//! }
//! ```

pub use crate::bindings::parloir::agent::connectors::{Answer, Method, Request};
use crate::host::with;
use crate::{Host, Refusal};

/// The connectors that the line grants, by name.
pub fn list() -> Vec<String> {
    with(Host::list_connectors)
}

/// Sends a request and waits for its answer, whatever its status.
///
/// # Errors
/// `NotPermitted` for a connector or a method that is not granted; `Invalid` for a request that cannot be
/// sent, or an answer that is too long or no UTF-8; `Unavailable` where there is no answer in time.
pub fn send(request: &Request) -> Result<Answer, Refusal> {
    with(|host| host.send_request(request))
}

/// A `GET` of what stands at `path` below the connector's address. Nothing is sent before
/// [`send`](Request::send).
pub fn get(connector: &str, path: &str) -> Request {
    Request::new(Method::Get, connector, path)
}

/// A `POST`, as [`get`].
pub fn post(connector: &str, path: &str) -> Request {
    Request::new(Method::Post, connector, path)
}

/// A `PUT`, as [`get`].
pub fn put(connector: &str, path: &str) -> Request {
    Request::new(Method::Put, connector, path)
}

/// A `PATCH`, as [`get`].
pub fn patch(connector: &str, path: &str) -> Request {
    Request::new(Method::Patch, connector, path)
}

/// A `DELETE`, as [`get`].
pub fn delete(connector: &str, path: &str) -> Request {
    Request::new(Method::Delete, connector, path)
}

impl Request {
    /// Without a query and without a body.
    pub fn new(method: Method, connector: &str, path: &str) -> Self {
        Self { connector: connector.into(), method, path: path.into(), query: Vec::new(), body: None }
    }

    /// Adds a name and a value to the query; the host encodes them.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// With this body, which is JSON. A `GET` has none.
    #[must_use]
    pub fn body(mut self, json: impl Into<String>) -> Self {
        self.body = Some(json.into());
        self
    }

    /// Sends it and waits for its answer, whatever its status.
    ///
    /// # Errors
    /// As [`send`].
    pub fn send(self) -> Result<Answer, Refusal> {
        send(&self)
    }
}

impl Answer {
    /// Whether the service did what was asked: a status from 200 to 299.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::{Answer, Method, Request, delete, get, list, patch, post, put};
    use crate::{Host, Refusal, host};

    /// A service that has customer 42, and nothing else.
    #[derive(Default)]
    struct Crm(Vec<Request>);

    impl Host for Crm {
        fn list_connectors(&mut self) -> Vec<String> {
            vec!["crm".into()]
        }

        fn send_request(&mut self, request: &Request) -> Result<Answer, Refusal> {
            self.0.push(request.clone());
            match request.path.as_str() {
                "customers/42" => Ok(Answer { status: 200, body: "{}".into() }),
                _ => Ok(Answer { status: 404, body: String::new() }),
            }
        }
    }

    #[test]
    fn a_request_reaches_the_host_as_it_was_made_and_every_status_is_an_answer() {
        let crm = Rc::new(RefCell::new(Crm::default()));
        let answers = host::run(&crm, || {
            let found =
                get("crm", "customers/42").query("phone", "+33612345678").query("full", "yes").send()?;
            let none = post("crm", "visits").body("{\"day\":1}").send()?;
            Ok::<_, Refusal>((list(), found, none))
        });
        let (names, found, none) = answers.unwrap();
        assert_eq!(names, ["crm"]);
        assert!(found.is_success() && !none.is_success(), "{found:?} {none:?}");
        let sent = &crm.borrow().0;
        let query = [("phone", "+33612345678"), ("full", "yes")];
        assert_eq!(sent[0].query, query.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!((sent[0].method, sent[0].body.as_deref()), (Method::Get, None));
        assert_eq!((sent[1].method, sent[1].body.as_deref()), (Method::Post, Some("{\"day\":1}")));
        assert_eq!((sent[1].connector.as_str(), sent[1].path.as_str()), ("crm", "visits"));
    }

    #[test]
    fn each_method_is_its_own() {
        let methods = [get, post, put, patch, delete].map(|made| made("crm", "").method);
        assert_eq!(methods, [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete]);
    }

    #[test]
    fn a_host_without_connectors_refuses_and_lists_none() {
        assert!(list().is_empty());
        assert!(matches!(get("crm", "").send(), Err(Refusal::Unavailable(_))));
    }
}
