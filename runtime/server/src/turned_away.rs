//! Calls that no agent answers, for their numbers are blocked, there is no place for them or their tenant is suspended: the log says
//! so, however often somebody dials.
//!
//! Of each line, and of what becomes of them there, the first of an hour is in the log at once; those after it are counted, and
//! one record says how many they were when the hour is over, or when the installation stops. What is counted and not told yet
//! is lost where the program is killed; that somebody rang is not.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parloir_contract::{CallId, LineId, TenantId, TraceParent};
use parloir_journal::{BlockedTo, CallEnded, CallJournal, CallStarted, Ending, Note, RecordBody};
use parloir_tenancy::Line;
use parloir_tenancy::admission::Full;
use parloir_transport::twiml::Response;

use crate::serve::House;

/// How long calls are counted together.
const TOGETHER: Duration = Duration::from_secs(3_600);
/// How often it is looked whose hour is over.
const LOOK: Duration = Duration::from_secs(60);

/// Why a call is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Away {
    /// Its number is blocked.
    Blocked(BlockedTo),
    /// There is no place for it.
    Full(Full),
    /// Its tenant is suspended.
    Suspended,
}

/// The calls that were turned away and are not in the log one by one: no more entries than lines, for each reason. Of a number that is
/// another tenant's within the hour each is told what rang for itself.
#[derive(Debug, Default)]
pub(crate) struct TurnedAway(Mutex<HashMap<(TenantId, LineId, Away), Counted>>);

/// The calls of an hour after its first.
#[derive(Debug)]
struct Counted {
    line: Arc<Line>,
    to: Away,
    since: Instant,
    more: u64,
}

impl TurnedAway {
    /// Counts a call. Returns whether it is the first, which is told at once.
    fn rang(&self, line: &Arc<Line>, to: Away, now: Instant) -> bool {
        match self.0.lock().entry((line.tenant.id.clone(), line.config.number.clone(), to)) {
            Entry::Occupied(mut counted) => {
                let counted = counted.get_mut();
                counted.more = counted.more.saturating_add(1);
                false
            }
            Entry::Vacant(place) => {
                place.insert(Counted { line: Arc::clone(line), to, since: now, more: 0 });
                true
            }
        }
    }

    /// Takes out whose hour is over by `now`, all for `None`: those of them of which there is more to tell.
    fn over(&self, now: Option<Instant>) -> Vec<Counted> {
        let mut all = self.0.lock();
        let is_over = |counted: &Counted| now.is_none_or(|now| now.duration_since(counted.since) >= TOGETHER);
        let over = all.extract_if(|_, counted| is_over(counted)).map(|(_, counted)| counted);
        over.filter(|counted| counted.more > 0).collect()
    }

    /// Takes out those of a tenant, whose hour is over or not: those of them of which there is more to tell.
    fn of(&self, tenant: &TenantId) -> Vec<Counted> {
        let mut all = self.0.lock();
        let theirs = all.extract_if(|(whose, ..), _| whose == tenant).map(|(_, counted)| counted);
        theirs.filter(|counted| counted.more > 0).collect()
    }
}

impl House {
    /// A call that no agent answers, and the log says so, without the number. What is told of it at once is of the carrier's trace.
    pub(crate) async fn turn_away(
        &self,
        line: &Arc<Line>,
        to: Away,
        carrier: Option<TraceParent>,
    ) -> Response {
        let answer = match to {
            Away::Blocked(BlockedTo::Refuse) => Response::reject(),
            Away::Blocked(BlockedTo::Human) => self.fallback(line),
            Away::Full(Full::Month(_) | Full::Kept(_)) | Away::Suspended => self.used_up(line),
            Away::Full(_) => self.busy(line),
        };
        if self.turned_away.rang(line, to, Instant::now()) {
            let why = match to {
                Away::Blocked(_) => "the caller's number is blocked".to_owned(),
                Away::Full(full) => format!("there was no place for the call, for {full}"),
                Away::Suspended => "the tenant is suspended".to_owned(),
            };
            self.tell_turned_away(line, to, &why, carrier).await;
        }
        answer
    }

    /// Tells of those that were counted and whose hour is over by `now`, of all for `None`.
    pub(crate) async fn tell_counted(&self, now: Option<Instant>) {
        self.tell_all(self.turned_away.over(now)).await;
    }

