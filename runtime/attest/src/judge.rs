//! Whether an attack went as it must: by what the journal holds of its call, and by what its caller went through.

use std::collections::BTreeSet;

use parloir_contract::{HostReturn, Refusal, Turn};
use parloir_journal::{
    Ending, Failure, FailureKind, HostStatus, ProviderRole, ProviderStatus, Record, RecordBody, Seq,
};
use parloir_transport::webhook::DialStatus;

use crate::agent::{Attack, Ends};
use crate::rebinding::leads_home_first;
use crate::ring::Rung;
use crate::rooms::{FALLBACK, SECRETS, SERVICES};
use crate::service::CREDENTIAL;
use crate::trial::short;

/// How often an agent may have somebody's telephone ring.
const TRANSFERS: usize = 10;
/// Why nothing is sent where no request may go, in the words of the refusal.
const NOWHERE: &str = "leads where nothing may be sent";
/// Refusals of one call that are told.
const TOLD: usize = 4;

/// What the neighbour's caller went through: how many of the three questions were heard whole and answered, and how long
/// the slowest answer took, in milliseconds.
pub(crate) fn neighbours_call(records: &[Record]) -> (usize, u32) {
    let answered = records.iter().filter(|record| {
        let RecordBody::HostCallEnded(ended) = &record.body else { return false };
        matches!(&ended.result, Some(HostReturn::Ask(Ok((heard, Turn::Speech(_))))) if heard.whole)
    });
    let slowest = records.iter().filter_map(|record| {
        let RecordBody::TurnMeasured(turn) = &record.body else { return None };
        turn.reply_ms
    });
    (answered.count(), slowest.max().unwrap_or_default())
}

/// The failures that a call's journal holds.
fn failures(records: &[Record]) -> Vec<&Failure> {
    let failures = records.iter().filter_map(|record| {
        let RecordBody::Failure(failure) = &record.body else { return None };
        Some(failure)
    });
    failures.collect()
}

/// How the calls of an import were answered.
fn statuses(records: &[Record], import: &str) -> Vec<HostStatus> {
    answered(records).into_iter().filter(|(name, _)| *name == import).map(|(_, status)| status).collect()
}

/// Every host call that was answered, by its name, and how.
fn answered(records: &[Record]) -> Vec<(&'static str, HostStatus)> {
    let asked: Vec<(Seq, &'static str)> = records
        .iter()
        .filter_map(|record| {
            let RecordBody::HostCallStarted(started) = &record.body else { return None };
            Some((record.seq, started.import.name()))
        })
        .collect();
    let answer = |record: &Record| {
        let RecordBody::HostCallEnded(ended) = &record.body else { return None };
        let place = asked.binary_search_by_key(&ended.started, |(seq, _)| *seq).ok()?;
        asked.get(place).map(|(_, name)| (*name, ended.status))
    };
    records.iter().filter_map(answer).collect()
}

/// What a status is called where attacks are written; none of those that refuse nothing.
fn refused_as(status: HostStatus) -> Option<&'static str> {
    match status {
        HostStatus::NotPermitted => Some("not-permitted"),
        HostStatus::OverQuota => Some("over-quota"),
        HostStatus::Unavailable => Some("unavailable"),
        HostStatus::Invalid => Some("invalid"),
        HostStatus::Ok | HostStatus::Failed | HostStatus::Cancelled => None,
    }
}

/// The refusals that the journal holds, each kind once.
pub(crate) fn denied(records: &[Record]) -> Vec<String> {
    let kinds: BTreeSet<(&str, &str)> = answered(records)
        .into_iter()
        .filter_map(|(name, status)| refused_as(status).map(|status| (name, status)))
        .collect();
    kinds.into_iter().take(TOLD).map(|(name, status)| format!("{name} {status}")).collect()
}

