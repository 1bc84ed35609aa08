//! A call without an end: what its journal says of it, up to the last record.

use jiff::ToSpan;
use parloir_contract::{HostCall, Import};
use parloir_journal::{Record, RecordBody, Seq};
use parloir_rehearsal::{CalendarScene, ConnectorScene, Past, Scene, office_hours};
use parloir_sandbox::Budget;
use parloir_tenancy::config::{LineConfig, RecordingPolicy};
use parloir_tenancy::permission::transfer_destination;
use parloir_tenancy::quota::Quota;

use crate::as_test::scene;
use crate::disguise::Disguise;
use crate::exact::budget;
use crate::recorded::{NotReplayable, Recorded, RecordedEnd, Step};

/// Why a call cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUnfinished {
    /// It cannot even be run again.
    #[error(transparent)]
    NotReplayable(#[from] NotReplayable),
    /// It came to its end, or its agent did.
    #[error("this call came to its end with record {seq}: name an earlier record to go on from")]
    Over {
        /// The record that ends it.
        seq: Seq,
    },
    /// The agent knew more than the journal does.
    #[error(
        "what the agent was told last was not kept, because the recording was paused: name a record before the pause to go on from"
    )]
    Withheld,
}

/// The record by which the agent was stopped at a request, whose answer it did not get: there it came to its end, whatever
/// the host wrote afterwards.
fn stopped(records: &[Record]) -> Option<Seq> {
    let stops =
        |record: &&Record| matches!(&record.body, RecordBody::HostCallEnded(ended) if !ended.delivered);
    records.iter().find(stops).map(|record| record.seq)
}

/// A call that was cut off, as its agent lived it.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// The call up to its last record. Its last request may have no answer.
    pub recorded: Recorded,
    /// The sequence number that its next record has.
    pub next: Seq,
    /// When it was answered, in nanoseconds since 1970-01-01 UTC.
    pub began: u64,
    /// When its last record was written, likewise.
    pub last: u64,
    /// Whether its line asks the caller first: what began the call was held back until there was an answer.
    pub asks: bool,
}

/// Whether the line of a call asks its caller whether to record. From its records as they were written, before anything that
/// was held back is put in its place.
fn asks(records: &[Record]) -> bool {
    matches!(records.first().map(|first| &first.body), Some(RecordBody::CallStarted(started)) if started.info.is_none())
}

impl Unfinished {
    /// A call from all its records, in order. The record by which a restart says that the call was cut off is none of
    /// the call's own, and is passed over.
    ///
    /// # Errors
    /// [`NotUnfinished`], where the call is over or something that its agent was told is not there. Of a call whose caller
    /// had not agreed yet to be recorded nothing is: it cannot go on.
    pub fn new(records: Vec<Record>) -> Result<Self, NotUnfinished> {
        let asks = asks(&records);
        Self::of(records, asks)
    }

