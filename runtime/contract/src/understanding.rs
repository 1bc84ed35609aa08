//! What a caller means, and how things are said back.

use serde::{Deserialize, Serialize};

use crate::{LocalTime, Weekday};

/// Which moments suit a caller. What is absent does not constrain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wish {
    /// Midnight of the first day that suits.
    pub from: Option<LocalTime>,
    /// Midnight of the first day that no longer suits.
    pub until: Option<LocalTime>,
    /// Only these days; empty for any.
    pub weekdays: Vec<Weekday>,
    /// Not before, in minutes after midnight.
    pub earliest: Option<u16>,
    /// Begins before, in minutes after midnight.
    pub latest: Option<u16>,
    /// The very time, in minutes after midnight.
    pub at: Option<u16>,
}

/// How much, in whole units.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quantity {
    /// The lower end; `None` for "at most".
    pub least: Option<u32>,
    /// The upper end; `None` for "at least".
    pub most: Option<u32>,
    /// ISO 4217.
    pub currency: Option<String>,
}

/// A caller's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerName {
    /// As it is to be written.
    pub text: String,
    /// Whether the caller spelled it.
    pub spelled: bool,
}

/// What a caller makes of some offers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Choice {
    /// That one, from 0.
    Offer(u32),
    /// Any of them.
    Any,
    /// None of them.
    Neither,
    /// A moment that was not offered.
    Rather(Wish),
    /// A yes to more than one offer, or to nothing in particular.
    Yes,
    /// Nothing that can be understood.
    #[default]
    Unclear,
}

/// Something a caller wants, or does, in passing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "wit/understanding.wit says what each means")]
pub enum Intent {
    Emergency,
    Urgent,
    Human,
    Repeat,
    Wait,
    Cancel,
    Move,
    Recall,
    Appointment,
    Hours,
    Address,
    Price,
    OtherLanguage,
    CallBack,
    Wrong,
    Greeting,
    Thanks,
    Goodbye,
}

/// A wish relative to what was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Relative {
    Earlier,
    Later,
    OtherDay,
}

/// What stands before the last item of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Conjunction {
    And,
    Or,
}

/// A text, and the language it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utterance {
    /// What was transcribed, or the keys.
    pub text: String,
    /// BCP 47.
    pub language: String,
}

/// Read days and times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadWhen {
    /// What was transcribed.
    pub text: String,
    /// BCP 47.
    pub language: String,
    /// What "tomorrow" is relative to.
    pub now: LocalTime,
}

/// Put a newer wish over an older one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refine {
    /// The older one.
    pub wish: Wish,
    /// The newer one.
    pub newer: Wish,
}

/// Widen a wish for a very time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Around {
    /// The wish.
    pub wish: Wish,
    /// So many minutes before and after.
    pub minutes: u16,
}

/// Ask whether a moment suits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fits {
    /// The wish.
    pub wish: Wish,
    /// The moment.
    pub moment: LocalTime,
}

/// Read a telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadPhone {
    /// What was transcribed, or the keys.
    pub text: String,
    /// BCP 47.
    pub language: String,
    /// Any number of the country of a national number, E.164.
    pub home: String,
}

/// Read which option is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choose {
    /// What was transcribed, or the key.
    pub text: String,
    /// BCP 47.
    pub language: String,
    /// As they were spoken.
    pub options: Vec<String>,
}

/// Read which moment is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChooseMoment {
    /// What was transcribed, or the key.
    pub text: String,
    /// BCP 47.
    pub language: String,
    /// The moments on offer.
    pub offers: Vec<LocalTime>,
    /// What "tomorrow" is relative to.
    pub now: LocalTime,
}

/// Say a day, or a time of day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SayLocalTime {
    /// Which.
    pub time: LocalTime,
    /// BCP 47.
    pub language: String,
}

/// Say a day and a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SayMoment {
    /// Which.
    pub moment: LocalTime,
    /// What "tomorrow" is relative to; `None` to say the date alone.
    pub now: Option<LocalTime>,
    /// BCP 47.
    pub language: String,
}

/// Say a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SayNumber {
    /// Which.
    pub number: u32,
    /// BCP 47.
    pub language: String,
}

/// Say a telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SayPhone {
    /// E.164.
    pub phone: String,
    /// BCP 47.
    pub language: String,
}

/// Say a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SayList {
    /// Its items.
    pub items: Vec<String>,
    /// What stands before the last.
    pub conjunction: Conjunction,
    /// BCP 47.
    pub language: String,
}
