//! Two offers at a time, until one suits.

use parloir_agent::Expecting;
use parloir_agent::calendar::{self, Slot, Wanted};
use parloir_agent::understanding::{
    Choice, Intent, Language, Moment, Relative, When, choose_moment, relative_wish, say, when,
};

use crate::talk::{Input, Prompt, Step, Stop, Talk, both};

const MOST_OFFERS: u8 = 7;

/// What the caller wishes, and what was refused.
pub(crate) struct Search {
    wish: Option<When>,
    refused: Vec<String>,
}

enum Answer {
    Take(usize),
    Wish(When),
    Relative(Relative),
    Neither,
}

impl Search {
    pub(crate) const fn new(wish: Option<When>) -> Self {
        Self { wish, refused: Vec::new() }
    }

    /// Leaves a slot out from now on.
    pub(crate) fn refuse(&mut self, slot: &Slot) {
        self.refused.push(slot.id.clone());
    }

    pub(crate) fn wish(&mut self, newer: &When) {
        self.wish = Some(self.wish.as_ref().map_or_else(|| newer.clone(), |wish| wish.then(newer)));
    }

    /// The slot the caller takes.
    pub(crate) fn choose(&mut self, talk: &mut Talk) -> Step<Slot> {
        let mut refusals = 0_u8;
        for _ in 0..MOST_OFFERS {
            let wish = match &self.wish {
                Some(wish) => wish.clone(),
                None => {
                    let wish = ask_wish(talk, refusals > 0)?;
                    self.wish = Some(wish.clone());
                    wish
                }
            };
            let (offers, suits) = self.find(&wish)?;
            let Some(last) = offers.last() else {
                talk.tell(talk.both("Je n'ai plus aucun créneau libre.", "I have no free times left."));
                return Err(Stop::Human);
            };
            let (first_day, last_day) = (offers.first().map_or(last, |slot| slot).start, last.start);
            match offer(talk, &offers, suits)? {
                Answer::Take(place) => {
                    if let Some(slot) = offers.get(place) {
                        return Ok(slot.clone());
                    }
                }
                Answer::Wish(newer) => self.wish(&newer),
                Answer::Relative(direction) => {
                    offers.iter().for_each(|slot| self.refuse(slot));
                    let mut wish = wish.any_time();
                    match direction {
                        Relative::Earlier => {
                            (wish.from, wish.until) = (None, Some(Moment::from(first_day).date.plus(1)));
                        }
                        Relative::Later => {
                            (wish.from, wish.until) = (Some(Moment::from(last_day).date), None)
                        }
                        Relative::OtherDay => {
                            (wish.from, wish.until) = (Some(Moment::from(last_day).date.plus(1)), None);
                        }
                    }
                    wish.weekdays.clear();
                    self.wish = Some(wish);
                }
                Answer::Neither => {
                    offers.iter().for_each(|slot| self.refuse(slot));
                    refusals += 1;
                    if refusals >= 2 {
                        // Guessing does not help: ask.
                        (self.wish, refusals) = (None, 1);
                    }
                }
            }
        }
        Err(Stop::Misunderstood)
    }

    /// Two free slots, and whether they are what was wished or only near it.
    fn find(&self, wish: &When) -> Step<(Vec<Slot>, bool)> {
        let today = Moment::from(parloir_agent::clock::now()).date;
        let from = wish.from.filter(|from| *from > today);
        let wish = When { from, ..wish.clone() };
        let wider = [
            wish.around(90),
            wish.any_time(),
            When { from: wish.from, earliest: wish.earliest, latest: wish.latest, ..When::default() },
            When { from: wish.from, ..When::default() },
            When::default(),
        ];
        let mut tried: Vec<&When> = Vec::new();
        for (i, wish) in std::iter::once(&wish).chain(&wider).enumerate() {
            if tried.contains(&wish) {
                continue;
            }
            tried.push(wish);
            let limit = u8::try_from(self.refused.len() + 2).unwrap_or(50).min(50);
            let mut free = calendar::free(&Wanted { limit, ..Wanted::from(wish) })?;
            free.retain(|slot| !self.refused.contains(&slot.id));
            free.truncate(2);
            if !free.is_empty() {
                return Ok((free, i == 0));
            }
        }
        Ok((Vec::new(), false))
    }
}

