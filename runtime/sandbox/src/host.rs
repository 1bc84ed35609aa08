//! The imports: each becomes a host call, passes the door, and comes back as its answer.

use std::sync::Arc;

use parloir_contract as c;
use parloir_contract::{HostCall, HostReturn};
use tower::{Service, ServiceExt};

use crate::bindings::{
    calendar, call, clock, connectors, documents, log, memory, model, random, report, types,
};
use crate::convert::{FromGuest, IntoGuest};
use crate::door::{Door, DoorClosed};
use crate::limits::Limits;
use crate::metering::Meter;
use crate::settings::Budget;

/// Characters of one log message; the rest is cut before anybody keeps it.
const LOG_CHARACTERS: usize = 2_000;

/// What a store holds.
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) host: Host,
}

/// The host, as one call's agent sees it.
pub(crate) struct Host {
    door: Door,
    meter: Arc<Meter>,
    budget: Budget,
}

/// Tells the linker where the host is within a store's state.
pub(crate) struct HasHost;

impl wasmtime::component::HasData for HasHost {
    type Data<'a> = &'a mut Host;
}

impl Host {
    pub(crate) fn new(door: Door, meter: Arc<Meter>, budget: Budget) -> Self {
        Self { door, meter, budget }
    }

    /// Through the door and back. The budget is checked here too: an agent that only floods host
    /// calls computes mostly on the host's side and would meet the interruption late.
    pub(crate) async fn through(&mut self, call: HostCall) -> wasmtime::Result<HostReturn> {
        self.meter.check(&self.budget)?;
        let asks_caller = matches!(call, HostCall::Listen(_) | HostCall::Ask(_));
        self.meter.asks(asks_caller);
        // Threads that the kernel hardly serves must hold nothing that others wait for.
        self.meter.change_lanes().await;
        let answer = self.door.ready().await?.call(call).await?;
        self.meter.is_answered();
        if caller_had_a_turn(&answer) {
            self.meter.new_turn();
        }
        self.meter.change_lanes().await;
        Ok(answer)
    }
}

/// Whether the caller spoke, pressed keys or let their time pass: only that renews the agent's
/// budget. A refusal and a hang-up come at once, as often as the agent asks.
pub fn caller_had_a_turn(answer: &HostReturn) -> bool {
    let turn = match answer {
        HostReturn::Listen(Ok(turn)) | HostReturn::Ask(Ok((_, turn))) => turn,
        HostReturn::Listen(Err(_))
        | HostReturn::Ask(Err(_))
        | HostReturn::Say(_)
        | HostReturn::Play(_)
        | HostReturn::Transfer(_)
        | HostReturn::Consent(_)
        | HostReturn::PauseRecording(_)
        | HostReturn::ResumeRecording(_)
        | HostReturn::HangUp(())
        | HostReturn::ModelAvailable(_)
        | HostReturn::Chat(_)
        | HostReturn::Reply(_)
        | HostReturn::FreeSlots(_)
        | HostReturn::Book(_)
        | HostReturn::FindAppointments(_)
        | HostReturn::MoveAppointment(_)
        | HostReturn::CancelAppointment(_)
        | HostReturn::GetMemory(_)
        | HostReturn::SetMemory(_)
        | HostReturn::CompareAndSet(_)
        | HostReturn::DeleteMemory(_)
        | HostReturn::ListDocuments(_)
        | HostReturn::ReadDocument(_)
        | HostReturn::SearchDocuments(_)
        | HostReturn::SetReport(_)
        | HostReturn::Now(_)
        | HostReturn::Weekday(_)
        | HostReturn::Elapsed(_)
        | HostReturn::RandomBytes(_)
        | HostReturn::Log(())
        | HostReturn::ListConnectors(_)
        | HostReturn::SendRequest(_)
        | HostReturn::Understanding(_) => return false,
    };
    match turn {
        c::Turn::Speech(_) | c::Turn::Digits(_) | c::Turn::Silence => true,
        c::Turn::HungUp => false,
    }
}

/// Asks and unwraps the matching answer. Another answer would be a bug of whoever stands behind
/// the door: the agent is stopped rather than told a falsehood.
macro_rules! ask {
    ($host:expr, $call:expr, $variant:ident) => {
        match $host.through($call).await? {
            HostReturn::$variant(answer) => Ok(answer.lower()),
            other => Err(DoorClosed(format!(
                "{} was answered with {}",
                stringify!($variant),
                other.import().name()
            ))
            .into()),
        }
    };
}

/// The first so many characters: what nobody reads, nobody keeps.
pub(crate) fn cut(mut text: String, characters: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
    }
    text
}

type Refusable<T> = wasmtime::Result<Result<T, types::Refusal>>;

impl types::Host for Host {}

