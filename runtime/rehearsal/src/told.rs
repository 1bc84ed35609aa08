//! A call that took place in a rehearsal, as a conversation file has it: its course, and what it left.

use parloir_contract::{Appointment, Outcome};
use parloir_tenancy::calendar::from_local;

use crate::check::Ended;
use crate::file::{AppointmentRule, Consent, Conversation, Expect, OutcomeRule, Scene};
use crate::place::{Located, Place};
use crate::rehearse::Left;
use crate::script::recorded;

impl Conversation {
    /// The conversation that would go as this call went.
    pub fn told(name: &str, scene: Scene, left: &Left) -> Self {
        let at = Place { file: "talk".into(), line: 1, column: 1 };
        let outcome = match &left.ended {
            Ended::Agent(Outcome::Done) => OutcomeRule::Done,
            Ended::Agent(Outcome::Transferred) => OutcomeRule::Transferred,
            Ended::Agent(Outcome::CallBack) => OutcomeRule::CallBack,
            Ended::Agent(Outcome::Abandoned) => OutcomeRule::Abandoned,
            Ended::Agent(Outcome::Failed(_)) | Ended::Stopped(_) => OutcomeRule::Failed(None),
        };
        let start = |made: &Appointment| from_local(made.slot.start).unwrap_or_default();
        let rule = |made| AppointmentRule {
            start: start(made),
            name: None,
            phone: None,
            motive: None,
            at: at.clone(),
        };
        let consent = match left.consent {
            Some(true) => Consent::Given,
            Some(false) => Consent::Refused,
            None => Consent::Unasked,
        };
        let all = &left.appointments;
        let moved = all.moved.iter().map(|(from, to)| (*from, start(to))).collect();
        let expect = Expect {
            outcome: Some(Located { value: outcome, at: at.clone() }),
            consent: Some(Located { value: consent, at: at.clone() }),
            booked: Some(Located { value: all.booked.iter().map(rule).collect(), at: at.clone() }),
            moved: Some(Located { value: moved, at: at.clone() }),
            cancelled: Some(Located { value: all.cancelled.iter().map(start).collect(), at: at.clone() }),
            transferred_to: Some(Located { value: left.transferred_to.clone(), at: at.clone() }),
            ..Expect::default()
        };
        let steps = recorded(&left.events, &at);
        Self { name: name.to_owned(), at, scene, steps, expect }
    }
}