fn ask_wish(talk: &mut Talk, again: bool) -> Step<When> {
    let wish = talk.ask(
        |language| {
            let example = both(
                language,
                "Par exemple : mardi matin, ou le plus tôt possible.",
                "For example: Tuesday morning, or as soon as possible.",
            );
            let question = match (language, again) {
                (Language::French, false) => "Quel jour et à quel moment souhaitez-vous venir ?",
                (Language::French, true) => "Alors dites-moi : quel jour vous arrangerait ?",
                (Language::English, false) => "Which day and what time would suit you?",
                (Language::English, true) => "Then tell me: which day would suit you?",
            };
            Prompt::new(question, example).expecting(Expecting::Date).tries(2)
        },
        |input| {
            let undecided = input.wants(Intent::Urgent)
                || ["sais pas", "égal", "egal", "don't know", "not sure"]
                    .iter()
                    .any(|known| input.text.to_lowercase().contains(known));
            when(input.text, input.language, input.now).or_else(|| undecided.then(When::default))
        },
    );
    match wish {
        // What was not understood may still be chosen among offers.
        Err(Stop::Misunderstood) => {
            talk.tell(
                talk.both("Je vous propose les premiers créneaux.", "Let me offer the first free times."),
            );
            Ok(When::default())
        }
        wish => wish,
    }
}

fn offer(talk: &mut Talk, offers: &[Slot], suits: bool) -> Step<Answer> {
    let now: Moment = parloir_agent::clock::now().into();
    let moments: Vec<Moment> = offers.iter().map(|slot| slot.start.into()).collect();
    talk.ask(
        |language| {
            let preface = if suits {
                ""
            } else {
                both(language, "Je n'ai rien à ce moment-là. ", "I have nothing then. ")
            };
            let listed = list(now, &moments, language);
            let (text, short) = match (language, moments.len()) {
                (Language::French, 1) => {
                    (format!("J'ai {listed}. Cela vous convient ?"), format!("{listed}, oui ou non ?"))
                }
                (Language::English, 1) => {
                    (format!("I have {listed}. Does that suit you?"), format!("{listed}, yes or no?"))
                }
                (Language::French, _) => (
                    format!("J'ai {listed}. Lequel préférez-vous ?"),
                    format!("Le premier ou le deuxième : {listed} ?"),
                ),
                (Language::English, _) => (
                    format!("I have {listed}. Which do you prefer?"),
                    format!("The first or the second: {listed}?"),
                ),
            };
            Prompt::new(format!("{preface}{text}"), short).expecting(Expecting::Date).one_key()
        },
        |input| read(input, &moments),
    )
}

fn read(input: &Input, moments: &[Moment]) -> Option<Answer> {
    if input.keys {
        return match (input.text, moments.len()) {
            ("1", _) => Some(Answer::Take(0)),
            ("2", 1) => Some(Answer::Neither),
            ("2", _) => Some(Answer::Take(1)),
            _ => None,
        };
    }
    // Moving or cancelling something else is another matter than choosing.
    if input.wants(Intent::Cancel) || input.wants(Intent::Wait) {
        return None;
    }
    let direction = relative_wish(input.text, input.language);
    match choose_moment(input.text, input.language, moments, input.now) {
        Choice::This(place) => Some(Answer::Take(place)),
        Choice::Any => Some(Answer::Take(0)),
        Choice::Rather(wish) => Some(Answer::Wish(wish)),
        Choice::Neither | Choice::Yes | Choice::Unclear if direction.is_some() => {
            direction.map(Answer::Relative)
        }
        Choice::Neither => {
            let wish =
                when(input.text, input.language, input.now).filter(|wish| wish.has_day() || wish.has_time());
            Some(wish.map_or(Answer::Neither, Answer::Wish))
        }
        Choice::Yes | Choice::Unclear => None,
    }
}

/// "mardi 24 novembre à 9 heures, ou à 9 heures 30".
fn list(now: Moment, moments: &[Moment], language: Language) -> String {
    let or = both(language, "ou", "or");
    let at = both(language, "à", "at");
    match moments {
        [] => String::new(),
        [only] => say::moment_from(now, *only, language),
        [first, second, ..] if first.date == second.date => {
            format!("{}, {or} {at} {}", say::moment_from(now, *first, language), say::time(*second, language))
        }
        [first, second, ..] => format!(
            "{}, {or} {}",
            say::moment_from(now, *first, language),
            say::moment_from(now, *second, language)
        ),
    }
}