impl call::Host for Host {
    async fn say(&mut self, text: String, options: call::SayOptions) -> Refusable<call::Heard> {
        ask!(self, HostCall::Say(c::Say { text, options: options.lift() }), Say)
    }
    async fn play(&mut self, sound: String, options: call::SayOptions) -> Refusable<call::Heard> {
        ask!(self, HostCall::Play(c::Play { sound, options: options.lift() }), Play)
    }
    async fn listen(&mut self, options: call::ListenOptions) -> Refusable<call::Turn> {
        ask!(self, HostCall::Listen(options.lift()), Listen)
    }
    async fn ask(
        &mut self,
        question: String,
        say: call::SayOptions,
        listen: call::ListenOptions,
    ) -> Refusable<(call::Heard, call::Turn)> {
        let ask = c::Ask { question, say: say.lift(), listen: listen.lift() };
        ask!(self, HostCall::Ask(ask), Ask)
    }
    async fn transfer(&mut self, to: String, announce: Option<String>) -> Refusable<call::Transferred> {
        ask!(self, HostCall::Transfer(c::Transfer { to, announce }), Transfer)
    }
    async fn consent(&mut self, granted: bool) -> Refusable<()> {
        ask!(self, HostCall::Consent(granted), Consent)
    }
    async fn pause_recording(&mut self) -> Refusable<()> {
        ask!(self, HostCall::PauseRecording, PauseRecording)
    }
    async fn resume_recording(&mut self) -> Refusable<()> {
        ask!(self, HostCall::ResumeRecording, ResumeRecording)
    }
    async fn hang_up(&mut self) -> wasmtime::Result<()> {
        ask!(self, HostCall::HangUp, HangUp)
    }
}

impl model::Host for Host {
    async fn available(&mut self) -> wasmtime::Result<bool> {
        ask!(self, HostCall::ModelAvailable, ModelAvailable)
    }
    async fn chat(
        &mut self,
        messages: Vec<model::Message>,
        options: model::ChatOptions,
    ) -> Refusable<model::Answer> {
        let chat = c::Chat { messages: messages.lift(), options: options.lift() };
        ask!(self, HostCall::Chat(chat), Chat)
    }
    async fn reply(
        &mut self,
        messages: Vec<model::Message>,
        options: model::ChatOptions,
        say: call::SayOptions,
    ) -> Refusable<model::SpokenAnswer> {
        let reply = c::Reply { messages: messages.lift(), options: options.lift(), say: say.lift() };
        ask!(self, HostCall::Reply(reply), Reply)
    }
}

impl calendar::Host for Host {
    async fn free(&mut self, wanted: calendar::Wanted) -> Refusable<Vec<calendar::Slot>> {
        ask!(self, HostCall::FreeSlots(wanted.lift()), FreeSlots)
    }
    async fn book(
        &mut self,
        slot: String,
        contact: calendar::Contact,
        motive: String,
    ) -> Refusable<calendar::Booked> {
        ask!(self, HostCall::Book(c::Book { slot, contact: contact.lift(), motive }), Book)
    }
    async fn find(&mut self, phone: String) -> Refusable<Vec<calendar::Appointment>> {
        ask!(self, HostCall::FindAppointments(phone), FindAppointments)
    }
    async fn move_(&mut self, reference: String, slot: String) -> Refusable<calendar::Booked> {
        ask!(self, HostCall::MoveAppointment(c::Move { reference, slot }), MoveAppointment)
    }
    async fn cancel(&mut self, reference: String) -> Refusable<bool> {
        ask!(self, HostCall::CancelAppointment(reference), CancelAppointment)
    }
}

impl memory::Host for Host {
    async fn get(&mut self, key: String) -> Refusable<Option<Vec<u8>>> {
        ask!(self, HostCall::GetMemory(key), GetMemory)
    }
    async fn set(&mut self, key: String, value: Vec<u8>) -> Refusable<()> {
        ask!(self, HostCall::SetMemory(c::SetMemory { key, value }), SetMemory)
    }
    async fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Refusable<bool> {
        ask!(self, HostCall::CompareAndSet(c::CompareAndSet { key, expected, value }), CompareAndSet)
    }
    async fn delete(&mut self, key: String) -> Refusable<()> {
        ask!(self, HostCall::DeleteMemory(key), DeleteMemory)
    }
}

impl documents::Host for Host {
    async fn list(&mut self) -> Refusable<Vec<String>> {
        ask!(self, HostCall::ListDocuments, ListDocuments)
    }
    async fn read(&mut self, name: String) -> Refusable<String> {
        ask!(self, HostCall::ReadDocument(name), ReadDocument)
    }
    async fn search(&mut self, query: String, limit: u8) -> Refusable<Vec<documents::Passage>> {
        ask!(self, HostCall::SearchDocuments(c::SearchDocuments { query, limit }), SearchDocuments)
    }
}

