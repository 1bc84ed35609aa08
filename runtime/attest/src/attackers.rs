//! Those who ring mallory's lines, in a process of their own: neither their work nor their memory is that of the callers who
//! measure.

use std::io::{BufRead as _, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::agent::{Attack, attacks};
use crate::broken::Broken;
use crate::ring;
use crate::rooms::number;
use crate::stage::{Process, Rang, Told, let_go, tell};

/// The longest line that says whom to ring, in bytes.
const MOST_ASKED: u64 = 4_096;

/// Whom to ring: the first line on the standard input of the process.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Ring {
    /// The server.
    public: String,
    /// How many lines at once.
    at_once: u32,
    /// Which attack of the corpus is the first: those before it had their turn.
    from: u64,
}

/// The process, from outside. Who is on a call when this is dropped is cut off.
pub(crate) struct Attackers {
    process: Process,
}

impl Attackers {
    /// Has a process that `command` gives ring the server, so many lines at once, from this attack of the corpus on.
    pub(crate) async fn begin(
        command: Command,
        folder: &Path,
        public: &str,
        (at_once, from): (u32, u64),
    ) -> Result<Self, Broken> {
        let mut process = Process::start(command, folder)?;
        let ring = Ring { public: public.to_owned(), at_once, from };
        let mut line = serde_json::to_vec(&ring).map_err(|error| Broken::because("the attackers", error))?;
        line.push(b'\n');
        process.write(&line).await?;
        Ok(Self { process })
    }

    /// Lets them go, and says how many attacks they rang, and which comes next.
    ///
    /// # Errors
    /// Where they rang none: beside whom nobody rings, nothing is measured.
    pub(crate) async fn end(self) -> Result<Rang, Broken> {
        match self.process.rang().await? {
            Rang { rung: 0, .. } => Err(Broken(
                "the attackers rang no attack to its end in a round: measure longer, or look into the server's log".into(),
            )),
            rang => Ok(rang),
        }
    }
}

/// In the process of [`Part::Attackers`](crate::Part::Attackers): rings whom it is told to until it is let go, and tells how
/// many attacks it rang, and which comes next.
///
/// # Errors
/// Where it is not told whom.
pub async fn attack() -> Result<(), Broken> {
    let rang = until_let_go().await.inspect_err(|broken| tell(&Told::Broken(broken.0.clone())))?;
    tell(&Told::Rang(rang));
    Ok(())
}

async fn until_let_go() -> Result<Rang, Broken> {
    let failed = |error: &dyn std::fmt::Display| Broken::because("whom to ring", error);
    let read = || {
        let mut line = String::new();
        std::io::stdin().lock().take(MOST_ASKED).read_line(&mut line).map(|_| line)
    };
    let line = tokio::task::spawn_blocking(read).await.map_err(|error| failed(&error))?;
    let line = line.map_err(|error| failed(&error))?;
    let Ring { public, at_once, from } = serde_json::from_str(&line).map_err(|error| failed(&error))?;
    let corpus = Corpus::new(from)?;
    let callers = (0..at_once).map(|_| ring_without_end(&public, &corpus));
    tokio::select! {
        _ = join_all(callers) => {}
        () = let_go() => {}
    }
    Ok(corpus.rang())
}

/// What attackers ring: every line, again and again, those of one kind not one after the other.
struct Corpus {
    lines: Vec<(Attack, String)>,
    next: AtomicU64,
    rung: AtomicU64,
}

impl Corpus {
    fn new(from: u64) -> Result<Self, Broken> {
        let attacks = attacks()?.into_iter().filter(|attack| !attack.is_unloadable());
        let mut lines: Vec<(Attack, String)> =
            attacks.enumerate().map(|(place, attack)| (attack, number(place))).collect();
        // An order that is always the same and has nothing to do with kinds.
        lines.sort_by_cached_key(|(attack, _)| {
            let digest: [u8; 32] = Sha256::digest(attack.name.as_bytes()).into();
            digest
        });
        Ok(Self { lines, next: AtomicU64::new(from), rung: AtomicU64::new(0) })
    }

    /// How far it got.
    fn rang(&self) -> Rang {
        Rang { rung: self.rung.load(Ordering::Relaxed), next: self.next.load(Ordering::Relaxed) }
    }

    /// The line that no other attacker has taken yet.
    fn next(&self) -> Option<&(Attack, String)> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let place = next.checked_rem(u64::try_from(self.lines.len()).ok()?)?;
        self.lines.get(usize::try_from(place).ok()?)
    }
}

/// Rings one line after the other.
async fn ring_without_end(public: &str, corpus: &Corpus) {
    while let Some((attack, line)) = corpus.next() {
        match ring::ring(public, attack, line).await {
            Ok(_) => {
                corpus.rung.fetch_add(1, Ordering::Relaxed);
            }
            // Whoever is turned away rings again.
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_so_many_goes_on_where_they_ended_and_begins_anew_at_the_end() {
        let (whole, later) = (Corpus::new(0).unwrap(), Corpus::new(7).unwrap());
        let named = |corpus: &Corpus| corpus.next().map(|(attack, _)| attack.name.clone());
        let first: Vec<_> = (0..whole.lines.len()).map(|_| named(&whole).unwrap()).collect();
        assert_eq!(named(&later).as_ref(), first.get(7));
        assert_eq!(named(&whole).as_ref(), first.first());
        // Nobody was rung to the end, and each that was taken had its turn.
        named(&later);
        let rang = later.rang();
        assert_eq!(rang, Rang { rung: 0, next: 9 });
        assert_eq!(named(&Corpus::new(rang.next).unwrap()).as_ref(), first.get(9));
    }
}
