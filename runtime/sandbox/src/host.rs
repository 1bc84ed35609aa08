//! The imports: each becomes a host call, passes the door, and comes back as its answer.

use std::sync::Arc;

use parloir_contract as c;
use parloir_contract::{HostCall, HostReturn};
use tower::{Service, ServiceExt};

use crate::bindings::{calendar, call, clock, documents, log, memory, model, random, report, types};
use crate::convert::{FromGuest, IntoGuest};
use crate::door::{Door, DoorClosed};
use crate::limits::Limits;
use crate::metering::Meter;
use crate::settings::Budget;

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
    async fn through(&mut self, call: HostCall) -> wasmtime::Result<HostReturn> {
        self.meter.check(&self.budget)?;
        let new_turn = matches!(call, HostCall::Listen(_) | HostCall::Ask(_));
        let answer = self.door.ready().await?.call(call).await?;
        if new_turn {
            self.meter.new_turn();
        }
        Ok(answer)
    }
}

/// Asks and unwraps the matching answer. Another answer would be a bug of whoever stands behind
/// the door: the agent is stopped rather than told a falsehood.
macro_rules! ask {
    ($host:expr, $call:expr, $variant:ident) => {
        match $host.through($call).await? {
            HostReturn::$variant(answer) => Ok(answer.into_guest()),
            other => Err(DoorClosed(format!(
                "{} was answered with {}",
                stringify!($variant),
                other.import().name()
            ))
            .into()),
        }
    };
}

type Refusable<T> = wasmtime::Result<Result<T, types::Refusal>>;

impl types::Host for Host {}

impl call::Host for Host {
    async fn say(&mut self, text: String, options: call::SayOptions) -> Refusable<call::Heard> {
        ask!(self, HostCall::Say(c::Say { text, options: options.from_guest() }), Say)
    }
    async fn play(&mut self, sound: String, options: call::SayOptions) -> Refusable<call::Heard> {
        ask!(self, HostCall::Play(c::Play { sound, options: options.from_guest() }), Play)
    }
    async fn listen(&mut self, options: call::ListenOptions) -> Refusable<call::Turn> {
        ask!(self, HostCall::Listen(options.from_guest()), Listen)
    }
    async fn ask(
        &mut self,
        question: String,
        say: call::SayOptions,
        listen: call::ListenOptions,
    ) -> Refusable<(call::Heard, call::Turn)> {
        let ask = c::Ask { question, say: say.from_guest(), listen: listen.from_guest() };
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
        let chat = c::Chat { messages: messages.from_guest(), options: options.from_guest() };
        ask!(self, HostCall::Chat(chat), Chat)
    }
    async fn reply(
        &mut self,
        messages: Vec<model::Message>,
        options: model::ChatOptions,
        say: call::SayOptions,
    ) -> Refusable<model::SpokenAnswer> {
        let reply = c::Reply {
            messages: messages.from_guest(),
            options: options.from_guest(),
            say: say.from_guest(),
        };
        ask!(self, HostCall::Reply(reply), Reply)
    }
}

impl calendar::Host for Host {
    async fn free(&mut self, wanted: calendar::Wanted) -> Refusable<Vec<calendar::Slot>> {
        ask!(self, HostCall::FreeSlots(wanted.from_guest()), FreeSlots)
    }
    async fn book(
        &mut self,
        slot: String,
        contact: calendar::Contact,
        motive: String,
    ) -> Refusable<calendar::Booked> {
        ask!(self, HostCall::Book(c::Book { slot, contact: contact.from_guest(), motive }), Book)
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

impl report::Host for Host {
    async fn set(&mut self, field: report::Field) -> Refusable<()> {
        ask!(self, HostCall::SetReport(field.from_guest()), SetReport)
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
        ask!(self, HostCall::Log(c::LogLine { level: level.from_guest(), message }), Log)
    }
}
