//! One question until it is answered.

use std::time::Duration;

use parloir_agent::understanding::{Intent, Language, intents, is_noise, language_of};
use parloir_agent::{BargeIn, Call, Expecting, Refusal, Reply, Turn, ask, clock, listen, sentence};

use crate::aside;
use crate::file::File;
use crate::need::{self, Need};
pub(crate) use crate::prompt::{Input, Prompt};

/// A call has at most so many turns before a human takes over, and so many more to arrange that.
const MOST_TURNS: u32 = 48;
const LAST_TURNS: u32 = 12;

/// Why a conversation cannot go on as it was.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stop {
    HungUp,
    /// Nothing was heard, several times over.
    Silent,
    Goodbye,
    /// The caller wants a human being.
    Human,
    Misunderstood,
    TooLong,
    /// A life may be in danger.
    Emergency,
    /// The caller wants something else.
    Instead(Need),
    /// The host would not do what the conversation cannot do without.
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

pub(crate) type Step<T> = Result<T, Stop>;

/// The conversation so far.
pub(crate) struct Talk<'a> {
    pub(crate) call: &'a Call,
    pub(crate) language: Language,
    pub(crate) file: File,
    pub(crate) model_calls: u8,
    /// The emergency numbers have been said.
    pub(crate) warned: bool,
    /// What is said before the next question, in one breath with it.
    lead: String,
    turns: u32,
    limit: u32,
}

impl<'a> Talk<'a> {
    pub(crate) fn new(call: &'a Call) -> Self {
        let language = Language::from_tag(&call.language).unwrap_or(Language::French);
        Self {
            call,
            language,
            file: File::new(language),
            model_calls: 0,
            warned: false,
            lead: String::new(),
            turns: 0,
            limit: MOST_TURNS,
        }
    }

    /// The one of two sentences that is in the caller's language.
    pub(crate) fn both<'t>(&self, french: &'t str, english: &'t str) -> &'t str {
        both(self.language, french, english)
    }

