//! A call on a stage whose agent somebody else runs, and which may be lost and taken up again.
//!
//! A host remembers of a call what its journal says; the tenant's storage remembers the rest. So a stage can be set in the
//! midst of a call: the storage as it was left, and the requests that were answered before. From there on it answers
//! as the stage would have that was lost.
//!
//! One thing at a time: while a request is being answered, also one that waits for the caller, [`Staged::now_ms`] and
//! [`Staged::hung_up`] wait. A hang-up in the midst of a caller's turn is told after that turn: on a stage a caller hangs up
//! in their turn ([`crate::Act::HangsUp`]), and [`Staged::hung_up`] is for one who left between two requests. It is no line's.

use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::{CallInfo, Capability, HostCall, HostReturn, Outcome, Refusal};
use parloir_sandbox::{Door, DoorClosed, Failure};
use parloir_tenancy::permission::permit_call;
use parloir_tenancy::quota::Used;
use tower::{Service, ServiceExt};

use crate::caller::Caller;
use crate::check::Ended;
use crate::door::Before;
use crate::file::Scene;
use crate::rehearse::{Left, Set, line};
use crate::stage::{Past, Stage};
use crate::world::{NoWorld, World, no_world};

/// What a tenant has stored: it outlives the host.
pub struct Storage(World);

/// A call on a stage.
pub struct Staged<C> {
    set: Set<C>,
    door: tokio::sync::Mutex<Door>,
    /// What of the call's quota is used, which the door charges.
    used: Arc<Mutex<Used>>,
}

impl<C: Caller> Staged<C> {
    /// A call that begins. `declared` is what the agent says it needs.
    ///
    /// # Errors
    /// [`NoWorld`] when the scene's world cannot be made.
    pub async fn begin(scene: &Scene, declared: &[Capability], caller: C) -> Result<Self, NoWorld> {
        Self::take_up(scene, declared, caller, None, &[], 0).await
    }

    /// A call that another host had: `past` are the requests that it answered, in order, and `now_ms` is when it was last
    /// heard of, in milliseconds since the call was answered. Without the storage that it left, one is made that is as
    /// its answers say.
    ///
    /// # Errors
    /// [`NoWorld`] when the scene's world cannot be made.
    pub async fn take_up(
        scene: &Scene,
        declared: &[Capability],
        caller: C,
        storage: Option<Storage>,
        past: &[Past],
        now_ms: u64,
    ) -> Result<Self, NoWorld> {
        let line = line(scene)?;
        let world = match storage {
            Some(Storage(world)) => world,
            None => {
                let mut world = World::new(scene, &line).await?;
                for one in past {
                    world.was(one).await.map_err(no_world)?;
                }
                world
            }
        };
        let declared: Arc<[Capability]> = declared.into();
        let mut stage = Stage::new(Arc::new(scene.clone()), line, declared.clone(), world, caller);
        let mut used = Used::default();
        for one in past {
            stage.was(one, &mut used);
        }
        stage.clock.set(stage.clock.ms().max(now_ms));
        let asked = u32::try_from(past.len()).unwrap_or(u32::MAX);
        let used = Arc::new(Mutex::new(used));
        let (set, door) = Set::of(stage, scene, declared, Before { asked, used: used.clone() });
        Ok(Self { set, door: tokio::sync::Mutex::new(door), used })
    }

    /// What the agent is told at the beginning.
    pub const fn info(&self) -> &CallInfo {
        self.set.info()
    }

    /// The clock: milliseconds since the call was answered. Waits for a request that is being answered.
    pub async fn now_ms(&self) -> u64 {
        self.set.stage().lock().await.clock.ms()
    }

    /// Why a request is refused that is asked next, also where its answer has no way to say so. Waits for a request that is being
    /// answered.
    pub async fn refuses(&self, call: &HostCall) -> Option<Refusal> {
        let stage = self.set.stage().lock().await;
        let permitted = permit_call(call, &stage.declared, &stage.line.config);
        // What would be charged: it is charged when it is asked.
        let mut used = *self.used.lock();
        permitted.and_then(|()| used.charge(call, &stage.line.tenant.quota)).err()
    }

    /// Answers a request of the agent, through the same layers as in any rehearsal.
    ///
    /// # Errors
    /// [`DoorClosed`] when the rehearsal ends here.
    pub async fn ask(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        let mut door = self.door.lock().await;
        door.ready().await?.call(call).await
    }