impl connectors::Host for Host {
    async fn list(&mut self) -> wasmtime::Result<Vec<String>> {
        ask!(self, HostCall::ListConnectors, ListConnectors)
    }
    async fn send(&mut self, request: connectors::Request) -> Refusable<connectors::Answer> {
        ask!(self, HostCall::SendRequest(request.lift()), SendRequest)
    }
}

impl report::Host for Host {
    async fn set(&mut self, field: report::Field) -> Refusable<()> {
        ask!(self, HostCall::SetReport(field.lift()), SetReport)
    }
}

impl clock::Host for Host {
    async fn now(&mut self) -> wasmtime::Result<types::LocalTime> {
        ask!(self, HostCall::Now, Now)
    }
    async fn weekday(&mut self) -> wasmtime::Result<u8> {
        ask!(self, HostCall::Weekday, Weekday)
    }
    async fn elapsed(&mut self) -> wasmtime::Result<u32> {
        ask!(self, HostCall::Elapsed, Elapsed)
    }
}

impl random::Host for Host {
    async fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        ask!(self, HostCall::RandomBytes(count), RandomBytes)
    }
}

impl log::Host for Host {
    async fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let message = cut(message, LOG_CHARACTERS);
        ask!(self, HostCall::Log(c::LogLine { level: level.lift(), message }), Log)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use parloir_contract::{Heard, Refusal, Speech, Turn};
    use tower::util::BoxService;

    use super::*;
    use crate::metering::Metered;

    fn speech() -> Turn {
        Turn::Speech(Speech {
            text: "oui".into(),
            confidence: 0.9,
            language: "fr-FR".into(),
            over_agent: false,
        })
    }

    #[test]
    fn only_a_turn_of_the_caller_renews_the_budget() {
        for turn in [speech(), Turn::Digits("1".into()), Turn::Silence] {
            assert!(caller_had_a_turn(&HostReturn::Listen(Ok(turn.clone()))));
            assert!(caller_had_a_turn(&HostReturn::Ask(Ok((Heard::default(), turn)))));
        }
        assert!(!caller_had_a_turn(&HostReturn::Listen(Ok(Turn::HungUp))));
        assert!(!caller_had_a_turn(&HostReturn::Ask(Ok((Heard::default(), Turn::HungUp)))));
        for refusal in [Refusal::Invalid(String::new()), Refusal::OverQuota(String::new())] {
            assert!(!caller_had_a_turn(&HostReturn::Listen(Err(refusal.clone()))));
            assert!(!caller_had_a_turn(&HostReturn::Ask(Err(refusal))));
        }
    }

    /// Computes, listens with this answer, computes again: within the turn's budget at last?
    async fn computes_around(answer: Result<Turn, Refusal>) -> bool {
        let compute = || {
            let began = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            let spent = || {
                let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
                Duration::try_from(now).unwrap() - Duration::try_from(began).unwrap()
            };
            while spent() < Duration::from_millis(60) {}
        };
        let door = BoxService::new(tower::service_fn(move |_| {
            let answer = answer.clone();
            async move { Ok(HostReturn::Listen(answer)) }
        }));
        let meter = Arc::new(Meter::default());
        let budget = Budget { turn_cpu: Duration::from_millis(100), ..Budget::default() };
        let mut host = Host::new(door, meter.clone(), budget);
        let work = async {
            compute();
            host.through(HostCall::Listen(c::ListenOptions::default())).await.unwrap();
            compute();
            host.through(HostCall::Listen(c::ListenOptions::default())).await.is_ok()
        };
        Metered::new(work, meter).await
    }

    #[tokio::test]
    async fn a_refused_listen_does_not_renew_the_turn() {
        assert!(computes_around(Ok(Turn::Silence)).await);
        assert!(!computes_around(Ok(Turn::HungUp)).await);
        assert!(!computes_around(Err(Refusal::Invalid("`patience` is out of range".into()))).await);
    }

    #[tokio::test]
    async fn a_log_message_is_cut_before_it_reaches_the_door() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let journal = seen.clone();
        let door = BoxService::new(tower::service_fn(move |call| {
            journal.lock().unwrap().push(call);
            async { Ok(HostReturn::Log(())) }
        }));
        let mut host = Host::new(door, Arc::new(Meter::default()), Budget::default());
        for message in ["é".repeat(3_000), "é".repeat(2_000), "court".into()] {
            log::Host::write(&mut host, log::Level::Info, message).await.unwrap();
        }
        let lengths: Vec<_> = seen
            .lock()
            .unwrap()
            .iter()
            .map(|call| match call {
                HostCall::Log(line) => line.message.chars().count(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(lengths, [2_000, 2_000, 5]);
    }
}
