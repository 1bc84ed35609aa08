//! A telephone, a calendar and a caller, all scripted.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use parloir_agent::calendar::{Appointment, Booked, Contact, Slot, Wanted};
use parloir_agent::model::{Answer, ChatOptions, Finish, Message, SpokenAnswer, Usage};
use parloir_agent::report::{Field, Status};
use parloir_agent::understanding::Moment;
use parloir_agent::{
    Call, CallInfo, Direction, Heard, Host, ListenOptions, LocalTime, Outcome, Refusal, SayOptions, Speech,
    Transferred, Turn, host,
};

/// What the caller does when it is his turn.
#[derive(Debug, Clone)]
pub(super) enum Does {
    Says(&'static str),
    /// Speaks into the question, of which only these words were heard.
    Interrupts(&'static str, &'static str),
    Presses(&'static str),
    Nothing,
    HangsUp,
}

/// The question expected, by some words of it, and what the caller does.
type Line = (&'static str, Does);

pub(super) struct Telephone {
    script: VecDeque<Line>,
    /// What an interrupted `say` leaves to be listened to.
    pending: Option<&'static str>,
    pub(super) said: Vec<String>,
    pub(super) languages: Vec<String>,
    pub(super) fields: Vec<Field>,
    pub(super) consents: Vec<bool>,
    pub(super) free: Vec<Slot>,
    pub(super) booked: Vec<Appointment>,
    pub(super) cancelled: Vec<String>,
    pub(super) taken: Vec<String>,
    pub(super) transfer: Result<Transferred, Refusal>,
    pub(super) transfers: Vec<String>,
    pub(super) model: Option<&'static str>,
    pub(super) no_calendar: bool,
    pub(super) no_consent: bool,
    pub(super) asked_model: Vec<String>,
    /// Sentences said by `say` that the caller cuts short: some words of them, what was heard, and
    /// what he says.
    pub(super) cuts: Vec<(&'static str, &'static str, &'static str)>,
    pub(super) hung_up: bool,
    gone: bool,
    /// Says this to whatever is left to ask.
    pub(super) forever: Option<Does>,
}

/// Saturday 21 November 2026, six in the evening.
const NOW: LocalTime = LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 0 };

pub(super) fn slot(day: u8, month: u8, hour: u8, minute: u8) -> Slot {
    let start = LocalTime { year: 2026, month, day, hour, minute };
    Slot { id: format!("{month:02}{day:02}-{hour:02}{minute:02}"), start, minutes: 30 }
}

impl Default for Telephone {
    fn default() -> Self {
        let mut free = Vec::new();
        for day in 23..=28 {
            for (hour, minute) in [(9, 0), (10, 0), (10, 30), (14, 0), (15, 30), (16, 30)] {
                free.push(slot(day, 11, hour, minute));
            }
        }
        for day in 1..=18 {
            for (hour, minute) in [(9, 30), (11, 0), (15, 30)] {
                free.push(slot(day, 12, hour, minute));
            }
        }
        // Sundays are closed.
        free.retain(|slot| Moment::from(slot.start).date.weekday().index() < 6);
        Self {
            script: VecDeque::new(),
            pending: None,
            said: Vec::new(),
            languages: Vec::new(),
            fields: Vec::new(),
            consents: Vec::new(),
            free,
            booked: Vec::new(),
            cancelled: Vec::new(),
            taken: Vec::new(),
            transfer: Ok(Transferred::Answered),
            transfers: Vec::new(),
            model: None,
            no_calendar: false,
            no_consent: false,
            asked_model: Vec::new(),
            cuts: Vec::new(),
            hung_up: false,
            gone: false,
            forever: None,
        }
    }
}

fn heard(text: &str) -> Heard {
    Heard { text: text.to_owned(), whole: true, played: 1000 }
}

fn speech(text: &str, over_agent: bool) -> Turn {
    Turn::Speech(Speech { text: text.to_owned(), confidence: 0.5, language: "fr-FR".to_owned(), over_agent })
}

impl Telephone {
    fn say_it(&mut self, text: &str, options: &SayOptions) {
        assert!(!text.trim().is_empty() && text.chars().count() < 400, "{text:?}");
        self.said.push(text.to_owned());
        self.languages.push(options.language.clone().unwrap_or_default());
    }

    fn turn(&mut self, question: &str) -> (Heard, Turn) {
        if self.gone || self.hung_up {
            return (Heard { text: String::new(), whole: false, played: 0 }, Turn::HungUp);
        }
        let line = self.script.pop_front().or_else(|| self.forever.clone().map(|does| ("", does)));
        let Some((expected, does)) = line else {
            panic!("the script ends, and the agent asks {question:?}\n{}", self.said.join("\n"));
        };
        assert!(
            question.contains(expected),
            "expected {expected:?}, was asked {question:?}\n{}",
            self.said.join("\n")
        );
        match does {
            Does::Says(text) => {
                self.said.push(format!("    — {text}"));
                (heard(question), speech(text, false))
            }
            Does::Interrupts(words, text) => {
                self.said.push(format!("    — ({words}…) {text}"));
                (Heard { text: words.to_owned(), whole: false, played: 400 }, speech(text, true))
            }
            Does::Presses(keys) => (heard(question), Turn::Digits(keys.to_owned())),
            Does::Nothing => (heard(question), Turn::Silence),
            Does::HangsUp => {
                self.gone = true;
                (Heard { text: String::new(), whole: false, played: 100 }, Turn::HungUp)
            }
        }
    }

    fn fits(wanted: &Wanted, slot: &Slot) -> bool {
        let at = |time: LocalTime| Moment::from(time);
        let start = at(slot.start);
        let weekday = start.date.weekday();
        start > at(NOW)
            && wanted.from.is_none_or(|from| start >= at(from))
            && wanted.until.is_none_or(|until| start < at(until))
            && (wanted.weekdays.is_empty() || wanted.weekdays.contains(&weekday.into()))
            && wanted.earliest.is_none_or(|earliest| start.minutes >= earliest)
            && wanted.latest.is_none_or(|latest| start.minutes < latest)
    }

    pub(super) fn status(&self) -> Option<Status> {
        self.fields.iter().rev().find_map(|field| match field {
            Field::Status(status) => Some(*status),
            _ => None,
        })
    }

    pub(super) fn summary(&self) -> String {
        let summary = self.fields.iter().rev().find_map(|field| match field {
            Field::Summary(text) => Some(text.clone()),
            _ => None,
        });
        summary.unwrap_or_default()
    }

    pub(super) fn contact(&self) -> Option<Contact> {
        self.fields.iter().rev().find_map(|field| match field {
            Field::Contact(contact) => Some(contact.clone()),
            _ => None,
        })
    }

    /// Whether the agent said these words.
    pub(super) fn has_said(&self, words: &str) -> bool {
        self.said.iter().any(|said| !said.starts_with("    —") && said.contains(words))
    }
}

impl Host for Telephone {
    fn say(&mut self, text: &str, options: &SayOptions) -> Result<Heard, Refusal> {
        if self.gone {
            return Ok(Heard { text: String::new(), whole: false, played: 0 });
        }
        self.say_it(text, options);
        let cut = self.cuts.iter().position(|(words, ..)| text.contains(words));
        if let Some((_, words, answer)) = cut.map(|place| self.cuts.remove(place)) {
            self.pending = Some(answer);
            return Ok(Heard { text: words.to_owned(), whole: false, played: 300 });
        }
        Ok(heard(text))
    }

    fn listen(&mut self, _: &ListenOptions) -> Result<Turn, Refusal> {
        match self.pending.take() {
            Some(text) => Ok(speech(text, true)),
            None => Ok(self.turn("").1),
        }
    }

    fn ask(
        &mut self,
        question: &str,
        say: &SayOptions,
        listen: &ListenOptions,
    ) -> Result<(Heard, Turn), Refusal> {
        assert!((500..=60_000).contains(&listen.patience));
        assert_eq!(say.language, listen.language);
        if !self.gone {
            self.say_it(question, say);
        }
        Ok(self.turn(question))
    }

    fn transfer(&mut self, to: &str, announce: Option<&str>) -> Result<Transferred, Refusal> {
        self.transfers.push(to.to_owned());
        self.said.extend(announce.map(str::to_owned));
        self.transfer.clone()
    }

    fn consent(&mut self, granted: bool) -> Result<(), Refusal> {
        self.consents.push(granted);
        if self.no_consent {
            return Err(Refusal::NotPermitted("this line always records".to_owned()));
        }
        Ok(())
    }

    fn hang_up(&mut self) {
        self.hung_up = true;
    }

    fn model_available(&mut self) -> bool {
        self.model.is_some()
    }

    fn reply(
        &mut self,
        messages: &[Message],
        _: &ChatOptions,
        say: &SayOptions,
    ) -> Result<SpokenAnswer, Refusal> {
        let Some(text) = self.model else { return Err(Refusal::Unavailable("no model".to_owned())) };
        assert!(matches!(messages, [Message::System(_), Message::User(_)]));
        for message in messages {
            if let Message::User(question) = message {
                self.asked_model.push(question.clone());
            }
        }
        self.say_it(text, say);
        let generated = Answer {
            text: text.to_owned(),
            tool_calls: Vec::new(),
            finish: Finish::Complete,
            usage: Usage { input_tokens: 1, output_tokens: 1 },
            model: "test".to_owned(),
        };
        Ok(SpokenAnswer { heard: heard(text), generated })
    }

    fn free(&mut self, wanted: &Wanted) -> Result<Vec<Slot>, Refusal> {
        assert!((1..=50).contains(&wanted.limit));
        if self.no_calendar {
            return Err(Refusal::Unavailable("this line has no calendar".to_owned()));
        }
        let fitting = self.free.iter().filter(|slot| Self::fits(wanted, slot));
        Ok(fitting.take(usize::from(wanted.limit)).cloned().collect())
    }

    fn book(&mut self, id: &str, contact: &Contact, motive: &str) -> Result<Booked, Refusal> {
        if let Some(place) = self.taken.iter().position(|taken| taken == id) {
            self.taken.remove(place);
            self.free.retain(|slot| slot.id != id);
            return Ok(Booked::Taken);
        }
        let Some(place) = self.free.iter().position(|slot| slot.id == id) else { return Ok(Booked::Taken) };
        let slot = self.free.remove(place);
        let appointment = Appointment {
            reference: "A7K2P9".to_owned(),
            slot,
            contact: contact.clone(),
            motive: motive.to_owned(),
        };
        self.booked.push(appointment.clone());
        Ok(Booked::Confirmed(appointment))
    }

    fn find(&mut self, phone: &str) -> Result<Vec<Appointment>, Refusal> {
        Ok(self.booked.iter().filter(|a| a.contact.phone.as_deref() == Some(phone)).cloned().collect())
    }

    fn move_appointment(&mut self, reference: &str, id: &str) -> Result<Booked, Refusal> {
        let Some(place) = self.free.iter().position(|slot| slot.id == id) else { return Ok(Booked::Taken) };
        let slot = self.free.remove(place);
        let moved = self.booked.iter_mut().find(|appointment| appointment.reference == reference);
        let Some(moved) = moved else { return Err(Refusal::Invalid("no such appointment".to_owned())) };
        self.free.push(std::mem::replace(&mut moved.slot, slot));
        Ok(Booked::Confirmed(moved.clone()))
    }

    fn cancel(&mut self, reference: &str) -> Result<bool, Refusal> {
        let before = self.booked.len();
        self.booked.retain(|appointment| appointment.reference != reference);
        self.cancelled.push(reference.to_owned());
        Ok(self.booked.len() < before)
    }

    fn report(&mut self, field: &Field) -> Result<(), Refusal> {
        self.fields.push(field.clone());
        Ok(())
    }

    fn now(&mut self) -> LocalTime {
        NOW
    }

    fn weekday(&mut self) -> u8 {
        6
    }
}

/// A caller from a known number on a French line.
pub(super) struct Scene {
    telephone: Telephone,
    language: &'static str,
    caller: Option<&'static str>,
}

pub(super) fn scene() -> Scene {
    Scene { telephone: Telephone::default(), language: "fr-FR", caller: Some("+33612345678") }
}

/// How it went.
pub(super) struct Played {
    pub(super) outcome: Outcome,
    pub(super) telephone: Telephone,
}

impl Scene {
    pub(super) fn with(mut self, change: impl FnOnce(&mut Telephone)) -> Self {
        change(&mut self.telephone);
        self
    }

    pub(super) fn on_a_line_in(mut self, language: &'static str) -> Self {
        self.language = language;
        self
    }

    pub(super) fn from(mut self, caller: Option<&'static str>) -> Self {
        self.caller = caller;
        self
    }

    pub(super) fn having(self, day: u8, month: u8, hour: u8, minute: u8) -> Self {
        let phone = self.caller.map(str::to_owned);
        self.with(|telephone| {
            telephone.booked.push(Appointment {
                reference: format!("B{day:02}{month:02}X"),
                slot: slot(day, month, hour, minute),
                contact: Contact { name: "Dupont".to_owned(), phone },
                motive: "contrôle".to_owned(),
            });
        })
    }

    pub(super) fn goes(mut self, lines: &[Line]) -> Played {
        self.telephone.script = lines.iter().cloned().collect();
        let settings = [
            ("cabinet.name", "cabinet du Parc"),
            ("hours.fr", "du lundi au vendredi, de 9 heures à 18 heures"),
            ("hours.en", "Monday to Friday, nine to six"),
            ("address", "12 rue des Lilas"),
        ];
        let call = Call::new(CallInfo {
            id: "0".repeat(32),
            direction: Direction::Inbound,
            line: "+33123456789".to_owned(),
            caller: self.caller.map(str::to_owned),
            language: self.language.to_owned(),
            started_at: NOW,
            settings: settings.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        });
        let telephone = Rc::new(RefCell::new(self.telephone));
        let outcome = host::run(&telephone, || crate::answer(&call));
        let telephone = telephone.take();
        assert!(telephone.script.is_empty(), "left: {:?}\n{}", telephone.script, telephone.said.join("\n"));
        Played { outcome, telephone }
    }
}
