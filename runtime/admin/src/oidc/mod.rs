//! Log-in by OpenID Connect: an issuer says who somebody is, and a user who is known by that gets a key for some hours.
//!
//! The client of the person who logs in speaks with the issuer, and hands over the ID token that it gives. Here it is checked by
//! the issuer's keys, which are asked for over [`Issuer`]: anew every hour, and for a token that is signed by a key nobody knows
//! at most once a minute, whoever sends how many of those.

mod signature;
mod token;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use token::{Claims, Expected, KeySet, Refused};

/// How long keys are taken for those that the issuer has now.
const FRESH: Duration = Duration::from_secs(3_600);
/// How long they are used at all where the issuer does not answer.
const USED: Duration = Duration::from_secs(86_400);
/// How often the issuer is asked at most.
const ONCE_IN: Duration = Duration::from_secs(60);

/// Who says who somebody is, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// The issuer, as its tokens name it.
    pub issuer: String,
    /// What this installation is called there.
    pub client_id: String,
    /// For whom its tokens have to be.
    pub audience: String,
}

/// The way to an issuer.
#[async_trait]
pub trait Issuer: Send + Sync + 'static {
    /// Its keys, as a JSON Web Key Set, or a sentence that says why they cannot be had.
    async fn keys(&self) -> Result<Vec<u8>, String>;
}

