//! Files, good and bad.

use std::path::Path;

use parloir_contract::{Import, Method};
use proptest::prelude::*;

use super::*;

fn good(text: &str) -> Vec<Conversation> {
    read(Path::new("calls/a.yaml"), text.as_bytes()).unwrap_or_else(|bad| panic!("{bad}"))
}

fn wrong(text: &str) -> String {
    read(Path::new("a.yaml"), text.as_bytes()).unwrap_err().to_string()
}

const WHOLE: &str = r#"
conversation: Everything there is
language: fr-FR
now: 2026-11-21 18:00
caller: withheld
line: "+33123456789"
fallback_number: none
transfer_to: ["+331"]
recording: always
capabilities: [calendar, transfer]
settings: {cabinet.name: cabinet du Parc}
memory: {key: value}
documents: {a.txt: "text"}
sounds: {bip.wav: 800ms}
transfers: [busy, answered]
seed: 7
calendar:
  free: [2026-11-24 09:00, 2026-11-24 10:00]
  taken: 2026-11-24 09:00
  appointments: [{at: 2026-11-26 09:30, name: Morel, reference: A7K2P9}]
model:
  - Bonjour.
  - {calls: [{name: book, arguments: {day: 24, ok: true, who: "7"}}], asked: mardi}
failures:
  calendar.book 2nd: taken
  model: down
  calendar.free: slow 2s, unavailable
steps:
  - agent: bonjour
  - agent: {matches: "^puis-je", means: {moment: 2026-11-24 10:00, phone: "+33612345678", number: 3}, within_ms: 500, language: fr-FR}
  - nothing_said
  - caller: Oui
  - caller: {says: non, confidence: 0.4, language: en-GB}
  - keys: "12#"
  - silence
  - silence: 8s
  - interrupts: {after_ms: 800, says: Attendez}
  - interrupts: {after_words: mardi, keys: "1"}
  - hangs_up: {after_ms: 200}
  - hangs_up
expect:
  outcome: {failed: why}
  report: {status: call_back, need: none, summary: text, name: [a, b], phone: none, appointment: 2026-11-24 10:00, other: {score: "7"}}
  booked: {at: 2026-11-24 10:00, name: Dupont, phone: none, motive: contrôle}
  moved: {from: 2026-11-24 10:00, to: 2026-11-25 10:00}
  cancelled: none
  transferred_to: nobody
  consent: refused
  said: [a]
  never_said: [{matches: "b+"}]
  within_ms: 60000
  memory: {key: none}
connectors:
  crm:
    - {get: customers, query: {phone: "+33612345678"}, answer: {name: Anne, visits: 3}}
    - {post: notes, sent: {contains: rappel}, status: 503, answer: later}
    - {delete: , status: 204}
  erp: []
"#;