    /// The same for one that was asked of a host which was lost before anybody knew of its answer. What is durable is not
    /// done twice; what was only said or heard is said and heard again.
    ///
    /// # Errors
    /// [`DoorClosed`] when the rehearsal ends here.
    pub async fn ask_again(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        self.set.stage().lock().await.unsettled = true;
        let answer = self.ask(call).await;
        self.set.stage().lock().await.unsettled = false;
        answer
    }

    /// The caller has hung up, which a host learns from the line and not from the journal of another. Waits for a request
    /// that is being answered.
    pub async fn hung_up(&self) {
        self.set.stage().lock().await.gone();
    }

    /// The host is lost, and with it all that it alone remembers.
    ///
    /// # Errors
    /// [`NoWorld`] while a request is being answered.
    pub fn lose(self) -> Result<Storage, NoWorld> {
        drop(self.door);
        Ok(Storage(self.set.struck()?.world))
    }

    /// The agent's part is over, in its own judgement or not: what the call left, and its caller.
    ///
    /// # Errors
    /// [`NoWorld`] while a request is being answered.
    pub async fn leave(self, ended: Result<Outcome, Failure>) -> Result<(Left, C), NoWorld> {
        drop(self.door);
        let ended = match ended {
            Ok(outcome) => Ended::Agent(outcome),
            Err(failure) => self.set.stopped(&failure).await,
        };
        let played = self.set.settle(ended)?;
        Ok((played.left, played.caller))
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::{
        Book, Booked, CompareAndSet, ConnectorRequest, Contact, Field, Heard, ListenOptions, Method, Move,
        Refusal, Say, SayOptions, SetMemory, Transfer, Transferred, Turn, Wanted,
    };

    use super::*;
    use crate::file::{Conversation, read};
    use crate::script::Script;

    const FILE: &str = "conversation: a test
now: 2026-11-21 18:00
calendar:
  free: [2026-11-24 09:00, 2026-11-24 10:00]
  appointments: [{at: 2026-11-25 09:00, name: Anne, phone: '+33612345678', reference: ABCDEF}]
failures: {calendar.book 2nd: taken}
steps:
  - caller: Oui
  - caller: Non
";

    fn conversation() -> Conversation {
        read("t.yaml".as_ref(), FILE.as_bytes()).unwrap_or_else(|bad| panic!("{bad}")).remove(0)
    }

    async fn begin(conversation: &Conversation) -> Staged<Script> {
        let script = Script::new(conversation);
        Staged::begin(&conversation.scene, &Capability::ALL, script).await.unwrap()
    }

    fn book(name: &str, slot: &str) -> HostCall {
        let contact = Contact { name: name.into(), phone: None };
        HostCall::Book(Book { slot: slot.into(), contact, motive: "contrôle".into() })
    }

    fn say() -> HostCall {
        HostCall::Say(Say { text: "Un instant.".into(), options: SayOptions::default() })
    }

    fn every_durable_kind() -> Vec<HostCall> {
        let set = |value: &[u8]| SetMemory { key: "who".into(), value: value.into() };
        let cas = CompareAndSet { key: "turn".into(), expected: None, value: b"1".to_vec() };
        let to = Move { reference: "ABCDEF".into(), slot: "2026-11-24T10:00".into() };
        vec![
            // Without it nothing of the report is filed.
            HostCall::Consent(true),
            book("Paul", "2026-11-24T09:00"),
            HostCall::FindAppointments("+33612345678".into()),
            HostCall::MoveAppointment(to),
            HostCall::CancelAppointment("ABCDEF".into()),
            HostCall::SetMemory(set(b"paul")),
            HostCall::CompareAndSet(cas),
            HostCall::DeleteMemory("who".into()),
            HostCall::SetReport(Field::Need("contrôle".into())),
        ]
    }

    /// Takes a call up: the requests so far, all of them answered at this moment.
    async fn take_up(
        conversation: &Conversation,
        storage: Storage,
        past: &[Past],
        now_ms: u64,
    ) -> Staged<Script> {
        let script = Script::new(conversation);
        let declared = &Capability::ALL;
        Staged::take_up(&conversation.scene, declared, script, Some(storage), past, now_ms).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_durable_is_done_once_wherever_the_host_is_lost() {
        let conversation = conversation();
        let calls = every_durable_kind();
        let mut past: Vec<Past> = Vec::new();
        for lost_at in 0..calls.len() {
            for done in [false, true] {
                // A host that does what was asked so far, and is lost before or after the next.
                let host = begin(&conversation).await;
                past.clear();
                for asked in &calls[..lost_at] {
                    let answered = host.ask(asked.clone()).await.unwrap();
                    past.push(Past { asked: Some(asked.clone()), answered, until_ms: 0 });
                }
                let open = &calls[lost_at];
                if done {
                    host.ask(open.clone()).await.unwrap();
                }
                let host = take_up(&conversation, host.lose().unwrap(), &past, 0).await;
                let settled = host.ask_again(open.clone()).await.unwrap();
                // What one that is not lost answers.
                let other = begin(&conversation).await;
                for asked in &calls[..lost_at] {
                    other.ask(asked.clone()).await.unwrap();
                }
                assert_eq!(settled, other.ask(open.clone()).await.unwrap(), "{open:?}, done: {done}");
                for asked in &calls[lost_at + 1..] {
                    let (here, there) = (host.ask(asked.clone()).await, other.ask(asked.clone()).await);
                    assert_eq!(here, there, "{asked:?} after {open:?}, done: {done}");
                }
                let (here, _) = host.leave(Ok(Outcome::Done)).await.unwrap();
                let (there, _) = other.leave(Ok(Outcome::Done)).await.unwrap();
                assert_eq!(here.appointments.booked, there.appointments.booked);
                assert_eq!(here.appointments.cancelled, there.appointments.cancelled);
                assert_eq!(here.appointments.moved, there.appointments.moved);
                assert_eq!(here.report, [Field::Need("contrôle".into())], "{open:?}, done: {done}");
                assert_eq!((here.report, here.lasted_ms), (there.report, there.lasted_ms));
                assert_eq!((here.consent, there.consent), (Some(true), Some(true)));
            }
        }
    }

    #[tokio::test]
    async fn connectors_answer_as_the_file_says_and_what_was_given_is_remembered() {
        let file = "conversation: a\nsteps: [hangs_up]\nconnectors:\n  crm:\n    \
                    - {get: visits, answer: 1}\n    - {get: visits, answer: 2}\n    \
                    - {post: notes, query: {a: b}, sent: rappel, status: 201}\n";
        let conversation = crate::read("a.yaml".as_ref(), file.as_bytes()).unwrap().remove(0);
        let host = begin(&conversation).await;
        let send = |connector: &str, method: Method, path: &str, body: Option<&str>| {
            HostCall::SendRequest(ConnectorRequest {
                connector: connector.into(),
                method,
                path: path.into(),
                query: if method == Method::Post { vec![("a".into(), "b".into())] } else { Vec::new() },
                body: body.map(str::to_owned),
            })
        };
        let answered = |answer: Result<HostReturn, DoorClosed>| match answer.unwrap() {
            HostReturn::SendRequest(answer) => {
                answer.map(|answer| (answer.status, answer.body)).map_err(|refusal| refusal.to_string())
            }
            other => panic!("{other:?}"),
        };
        let visits = || send("crm", Method::Get, "visits", None);
        assert_eq!(
            host.ask(HostCall::ListConnectors).await,
            Ok(HostReturn::ListConnectors(vec!["crm".into()]))
        );
        let first = host.ask(visits()).await.unwrap();
        assert_eq!(answered(Ok(first.clone())), Ok((200, "1".into())));
        for _ in 0..2 {
            assert_eq!(answered(host.ask(visits()).await), Ok((200, "2".into())));
        }
        let noted = host.ask(send("crm", Method::Post, "notes", Some("\"Un rappel\""))).await;
        assert_eq!(answered(noted), Ok((201, String::new())));
        let refused = [
            (send("crm", Method::Post, "notes", Some("\"Autre\"")), "unavailable"),
            (send("crm", Method::Post, "notes", Some("rappel")), "invalid"),
            (send("crm", Method::Get, "../visits", None), "invalid"),
            (send("erp", Method::Get, "visits", None), "not permitted"),
        ];
        for (request, how) in refused {
            let refusal = answered(host.ask(request).await).unwrap_err();
            assert!(refusal.starts_with(how), "{refusal}");
        }
        // A host that takes the call up after the first answer gives the second.
        let past = [Past { asked: Some(visits()), answered: first, until_ms: 0 }];
        let host = take_up(&conversation, begin(&conversation).await.lose().unwrap(), &past, 0).await;
        assert_eq!(answered(host.ask(visits()).await), Ok((200, "2".into())));
    }

    #[tokio::test]
    async fn what_a_host_remembers_of_a_call_is_as_the_journal_says() {
        let conversation = conversation();
        let began = [
            HostCall::Consent(true),
            HostCall::SetReport(Field::Need("contrôle".into())),
            HostCall::RandomBytes(12),
            say(),
            book("Paul", "2026-11-24T09:00"),
            HostCall::PauseRecording,
        ];
        let goes_on = [
            HostCall::RandomBytes(8),
            HostCall::Elapsed,
            // The second booking fails, as the file has it.
            book("Paul", "2026-11-24T10:00"),
            HostCall::FreeSlots(Wanted { limit: 2, ..Wanted::default() }),
            say(),
            HostCall::Elapsed,
        ];
        let host = begin(&conversation).await;
        let mut past = Vec::new();
        for asked in &began {
            let answered = host.ask(asked.clone()).await.unwrap();
            past.push(Past { asked: Some(asked.clone()), answered, until_ms: host.now_ms().await });
        }
        let now_ms = host.now_ms().await;
        assert!(now_ms > 0, "the sentence took its time");
        let mut lived = Vec::new();
        for asked in &goes_on {
            lived.push(host.ask(asked.clone()).await.unwrap());
        }
        let again = begin(&conversation).await;
        for asked in &began {
            again.ask(asked.clone()).await.unwrap();
        }
        let taken_up = take_up(&conversation, again.lose().unwrap(), &past, now_ms).await;
        assert_eq!(taken_up.now_ms().await, now_ms);
        for (asked, answered) in goes_on.iter().zip(&lived) {
            assert_eq!(&taken_up.ask(asked.clone()).await.unwrap(), answered, "{asked:?}");
        }
        assert!(matches!(lived[2], HostReturn::Book(Ok(Booked::Taken))), "{lived:?}");
        let (first, _) = host.leave(Ok(Outcome::Done)).await.unwrap();
        let (second, _) = taken_up.leave(Ok(Outcome::Done)).await.unwrap();
        assert_eq!((first.consent, first.report), (second.consent, second.report));
        assert_eq!(first.appointments.booked, second.appointments.booked);
    }

    #[tokio::test]
    async fn without_the_storage_one_is_made_that_is_as_the_answers_say() {
        let conversation = conversation();
        let host = begin(&conversation).await;
        let mut past = Vec::new();
        for asked in every_durable_kind() {
            let answered = host.ask(asked.clone()).await.unwrap();
            past.push(Past { asked: Some(asked), answered, until_ms: 0 });
        }
        let declared = &Capability::ALL;
        let script = Script::new(&conversation);
        let made = Staged::take_up(&conversation.scene, declared, script, None, &past, 0).await.unwrap();
        let wanted = HostCall::FreeSlots(Wanted { limit: 5, ..Wanted::default() });
        for asked in [wanted, HostCall::GetMemory("who".into()), HostCall::GetMemory("turn".into())] {
            assert_eq!(made.ask(asked.clone()).await, host.ask(asked).await);
        }
        let (left, _) = made.leave(Ok(Outcome::Done)).await.unwrap();
        assert_eq!(left.appointments.booked.len(), 1);
        assert_eq!(left.appointments.cancelled.len(), 1);
    }

    #[tokio::test]
    async fn what_the_call_moved_without_finding_it_was_not_booked_in_it() {
        let conversation = conversation();
        let host = begin(&conversation).await;
        let asked = Move { reference: "ABCDEF".into(), slot: "2026-11-24T10:00".into() };
        let answered = host.ask(HostCall::MoveAppointment(asked.clone())).await.unwrap();
        let past = [Past { asked: Some(HostCall::MoveAppointment(asked)), answered, until_ms: 0 }];
        // All that its answers tell of the world: nothing stood there.
        let mut told = conversation.clone();
        if let Some(calendar) = &mut told.scene.calendar {
            calendar.appointments.clear();
        }
        let declared = &Capability::ALL;
        let made = Staged::take_up(&told.scene, declared, Script::new(&told), None, &past, 0).await.unwrap();
        let find = HostCall::FindAppointments("+33612345678".into());
        assert_eq!(made.ask(find.clone()).await, host.ask(find).await);
        let (left, _) = made.leave(Ok(Outcome::Done)).await.unwrap();
        assert!(left.appointments.booked.is_empty(), "{:?}", left.appointments);
    }

    #[tokio::test]
    async fn who_was_handed_over_to_last_is_remembered_however_the_number_was_written() {
        let mut conversation = conversation();
        conversation.scene.transfer_to = vec!["+331".into()];
        let host = begin(&conversation).await;
        let to = |to: &str| Past {
            asked: Some(HostCall::Transfer(Transfer { to: to.into(), announce: None })),
            answered: HostReturn::Transfer(Ok(Transferred::Busy)),
            until_ms: 0,
        };
        // The last was let go there under a list that is another now.
        let past = [to("+33 1 44.55-66 77"), to("+33612345678")];
        let host = take_up(&conversation, host.lose().unwrap(), &past, 0).await;
        let (left, _) = host.leave(Ok(Outcome::Done)).await.unwrap();
        assert_eq!(left.transferred_to.as_deref(), Some("+33144556677"));
    }

    #[tokio::test]
    async fn what_was_done_is_remembered_though_it_would_be_refused_now() {
        let mut conversation = conversation();
        conversation.scene.capabilities.clear();
        conversation.scene.quota.host_calls = 1;
        let did = |asked: HostCall, answered: HostReturn| Past { asked: Some(asked), answered, until_ms: 0 };
        let to = Transfer { to: String::new(), announce: None };
        let past = [
            did(HostCall::Consent(true), HostReturn::Consent(Ok(()))),
            did(HostCall::SetReport(Field::Need("contrôle".into())), HostReturn::SetReport(Ok(()))),
            did(HostCall::Transfer(to), HostReturn::Transfer(Ok(Transferred::NoAnswer))),
        ];
        let host = take_up(&conversation, begin(&conversation).await.lose().unwrap(), &past, 0).await;
        // What is asked from here on is under what holds here.
        let over = host.ask(HostCall::SetReport(Field::Need("autre".into()))).await.unwrap();
        assert!(matches!(over.refusal(), Some(Refusal::OverQuota(_))), "{over:?}");
        let (left, _) = host.leave(Ok(Outcome::Done)).await.unwrap();
        assert_eq!(
            (left.consent, left.report.as_slice()),
            (Some(true), [Field::Need("contrôle".into())].as_slice())
        );
        assert_eq!(left.transferred_to, conversation.scene.fallback_number);
    }

    #[tokio::test]
    async fn a_quota_goes_on_where_it_stood_and_a_caller_who_left_is_gone() {
        let conversation = conversation();
        let host = begin(&conversation).await;
        let characters =
            |count: usize| HostCall::Say(Say { text: "a".repeat(count), options: SayOptions::default() });
        // A call has 40,000 characters of speech.
        let whole = Heard { text: "a".repeat(3_999), whole: true, played: 1 };
        let past: Vec<Past> = (0..10)
            .map(|_| Past {
                asked: Some(characters(3_999)),
                answered: HostReturn::Say(Ok(whole.clone())),
                until_ms: 0,
            })
            .collect();
        let host = take_up(&conversation, host.lose().unwrap(), &past, 0).await;
        assert!(matches!(host.ask(characters(10)).await, Ok(HostReturn::Say(Ok(_)))));
        let over = host.ask(characters(1)).await.unwrap();
        assert!(matches!(over.refusal(), Some(Refusal::OverQuota(_))), "{over:?}");

        // Under a tenant's own quota it is as far from its end as that one has it.
        let mut larger = conversation.clone();
        larger.scene.quota.speech_characters += 2;
        let other = take_up(&larger, begin(&larger).await.lose().unwrap(), &past, 0).await;
        assert!(matches!(other.ask(characters(12)).await, Ok(HostReturn::Say(Ok(_)))));
        let over = other.ask(characters(1)).await.unwrap();
        assert!(matches!(over.refusal(), Some(Refusal::OverQuota(_))), "{over:?}");
        host.hung_up().await;
        let listened = host.ask(HostCall::Listen(ListenOptions::default())).await;
        assert_eq!(listened, Ok(HostReturn::Listen(Ok(Turn::HungUp))));
    }
}
