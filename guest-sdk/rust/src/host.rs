//! The other side of every function of this crate.
//!
//! In a component it is the host's imports. In a native test it is whatever the test gives to
//! [`run`]; each method of [`Host`] that a test leaves out refuses.

use crate::calendar::{Appointment, Booked, Contact, Slot, Wanted};
use crate::connectors::{self, Request};
use crate::documents::Passage;
use crate::log::Level;
use crate::model::{Answer, ChatOptions, Message, SpokenAnswer};
use crate::report::Field;
use crate::{Heard, ListenOptions, LocalTime, Refusal, SayOptions, Transferred, Turn};

macro_rules! imports {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? = $import:path, $otherwise:expr;)*) => {
        /// Every import of the contract, but for the pure ones of
        /// [`understanding`](crate::understanding), which need no host to be tested.
        pub trait Host {
            $(
                $(#[$doc])*
                #[allow(unused_variables, reason = "a host that does not have it")]
                fn $name(&mut self, $($arg: $ty),*) $(-> $ret)? { $otherwise }
            )*
        }

        /// The imports of the component this crate is part of.
        #[cfg(target_arch = "wasm32")]
        struct Imported;

        #[cfg(target_arch = "wasm32")]
        impl Host for Imported {
            $(fn $name(&mut self, $($arg: $ty),*) $(-> $ret)? { $import($($arg),*) })*
        }
    };
}

#[cfg(target_arch = "wasm32")]
use crate::bindings::parloir::agent as import;

/// A result of the host.
type Answered<T> = Result<T, Refusal>;

fn absent<T>(what: &str) -> Answered<T> {
    Err(Refusal::Unavailable(format!("this host has no {what}: give it one in its `Host`")))
}