    fn of(mut records: Vec<Record>, asks: bool) -> Result<Self, NotUnfinished> {
        if let Some(last) = records.last()
            && let RecordBody::CallInterrupted(_) = last.body
        {
            records.pop();
        }
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Err(NotReplayable::NoStart.into());
        };
        let stopped = stopped(&records);
        if last.body.ending().is_some() {
            return Err(NotUnfinished::Over { seq: stopped.unwrap_or(last.seq) });
        }
        let (began, next, last) = (first.at, last.seq.saturating_add(1), last.at);
        let recorded = Recorded::new(records)?;
        if recorded.end == RecordedEnd::Withheld {
            return Err(NotUnfinished::Withheld);
        }
        if let Some(seq) = stopped {
            return Err(NotUnfinished::Over { seq });
        }
        Ok(Self { recorded, next, began, last, asks })
    }

    /// A call as it stood at this record, whatever became of it afterwards. What was kept of it only once its caller had
    /// agreed counts as kept.
    ///
    /// # Errors
    /// [`NotUnfinished`], as of [`Unfinished::new`].
    pub fn up_to(mut records: Vec<Record>, seq: Seq) -> Result<Self, NotUnfinished> {
        let asks = asks(&records);
        Record::merge_held(&mut records);
        records.retain(|record| record.seq <= seq);
        Self::of(records, asks)
    }

    /// The requests that were answered: what a host must know that takes the call up.
    pub fn past(&self) -> Vec<Past> {
        let past = |step: &Step| {
            let (asked, answered) = (step.asked.clone(), step.answered.clone()?);
            Some(Past { asked, answered, until_ms: self.ms(step.answered_at.unwrap_or(step.at)) })
        };
        self.recorded.steps.iter().filter_map(past).collect()
    }

    /// The request that was started and not ended, if the call was cut off in the midst of one.
    pub fn open(&self) -> Option<Import> {
        self.recorded.steps.last().filter(|step| step.answered.is_none()).map(|step| step.import)
    }

    /// How far into the call its last record is, in milliseconds.
    pub fn elapsed_ms(&self) -> u64 {
        self.ms(self.last)
    }

    fn ms(&self, at: u64) -> u64 {
        at.saturating_sub(self.began) / 1_000_000
    }

    /// What the agent may take: the recorded call's memory, and far more CPU time than calls usually have. What it
    /// computed then it computes once more on its way to the last record, on a machine that may be slower, under a quota
    /// that is not known here: that must not make it fail.
    pub fn budget(&self) -> Budget {
        budget(&self.recorded)
    }

    /// Where its callers were handed over to, or, if what has no answer counts, were about to be.
    fn handed_over_to(&self, unanswered: bool) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for step in &self.recorded.steps {
            let Some(HostCall::Transfer(transfer)) = &step.asked else { continue };
            let allowed = step.answered.as_ref().map_or(unanswered, |answer| answer.refusal().is_none());
            // Whoever let it go there read the number so, however the agent wrote it.
            if allowed
                && let Ok(to) = transfer_destination(&transfer.to, None, &["+".to_owned()])
                && !all.contains(&to)
            {
                all.push(to);
            }
        }
        all
    }

    /// The world in which the rest of the call is rehearsed, on its line as its operator has it now: what the line grants,
    /// whom it hands callers over to, and its tenant's quota. Where callers were handed over to they may be again.
    pub fn scene_on(&self, line: &LineConfig, quota: &Quota) -> Scene {
        let mut scene = self.scene();
        scene.capabilities.clone_from(&line.capabilities);
        scene.fallback_number = line.fallback_number.as_ref().map(|number| number.as_str().to_owned());
        scene.transfer_to = self.handed_over_to(false);
        scene.transfer_to.extend(line.transfer_to.iter().cloned());
        let answered = std::mem::take(&mut scene.connectors);
        let granted = line.connectors.iter().map(|name| {
            let known = answered.iter().find(|known| known.name == *name).cloned();
            known.unwrap_or_else(|| ConnectorScene { name: name.clone(), answers: Vec::new() })
        });
        scene.connectors = granted.collect();
        scene.quota = quota.clone();
        scene
    }

    /// The world in which the rest of the call is rehearsed: all that its records tell of the real one, as the call found
    /// it. The free slots are those that it was shown, or a practice's usual hours where it was shown none; a model says
    /// nothing more. What its records do not tell is as in any rehearsal: the line grants all there is, and the quota is the
    /// usual one ([`Unfinished::scene_on`] has the line's own).
    pub fn scene(&self) -> Scene {
        let mut scene = scene(&self.recorded, &Disguise::none());
        scene.line.clone_from(&self.recorded.info.line);
        // The agent was told the minute; the call's clock went on from the second. Time zones are whole minutes from UTC.
        let second = i64::try_from(self.began / 1_000_000_000 % 60).unwrap_or(0);
        scene.now = scene.now.checked_add(second.seconds()).unwrap_or(scene.now);
        // What was kept without anybody being asked was kept because the line says so.
        scene.recording = if self.asks { RecordingPolicy::Ask } else { RecordingPolicy::Always };
        scene.transfer_to = self.handed_over_to(true);
        scene.calendar = Some(match scene.calendar {
            Some(seen) if seen.free.as_ref().is_some_and(|free| !free.is_empty()) => seen,
            Some(seen) => CalendarScene { appointments: seen.appointments, ..office_hours() },
            None => office_hours(),
        });
        scene
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::{
        CallInfo, Capability, ConnectorAnswer, ConnectorRequest, Direction, Heard, HostReturn, LocalTime,
        Method, Say, SayOptions, Transfer, Transferred,
    };
    use parloir_journal::{
        CallEnded, CallInterrupted, CallStarted, Content, ContentOf, HostCallEnded, HostCallStarted,
        HostStatus,
    };
    use parloir_rehearsal::line_config;
    use parloir_tenancy::calendar::to_local;

    use super::*;

    const BEGAN: u64 = 1_700_000_000_000_000_000;

    fn records(bodies: Vec<RecordBody>) -> Vec<Record> {
        let info = CallInfo {
            id: "4f1c".into(),
            direction: Direction::Inbound,
            line: "+33199005678".into(),
            caller: None,
            language: "fr-FR".into(),
            started_at: LocalTime { year: 2026, month: 1, day: 12, hour: 10, minute: 0 },
            settings: Vec::new(),
        };
        let started = CallStarted { info: Some(info), agent_memory: 1 << 20, ..CallStarted::default() };
        let bodies = std::iter::once(RecordBody::CallStarted(started)).chain(bodies);
        (0..).zip(bodies).map(|(seq, body)| Record { seq, at: BEGAN + seq * 2_000_000_000, body }).collect()
    }

    fn asked(call: HostCall) -> RecordBody {
        RecordBody::HostCallStarted(HostCallStarted { import: call.import(), arguments: Some(call) })
    }

    fn answered(started: Seq, result: Option<HostReturn>) -> RecordBody {
        let (status, latency_us, refused) = (HostStatus::Ok, 1, None);
        RecordBody::HostCallEnded(HostCallEnded {
            started,
            status,
            latency_us,
            delivered: true,
            result,
            refused,
        })
    }

    fn say() -> HostCall {
        HostCall::Say(Say { text: "Bonjour".into(), options: SayOptions::default() })
    }

    fn transfer() -> HostCall {
        HostCall::Transfer(Transfer { to: "+33 1 44.55-66 77".into(), announce: None })
    }

    #[test]
    fn a_call_that_a_restart_closed_goes_on_from_before_that() {
        let reason = "the program stopped during the call".to_owned();
        let call = Unfinished::new(records(vec![
            asked(HostCall::Elapsed),
            answered(1, Some(HostReturn::Elapsed(7))),
            asked(transfer()),
            RecordBody::CallInterrupted(CallInterrupted { reason }),
        ]))
        .unwrap();
        assert_eq!((call.next, call.elapsed_ms(), call.open()), (4, 6_000, Some(Import::Transfer)));
        let past = Past { asked: Some(HostCall::Elapsed), answered: HostReturn::Elapsed(7), until_ms: 4_000 };
        assert_eq!(call.past(), [past]);
        // Its memory, and more time than calls usually have.
        let (budget, usual) = (call.budget(), Budget::default());
        assert_eq!(budget.memory, 1 << 20);
        assert!(budget.turn_cpu > usual.turn_cpu && budget.call_cpu > usual.call_cpu, "{budget:?}");
        // The caller was being handed over there: that is allowed again.
        let scene = call.scene();
        assert_eq!(scene.transfer_to, ["+33144556677"]);
        assert_eq!(scene.recording, RecordingPolicy::Always);
        assert!(scene.calendar.is_some_and(|calendar| calendar.free.is_none()));
    }

    #[test]
    fn before_the_callers_consent_a_line_that_asks_asks_still() {
        let heard = Heard { text: "Bonjour".into(), whole: true, played: 900 };
        let bodies = vec![
            asked(say()),
            answered(1, Some(HostReturn::Say(Ok(heard)))),
            asked(HostCall::Consent(true)),
            answered(3, Some(HostReturn::Consent(Ok(())))),
        ];
        let always = records(bodies.clone());
        assert_eq!(Unfinished::up_to(always.clone(), 2).unwrap().scene().recording, RecordingPolicy::Always);
        assert_eq!(Unfinished::new(always).unwrap().scene().recording, RecordingPolicy::Always);

        // As a line that asks writes it: what was held back comes once there is consent.
        let mut asks = records(bodies);
        let RecordBody::CallStarted(started) = &mut asks[0].body else { panic!("it begins so") };
        let info = started.info.take().unwrap();
        let RecordBody::HostCallStarted(first) = &mut asks[1].body else { panic!("it speaks first") };
        let arguments = first.arguments.take().unwrap();
        let RecordBody::HostCallEnded(ended) = &mut asks[2].body else { panic!("it was heard") };
        let result = ended.result.take().unwrap();
        let held =
            [(0, Content::Info(info)), (1, Content::Arguments(arguments)), (2, Content::Result(result))];
        for (seq, (of, content)) in (5..).zip(held) {
            let body = RecordBody::Content(ContentOf { of, content: Some(content) });
            asks.push(Record { seq, at: BEGAN + seq * 2_000_000_000, body });
        }
        for up_to in [2, 4, 7] {
            let call = Unfinished::up_to(asks.clone(), up_to).unwrap();
            assert_eq!(call.past()[0].asked, Some(say()), "{up_to}");
            assert_eq!(call.scene().recording, RecordingPolicy::Ask, "{up_to}");
        }
        assert_eq!(Unfinished::new(asks).unwrap().scene().recording, RecordingPolicy::Ask);
    }

    #[test]
    fn on_its_own_line_it_may_do_what_that_line_lets_it() {
        let mut bodies =
            vec![asked(transfer()), answered(1, Some(HostReturn::Transfer(Ok(Transferred::Busy))))];
        let to = "+33612345678".to_owned();
        bodies.push(asked(HostCall::Transfer(Transfer { to, announce: None })));
        let call = Unfinished::new(records(bodies)).unwrap();
        let free = call.scene();
        assert_eq!(free.transfer_to, ["+33144556677", "+33612345678"]);
        assert_eq!(
            (free.capabilities.as_slice(), free.quota),
            (Capability::ALL.as_slice(), Quota::default())
        );

        let mut line = line_config(&Scene::default()).unwrap();
        line.capabilities = vec![Capability::Transfer];
        line.transfer_to = vec!["+339".into()];
        line.fallback_number = None;
        let quota = Quota { speech_characters: 7, ..Quota::default() };
        let scene = call.scene_on(&line, &quota);
        // Where it was handed over to was allowed; where it was about to be the line decides.
        assert_eq!(scene.transfer_to, ["+33144556677", "+339"]);
        assert_eq!((scene.capabilities, scene.fallback_number), (vec![Capability::Transfer], None));
        assert_eq!(scene.quota, quota);
    }

    #[test]
    fn a_connector_answers_as_it_did_where_its_line_still_grants_it() {
        let request = ConnectorRequest {
            connector: "crm".into(),
            method: Method::Get,
            path: "customers/42".into(),
            query: vec![("full".into(), "yes".into())],
            body: None,
        };
        let answer = ConnectorAnswer { status: 404, body: "{}".into() };
        let bodies = vec![
            asked(HostCall::SendRequest(request.clone())),
            answered(1, Some(HostReturn::SendRequest(Ok(answer)))),
        ];
        let call = Unfinished::new(records(bodies)).unwrap();
        let scene = call.scene();
        let [crm] = scene.connectors.as_slice() else { panic!("{:?}", scene.connectors) };
        let [staged] = crm.answers.as_slice() else { panic!("{crm:?}") };
        assert_eq!(
            (staged.method, &staged.path, staged.query.as_ref()),
            (request.method, &request.path, Some(&request.query))
        );
        assert_eq!((staged.status, staged.answer.as_str()), (404, "{}"));

        let mut line = line_config(&Scene::default()).unwrap();
        let answers = |line: &LineConfig| -> Vec<(String, usize)> {
            let scene = call.scene_on(line, &Quota::default());
            scene.connectors.into_iter().map(|known| (known.name, known.answers.len())).collect()
        };
        line.connectors = vec!["erp".into()];
        assert_eq!(answers(&line), [("erp".to_owned(), 0)]);
        line.connectors.push("crm".into());
        assert_eq!(answers(&line), [("erp".to_owned(), 0), ("crm".to_owned(), 1)]);
    }

    #[test]
    fn the_clock_goes_on_from_the_second_at_which_the_call_was_answered() {
        let minute = |minute| LocalTime { year: 2026, month: 1, day: 12, hour: 10, minute };
        let mut records = records(vec![asked(HostCall::Now), answered(1, Some(HostReturn::Now(minute(1))))]);
        // Answered fifty seconds into a minute; what was asked fifteen seconds later is told the next one.
        let began = BEGAN - BEGAN % 60_000_000_000 + 50_000_000_000;
        for record in &mut records {
            record.at = began + record.seq * 7_500_000_000;
        }
        let call = Unfinished::new(records).unwrap();
        let after = |ms: i64| to_local(call.scene().now.checked_add(ms.milliseconds()).unwrap());
        assert_eq!((after(0), after(9_999)), (minute(0), minute(0)));
        let told = call.past();
        assert_eq!(told[0].answered, HostReturn::Now(after(told[0].until_ms.try_into().unwrap())));
        assert_eq!((after(10_000), after(69_999), after(70_000)), (minute(1), minute(1), minute(2)));
    }

    #[test]
    fn what_cannot_go_on_says_why() {
        assert_eq!(Unfinished::new(Vec::new()), Err(NotReplayable::NoStart.into()));
        let ended = records(vec![asked(say()), RecordBody::CallEnded(CallEnded::default())]);
        assert_eq!(Unfinished::new(ended.clone()), Err(NotUnfinished::Over { seq: 2 }));
        assert_eq!(Unfinished::up_to(ended, 1).unwrap().open(), Some(Import::Say));
        // Its agent was stopped while it waited: what it asked is not asked once more.
        let never_told = HostCallEnded {
            started: 1,
            status: HostStatus::Cancelled,
            latency_us: 1,
            delivered: false,
            result: None,
            refused: None,
        };
        let stopped = records(vec![asked(say()), RecordBody::HostCallEnded(never_told)]);
        assert_eq!(Unfinished::new(stopped.clone()), Err(NotUnfinished::Over { seq: 2 }));
        assert_eq!(Unfinished::up_to(stopped, 1).unwrap().open(), Some(Import::Say));
        let paused = records(vec![asked(say()), answered(1, None)]);
        assert_eq!(Unfinished::new(paused), Err(NotUnfinished::Withheld));
        let mut unkept = records(Vec::new());
        let RecordBody::CallStarted(started) = &mut unkept[0].body else { panic!("it begins so") };
        started.info = None;
        assert_eq!(Unfinished::new(unkept), Err(NotReplayable::NoContent { seq: 0 }.into()));
    }
}