/// The first host call that was refused and of which the journal does not say why, or says it with what the agent asked.
fn unexplained(records: &[Record]) -> Option<String> {
    records.iter().find_map(|record| {
        let RecordBody::HostCallEnded(ended) = &record.body else { return None };
        let status = refused_as(ended.status)?;
        match ended.refused.as_deref() {
            None | Some("") => {
                Some(format!("record {} is refused as {status}, and no reason is kept", record.seq))
            }
            Some(why) if Refusal::Invalid(why.to_owned()).reason() != why => {
                Some(format!("record {} keeps what was asked in its reason: {}", record.seq, short(why)))
            }
            Some(_) => None,
        }
    })
}

/// Whether the journal holds what was asked and answered.
fn keeps_content(records: &[Record]) -> bool {
    records.iter().any(|record| {
        matches!(&record.body, RecordBody::HostCallStarted(started) if started.arguments.is_some())
            || matches!(&record.body, RecordBody::HostCallEnded(ended) if ended.result.is_some())
    })
}

/// How the call ended, in a line.
pub(crate) fn happened(records: &[Record]) -> String {
    let ending = records.iter().rev().find_map(|record| record.body.ending());
    match failures(records).first() {
        Some(failure) => short(&failure.reason),
        None => match ending {
            Some(Ending::Done) => "came to its end with nothing".to_owned(),
            Some(other) => format!("ended as {other:?}"),
            None => "did not end".to_owned(),
        },
    }
}

/// Whether what an agent got holds something of the neighbour's. What it sent is its own guess.
fn leaked(records: &[Record]) -> bool {
    let got = |body: &RecordBody| {
        matches!(
            body,
            RecordBody::HostCallEnded(_)
                | RecordBody::CallStarted(_)
                | RecordBody::Failure(_)
                | RecordBody::CallEnded(_)
        )
    };
    records.iter().filter(|record| got(&record.body)).any(|record| {
        // What cannot be looked through is not taken for innocent.
        let Ok(bytes) = rmp_serde::to_vec(&record.body) else { return true };
        bytes.windows(SECRETS.len()).any(|window| window == SECRETS.as_bytes())
    })
}

/// Whether anything of a call holds what services know its tenant by: the host alone has it.
fn told_the_credential(records: &[Record]) -> bool {
    records.iter().any(|record| {
        // What cannot be looked through is not taken for innocent.
        let Ok(bytes) = rmp_serde::to_vec(&record.body) else { return true };
        bytes.windows(CREDENTIAL.len()).any(|window| window == CREDENTIAL.as_bytes())
    })
}

/// Whether a request left for a host other than that of its tenant's services: whatever came of it, the client did not refuse it. For
/// a name that leads there first one may.
fn sent_elsewhere(records: &[Record]) -> bool {
    let services = SERVICES.to_string();
    let mut led_home = BTreeSet::new();
    let mut elsewhere = sent(records).into_iter().filter(|host| *host != services);
    elsewhere.any(|host| !(leads_home_first(host) && led_home.insert(host)))
}

/// The hosts that requests left for.
fn sent(records: &[Record]) -> Vec<&str> {
    let all = records.iter().filter_map(|record| {
        let RecordBody::ProviderStarted(started) = &record.body else { return None };
        (started.role == ProviderRole::Connector).then_some((record.seq, started.provider.as_str()))
    });
    let refused = |seq: Seq| {
        records.iter().any(|record| {
            let RecordBody::ProviderEnded(ended) = &record.body else { return false };
            ended.started == seq && ended.status == ProviderStatus::Refused
        })
    };
    all.filter(|(seq, _)| !refused(*seq)).map(|(_, host)| host).collect()
}

/// What is wrong with the call of an attack all of whose connectors lead where no request may go: something left, or was refused
/// for something else than where it goes.
fn reached_inside(records: &[Record]) -> Option<String> {
    if !sent(records).is_empty() {
        return Some("a request was sent where none may go".to_owned());
    }
    let requests = records.iter().filter_map(|record| {
        let RecordBody::HostCallStarted(started) = &record.body else { return None };
        (started.import.name() == "connectors.send").then_some(record.seq)
    });
    let requests: BTreeSet<Seq> = requests.collect();
    if requests.is_empty() {
        return Some("asked for nothing".to_owned());
    }
    records.iter().find_map(|record| {
        let RecordBody::HostCallEnded(ended) = &record.body else { return None };
        let why = ended.refused.as_deref().unwrap_or_default();
        let otherwise = requests.contains(&ended.started) && !why.contains(NOWHERE);
        otherwise.then(|| format!("record {} is not refused for where it goes: {}", record.seq, short(why)))
    })
}

