//! An agent for the tests: it does what the line's setting `trial` says, well or badly. It is the
//! other side of every promise about agents that fail.

use std::hint::black_box;

use parloir_agent::calendar::Contact;
use parloir_agent::understanding::{Language, say as in_words, yes_no};
use parloir_agent::{
    Agent, Answered, BargeIn, Call, Capability, Description, Outcome, Transferred, Turn, connectors,
    documents, log, memory, model, report,
};
use parloir_agent::{ask, clock, consent, listen, play, random, say, sentence, transfer};

struct Trial;

impl Agent for Trial {
    fn describe() -> Description {
        Description::new("trial", "0.1.0").speaking(["fr-FR", "en-GB"]).needing([
            Capability::Memory,
            Capability::Model,
            Capability::Connectors,
            Capability::Documents,
            Capability::Transfer,
        ])
    }

    fn answer(call: Call) -> Outcome {
        let trial = call.setting("trial").unwrap_or("echo").to_owned();
        // What the caller hears before it goes wrong.
        if call.setting("greet") != Some("no") {
            let _ = say("Bonjour.");
        }
        match trial.as_str() {
            "echo" => echo(),
            "turns" => turns(),
            "spin" => spin(),
            "recurse" => Outcome::Failed(recurse(1).to_string()),
            "hog" => hog(),
            "panic" => panic!("the trial asked for it"),
            "flood" => flood(),
            "give-up" => Outcome::Failed("nothing to say".into()),
            "leave" => Outcome::Done,
            "silent" => silent(),
            "never" => {
                let _ = sentence("Cette phrase doit être entendue en entier.").barge_in(BargeIn::Never).say();
                Outcome::Done
            }
            "forbidden" => match transfer("+33899123456", None) {
                Ok(_) => Outcome::Transferred,
                Err(refusal) => Outcome::Failed(format!("{refusal:?}")),
            },
            "hand-over" => hand_over(),
            "calls" => calls(),
            "consent" => asks_consent(),
            "model" => asks_model(&call),
            "budget" => budget(&call),
            "questions" => questions(&call),
            "remember" => remember(&call),
            "look-up" => look_up(),
            "customer" => customer(&call),
            "documents" => reads(&call),
            "plays" => plays(&call),
            other => Outcome::Failed(format!("there is no trial {other:?}")),
        }
    }
}

/// Repeats what it hears, until the caller leaves or says nothing twice.
fn echo() -> Outcome {
    let mut silences = 0;
    loop {
        match listen().turn() {
            Ok(Turn::Speech(speech)) => drop(say(&speech.text)),
            Ok(Turn::Digits(digits)) => drop(say(&digits)),
            Ok(Turn::Silence) => {
                silences += 1;
                if silences == 2 {
                    return Outcome::Done;
                }
            }
            Ok(Turn::HungUp) => return Outcome::Abandoned,
            Err(refusal) => return Outcome::Failed(format!("{refusal:?}")),
        }
    }
}

/// Answers every turn with a sentence: the load client's agent.
fn turns() -> Outcome {
    loop {
        match ask("Je vous écoute, dites-moi ce que je peux faire pour vous.").listen() {
            Ok(reply) if reply.turn == Turn::HungUp => return Outcome::Done,
            Ok(_) => {}
            Err(refusal) => return Outcome::Failed(format!("{refusal:?}")),
        }
    }
}

/// Asks whether the call may be recorded, then repeats what it hears.
fn asks_consent() -> Outcome {
    let reply = ask("Cet appel peut être enregistré. Tapez un pour accepter, deux pour refuser.")
        .max_digits(1)
        .listen();
    let granted = match reply.map(|reply| reply.turn) {
        Ok(Turn::Digits(digits)) => digits == "1",
        Ok(Turn::Speech(speech)) => yes_no(&speech.text, Language::French) == Some(true),
        Ok(Turn::Silence) => false,
        Ok(Turn::HungUp) => return Outcome::Abandoned,
        Err(refusal) => return Outcome::Failed(format!("{refusal:?}")),
    };
    if let Err(refusal) = consent(granted) {
        return Outcome::Failed(format!("{refusal:?}"));
    }
    echo()
}

/// Has a model answer what the caller says, and keeps to itself what the model need not know.
fn asks_model(call: &Call) -> Outcome {
    let note = call.setting("note").unwrap_or_default();
    let _ = memory::set("note", note.as_bytes());
    let _ = report::other("note", note);
    log::write(log::Level::Warn, note);
    loop {
        let said = match listen().turn() {
            Ok(Turn::Speech(speech)) => speech.text,
            Ok(Turn::Digits(_) | Turn::Silence) => continue,
            Ok(Turn::HungUp) => return Outcome::Abandoned,
            Err(refusal) => return Outcome::Failed(format!("{refusal:?}")),
        };
        let _ = memory::set("said", said.as_bytes());
        let _ = report::other("said", &said);
        log::write(log::Level::Warn, &said);
        match model::chat(&[model::Message::User(said)], &model::ChatOptions::default()) {
            Ok(answer) => drop(say(&answer.text)),
            Err(refusal) => return Outcome::Failed(format!("{refusal:?}")),
        }
    }
}

/// Asks for a budget until it is understood, and says it back in letters.
fn budget(call: &Call) -> Outcome {
    match call.ask_until("Quel est votre budget ?").again("Dites-moi une somme, en euros.").amount() {
        Ok(Answered::Answer(sum)) => {
            let _ = say(&in_words::number(sum.least.unwrap_or_default(), Language::French));
            Outcome::Done
        }
        Ok(other) => Outcome::Failed(format!("{other:?}")),
        Err(refusal) => Outcome::Failed(format!("{refusal:?}")),
    }
}

