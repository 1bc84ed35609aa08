//! Conversations with an agent that the test itself is: it asks through the door, and sees what it is
//! answered and what the file holds against it.

use std::path::Path;
use std::time::Duration;

use parloir_contract::{
    Ask, BargeIn, Book, Booked, Capability, Contact, Expecting, Field, Heard, HostCall, HostReturn,
    ListenOptions, LogLevel, LogLine, Outcome, Refusal, Say, SayOptions, Transfer, Transferred, Turn, Wanted,
};
use parloir_sandbox::{Door, DoorClosed, Failure, FailureKind};
use tower::{Service, ServiceExt};

use crate::check::Ended;
use crate::event::Happened;
use crate::file::{Conversation, read, write};
use crate::rehearse::{Rehearsed, Set, judge};
use crate::script::{Script, recorded};

/// The agent's hands.
struct Hands(Door);

impl Hands {
    async fn call(&mut self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        self.0.ready().await?.call(call).await
    }

    async fn say_with(&mut self, text: &str, barge_in: BargeIn) -> Heard {
        let options = SayOptions { barge_in, language: None };
        match self.call(HostCall::Say(Say { text: text.into(), options })).await {
            Ok(HostReturn::Say(Ok(heard))) => heard,
            other => panic!("{other:?}"),
        }
    }

    async fn say(&mut self, text: &str) -> Heard {
        self.say_with(text, BargeIn::BySpeech).await
    }