/// What is wrong with how an attack went.
pub(crate) fn judged(attack: &Attack, rung: &Rung, records: &[Record]) -> Result<(), String> {
    let failures = failures(records);
    let told = || failures.iter().map(|failure| format!("{failure:?}")).collect::<Vec<_>>().join("; ");
    let ending = records.iter().rev().find_map(|record| record.body.ending());
    let failed = |kind: FailureKind, words: &[String]| {
        let [failure] = failures.as_slice() else { return Err(format!("failures: {}", told())) };
        let detail = failure.detail.as_deref().unwrap_or_default();
        let said = format!("{} {detail}", failure.reason).to_lowercase();
        if failure.kind == kind && words.iter().any(|word| said.contains(word)) {
            return Ok(());
        }
        Err(format!("failed otherwise: {}", told()))
    };
    match &attack.ends {
        Ends::Done if failures.is_empty() && ending == Some(Ending::Done) => {}
        Ends::Done => return Err(format!("ended as {ending:?}: {}", told())),
        Ends::Failed(words) | Ends::Trap(words) => failed(FailureKind::AgentTrap, words)?,
        Ends::Stack => failed(FailureKind::AgentTrap, &["stack".to_owned()])?,
        Ends::Budget(words) => failed(FailureKind::AgentBudget, words)?,
        Ends::Memory => failed(FailureKind::AgentMemory, &[String::new()])?,
        Ends::Unloadable(_) => return Err("was answered by".to_owned()),
    }
    if sent_elsewhere(records) {
        return Err("a request was sent where none may go".to_owned());
    }
    if let Some(problem) = attack.inside.and_then(|_| reached_inside(records)) {
        return Err(problem);
    }
    if let Some(refused) = &attack.refused {
        let statuses = statuses(records, &refused.import);
        let wanted = |status: &HostStatus| {
            refused_as(*status).is_some_and(|name| refused.statuses.iter().any(|wanted| wanted == name))
        };
        if !statuses.iter().any(wanted) {
            return Err(format!("{} was answered with {statuses:?}", refused.import));
        }
    }
    if let Some(unexplained) = unexplained(records) {
        return Err(unexplained);
    }
    if attack.unkept && keeps_content(records) {
        return Err("what it asked is kept, on a line that keeps nothing".to_owned());
    }
    if leaked(records) {
        return Err("got something of the neighbour's".to_owned());
    }
    if told_the_credential(records) {
        return Err("was told what its services know it by".to_owned());
    }
    let transfers = &rung.report.transfers;
    if attack.busy {
        let all = transfers.len();
        let own = transfers.iter().all(|(number, _)| number == FALLBACK);
        return if own && all <= TRANSFERS { Ok(()) } else { Err(format!("handed over {all} times")) };
    }
    if attack.ends == Ends::Done || !attack.heard {
        return match transfers.as_slice() {
            [] => Ok(()),
            some => Err(format!("its caller was handed over: {some:?}")),
        };
    }
    // It failed with a caller on the line.
    if rung.spoken == 0 {
        return Err("its caller heard nothing".to_owned());
    }
    match transfers.as_slice() {
        [(number, DialStatus::Completed)] if number == FALLBACK => Ok(()),
        other => Err(format!("its caller was not handed to the fallback number alone: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use parloir_journal::{HostCallEnded, ProviderEnded, ProviderStarted, ProviderUsage};

    use super::*;

    /// A request of a connector, and how it went.
    fn request(to: &str, went: Option<ProviderStatus>) -> Vec<Record> {
        let started = ProviderStarted {
            attempt: 1,
            role: ProviderRole::Connector,
            provider: to.to_owned(),
            model: "private".to_owned(),
            region: String::new(),
            bytes_sent: 20,
            characters_sent: 0,
            purpose: Some(3),
        };
        let ended = went.map(|status| ProviderEnded {
            started: 4,
            status,
            code: 0,
            latency_ms: 1,
            first_ms: None,
            bytes_sent: 0,
            bytes_received: 0,
            usage: ProviderUsage::default(),
        });
        let bodies = [Some(RecordBody::ProviderStarted(started)), ended.map(RecordBody::ProviderEnded)];
        (4..).zip(bodies.into_iter().flatten()).map(|(seq, body)| Record { seq, at: seq, body }).collect()
    }

    #[test]
    fn what_leaves_for_another_host_is_an_escape_though_nobody_answers_there() {
        for went in [ProviderStatus::Ok, ProviderStatus::TimedOut, ProviderStatus::Unreachable] {
            assert!(!sent_elsewhere(&request("127.0.0.1", Some(went))), "{went:?}");
            assert!(sent_elsewhere(&request("127.0.0.2", Some(went))), "{went:?}");
            assert!(sent_elsewhere(&request("169.254.169.254", Some(went))), "{went:?}");
        }
        assert!(!sent_elsewhere(&request("127.0.0.2", Some(ProviderStatus::Refused))));
        assert!(sent_elsewhere(&request("127.0.0.2", None)), "how it went is not known");
    }

    #[test]
    fn for_a_name_that_leads_home_first_one_request_leaves_and_no_more() {
        let asked = |name: &str, went: &[ProviderStatus]| {
            let all = went.iter().zip(0_u64..).flat_map(|(went, place)| {
                let mut both = request(name, Some(*went));
                for record in &mut both {
                    record.seq += place * 10;
                    if let RecordBody::ProviderEnded(ended) = &mut record.body {
                        ended.started += place * 10;
                    }
                }
                both
            });
            sent_elsewhere(&all.collect::<Vec<_>>())
        };
        let (ok, refused) = (ProviderStatus::Ok, ProviderStatus::Refused);
        assert!(!asked("then-private.invalid", &[ok, refused]));
        assert!(asked("then-private.invalid", &[ok, ProviderStatus::Unreachable]));
        assert!(asked("then-private.invalid", &[ok, ok]));
        assert!(!asked("beside-private.invalid", &[refused]));
        assert!(asked("beside-private.invalid", &[ok]));
    }

    #[test]
    fn of_what_leads_inside_alone_no_host_is_ones_own() {
        for host in ["127.0.0.1", "[::1]"] {
            let problem = reached_inside(&request(host, Some(ProviderStatus::Unreachable)));
            assert!(problem.is_some_and(|why| why.contains("was sent")), "{host}");
        }
        let nothing_asked = reached_inside(&request("127.0.0.1", Some(ProviderStatus::Refused)));
        assert_eq!(nothing_asked.as_deref(), Some("asked for nothing"));
    }

    #[test]
    fn a_refusal_without_its_reason_is_found_and_so_is_a_reason_that_quotes() {
        let ended = |status, refused: Option<&str>| {
            let refused = refused.map(str::to_owned);
            let body =
                HostCallEnded { started: 1, status, latency_us: 1, delivered: true, result: None, refused };
            [Record { seq: 2, at: 2, body: RecordBody::HostCallEnded(body) }]
        };
        assert_eq!(unexplained(&ended(HostStatus::Ok, None)), None);
        assert_eq!(unexplained(&ended(HostStatus::Cancelled, None)), None);
        assert_eq!(unexplained(&ended(HostStatus::Invalid, Some("there is no document \"…\""))), None);
        for lost in [None, Some(""), Some("there is no document \"secret.txt\"")] {
            assert!(unexplained(&ended(HostStatus::NotPermitted, lost)).is_some(), "{lost:?}");
        }
    }
}