    /// Tells of a tenant's, who leaves: within the hour, a record would be made in a log whose tenant is gone.
    pub(crate) async fn tell_counted_of(&self, tenant: &TenantId) {
        self.tell_all(self.turned_away.of(tenant)).await;
    }

    async fn tell_all(&self, over: Vec<Counted>) {
        for Counted { line, to, since, more } in over {
            let minutes = since.elapsed().as_secs().div_ceil(60);
            let who = match to {
                Away::Blocked(_) => {
                    format!("blocked numbers rang {more} time(s) more within {minutes} minute(s)")
                }
                Away::Full(full) => {
                    format!("{more} call(s) more within {minutes} minute(s) had no place, for {full}")
                }
                Away::Suspended => {
                    format!("{more} call(s) more within {minutes} minute(s), and the tenant is suspended")
                }
            };
            self.tell_turned_away(&line, to, &who, None).await;
        }
    }

    async fn tell_turned_away(&self, line: &Line, to: Away, who: &str, carrier: Option<TraceParent>) {
        let (outcome, what) = becomes(to, line.fallback().is_some());
        let text = format!("{who}: {what}");
        let (tenant, number) = (&line.tenant.id, &line.config.number);
        tracing::info!(%tenant, line = %number, "{text}");
        if let Err(error) = self.note_turned_away(line, text, outcome, carrier).await {
            tracing::error!(%tenant, line = %number, %error, "that calls were turned away could not be recorded");
        }
    }

    async fn note_turned_away(
        &self,
        line: &Line,
        text: String,
        outcome: Ending,
        carrier: Option<TraceParent>,
    ) -> Result<(), String> {
        let call = self.open_unanswered(line, "twilio", carrier).await?;
        end_unanswered(&call, text, CallEnded { outcome, ..CallEnded::default() }).await
    }

    /// Begins the record of a caller whom no agent has answered: without their number.
    pub(crate) async fn open_unanswered(
        &self,
        line: &Line,
        transport: &str,
        carrier: Option<TraceParent>,
    ) -> Result<CallJournal, String> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| "the system has no randomness".to_owned())?;
        let id = CallId::from_bytes(id);
        if let Some(telemetry) = &self.telemetry {
            telemetry.expect(id, carrier);
        }
        let started = CallStarted {
            line: line.config.number.to_string(),
            transport: transport.to_owned(),
            language: line.config.language.clone(),
            ..CallStarted::default()
        };
        let journal = &self.installation.storage.journal;
        let opened = journal.open_call(&line.tenant.id, id, started).await;
        opened.map_err(|error| error.to_string())
    }
}

/// Ends such a record, with what became of the caller.
pub(crate) async fn end_unanswered(call: &CallJournal, text: String, ended: CallEnded) -> Result<(), String> {
    call.append(RecordBody::Note(Note { text })).map_err(|error| error.to_string())?;
    call.close(ended).await.map_err(|error| error.to_string())
}

/// Tells, until the installation closes, of those whose hour is over.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => house.tell_counted(Some(Instant::now())).await,
            () = house.closing.cancelled() => return,
        }
    }
}

/// What becomes of a call that is turned away on a line with or without a fallback number: how it ends, and that in words.
pub(crate) fn becomes(to: Away, has_fallback: bool) -> (Ending, &'static str) {
    match (to, has_fallback) {
        (Away::Blocked(BlockedTo::Refuse), _) => (Ending::Refused, "the call was not answered"),
        (Away::Blocked(BlockedTo::Human) | Away::Full(_) | Away::Suspended, true) => {
            (Ending::Transferred, "the caller goes to the fallback number")
        }
        (Away::Blocked(BlockedTo::Human) | Away::Full(_) | Away::Suspended, false) => (
            Ending::Refused,
            "the line has no fallback number that is dialled, so that the caller hears its sentence and is let go",
        ),
    }
}

#[cfg(test)]
mod tests {
    use parloir_tenancy::config::TenantConfig;

    use super::*;

    fn lines() -> Vec<Arc<Line>> {
        lines_of("cabinet")
    }

    fn lines_of(tenant: &str) -> Vec<Arc<Line>> {
        let text = format!(
            "id = \"{tenant}\"\n\
            [[line]]\nnumber = \"+33199000001\"\nagent = \"agent.wasm\"\n\
            [[line]]\nnumber = \"+33199000002\"\nagent = \"agent.wasm\"\n"
        );
        let tenant: TenantConfig = toml::from_str(&text).unwrap();
        let house = parloir_tenancy::House::new(vec![tenant]).unwrap();
        let mut lines: Vec<_> = house.lines().cloned().collect();
        lines.sort_by_key(|line| line.config.number.clone());
        lines
    }