#[test]
fn everything_there_is_can_be_written() {
    let all = good(WHOLE);
    let [one] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((one.name.as_str(), one.steps.len()), ("Everything there is", 12));
    let scene = &one.scene;
    assert_eq!((scene.caller.as_deref(), scene.fallback_number.as_deref(), scene.seed), (None, None, 7));
    let [book, model, free] = scene.failures.as_slice() else { panic!("{:?}", scene.failures) };
    assert_eq!((book.imports.as_slice(), book.at), (&[Import::Book][..], Some(2)));
    assert_eq!(model.imports, [Import::ModelAvailable, Import::Chat, Import::Reply]);
    assert_eq!((free.slow_ms, free.answer), (2_000, Some(Injected::Unavailable)));
    let model = scene.model.as_ref().unwrap();
    assert_eq!(model[1].calls, [("book".to_owned(), r#"{"day":24,"ok":true,"who":"7"}"#.to_owned())]);
    assert_eq!(one.steps[5].at.to_string(), "calls/a.yaml:34:5");
    assert!(one.expect.booked.as_ref().unwrap().value[0].phone.is_some());
    let [crm, erp] = scene.connectors.as_slice() else { panic!("{:?}", scene.connectors) };
    assert_eq!((crm.name.as_str(), erp.name.as_str(), erp.answers.len()), ("crm", "erp", 0));
    let [get, post, delete] = crm.answers.as_slice() else { panic!("{crm:?}") };
    assert_eq!((get.status, get.answer.as_str()), (200, r#"{"name":"Anne","visits":3}"#));
    assert!((post.status, post.sent.is_some(), post.answer.as_str()) == (503, true, "later"));
    assert_eq!((delete.method, delete.path.as_str(), delete.status), (Method::Delete, "", 204));
}

#[test]
fn what_a_connector_answers_is_written_as_it_is_read() {
    let answers = "[{get: a, query: {q: \"1\"}, answer: {b: 2}}, {put: \"\", status: 404}]";
    let text = format!("conversation: a\nsteps: [hangs_up]\nconnectors: {{crm: {answers}, erp: []}}\n");
    let connectors = |text: &str| format!("{:?}", good(text)[0].scene.connectors);
    assert_eq!(connectors(&write(&good(&text)[0])), connectors(&text));
}

#[test]
fn what_a_connector_answers_is_held_against_the_request() {
    let mistakes = [
        ("{get: ../admin}", "no part of it is `.` or `..`"),
        ("{get: a, post: b}", "says once what it answers"),
        ("{answer: a}", "says once what it answers"),
        ("{got: a}", "did you mean `get`?"),
        ("{get: a, status: 99}", "from 200 to 599"),
    ];
    for (answer, told) in mistakes {
        let wrong = wrong(&format!("conversation: a\nsteps: [hangs_up]\nconnectors: {{crm: [{answer}]}}\n"));
        assert!(wrong.contains(told), "{answer}: {wrong}");
    }
    let unnamed = wrong("conversation: a\nsteps: [hangs_up]\nconnectors: {\"a b\": []}\n");
    assert!(unnamed.contains("a connector's name"), "{unnamed}");
}

#[test]
fn the_references_example_is_a_conversation_and_every_key_is_in_it() {
    let example = crate::FORMAT.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(good(example).len(), 1);
    for key in scene::KEYS {
        assert!(crate::FORMAT.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn what_stands_above_several_conversations_holds_for_each() {
    let all = good(
        "language: en-GB\nsettings: {a: b}\nconversations:\n  - conversation: one\n    steps: [hangs_up]\n  - conversation: two\n    language: fr-FR\n    steps: [hangs_up]\n",
    );
    let languages: Vec<_> = all.iter().map(|c| (c.name.as_str(), c.scene.language.as_str())).collect();
    assert_eq!(languages, [("one", "en-GB"), ("two", "fr-FR")]);
    assert_eq!(all[1].scene.settings.len(), 1);
    assert_eq!(all[1].at.line, 6);
}

#[test]
fn each_mistake_is_told_with_its_place_and_its_remedy() {
    let with = |line: &str| format!("conversation: a\nsteps: [hangs_up]\n{line}\n");
    for (text, told) in [
        ("conversation: a\nstep: []", "a.yaml:2:1: a conversation has no `step`; did you mean `steps`?"),
        ("steps: []", "a.yaml:1:1: the conversation has no name: write `conversation: What it shows`"),
        (
            "conversation: a\nsteps:\n  - caler: Oui",
            "a.yaml:3:5: a step has no `caler`; did you mean `caller`?",
        ),
        ("conversation: a\nsteps:\n  - Oui", "a.yaml:3:5: there is no step `Oui`"),
        ("conversation: a\nsteps:\n  - agent: a\n    caller: b", "a.yaml:3:5: a step is one thing"),
        ("conversation: a\nsteps:\n  - keys: 12x", "a.yaml:3:11: `keys` are up to 32 of 0 to 9"),
        ("conversation: a\nsteps:\n  - agent: {matches: \"(\"}", "a.yaml:3:22: `matches` is no pattern"),
        (
            "conversation: a\nsteps:\n  - interrupts: {says: a}",
            "`interrupts` needs one of `after_ms` and `after_words`",
        ),
        ("conversation: a\nsteps:\n  - agent: {within_ms: 5}", "a.yaml:3:12: `agent` says nothing"),
        ("conversation: a\nsteps:\n  - agent: {means: {}}", "`means` says nothing"),
        (
            &with("now: tomorrow"),
            "a.yaml:3:6: `now` is a day and a time such as 2026-11-24 10:00, not `tomorrow`",
        ),
        (&with("caller: 0612"), "a.yaml:3:9: `caller` is a number such as +33612345678, or `withheld`"),
        (
            &with("failures: {calendar.bok: taken}"),
            "there is no import `calendar.bok`; did you mean `calendar.book`?",
        ),
        (
            &with("failures: {calendar.free: taken}"),
            "`calendar.free` is never answered with `taken`; there is unavailable",
        ),
        (&with("failures: {calendar.book 0th: taken}"), "`0th` is no occurrence"),
        (&with("failures: {clock.now: down}"), "`clock.now` is never answered with `down`"),
        (&with("calendar: {}"), "`calendar` says nothing free"),
        (&with("calendar: {open: {tuesday: [9h]}}"), "is no range of hours"),
        (&with("calendar: {free: [2026-11-24], taken: none}"), "`free` is a day and a time"),
        (&with("expect: {outcome: don}"), "a.yaml:3:19: `outcome` cannot be `don`; did you mean `done`?"),
        (&with("expect: {report: {status: bookd}}"), "did you mean `booked`?"),
        (&with("expect: [outcome]"), "a.yaml:3:9: `expect` is a map of `key: value` lines, this is a list"),
        (&with("documents: {../a.txt: b}"), "has no path"),
        (&with("settings: {a: }"), "`a` is empty"),
    ] {
        let found = wrong(text);
        assert!(found.contains(told), "{text}\n{found}");
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_in_its_order() {
    let found = wrong("conversation: a\nnow: x\nsteps:\n  - caler: a\n  - keys: z\nexpect: {outcome: x}\n");
    let lines: Vec<&str> = found.lines().filter_map(|line| line.split(':').nth(1)).collect();
    assert_eq!(lines, ["2", "4", "5", "6"]);
    let found = wrong(
        "conversation: a\nsteps: []\nexpect: {outcome: {}, consent: y, report: {status: z, phone: 1, appointment: 2}, within_ms: x}\n",
    );
    for told in ["`outcome`", "`consent`", "`status`", "`phone`", "`appointment`", "`within_ms`"] {
        assert!(found.contains(told), "{told}: {found}");
    }
}

#[test]
fn a_written_conversation_reads_back_the_same() {
    let text = r##"
conversation: "A \"talk\": with # and – dashes"
now: 2026-11-21 18:00
caller: withheld
settings: {"cabinet.name": "Parc: \"le\" nom"}
calendar: {open: {tuesday: ["09:00-12:00"]}, taken: [2026-11-24 09:00], appointments: [{at: 2026-11-26 09:30, name: "O'Neil"}]}
steps:
  - agent: "Bonjour, # ceci : cela"
  - agent: {contains: [a, b], not: c, matches: "x+\\d"}
  - interrupts: {after_ms: 300, says: "Oui, « voilà »"}
  - caller: {says: non, confidence: 0.25}
  - keys: "#"
  - silence
  - silence: 2500ms
  - hangs_up: {after_words: "mot"}
expect: {outcome: call_back, consent: given, booked: 2026-11-24 10:00, moved: none, cancelled: [2026-11-26 09:30], transferred_to: "+33199009999", report: {status: booked}}
"##;
    let first = good(text).remove(0);
    let written = write(&first);
    let again = good(&written).remove(0);
    assert_eq!(write(&again), written);
    assert_eq!(again.steps.len(), first.steps.len());
    assert_eq!(again.name, first.name);
    assert_eq!(format!("{:?}", again.scene.settings), format!("{:?}", first.scene.settings));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_told_what_is_wrong(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Err(bad) = read(Path::new("a.yaml"), &bytes) {
            prop_assert!(!bad.problems.is_empty());
        }
    }

    #[test]
    fn a_file_with_a_line_lost_is_read_or_told_what_is_wrong(lost in 0usize..50) {
        let text: Vec<&str> = WHOLE.lines().enumerate().filter(|(n, _)| *n != lost).map(|(_, l)| l).collect();
        if let Err(bad) = read(Path::new("a.yaml"), text.join("\n").as_bytes()) {
            prop_assert!(!bad.problems.is_empty());
        }
    }
}
