use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::*;
use crate::{CallInfo, Direction, Heard, Host, ListenOptions, LocalTime, SayOptions, Speech, host};

/// A caller who takes these turns, and then hangs up.
struct Caller {
    turns: VecDeque<Turn>,
    asked: Vec<String>,
    listened: Vec<ListenOptions>,
}

impl Host for Caller {
    fn ask(&mut self, q: &str, _: &SayOptions, listen: &ListenOptions) -> Result<(Heard, Turn), Refusal> {
        self.asked.push(q.to_owned());
        self.listened.push(listen.clone());
        let heard = Heard { text: q.to_owned(), whole: true, played: 1000 };
        Ok((heard, self.turns.pop_front().unwrap_or(Turn::HungUp)))
    }

    fn now(&mut self) -> LocalTime {
        NOW
    }
}

/// Saturday 21 November 2026, six in the evening.
const NOW: LocalTime = LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 0 };

fn says(text: &str) -> Turn {
    Turn::Speech(Speech { text: text.into(), confidence: 1.0, language: "fr-FR".into(), over_agent: false })
}

fn keys(keys: &str) -> Turn {
    Turn::Digits(keys.into())
}

fn call() -> Call {
    Call::new(CallInfo {
        id: "0".repeat(32),
        direction: Direction::Inbound,
        line: "+33123456789".into(),
        caller: None,
        language: "fr-FR".into(),
        started_at: NOW,
        settings: Vec::new(),
    })
}

/// Asks a caller who takes these turns; how it ended, what was asked, and how it was listened for.
fn with<T>(
    turns: impl IntoIterator<Item = Turn>,
    ask: impl FnOnce(AskUntil<'_>) -> Result<Answered<T>, Refusal>,
) -> (Answered<T>, Vec<String>, Vec<ListenOptions>) {
    let turns = turns.into_iter().collect();
    let caller = Rc::new(RefCell::new(Caller { turns, asked: Vec::new(), listened: Vec::new() }));
    let call = call();
    let answered = host::run(&caller, || ask(call.ask_until("Une visite ?"))).unwrap();
    let mut caller = caller.borrow_mut();
    (answered, std::mem::take(&mut caller.asked), std::mem::take(&mut caller.listened))
}

#[test]
fn a_question_that_is_answered_is_asked_once() {
    let (answered, asked, listened) = with([says("Bah oui")], |q| q.yes_no());
    assert_eq!((answered, asked.len()), (Answered::Answer(true), 1));
    assert_eq!((listened[0].expecting, listened[0].max_digits), (Expecting::YesNo, 1));
    assert_eq!(with([keys("2")], |q| q.yes_no()).0, Answered::Answer(false));
}

#[test]
fn silence_and_misunderstanding_are_met_with_other_words_and_then_given_up() {
    let turns = || [Turn::Silence, says("Dupont"), says("[Musique]"), says("oui")];
    let (answered, asked, _) = with(turns(), |q| q.again("Oui ou non ?").again("Tapez un.").yes_no());
    assert_eq!(answered, Answered::Misunderstood);
    assert_eq!(asked, ["Une visite ?", "Oui ou non ?", "Tapez un."]);
    let (answered, asked, _) = with(turns(), |q| q.again("Oui ou non ?").tries(4).yes_no());
    assert_eq!(answered, Answered::Answer(true));
    assert_eq!(asked, ["Une visite ?", "Oui ou non ?", "Oui ou non ?", "Oui ou non ?"]);
    assert_eq!(with([Turn::Silence, Turn::Silence], |q| q.tries(2).yes_no()).0, Answered::Silent);
}

#[test]
fn without_other_words_the_question_is_repeated_with_an_excuse() {
    let (_, asked, _) = with([says("Dupont"), Turn::Silence], |q| q.yes_no());
    assert_eq!(
        asked[1..],
        ["Pardon, je n'ai pas bien compris. Une visite ?", "Vous êtes toujours là ? Une visite ?"]
    );
    let (_, asked, _) = with([says("Smith")], |q| q.language("en-GB").yes_no());
    assert_eq!(asked[1], "Sorry, I did not catch that. Une visite ?");
}

#[test]
fn what_ends_the_conversation_is_told_apart() {
    assert_eq!(with([], |q| q.yes_no()).0, Answered::HungUp);
    assert_eq!(with([says("Je veux parler à quelqu'un")], |q| q.yes_no()).0, Answered::Human);
    assert_eq!(with([says("Il ne respire plus !")], |q| q.name()).0, Answered::Human);
    assert_eq!(with([keys("0")], |q| q.when()).0, Answered::Human);
    assert_eq!(with([says("Au revoir")], |q| q.when()).0, Answered::Goodbye);
    // An option may sound like a wish for a human.
    let options = ["prendre un rendez-vous", "parler à un conseiller"];
    let (answered, _, _) = with([says("Je voudrais parler à un conseiller")], |q| q.choose(&options));
    assert_eq!(answered, Answered::Answer(Choice::This(1)));
}

#[test]
fn to_repeat_and_to_wait_are_no_failures_twice_over() {
    let (answered, asked, listened) =
        with([says("Pardon ?"), says("Un instant"), says("oui")], |q| q.tries(1).yes_no());
    assert_eq!(answered, Answered::Answer(true));
    assert_eq!(asked, ["Une visite ?", "Une visite ?", "Prenez votre temps."]);
    assert_eq!(listened[2].patience, 20_000);
    let pardon = || says("Pardon ?");
    let (answered, _, _) = with([pardon(), pardon(), pardon()], |q| q.tries(1).name());
    assert_eq!(answered, Answered::Misunderstood);
}

#[test]
fn every_kind_of_answer_is_read() {
    let phone =
        with([says("zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit")], |q| q.phone());
    assert_eq!(phone.0, Answered::Answer("+33612345678".into()));
    assert_eq!(phone.2[0].finish_on, Some('#'));
    assert_eq!(with([keys("0612345678")], |q| q.phone()).0, Answered::Answer("+33612345678".into()));
    let wish = with([says("jeudi après-midi")], |q| q.when()).0.answer().unwrap();
    assert!(wish.has_day() && wish.has_time());
    let sum = with([says("entre dix et quinze mille euros")], |q| q.amount()).0.answer().unwrap();
    assert_eq!((sum.least, sum.most), (Some(10_000), Some(15_000)));
    assert_eq!(with([says("nous sommes douze")], |q| q.number()).0, Answered::Answer(12));
    assert_eq!(
        with([says("sept cinq zéro un deux")], |q| q.digits(5, 5)).0,
        Answered::Answer("75012".into())
    );
    let name = with([says("Je m'appelle Dupond, D, U, P, O, N, T.")], |q| q.name()).0.answer().unwrap();
    assert_eq!((name.text.as_str(), name.spelled), ("Dupont", true));
    let offers = [Moment::new(2026, 11, 24, 9, 0), Moment::new(2026, 11, 26, 15, 30)];
    let taken = with([says("oui"), says("celui de jeudi")], |q| q.choose_moment(&offers));
    assert_eq!((taken.0, taken.1.len()), (Answered::Answer(Choice::This(1)), 2));
    let custom = with([says("rouge")], |q| q.read(|said| (said.text == "rouge").then_some(1)));
    assert_eq!(custom.0, Answered::Answer(1));
}