    #[test]
    fn nobody_was_handed_to_a_human_where_there_is_no_number_of_one() {
        assert_eq!(becomes(Away::Blocked(BlockedTo::Human), true).0, Ending::Transferred);
        let (outcome, words) = becomes(Away::Blocked(BlockedTo::Human), false);
        assert!(outcome == Ending::Refused && words.contains("no fallback number"), "{words}");
        for has_fallback in [true, false] {
            assert_eq!(becomes(Away::Blocked(BlockedTo::Refuse), has_fallback).0, Ending::Refused);
            assert_eq!(
                becomes(Away::Full(Full::House(1)), has_fallback).0 == Ending::Transferred,
                has_fallback
            );
            assert_eq!(becomes(Away::Suspended, has_fallback).0 == Ending::Transferred, has_fallback);
        }
    }

    #[test]
    fn of_a_number_that_is_anothers_within_the_hour_nobody_is_told_how_often_the_others_rang() {
        let (before, since) = (lines_of("cabinet"), lines_of("garage"));
        let (counts, begin) = (TurnedAway::default(), Instant::now());
        assert!(counts.rang(&before[0], Away::Suspended, begin));
        assert!(!counts.rang(&before[0], Away::Suspended, begin));
        assert!(
            counts.rang(&since[0], Away::Suspended, begin),
            "it is told at once, in the garage's own log"
        );
        assert!(
            !counts.rang(&since[0], Away::Suspended, begin)
                && !counts.rang(&since[0], Away::Suspended, begin)
        );
        let mut over: Vec<_> =
            counts.over(None).iter().map(|one| (one.line.tenant.id.to_string(), one.more)).collect();
        over.sort_unstable();
        assert_eq!(over, [("cabinet".to_owned(), 1), ("garage".to_owned(), 2)]);
    }

    #[test]
    fn of_a_tenant_that_leaves_nothing_is_told_later_and_of_the_others_when_it_would_have_been() {
        let (leaves, stays) = (lines_of("cabinet"), lines_of("garage"));
        let (counts, begin) = (TurnedAway::default(), Instant::now());
        for line in [&leaves[0], &leaves[0], &leaves[0], &leaves[1], &stays[0], &stays[0]] {
            counts.rang(line, Away::Suspended, begin);
        }
        let told = counts.of(&leaves[0].tenant.id);
        assert_eq!(told.iter().map(|counted| counted.more).collect::<Vec<_>>(), [2]);
        assert!(counts.of(&leaves[0].tenant.id).is_empty(), "it is told once");
        let over = counts.over(Some(begin + TOGETHER));
        let [one] = over.as_slice() else { panic!("{}", over.len()) };
        assert!(one.line.tenant.id == stays[0].tenant.id && one.more == 1);
    }

    #[test]
    fn however_often_a_blocked_number_rings_there_is_one_record_at_once_and_one_of_how_many() {
        let (lines, counts, begin) = (lines(), TurnedAway::default(), Instant::now());
        let told_at_once =
            (0..10_000).filter(|_| counts.rang(&lines[0], Away::Blocked(BlockedTo::Refuse), begin)).count();
        assert_eq!(told_at_once, 1);
        // Another line, and another end, are told of their own.
        assert!(counts.rang(&lines[1], Away::Blocked(BlockedTo::Refuse), begin));
        assert!(counts.rang(&lines[0], Away::Blocked(BlockedTo::Human), begin));
        assert!(counts.over(Some(begin + TOGETHER - LOOK)).is_empty());
        let over = counts.over(Some(begin + TOGETHER));
        assert_eq!(over.iter().map(|counted| counted.more).collect::<Vec<_>>(), [9_999]);
        assert!(Arc::ptr_eq(&over[0].line, &lines[0]) && over[0].to == Away::Blocked(BlockedTo::Refuse));
        // The hour is over for all, and the next call begins another; what it counted goes with the installation.
        assert!(counts.rang(&lines[1], Away::Blocked(BlockedTo::Refuse), begin));
        assert!(!counts.rang(&lines[1], Away::Blocked(BlockedTo::Refuse), begin));
        assert_eq!(counts.over(None).len(), 1);
        assert!(counts.over(None).is_empty());
    }
}