    /// A tenant's setting in the caller's language: `name.fr` or `name.en`, or plain `name`.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        let suffix = self.both("fr", "en");
        self.call.setting(&format!("{name}.{suffix}")).or_else(|| self.call.setting(name))
    }

    /// Time for what must still be arranged.
    pub(crate) fn extend(&mut self) {
        self.limit = self.turns + LAST_TURNS;
    }

    /// Says it in one breath with the next question, or with the farewell.
    pub(crate) fn tell(&mut self, text: &str) {
        if !self.lead.is_empty() {
            self.lead.push(' ');
        }
        self.lead.push_str(text);
    }

    /// What was to be told, and `text`.
    pub(crate) fn led(&mut self, text: &str) -> String {
        let lead = std::mem::take(&mut self.lead);
        if lead.is_empty() { text.to_owned() } else { format!("{lead} {text}") }
    }

    /// Says what the caller must have heard: after an interruption the shorter form, which only a
    /// key stops.
    pub(crate) fn tell_surely(&mut self, text: &str, shorter: &str) -> Step<()> {
        let text = self.led(text);
        let heard = sentence(&text).language(self.tag()).say()?;
        if heard.whole {
            return Ok(());
        }
        self.spend()?;
        match listen().language(self.tag()).patience(Duration::from_secs(2)).turn()? {
            Turn::HungUp => return Err(Stop::HungUp),
            Turn::Speech(speech) => {
                if let Some(stop) = self.pressing(&intents(&speech.text, self.language)) {
                    return Err(stop);
                }
            }
            Turn::Digits(_) | Turn::Silence => {}
        }
        sentence(shorter).language(self.tag()).barge_in(BargeIn::ByKeys).say()?;
        Ok(())
    }

    /// The last words. The caller may be gone, or a provider: nothing hangs on it.
    pub(crate) fn farewell(&mut self, french: &str, english: &str) {
        let text = self.led(both(self.language, french, english));
        let _ = sentence(&text).language(self.tag()).say();
    }

    /// A question for yes or no, which keys 1 and 2 answer too.
    pub(crate) fn confirm(&mut self, prompt: impl Fn(Language) -> (String, String)) -> Step<bool> {
        self.confirm_doing(None, prompt)
    }

    /// As [`Talk::confirm`], before doing what `doing` names: to name it again is a yes.
    pub(crate) fn confirm_doing(
        &mut self,
        doing: Option<Intent>,
        prompt: impl Fn(Language) -> (String, String),
    ) -> Step<bool> {
        self.ask(
            |language| {
                let (text, short) = prompt(language);
                Prompt::new(text, short).expecting(Expecting::YesNo)
            },
            |input| {
                let named = doing.is_some_and(|doing| input.wants(doing));
                let other = [Intent::Cancel, Intent::Move].into_iter().any(|intent| input.wants(intent));
                match input.agreed() {
                    // "Non, je veux le déplacer" is no mere no.
                    Some(false) if doing.is_some() && other && !named => None,
                    None => named.then_some(true),
                    agreed => agreed,
                }
            },
        )
    }

    /// Asks until `read` makes something of the answer. The prompt is written anew for the
    /// language the caller turns out to speak.
    pub(crate) fn ask<T>(
        &mut self,
        prompt: impl Fn(Language) -> Prompt,
        read: impl Fn(&Input) -> Option<T>,
    ) -> Step<T> {
        let mut asked = prompt(self.language);
        let mut say = self.led(&asked.text);
        let mut served = false;
        let (mut misses, mut silences, mut detours) = (0_u8, 0_u8, 0_u8);
        let mut patience = asked.patience;
        loop {
            self.spend()?;
            let reply = self.put(&say, &asked, patience)?;
            patience = asked.patience;
            let (text, keys) = match reply.turn {
                Turn::HungUp => return Err(Stop::HungUp),
                Turn::Silence => (String::new(), false),
                Turn::Digits(keys) => (keys, true),
                Turn::Speech(speech) if is_noise(&speech.text) => (String::new(), false),
                Turn::Speech(speech) => (speech.text, false),
            };
            if text.is_empty() {
                silences += 1;
                if silences >= asked.tries {
                    return Err(Stop::Silent);
                }
                let there = self.both("Vous êtes toujours là ?", "Are you still there?");
                say = if silences == 1 { asked.short.clone() } else { format!("{there} {}", asked.short) };
                continue;
            }
            let switched = !keys && self.follow_language(&text);
            if switched {
                asked = prompt(self.language);
            }
            let wants = if keys { Vec::new() } else { intents(&text, self.language) };
            if keys && text == "0" && asked.expecting != Expecting::Digits {
                return Err(Stop::Human);
            }
            if let Some(stop) = self.pressing(&wants) {
                return Err(stop);
            }
            let interlude =
                matches!(wants.first(), Some(Intent::Repeat | Intent::Wait | Intent::OtherLanguage));
            let input = Input {
                text: &text,
                keys,
                language: self.language,
                intents: &wants,
                now: clock::now().into(),
                served,
            };
            if !(asked.open && interlude)
                && let Some(answer) = read(&input)
            {
                return Ok(answer);
            }
            // Not an answer: an interlude, a question of the caller's, another wish; or nothing
            // that could be understood.
            detours += 1;
            let in_bounds = detours <= 6;
            match self.interlude(&wants, &text, &asked)? {
                Some(Interlude::Repeat) if in_bounds => say = asked.text.clone(),
                Some(Interlude::Wait) if in_bounds => {
                    say = self.both("Prenez votre temps.", "Take your time.").to_owned();
                    patience = Duration::from_secs(20);
                }
                Some(Interlude::OtherLanguage) if in_bounds => {
                    self.language = self.language.other();
                    asked = prompt(self.language);
                    say = format!("{} {}", self.both("Bien sûr.", "Of course."), asked.text);
                }
                Some(Interlude::Answered(answer)) if in_bounds => {
                    served = true;
                    say = match answer {
                        Some(answer) => format!("{answer} {}", asked.after.as_ref().unwrap_or(&asked.short)),
                        None => asked.short.clone(),
                    };
                }
                Some(
                    Interlude::Repeat | Interlude::Wait | Interlude::OtherLanguage | Interlude::Answered(_),
                )
                | None => {
                    if switched && misses == 0 {
                        say = format!("{} {}", self.both("Bien sûr.", "Of course."), asked.text);
                        misses += 1;
                        continue;
                    }
                    // Who interrupted has not heard the question: that is no misunderstanding.
                    if reply.heard.whole || misses > 0 {
                        misses += 1;
                    }
                    if misses >= asked.tries {
                        return Err(Stop::Misunderstood);
                    }
                    let beside = !keys
                        && text.split_whitespace().count() >= 5
                        && asked.expecting == Expecting::Anything;
                    let sorry = if beside { self.beside() } else { self.sorry(misses) };
                    say = format!("{sorry} {}", asked.short);
                    if misses == 0 {
                        misses = 1;
                    }
                }
            }
        }
    }

    fn sorry(&self, misses: u8) -> &'static str {
        match (self.language, misses) {
            (Language::French, 0 | 1) => "Pardon, je n'ai pas bien compris.",
            (Language::French, _) => "Excusez-moi, je n'ai toujours pas compris.",
            (Language::English, 0 | 1) => "Sorry, I did not catch that.",
            (Language::English, _) => "I am sorry, I still did not understand.",
        }
    }

    /// To a question that is none of this line's.
    const fn beside(&self) -> &'static str {
        both(self.language, "Je ne peux pas vous renseigner là-dessus.", "I cannot help you with that.")
    }

    /// What is heard before anything else.
    fn pressing(&self, wants: &[Intent]) -> Option<Stop> {
        if wants.contains(&Intent::Emergency) && !self.warned {
            return Some(Stop::Emergency);
        }
        wants.contains(&Intent::Human).then_some(Stop::Human)
    }

    fn interlude(&mut self, wants: &[Intent], text: &str, asked: &Prompt) -> Step<Option<Interlude>> {
        for intent in wants {
            match intent {
                Intent::Repeat => return Ok(Some(Interlude::Repeat)),
                Intent::Wait => return Ok(Some(Interlude::Wait)),
                Intent::OtherLanguage => return Ok(Some(Interlude::OtherLanguage)),
                Intent::Cancel | Intent::Move | Intent::Recall => {
                    if let Some(need) = need::read(text, self.language, clock::now().into()) {
                        return Err(Stop::Instead(need));
                    }
                }
                Intent::Goodbye => return Err(Stop::Goodbye),
                Intent::CallBack => return Err(Stop::Human),
                Intent::Hours | Intent::Address | Intent::Price => {
                    return Ok(Some(Interlude::Answered(Some(aside::fact(self, *intent)))));
                }
                Intent::Emergency
                | Intent::Human
                | Intent::Urgent
                | Intent::Appointment
                | Intent::Wrong
                | Intent::Greeting
                | Intent::Thanks => {}
            }
        }
        // A whole sentence that is no answer is a question of the caller's.
        let sentence = text.split_whitespace().count() >= 4 && asked.expecting == Expecting::Anything;
        if sentence { Ok(aside::by_model(self, text).then_some(Interlude::Answered(None))) } else { Ok(None) }
    }

    /// Whether the caller turned to the other language, in which the conversation now goes on.
    fn follow_language(&mut self, text: &str) -> bool {
        let spoken = language_of(text);
        let other = spoken == Some(self.language.other());
        if other {
            self.language = self.language.other();
        }
        other
    }

    fn put(&self, text: &str, prompt: &Prompt, patience: Duration) -> Step<Reply> {
        let mut question = ask(text)
            .language(self.tag())
            .expecting(prompt.expecting)
            .patience(patience)
            .max_digits(prompt.max_digits);
        if let Some(key) = prompt.finish_on {
            question = question.finish_on(key);
        }
        Ok(question.listen()?)
    }

    fn spend(&mut self) -> Step<()> {
        self.turns += 1;
        if self.turns > self.limit { Err(Stop::TooLong) } else { Ok(()) }
    }

    /// The line's own tag where it is of this language, so that "fr-CA" stays so.
    pub(crate) fn tag(&self) -> &str {
        if Language::from_tag(&self.call.language) == Some(self.language) {
            &self.call.language
        } else {
            self.language.tag()
        }
    }
}

/// What came instead of an answer and does not end the question.
enum Interlude {
    Repeat,
    Wait,
    OtherLanguage,
    /// What to say before asking again; `None` where the answer has been said.
    Answered(Option<String>),
}

/// The one of two sentences that is in `language`.
pub(crate) const fn both<'t>(language: Language, french: &'t str, english: &'t str) -> &'t str {
    match language {
        Language::French => french,
        Language::English => english,
    }
}