/// Log-ins with one issuer.
pub struct LogIns {
    oidc: Oidc,
    issuer: Arc<dyn Issuer>,
    /// Never held while something is waited for: log-ins go on by the keys that are known while the issuer is asked for others.
    known: RwLock<Arc<Known>>,
    /// When the issuer was asked last; held while it is.
    asking: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Known {
    keys: KeySet,
    /// When these keys were given.
    given: Option<Instant>,
}

impl Known {
    fn check(&self, token: &str, expected: Expected<'_>) -> Result<Claims, Refused> {
        match self.given {
            Some(given) if given.elapsed() < USED => self.keys.check(token, expected),
            Some(_) | None => Err(Refused::NoKeys),
        }
    }
}

impl LogIns {
    /// Log-ins with this issuer.
    pub fn new(oidc: Oidc, issuer: Arc<dyn Issuer>) -> Self {
        Self { oidc, issuer, known: RwLock::default(), asking: Mutex::default() }
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn know(&self, keys: KeySet) {
        let known = Known { keys, given: Some(Instant::now()) };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }

    pub(crate) fn oidc(&self) -> &Oidc {
        &self.oidc
    }

    /// Checks an ID token, and returns what it says.
    pub(crate) async fn check(&self, token: &str) -> Result<Claims, Refused> {
        let Oidc { issuer, client_id, audience } = &self.oidc;
        let expected = Expected { issuer, audience, client_id };
        if self.known().given.is_none_or(|given| given.elapsed() >= FRESH) {
            self.ask().await;
        }
        match self.known().check(token, expected) {
            Err(Refused::UnknownKey | Refused::NoKeys) => {
                self.ask().await;
                self.known().check(token, expected)
            }
            checked => checked,
        }
    }

    /// Asks for the keys, if it was not done within a minute. Whoever comes while somebody does waits only where no key is known
    /// at all.
    async fn ask(&self) {
        let mut asked = match self.asking.try_lock() {
            Ok(asked) => asked,
            Err(_) if self.known().given.is_none() => self.asking.lock().await,
            Err(_) => return,
        };
        if asked.is_some_and(|asked| asked.elapsed() < ONCE_IN) {
            return;
        }
        *asked = Some(Instant::now());
        self.look().await;
    }

    /// Asks for the keys, whenever that was done last: to be told at the start where it cannot be, and not when somebody logs in.
    pub async fn look(&self) {
        let given = self.issuer.keys().await;
        match given.and_then(|bytes| KeySet::parse(&bytes).map_err(str::to_owned)) {
            Ok(keys) => self.know(keys),
            Err(why) => {
                tracing::warn!(
                    issuer = self.oidc.issuer,
                    why,
                    "nobody can log in by the issuer's keys: they cannot be had. It is named by `issuer` in [admin.oidc]; see that this \
                     machine reaches it"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use parking_lot::Mutex as Held;
    use serde_json::json;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::token::tests::{EXPECTED, Signs, claims, set};
    use super::*;

    struct Answers {
        keys: Held<Result<Vec<u8>, String>>,
        asked: AtomicU32,
    }

    /// One that answers the first time, and says nothing from then on.
    struct Silent {
        keys: Vec<u8>,
        asked: AtomicU32,
        again: Notify,
    }

    #[async_trait]
    impl Issuer for Silent {
        async fn keys(&self) -> Result<Vec<u8>, String> {
            if self.asked.fetch_add(1, Ordering::SeqCst) > 0 {
                self.again.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(self.keys.clone())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_issuer_is_asked_people_log_in_by_the_keys_that_are_known() {
        let key = Signs::new(1);
        let silent = Silent { keys: set(&[key.key("1")]), asked: AtomicU32::new(0), again: Notify::new() };
        let silent = Arc::new(silent);
        let Expected { issuer, audience, client_id } = EXPECTED;
        let oidc = Oidc { issuer: issuer.into(), client_id: client_id.into(), audience: audience.into() };
        let log_ins = Arc::new(LogIns::new(oidc, silent.clone()));
        let token = |name: &str| key.token(&json!({ "alg": "EdDSA", "kid": name }), &claims());
        log_ins.check(&token("1")).await.unwrap();
        tokio::time::advance(ONCE_IN).await;
        let (asks, unknown) = (log_ins.clone(), token("2"));
        let asks = tokio::spawn(async move { asks.check(&unknown).await });
        silent.again.notified().await;
        let checked = timeout(ONCE_IN, log_ins.check(&token("1"))).await.expect("it waits for nobody");
        checked.unwrap();
        let refused =
            timeout(ONCE_IN, log_ins.check(&token("2"))).await.expect("nor where the key is unknown");
        assert_eq!(refused, Err(Refused::UnknownKey));
        asks.abort();
    }

    #[async_trait]
    impl Issuer for Answers {
        async fn keys(&self) -> Result<Vec<u8>, String> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.keys.lock().clone()
        }
    }

    /// Log-ins of an issuer that does not answer.
    fn log_ins() -> (Arc<Answers>, LogIns) {
        let keys = Held::new(Err("it does not answer".to_owned()));
        let answers = Arc::new(Answers { keys, asked: AtomicU32::new(0) });
        let Expected { issuer, audience, client_id } = EXPECTED;
        let oidc = Oidc { issuer: issuer.into(), client_id: client_id.into(), audience: audience.into() };
        (answers.clone(), LogIns::new(oidc, answers))
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_asked_for_when_they_are_needed_and_no_more_than_once_a_minute() {
        let (old, new) = (Signs::new(1), Signs::new(2));
        let (answers, log_ins) = log_ins();
        let asked = || answers.asked.load(Ordering::SeqCst);
        let token =
            |signs: &Signs, name: &str| signs.token(&json!({ "alg": "EdDSA", "kid": name }), &claims());

        assert_eq!(log_ins.check(&token(&old, "old")).await, Err(Refused::NoKeys));
        *answers.keys.lock() = Ok(set(&[old.key("old")]));
        assert_eq!(log_ins.check(&token(&old, "old")).await, Err(Refused::NoKeys));
        assert_eq!(asked(), 1);
        tokio::time::advance(ONCE_IN).await;
        log_ins.check(&token(&old, "old")).await.unwrap();
        assert_eq!(asked(), 2);

        // A key nobody knows, again and again.
        tokio::time::advance(ONCE_IN).await;
        for _ in 0..100 {
            assert_eq!(log_ins.check(&token(&new, "new")).await, Err(Refused::UnknownKey));
        }
        assert_eq!(asked(), 3);
        *answers.keys.lock() = Ok(set(&[new.key("new")]));
        tokio::time::advance(ONCE_IN).await;
        log_ins.check(&token(&new, "new")).await.unwrap();
        assert_eq!(log_ins.check(&token(&old, "old")).await, Err(Refused::UnknownKey), "it was taken away");

        // Where the issuer does not answer, for a day.
        *answers.keys.lock() = Err("it does not answer".to_owned());
        tokio::time::advance(FRESH).await;
        log_ins.check(&token(&new, "new")).await.unwrap();
        tokio::time::advance(USED).await;
        assert_eq!(log_ins.check(&token(&new, "new")).await, Err(Refused::NoKeys));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_looks_ahead_keeps_nobody_from_asking() {
        let key = Signs::new(1);
        let (answers, log_ins) = log_ins();
        let asked = || answers.asked.load(Ordering::SeqCst);
        let token = key.token(&json!({ "alg": "EdDSA", "kid": "1" }), &claims());
        log_ins.look().await;
        assert_eq!(log_ins.check(&token).await, Err(Refused::NoKeys));
        assert_eq!(asked(), 2);
        *answers.keys.lock() = Ok(set(&[key.key("1")]));
        log_ins.look().await;
        log_ins.check(&token).await.unwrap();
        assert_eq!(asked(), 3, "what is known is not asked for");
    }
}