imports! {
    /// `call.say`.
    fn say(text: &str, options: &SayOptions) -> Answered<Heard> = import::call::say, absent("voice");
    /// `call.play`.
    fn play(sound: &str, options: &SayOptions) -> Answered<Heard> = import::call::play, absent("sounds");
    /// `call.listen`.
    fn listen(options: &ListenOptions) -> Answered<Turn> = import::call::listen, absent("ears");
    /// `call.ask`: by default, saying and listening.
    fn ask(question: &str, say: &SayOptions, listen: &ListenOptions) -> Answered<(Heard, Turn)>
        = import::call::ask, absent("voice and ears");
    /// `call.transfer`.
    fn transfer(to: &str, announce: Option<&str>) -> Answered<Transferred>
        = import::call::transfer, absent("way to transfer");
    /// `call.consent`.
    fn consent(granted: bool) -> Answered<()> = import::call::consent, absent("consent gate");
    /// `call.pause-recording`.
    fn pause_recording() -> Answered<()> = import::call::pause_recording, absent("recording");
    /// `call.resume-recording`.
    fn resume_recording() -> Answered<()> = import::call::resume_recording, absent("recording");
    /// `call.hang-up`.
    fn hang_up() = import::call::hang_up, ();
    /// `model.available`.
    fn model_available() -> bool = import::model::available, false;
    /// `model.chat`.
    fn chat(messages: &[Message], options: &ChatOptions) -> Answered<Answer>
        = import::model::chat, absent("model");
    /// `model.reply`.
    fn reply(messages: &[Message], options: &ChatOptions, say: &SayOptions) -> Answered<SpokenAnswer>
        = import::model::reply, absent("model");
    /// `calendar.free`.
    fn free(wanted: &Wanted) -> Answered<Vec<Slot>> = import::calendar::free, absent("calendar");
    /// `calendar.book`.
    fn book(slot: &str, contact: &Contact, motive: &str) -> Answered<Booked>
        = import::calendar::book, absent("calendar");
    /// `calendar.find`.
    fn find(phone: &str) -> Answered<Vec<Appointment>> = import::calendar::find, absent("calendar");
    /// `calendar.move`.
    fn move_appointment(reference: &str, slot: &str) -> Answered<Booked>
        = import::calendar::move_, absent("calendar");
    /// `calendar.cancel`.
    fn cancel(reference: &str) -> Answered<bool> = import::calendar::cancel, absent("calendar");
    /// `memory.get`.
    fn get(key: &str) -> Answered<Option<Vec<u8>>> = import::memory::get, absent("memory");
    /// `memory.set`.
    fn set(key: &str, value: &[u8]) -> Answered<()> = import::memory::set, absent("memory");
    /// `memory.compare-and-set`.
    fn compare_and_set(key: &str, expected: Option<&[u8]>, value: &[u8]) -> Answered<bool>
        = import::memory::compare_and_set, absent("memory");
    /// `memory.delete`.
    fn delete(key: &str) -> Answered<()> = import::memory::delete, absent("memory");
    /// `documents.list`.
    fn list_documents() -> Answered<Vec<String>> = import::documents::list, absent("documents");
    /// `documents.read`.
    fn read_document(name: &str) -> Answered<String> = import::documents::read, absent("documents");
    /// `documents.search`.
    fn search_documents(query: &str, limit: u8) -> Answered<Vec<Passage>>
        = import::documents::search, absent("documents");
    /// `connectors.list`; none on a host without connectors.
    fn list_connectors() -> Vec<String> = import::connectors::list, Vec::new();
    /// `connectors.send`.
    fn send_request(request: &Request) -> Answered<connectors::Answer>
        = import::connectors::send, absent("connectors");
    /// `report.set`.
    fn report(field: &Field) -> Answered<()> = import::report::set, absent("report");
    /// `clock.now`; midnight of 1 January 2000 on a host without a clock.
    fn now() -> LocalTime
        = import::clock::now, LocalTime { year: 2000, month: 1, day: 1, hour: 0, minute: 0 };
    /// `clock.weekday`; 6 on a host without a clock, for that was a Saturday.
    fn weekday() -> u8 = import::clock::weekday, 6;
    /// `clock.elapsed`; 0 on a host without a clock.
    fn elapsed() -> u32 = import::clock::elapsed, 0;
    /// `random.bytes`; zeroes on a host without randomness.
    fn random_bytes(count: u32) -> Vec<u8>
        = import::random::bytes, vec![0; usize::try_from(count.min(4096)).unwrap_or_default()];
    /// `log.write`; dropped on a host without a log.
    fn log(level: Level, message: &str) = import::log::write, ();
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn with<R>(ask: impl FnOnce(&mut (dyn Host + 'static)) -> R) -> R {
    ask(&mut Imported)
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::run;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::with;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::Host;

    thread_local! {
        static CURRENT: RefCell<Option<Rc<RefCell<dyn Host>>>> = const { RefCell::new(None) };
    }

    /// A host that refuses everything.
    struct Nobody;

    impl Host for Nobody {}

    /// Takes the host away again, whatever happens in between.
    struct Leave(Option<Rc<RefCell<dyn Host>>>);

    impl Drop for Leave {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }

    /// Runs `agent` with `host` on the other side of every function of this crate, on this thread.
    ///
    /// ```
    /// use std::{cell::RefCell, rc::Rc};
    /// use parloir_agent::{Heard, Host, Refusal, SayOptions, host, say};
    ///
    /// #[derive(Default)]
    /// struct Fake { said: Vec<String> }
    ///
    /// impl Host for Fake {
    ///     fn say(&mut self, text: &str, _: &SayOptions) -> Result<Heard, Refusal> {
    ///         self.said.push(text.to_owned());
    ///         Ok(Heard { text: text.to_owned(), whole: true, played: 900 })
    ///     }
    /// }
    ///
    /// let fake = Rc::new(RefCell::new(Fake::default()));
    /// host::run(&fake, || say("Good morning."))?;
    /// assert_eq!(fake.borrow().said, ["Good morning."]);
    /// # Ok::<(), Refusal>(())
    /// ```
    pub fn run<H: Host + 'static, R>(host: &Rc<RefCell<H>>, agent: impl FnOnce() -> R) -> R {
        let host: Rc<RefCell<dyn Host>> = Rc::<RefCell<H>>::clone(host);
        let _leave = Leave(CURRENT.replace(Some(host)));
        agent()
    }

    pub(crate) fn with<R>(ask: impl FnOnce(&mut (dyn Host + 'static)) -> R) -> R {
        let current = CURRENT.with_borrow(Clone::clone);
        match current {
            Some(host) => ask(&mut *host.borrow_mut()),
            None => ask(&mut Nobody),
        }
    }
}