    async fn ask_with(&mut self, text: &str, listen: ListenOptions) -> Result<(Heard, Turn), DoorClosed> {
        let ask = Ask { question: text.into(), say: SayOptions::default(), listen };
        match self.call(HostCall::Ask(ask)).await? {
            HostReturn::Ask(Ok(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn ask(&mut self, text: &str) -> Turn {
        self.ask_with(text, ListenOptions::default()).await.unwrap().1
    }

    async fn elapsed(&mut self) -> u32 {
        match self.call(HostCall::Elapsed).await {
            Ok(HostReturn::Elapsed(ms)) => ms,
            other => panic!("{other:?}"),
        }
    }
}

fn file(steps: &str) -> Conversation {
    let text = format!("conversation: a test\nnow: 2026-11-21 18:00\n{steps}");
    read(Path::new("t.yaml"), text.as_bytes()).unwrap_or_else(|bad| panic!("{bad}")).remove(0)
}

async fn rehearsed<A: AsyncFnOnce(&mut Hands) -> Outcome>(
    conversation: &Conversation,
    agent: A,
) -> Rehearsed {
    let script = Script::new(conversation);
    let (set, door) = Set::new(&conversation.scene, Capability::ALL.into(), script).await.unwrap();
    let mut hands = Hands(door);
    let outcome = agent(&mut hands).await;
    drop(hands);
    judge(conversation, set.settle(Ended::Agent(outcome)).unwrap(), Duration::ZERO).await
}

async fn passes<A: AsyncFnOnce(&mut Hands) -> Outcome>(steps: &str, agent: A) -> Rehearsed {
    let rehearsed = rehearsed(&file(steps), agent).await;
    let told: Vec<String> = rehearsed.mismatches.iter().map(ToString::to_string).collect();
    assert!(rehearsed.passed(), "{}", told.join("\n"));
    rehearsed
}

/// The first thing that went otherwise.
async fn fails<A: AsyncFnOnce(&mut Hands) -> Outcome>(steps: &str, agent: A) -> String {
    let rehearsed = rehearsed(&file(steps), agent).await;
    rehearsed.mismatches.first().map(ToString::to_string).expect("something goes otherwise")
}

fn said(turn: &Turn) -> &str {
    match turn {
        Turn::Speech(speech) => &speech.text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_speech_silence_and_injected_latencies_move_the_clock() {
    let steps = "calendar: {free: []}\nfailures: {calendar.free 2nd: slow 3s}\nsteps:\n  - silence: 2s\n  - caller: quinze signes !\n";
    passes(steps, async |hands| {
        assert_eq!(hands.elapsed().await, 0);
        hands.say("quinze signes !").await;
        assert_eq!(hands.elapsed().await, 1_000);
        let free = || HostCall::FreeSlots(Wanted { limit: 1, ..Wanted::default() });
        hands.call(free()).await.unwrap();
        assert_eq!(hands.elapsed().await, 1_000);
        hands.call(free()).await.unwrap();
        assert_eq!(hands.elapsed().await, 4_000);
        assert_eq!(said(&hands.ask("quinze signes !").await), "quinze signes !");
        // The question, two seconds of silence, the answer.
        assert_eq!(hands.elapsed().await, 8_000);
        Outcome::Done
    })
    .await;
}

#[tokio::test]
async fn silence_lasts_over_as_many_turns_as_it_takes() {
    let steps = "steps:\n  - silence: 15s\n  - agent: encore là\n  - caller: Oui\n  - silence\n";
    passes(steps, async |hands| {
        let patient = ListenOptions { patience: 6_000, ..ListenOptions::default() };
        for text in ["Allô ?", "Vous êtes encore là ?"] {
            assert_eq!(hands.ask_with(text, patient.clone()).await.unwrap().1, Turn::Silence);
        }
        assert_eq!(said(&hands.ask("Allô ?").await), "Oui");
        assert_eq!(hands.ask("Bien ?").await, Turn::Silence);
        Outcome::Done
    })
    .await;
}

#[tokio::test]
async fn a_wrong_expectation_fails_where_it_is_written() {
    let told = fails("steps:\n  - agent: bonsoir\n  - caller: Oui\n", async |hands| {
        let gone = hands.ask_with("Bonjour, madame.", ListenOptions::default()).await.unwrap_err();
        assert_eq!(gone, DoorClosed("the rehearsal ends here".into()));
        Outcome::Done
    })
    .await;
    assert_eq!(
        told,
        "t.yaml:4:5: expected the agent to say “bonsoir”; the agent said “Bonjour, madame.”, and now waits for the caller"
    );
    let told = fails("steps: [nothing_said]\n", async |hands| {
        hands.say("Bonjour").await;
        Outcome::Done
    })
    .await;
    assert_eq!(told, "t.yaml:3:9: expected the agent to say nothing; it said “Bonjour”");
}

#[tokio::test]
async fn a_file_that_ends_before_the_call_says_so() {
    let told = fails("steps:\n  - agent: oui ou non\n", async |hands| {
        let _ = hands.ask_with("Oui ou non ?", ListenOptions::default()).await;
        Outcome::Done
    })
    .await;
    assert!(told.starts_with("t.yaml:4:5: expected the call to be over after the last step"), "{told}");
    assert!(told.contains("waits for the caller, with “Oui ou non ?”; add what the caller does"), "{told}");
}

#[tokio::test]
async fn a_call_that_ends_before_the_file_says_so() {
    for (step, expected) in [
        (
            "agent: au revoir",
            "expected the agent to say “au revoir”; the agent said “Bonjour.”, and the call was over",
        ),
        (
            "caller: Oui",
            "expected the caller to have this turn; the call was over before it, with “Bonjour.”",
        ),
        ("hangs_up: {after_words: revoir}", "expected the caller to have this turn"),
    ] {
        let told = fails(&format!("steps:\n  - agent: bonjour\n  - {step}\n"), async |hands| {
            hands.say("Bonjour.").await;
            Outcome::Done
        })
        .await;
        assert!(told.starts_with("t.yaml:5:5: ") && told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn one_sentence_meets_several_steps_and_several_sentences_one_file() {
    let steps = "steps:\n  - agent: bonjour\n  - agent: {exactly: Qui êtes-vous ?}\n  - agent: bien\n  - agent: bien\n  - hangs_up\n";
    passes(steps, async |hands| {
        hands.say("Bonjour à vous.").await;
        hands.say("Un instant.").await;
        hands.say("Qui êtes-vous ?").await;
        assert_eq!(hands.ask("Bien, bien.").await, Turn::HungUp);
        Outcome::Abandoned
    })
    .await;
    let told = fails("steps:\n  - agent: deux\n  - agent: un\n  - hangs_up\n", async |hands| {
        let _ = hands.ask_with("un, deux", ListenOptions::default()).await;
        Outcome::Done
    })
    .await;
    assert!(told.starts_with("t.yaml:5:5"), "{told}");
}

#[tokio::test]
async fn a_meaning_is_met_by_whatever_words_say_it() {
    let steps = "steps:\n  - agent: {means: {moment: 2026-11-24 10:00}}\n";
    for words in ["Mardi 24 novembre à 10 heures.", "C'est le 24 novembre, à dix heures."] {
        passes(steps, async |hands| {
            hands.say(words).await;
            Outcome::Done
        })
        .await;
    }
    let told = fails(steps, async |hands| {
        hands.say("Mardi 24 novembre à 11 heures.").await;
        Outcome::Done
    })
    .await;
    assert!(told.contains("expected the agent to say what means 2026-11-24 10:00; the agent said"), "{told}");
}

#[tokio::test]
async fn an_answer_that_comes_late_is_over_its_budget() {
    let steps = |limit: u32| {
        format!(
            "calendar: {{free: []}}\nfailures: {{calendar.free: slow 2s}}\nsteps:\n  - caller: Mardi\n  - agent: {{contains: voici, within_ms: {limit}}}\n"
        )
    };
    async fn agent(hands: &mut Hands) -> Outcome {
        hands.ask("Quel jour ?").await;
        hands.call(HostCall::FreeSlots(Wanted { limit: 1, ..Wanted::default() })).await.unwrap();
        hands.say("Voici.").await;
        Outcome::Done
    }
    passes(&steps(2_000), agent).await;
    let told = fails(&steps(1_999), agent).await;
    assert_eq!(
        told,
        "t.yaml:7:5: expected the agent to begin “voici” within 1999 ms; it began after 2000 ms"
    );
}

#[tokio::test]
async fn who_interrupts_hears_the_whole_words_said_until_then() {
    let steps = "steps:\n  - agent: choisissez\n  - interrupts: {after_words: matin, says: Le matin s'il vous plaît}\n  - interrupts: {after_ms: 100, keys: \"2\"}\n";
    passes(steps, async |hands| {
        let (heard, turn) =
            hands.ask_with("Choisissez le matin ou le soir ?", ListenOptions::default()).await.unwrap();
        assert_eq!((heard.text.as_str(), heard.whole), ("Choisissez le matin", false));
        let Turn::Speech(speech) = turn else { panic!("{turn:?}") };
        assert!(speech.over_agent && speech.text == "Le matin s'il vous plaît");
        let keys = ListenOptions { max_digits: 1, ..ListenOptions::default() };
        let (heard, turn) = hands.ask_with("Tapez un ou deux.", keys).await.unwrap();
        assert_eq!((heard.played, turn), (100, Turn::Digits("2".into())));
        Outcome::Done
    })
    .await;
}

#[tokio::test]
async fn what_interrupts_nothing_is_lost_as_on_a_line() {
    let interrupting =
        |says: &str| format!("steps:\n  - interrupts: {{after_ms: 100, says: {says}}}\n  - caller: Bien\n");
    let heard = passes(&interrupting("Attendez"), async |hands| {
        assert!(hands.say_with("Cet appel est enregistré, sachez-le.", BargeIn::Never).await.whole);
        assert_eq!(said(&hands.ask("Oui ?").await), "Bien");
        Outcome::Done
    })
    .await;
    assert!(
        heard.left.events.iter().any(
            |e| matches!(&e.what, Happened::Lost { why, .. } if why == "nothing interrupts this sentence")
        )
    );
    passes(&interrupting("Mmh"), async |hands| {
        assert!(hands.say("Voici ce que je vous propose.").await.whole);
        assert_eq!(said(&hands.ask("Oui ?").await), "Bien");
        Outcome::Done
    })
    .await;
    // To a question for yes or no, a "oui" is an answer.
    passes("steps:\n  - interrupts: {after_ms: 100, says: Oui}\n", async |hands| {
        let listen = ListenOptions { expecting: Expecting::YesNo, ..ListenOptions::default() };
        assert_eq!(said(&hands.ask_with("Voulez-vous ?", listen).await.unwrap().1), "Oui");
        Outcome::Done
    })
    .await;
}

#[tokio::test]
async fn keys_end_by_their_number_by_their_last_or_by_a_pause() {
    let steps =
        "steps:\n  - keys: \"12#\"\n  - keys: \"1234\"\n  - keys: \"7\"\n  - keys: \"12#\"\n  - hangs_up\n";
    passes(steps, async |hands| {
        let finish = ListenOptions { finish_on: Some('#'), ..ListenOptions::default() };
        let digits = |text: &str| Turn::Digits(text.into());
        assert_eq!(hands.ask_with("Un", finish.clone()).await.unwrap().1, digits("12"));
        let two = ListenOptions { max_digits: 2, ..ListenOptions::default() };
        assert_eq!(hands.ask_with("Deux", two.clone()).await.unwrap().1, digits("12"));
        let rest = hands.call(HostCall::Listen(two.clone())).await.unwrap();
        assert_eq!(rest, HostReturn::Listen(Ok(digits("34"))));
        let before = hands.elapsed().await;
        assert_eq!(hands.ask("Trois").await, digits("7"));
        assert_eq!(hands.elapsed().await - before, 2_500 + crate::speech_ms("Trois"));
        let both = ListenOptions { max_digits: 2, ..finish };
        assert_eq!(hands.ask_with("Quatre", both.clone()).await.unwrap().1, digits("12"));
        assert_eq!(hands.ask_with("Cinq", both).await.unwrap().1, Turn::HungUp);
        Outcome::Abandoned
    })
    .await;
}

#[tokio::test]
async fn after_the_caller_has_gone_nothing_is_said_and_everything_answers_so() {
    let steps = "steps:\n  - agent: bonjour\n  - hangs_up: {after_words: \"Bonjour,\"}\nexpect: {outcome: abandoned}\n";
    passes(steps, async |hands| {
        let heard = hands.say("Bonjour, ici le cabinet.").await;
        assert_eq!((heard.text.as_str(), heard.whole), ("Bonjour,", false));
        let at = hands.elapsed().await;
        assert_eq!(hands.say("Encore un mot.").await, Heard::default());
        assert_eq!(hands.ask("Oui ?").await, Turn::HungUp);
        assert_eq!(hands.elapsed().await, at);
        Outcome::Abandoned
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_lingers_after_the_caller_is_stopped() {
    let steps = "calendar: {free: []}\nfailures: {calendar.free: slow 11s}\nsteps: [hangs_up]\n";
    passes(steps, async |hands| {
        assert_eq!(hands.ask("Oui ?").await, Turn::HungUp);
        let late = hands.call(HostCall::FreeSlots(Wanted { limit: 1, ..Wanted::default() })).await;
        assert!(late.unwrap_err().0.contains("within 10 s"));
        Outcome::Abandoned
    })
    .await;
}

#[tokio::test]
async fn a_slot_that_was_taken_is_offered_no_more() {
    let steps = "calendar: {free: [2026-11-24 09:00, 2026-11-24 10:00]}\nfailures: {calendar.book 1st: taken, calendar.find: down}\nsteps: []\nexpect: {booked: {at: 2026-11-24 10:00, name: Anne}}\n";
    passes(steps, async |hands| {
        let free = async |hands: &mut Hands| {
            let call = HostCall::FreeSlots(Wanted { limit: 9, ..Wanted::default() });
            match hands.call(call).await {
                Ok(HostReturn::FreeSlots(Ok(slots))) => slots.into_iter().map(|s| s.id).collect::<Vec<_>>(),
                other => panic!("{other:?}"),
            }
        };
        let book = |slot: &str| {
            let contact = Contact { name: "Anne".into(), phone: None };
            HostCall::Book(Book { slot: slot.into(), contact, motive: String::new() })
        };
        assert_eq!(free(hands).await.len(), 2);
        let taken = hands.call(book("2026-11-24T09:00")).await.unwrap();
        assert_eq!(taken, HostReturn::Book(Ok(Booked::Taken)));
        assert_eq!(free(hands).await, ["2026-11-24T10:00"]);
        let booked = hands.call(book("2026-11-24T10:00")).await.unwrap();
        assert!(matches!(booked, HostReturn::Book(Ok(Booked::Confirmed(_)))), "{booked:?}");
        let down = hands.call(HostCall::FindAppointments("+33612345678".into())).await.unwrap();
        assert!(matches!(down.refusal(), Some(Refusal::Unavailable(_))), "{down:?}");
        Outcome::Done
    })
    .await;
}

#[tokio::test]
async fn the_tenancys_layers_stand_before_the_stage() {
    passes("capabilities: [calendar]\nsteps: []\n", async |hands| {
        let refused = hands.call(HostCall::GetMemory("key".into())).await.unwrap();
        assert!(matches!(refused.refusal(), Some(Refusal::NotPermitted(_))), "{refused:?}");
        Outcome::Done
    })
    .await;
    passes("steps: []\n", async |hands| {
        let mut last = hands.call(HostCall::Now).await;
        for _ in 0..20_200 {
            last = hands.call(HostCall::Now).await;
        }
        assert!(last.unwrap_err().0.contains("quota"));
        Outcome::Done
    })
    .await;
}

#[tokio::test]
async fn transfers_end_as_the_file_has_it_and_go_where_the_line_allows() {
    let steps = "transfers: [busy, answered]\ntransfer_to: [\"+331\"]\nsteps:\n  - agent: ne quittez pas\nexpect: {transferred_to: \"+33123456789\"}\n";
    passes(steps, async |hands| {
        let transfer = |to: &str| {
            HostCall::Transfer(Transfer { to: to.into(), announce: Some("Ne quittez pas.".into()) })
        };
        let refused = hands.call(transfer("+33892123456")).await.unwrap();
        assert!(matches!(refused.refusal(), Some(Refusal::NotPermitted(_))));
        let answered = hands.call(transfer("+33123456789")).await.unwrap();
        assert_eq!(answered, HostReturn::Transfer(Ok(Transferred::Answered)));
        assert_eq!(hands.ask("Oui ?").await, Turn::HungUp);
        Outcome::Transferred
    })
    .await;
}

#[tokio::test]
async fn a_report_holds_what_consent_allows() {
    let steps = |need: &str| {
        format!("steps: []\nexpect: {{report: {{need: {need}, status: none}}, consent: refused}}\n")
    };
    async fn agent(hands: &mut Hands) -> Outcome {
        hands.call(HostCall::Consent(false)).await.unwrap();
        hands.call(HostCall::SetReport(Field::Need("une carie".into()))).await.unwrap();
        Outcome::Done
    }
    passes(&steps("none"), agent).await;
    let told = fails(&steps("carie"), agent).await;
    assert!(told.contains("`need` in the report: “carie”; it has none; without consent"), "{told}");
}

#[tokio::test]
async fn a_field_of_the_report_is_held_to_be_all_that_is_written() {
    let steps = |rule: &str| format!("recording: always\nsteps: []\nexpect: {{report: {{need: {rule}}}}}\n");
    async fn agent(hands: &mut Hands) -> Outcome {
        hands.call(HostCall::SetReport(Field::Need("Rappeler  l’après-midi".into()))).await.unwrap();
        Outcome::Done
    }
    for fits in ["rappeler l'après-midi", "{contains: midi}", "[après-midi, rappeler]", "{matches: midi$}"]
    {
        passes(&steps(fits), agent).await;
    }
    let told = fails(&steps("midi"), agent).await;
    let remedy = "“midi”; it has “Rappeler  l’après-midi”; write the whole of it, or `need: {contains: …}` for words of it";
    assert!(told.ends_with(remedy), "{told}");
    assert!(!fails(&steps("matin"), agent).await.contains("contains"));
}

#[tokio::test]
async fn each_expectation_of_the_end_can_fail() {
    async fn agent(hands: &mut Hands) -> Outcome {
        hands.say("Prenez un cachet.").await;
        hands.call(HostCall::SetReport(Field::Summary("rien".into()))).await.unwrap();
        Outcome::Done
    }
    let with = |expect: &str| {
        format!(
            "calendar: {{free: [], appointments: [{{at: 2026-11-26 09:30}}]}}\nsteps: []\nexpect: {{{expect}}}\n"
        )
    };
    for (expect, told) in [
        ("outcome: transferred", "expected the outcome transferred; it ended done"),
        ("outcome: {failed: x}", "expected the outcome failed: “x”; it ended done"),
        ("booked: 2026-11-24 10:00", "expected booked: 2026-11-24 10:00; it was none"),
        ("cancelled: 2026-11-26 09:30", "expected cancelled: 2026-11-26 09:30; it was none"),
        (
            "moved: {from: 2026-11-26 09:30, to: 2026-11-27 09:30}",
            "2026-11-26 09:30 to 2026-11-27 09:30; it was none",
        ),
        ("transferred_to: \"+33199009999\"", "handed over to +33199009999; it was nobody"),
        ("consent: given", "consent to recording: given; it was unasked"),
        ("said: bonjour", "the agent to say “bonjour” at some time; it never did"),
        (
            "never_said: {matches: cachets?}",
            "never to say the pattern /cachets?/; at 0:00 it said “Prenez un cachet.”",
        ),
        ("within_ms: 500", "the call to last 500 ms at most; it lasted 1133 ms"),
        ("memory: {a: b}", "“b” in the memory under `a`; there is nothing"),
        ("report: {status: booked}", "`status: booked` in the report; it has `none`"),
        ("report: {other: {score: 7}}", "`score` in the report: “7”; it has none"),
    ] {
        let found = fails(&with(expect), agent).await;
        assert!(found.contains(told), "{expect}: {found}");
    }
    passes(&with("outcome: done, booked: none, moved: none, cancelled: none, transferred_to: nobody, consent: unasked, said: cachet, never_said: bonjour, within_ms: 2000, memory: {a: none}"), agent).await;
}

#[tokio::test]
async fn a_failure_nobody_expects_is_one() {
    async fn failed(_: &mut Hands) -> Outcome {
        Outcome::Failed("no idea".into())
    }
    let told = fails("steps: []\n", failed).await;
    assert!(told.contains("expected the agent to come to its own end; it ended failed: no idea"), "{told}");
    passes("steps: []\nexpect: {outcome: {failed: idea}}\n", failed).await;
}

#[tokio::test]
async fn a_note_stands_in_its_place_and_the_last_one_says_why_the_agent_died() {
    let conversation = file(
        "steps:\n  - agent: bonjour\n  - caller: Oui\n  - agent: merci\n  - caller: Non\nexpect: {booked: 2026-11-24 10:00}\n",
    );
    let (set, door) =
        Set::new(&conversation.scene, Capability::ALL.into(), Script::new(&conversation)).await.unwrap();
    let mut hands = Hands(door);
    let note = |level, message: &str| HostCall::Log(LogLine { level, message: message.into() });
    hands.call(note(LogLevel::Info, "I begin")).await.unwrap();
    hands.ask("Bonjour ?").await;
    hands.call(note(LogLevel::Error, "all is well")).await.unwrap();
    hands.elapsed().await;
    let trap = Failure::new(FailureKind::Trap, "wasm `unreachable` instruction executed");
    let engine = Ended::Stopped("trap: wasm `unreachable` instruction executed".into());
    assert_eq!(set.stopped(&trap).await, engine, "it asked something after its last note");
    hands.call(note(LogLevel::Error, "RangeError: 7\n  at answer (agent.ts:22)")).await.unwrap();
    drop(hands);
    let ended = set.stopped(&trap).await;
    let rehearsed = judge(&conversation, set.settle(ended).unwrap(), Duration::ZERO).await;
    let told: Vec<String> = rehearsed.mismatches.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "what follows from a failure is told too: {told:?}");
    assert!(told[0].contains("it ended failed: trap: RangeError: 7 at answer (agent.ts:22)"), "{told:?}");
    let course: Vec<String> = rehearsed.left.events.iter().map(crate::told).collect();
    assert_eq!(course[0], "0:00 log, info: I begin");
    assert!(course[1].contains("agent: Bonjour ?") && course[2].contains("caller: Oui"), "{course:?}");
    assert!(course[4].contains("log, error: RangeError: 7\n  at answer (agent.ts:22)"), "{course:?}");
}

#[tokio::test]
async fn a_recorded_conversation_passes_as_a_file() {
    async fn agent(hands: &mut Hands) -> Outcome {
        hands.say_with("Bonjour : « ici » le cabinet #1.", BargeIn::Never).await;
        hands.ask("Que puis-je faire pour vous ?").await;
        hands.ask("À quel nom ?").await;
        hands.ask("Vous êtes là ?").await;
        hands.ask("Encore là ?").await;
        hands.ask("Alors au revoir.").await;
        Outcome::Abandoned
    }
    let steps = "steps:\n  - interrupts: {after_ms: 900, says: Un rendez-vous, confidence: 0.9}\n  - caller: \"Dupont: D-U-P\"\n  - silence\n  - keys: \"1#\"\n  - hangs_up: {after_ms: 300}\n";
    let agent_waits = format!("{steps}expect: {{outcome: abandoned}}\n");
    // The first sentence is not one to come into: say so by words.
    let first = passes(&agent_waits.replace("after_ms: 900", "after_words: Que puis-je"), agent).await;
    let original = file(&agent_waits);
    let steps = recorded(&first.left.events, &original.at);
    let again = write(&Conversation { steps, ..original });
    let again = read(Path::new("again.yaml"), again.as_bytes()).unwrap().remove(0);
    let second = rehearsed(&again, agent).await;
    assert!(second.passed(), "{:?}", second.mismatches);
    assert_eq!(second.left.events, first.left.events);
}
