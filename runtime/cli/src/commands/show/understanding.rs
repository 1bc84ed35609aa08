//! What was understood, in words: `yes-no « ouais » → yes`.

use parloir_contract::{Choice, LocalTime, Quantity, Question, Understood, Weekday, Wish};

/// Whether a line belongs in the short timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// The meaning of what the caller said.
    Telling,
    /// A helper's work.
    Quiet,
}

/// The line of a call of the interface `understanding`; `None` where the answer is not to the question.
pub(super) fn line(question: &Question, answer: &Understood) -> Option<(String, Weight)> {
    let name = question.reading().name().strip_prefix("understanding.")?;
    let (heard, meant, weight) = meaning(question, answer)?;
    let words = match heard {
        Some(heard) => format!("{name} « {heard} » → {meant}"),
        None => format!("{name} → {meant}"),
    };
    Some((words, weight))
}

/// The caller's words it was asked about, and what they mean.
fn meaning<'a>(question: &'a Question, answer: &Understood) -> Option<(Option<&'a str>, String, Weight)> {
    use Understood as A;
    use Weight::{Quiet, Telling};
    let telling = |text: &'a String, meant: Option<String>| (Some(text.as_str()), or_nothing(meant), Telling);
    let if_any = |text: &'a String, meant: Option<String>| {
        let weight = if meant.is_some() { Telling } else { Quiet };
        (Some(text.as_str()), or_nothing(meant), weight)
    };
    Some(match (question, answer) {
        (Question::YesNo(said), A::YesNo(yes)) => {
            telling(&said.text, yes.map(|yes| if yes { "yes" } else { "no" }.to_owned()))
        }
        (Question::Digits(said), A::Digits(digits)) => {
            telling(&said.text, Some(digits.clone()).filter(|digits| !digits.is_empty()))
        }
        (Question::Number(said), A::Number(number)) => telling(&said.text, number.map(|n| n.to_string())),
        (Question::Amount(said), A::Amount(sum)) => telling(&said.text, sum.as_ref().map(quantity)),
        (Question::When(said), A::When(found)) => telling(&said.text, found.as_ref().map(wish)),
        (Question::Phone(said), A::Phone(phone)) => telling(&said.text, phone.clone()),
        (Question::Name(said), A::Name(name)) => telling(
            &said.text,
            name.as_ref()
                .map(|name| format!("{}{}", name.text, if name.spelled { " (spelled)" } else { "" })),
        ),
        (Question::Choose(said), A::Choose(found)) => telling(&said.text, choice(found)),
        (Question::ChooseMoment(said), A::ChooseMoment(found)) => telling(&said.text, choice(found)),
        (Question::Intents(said), A::Intents(found)) => {
            let words: Vec<String> =
                found.iter().map(|intent| format!("{intent:?}").to_lowercase()).collect();
            if_any(&said.text, Some(words.join(", ")).filter(|words| !words.is_empty()))
        }
        (Question::RelativeWish(said), A::RelativeWish(found)) => {
            if_any(&said.text, found.map(|wish| format!("{wish:?}").to_lowercase()))
        }
        (Question::IsNoise(text), A::IsNoise(true)) => telling(text, Some("no speech".to_owned())),
        (Question::IsNoise(text), A::IsNoise(false)) => (Some(text), "speech".to_owned(), Quiet),
        (Question::LanguageOf(text), A::LanguageOf(language)) => {
            (Some(text), or_nothing(language.clone()), Quiet)
        }
        (Question::Refine(_), A::Refine(refined)) | (Question::Around(_), A::Around(refined)) => {
            (None, wish(refined), Quiet)
        }
        (Question::Fits(_), A::Fits(fits)) => {
            (None, if *fits { "fits" } else { "does not fit" }.to_owned(), Quiet)
        }
        (
            _,
            A::Once(text)
            | A::SayDate(text)
            | A::SayTime(text)
            | A::SayMoment(text)
            | A::SayNumber(text)
            | A::SayPhone(text)
            | A::SaySpelled(text)
            | A::SayList(text),
        ) => (None, format!("{text:?}"), Quiet),
        (_, _) => return None,
    })
}

fn or_nothing(meant: Option<String>) -> String {
    meant.unwrap_or_else(|| "nothing".to_owned())
}

fn choice(choice: &Choice) -> Option<String> {
    match choice {
        Choice::Offer(place) => Some(format!("offer {}", place.saturating_add(1))),
        Choice::Any => Some("any".to_owned()),
        Choice::Neither => Some("neither".to_owned()),
        Choice::Rather(other) => Some(format!("rather {}", wish(other))),
        Choice::Yes => Some("yes, but which".to_owned()),
        Choice::Unclear => None,
    }
}

fn quantity(sum: &Quantity) -> String {
    let currency = sum.currency.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let range = match (sum.least, sum.most) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "anything".to_owned(),
    };
    format!("{range}{currency}")
}

fn wish(wish: &Wish) -> String {
    let day = |at: &LocalTime| format!("{:04}-{:02}-{:02}", at.year, at.month, at.day);
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let mut words = Vec::new();
    if !wish.weekdays.is_empty() {
        let days: Vec<&str> = wish.weekdays.iter().copied().map(weekday).collect();
        words.push(days.join(" "));
    }
    words.extend(wish.from.as_ref().map(|from| format!("from {}", day(from))));
    words.extend(wish.until.as_ref().map(|until| format!("before {}", day(until))));
    words.extend(wish.at.map(|at| format!("at {}", time(at))));
    words.extend(wish.earliest.map(|earliest| format!("not before {}", time(earliest))));
    words.extend(wish.latest.map(|latest| format!("not after {}", time(latest))));
    if words.is_empty() { "any time".to_owned() } else { words.join(", ") }
}

const fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::{ReadWhen, Utterance};

    use super::*;

    fn said(question: Question) -> String {
        let answer = parloir_meaning::answer(&question);
        line(&question, &answer).unwrap().0
    }

    #[test]
    fn what_was_understood_reads_as_a_line() {
        let utterance = |text: &str| Utterance { text: text.into(), language: "fr-FR".into() };
        assert_eq!(said(Question::YesNo(utterance("ouais"))), "yes-no « ouais » → yes");
        assert_eq!(said(Question::YesNo(utterance("bof"))), "yes-no « bof » → nothing");
        assert_eq!(
            said(Question::Amount(utterance("entre dix et quinze mille euros"))),
            "amount « entre dix et quinze mille euros » → 10000 to 15000 EUR"
        );
        let now = LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 0 };
        let read = ReadWhen { text: "jeudi après 15 h".into(), language: "fr-FR".into(), now };
        assert_eq!(said(Question::When(read)), "when « jeudi après 15 h » → Thu, not before 15:00");
        assert_eq!(said(Question::IsNoise("[Musique]".into())), "is-noise « [Musique] » → no speech");
    }

    #[test]
    fn an_answer_to_another_question_is_no_line() {
        assert_eq!(line(&Question::Once("ah".into()), &Understood::Fits(true)), None);
    }
}