/// Hands the caller to the line's fallback number; one who comes back is told to be called back.
fn hand_over() -> Outcome {
    match transfer("", None) {
        Ok(Transferred::Answered) => Outcome::Transferred,
        Ok(Transferred::Busy | Transferred::NoAnswer) => {
            let _ = say("Personne ne répond, nous vous rappellerons.");
            Outcome::CallBack
        }
        Ok(Transferred::CallerGone) => Outcome::Abandoned,
        Err(refusal) => Outcome::Failed(format!("{refusal:?}")),
    }
}

/// Says whether it knows the caller's number, remembers it, and reports a name that is written wrongly.
fn remember(call: &Call) -> Outcome {
    let Some(number) = call.caller.as_deref() else { return Outcome::Failed("nobody rang".into()) };
    let known = matches!(memory::get(number), Ok(Some(_)));
    let _ = say(if known { "Je vous connais." } else { "Je ne vous connais pas." });
    let _ = memory::set(number, b"rang");
    let contact = Contact { name: "Anne Durant".to_owned(), phone: Some(number.to_owned()) };
    match report::contact(contact) {
        Ok(()) => Outcome::Done,
        Err(refusal) => Outcome::Failed(format!("{refusal:?}")),
    }
}

/// Asks the model what it heard, and says what that answers: whoever rings a slow one waits.
fn look_up() -> Outcome {
    loop {
        let question = match listen().turn() {
            Ok(Turn::Speech(speech)) => model::Message::User(speech.text),
            Ok(Turn::Digits(_) | Turn::Silence) => continue,
            Ok(Turn::HungUp) => return Outcome::Abandoned,
            Err(refusal) => return Outcome::Failed(format!("{refusal:?}")),
        };
        match model::chat(&[question], &model::ChatOptions::default()) {
            Ok(answer) => drop(say(&answer.text)),
            Err(refusal) => return Outcome::Failed(format!("{refusal:?}")),
        }
    }
}

/// Asks the customer file who rings, reports what it answers, and says whether it knows the caller.
fn customer(call: &Call) -> Outcome {
    let phone = call.caller.as_deref().unwrap_or_default();
    let (customer, known) = match connectors::get("crm", "customers/42").query("phone", phone).send() {
        Ok(answer) => (format!("{} {}", answer.status, answer.body), answer.is_success()),
        Err(refusal) => (format!("{refusal:?}"), false),
    };
    let _ = say(if known { "Je vous connais." } else { "Je ne vous connais pas." });
    match report::other("customer", &customer) {
        Ok(()) => Outcome::Done,
        Err(refusal) => Outcome::Failed(format!("{refusal:?}")),
    }
}

/// Reads the document that the setting `document` names, listens, reads it again, and reports what each came to.
fn reads(call: &Call) -> Outcome {
    let name = call.setting("document").unwrap_or_default();
    let read = || match (documents::list(), documents::read(name)) {
        (Ok(names), Ok(text)) => format!("{}: {text}", names.join(" ")),
        (names, text) => format!("{names:?} {text:?}"),
    };
    let before = read();
    let _ = say("Je lis.");
    let _ = listen().turn();
    match report::other("before", &before).and_then(|()| report::other("after", &read())) {
        Ok(()) => Outcome::Done,
        Err(refusal) => Outcome::Failed(format!("{refusal:?}")),
    }
}

/// Plays the sound that the setting `sound` names, listens, plays it again, and reports what each came to.
fn plays(call: &Call) -> Outcome {
    let name = call.setting("sound").unwrap_or_default();
    let heard = || match play(name) {
        Ok(heard) if heard.whole => "whole".to_owned(),
        Ok(_) => "cut off".to_owned(),
        Err(refusal) => format!("{refusal:?}"),
    };
    let before = heard();
    let _ = say("J'écoute.");
    let _ = listen().turn();
    let after = format!("after: {}", heard());
    match report::other("before", &before).and_then(|()| report::other("after", &after)) {
        Ok(()) => Outcome::Done,
        Err(refusal) => Outcome::Failed(format!("{refusal:?}")),
    }
}

fn spin() -> Outcome {
    let mut n = 0u64;
    loop {
        n = black_box(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

#[allow(unconditional_recursion, reason = "that is the trial")]
fn recurse(n: u64) -> u64 {
    black_box(recurse(black_box(n) + 1)).wrapping_add(n)
}

fn hog() -> Outcome {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1u8; 1 << 20]));
    }
}

/// As many cheap host calls as it can make.
fn flood() -> Outcome {
    loop {
        black_box(clock::elapsed());
        black_box(random::bytes(64));
        log::write(log::Level::Debug, "flood");
    }
}

/// Never speaks and never listens, but keeps asking the host for nothing in particular.
fn silent() -> Outcome {
    loop {
        let _ = memory::get("nothing");
    }
}

/// Counts host calls in a loop, for the benchmark of the door.
fn calls() -> Outcome {
    for _ in 0..10_000 {
        black_box(clock::elapsed());
    }
    Outcome::Done
}

/// Asks the model one question after another, each of its own words. Without long runs of digits: those may look like a card's
/// number, which the host sends to no provider.
fn questions(call: &Call) -> Outcome {
    let letter = |c: char| c.to_digit(10).and_then(|digit| char::from_digit(digit + 16, 36)).unwrap_or(c);
    let name: String = call.id.chars().map(letter).collect();
    for number in 1u32.. {
        let question = model::Message::User(format!("question {name} {number}"));
        if let Err(refusal) = model::chat(&[question], &model::ChatOptions::default()) {
            return Outcome::Failed(format!("{refusal:?}"));
        }
    }
    Outcome::Done
}

parloir_agent::export!(Trial);
