//! A conversation as a file, for `parloir talk --save`.

use std::fmt::Write;

use parloir_contract::Capability;
use parloir_tenancy::calendar::slot_id;
use parloir_tenancy::config::RecordingPolicy;

use super::Conversation;
use super::expect::{Consent, Expect, OutcomeRule};
use super::rule::{TextPart, TextRule};
use super::scene::{CalendarScene, ConnectorScene, Documents, ModelAnswer, Scene, transfer_words};
use super::steps::{CONFIDENCE, Does, Step, StepKind, When, Words};

/// Writes a conversation so that [`read`](super::read) reads the same. What no talk and no recorded call has is left
/// out: a folder of documents, sounds, what a model or a connector must have been asked, and answers that only come late.
pub fn write(conversation: &Conversation) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "conversation: {}", quoted(&conversation.name));
    scene(&mut out, &conversation.scene);
    let _ = writeln!(out, "steps:");
    for step in &conversation.steps {
        self::step(&mut out, step);
    }
    expect(&mut out, &conversation.expect);
    out
}

/// A text in double quotes: JSON's quoting is YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn moment(at: jiff::civil::DateTime) -> String {
    slot_id(at).replace('T', " ")
}

fn scene(out: &mut String, scene: &Scene) {
    let _ = writeln!(out, "language: {}", scene.language);
    let _ = writeln!(out, "now: {}", moment(scene.now));
    let _ = writeln!(out, "caller: {}", quoted(scene.caller.as_deref().unwrap_or("withheld")));
    let _ = writeln!(out, "line: {}", quoted(&scene.line));
    let _ = writeln!(out, "fallback_number: {}", quoted(scene.fallback_number.as_deref().unwrap_or("none")));
    let recording = match scene.recording {
        RecordingPolicy::Ask => "ask",
        RecordingPolicy::Always => "always",
        RecordingPolicy::Never => "never",
    };
    let _ = writeln!(out, "recording: {recording}");
    if scene.capabilities.len() < Capability::ALL.len() {
        let names: Vec<&str> = scene.capabilities.iter().map(|c| c.name()).collect();
        let _ = writeln!(out, "capabilities: [{}]", names.join(", "));
    }
    for (name, pairs) in [("settings", &scene.settings), ("memory", &scene.memory)] {
        if !pairs.is_empty() {
            let _ = writeln!(out, "{name}:");
            for (key, value) in pairs {
                let _ = writeln!(out, "  {}: {}", quoted(key), quoted(value));
            }
        }
    }
    if let Some(calendar) = &scene.calendar {
        self::calendar(out, calendar);
    }
    if let Documents::Written(documents) = &scene.documents {
        let _ = writeln!(out, "documents:");
        for (name, text) in documents {
            let _ = writeln!(out, "  {}: {}", quoted(name), quoted(text));
        }
    }
    if let Some(model) = &scene.model {
        self::model(out, model);
    }
    if !scene.transfers.is_empty() {
        let word =
            |wanted| transfer_words().into_iter().find(|(_, t)| *t == wanted).map_or("", |(word, _)| word);
        let words: Vec<&str> = scene.transfers.iter().map(|transferred| word(*transferred)).collect();
        let _ = writeln!(out, "transfers: [{}]", words.join(", "));
    }
    connectors(out, &scene.connectors);
    failures(out, scene);
    let _ = writeln!(out, "seed: {}", scene.seed);
    if scene.audio {
        let _ = writeln!(out, "audio: yes");
    }
}

fn connectors(out: &mut String, connectors: &[ConnectorScene]) {
    if !connectors.is_empty() {
        let _ = writeln!(out, "connectors:");
    }
    for ConnectorScene { name, answers } in connectors {
        if answers.is_empty() {
            let _ = writeln!(out, "  {}: []", quoted(name));
            continue;
        }
        let _ = writeln!(out, "  {}:", quoted(name));
        for answer in answers {
            let _ = write!(out, "    - {{{}: {}", answer.method.name(), quoted(&answer.path));
            let query = answer.query.as_deref().unwrap_or_default();
            let mut names: Vec<&str> = query.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            // A map has each name once.
            if answer.query.is_some() && names.len() == query.len() {
                let pairs: Vec<String> = query
                    .iter()
                    .map(|(name, value)| format!("{}: {}", quoted(name), quoted(value)))
                    .collect();
                let _ = write!(out, ", query: {{{}}}", pairs.join(", "));
            }
            let _ = writeln!(out, ", status: {}, answer: {}}}", answer.status, quoted(&answer.answer));
        }
    }
}

fn model(out: &mut String, answers: &[ModelAnswer]) {
    if answers.is_empty() {
        let _ = writeln!(out, "model: []");
        return;
    }
    let _ = writeln!(out, "model:");
    for answer in answers {
        let _ = write!(out, "  - {{says: {}", quoted(&answer.says));
        if !answer.calls.is_empty() {
            let calls: Vec<String> = answer
                .calls
                .iter()
                .map(|(name, arguments)| {
                    format!("{{name: {}, arguments: {}}}", quoted(name), quoted(arguments))
                })
                .collect();
            let _ = write!(out, ", calls: [{}]", calls.join(", "));
        }
        let _ = writeln!(out, "}}");
    }
}

/// Failures of one import at one occurrence, as they come about in a call.
fn failures(out: &mut String, scene: &Scene) {
    let lines: Vec<String> = scene
        .failures
        .iter()
        .filter_map(|failure| {
            let [import] = failure.imports.as_slice() else { return None };
            let at = failure.at.map(|at| format!(" {}", occurrence(at))).unwrap_or_default();
            Some(format!("  {}{at}: {}", import.name(), failure.answer?.word()))
        })
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "failures:\n{}", lines.join("\n"));
    }
}

fn occurrence(at: u32) -> String {
    let ending = match (at % 10, at % 100) {
        (1, n) if n != 11 => "st",
        (2, n) if n != 12 => "nd",
        (3, n) if n != 13 => "rd",
        _ => "th",
    };
    format!("{at}{ending}")
}

fn calendar(out: &mut String, calendar: &CalendarScene) {
    let config = &calendar.config;
    let _ = writeln!(out, "calendar:");
    let _ = writeln!(out, "  slot_minutes: {}", config.slot_minutes);
    let _ = writeln!(out, "  notice_minutes: {}", config.notice_minutes);
    let _ = writeln!(out, "  horizon_days: {}", config.horizon_days);
    let starts =
        |all: &[jiff::civil::DateTime]| all.iter().map(|at| moment(*at)).collect::<Vec<_>>().join(", ");
    match &calendar.free {
        Some(free) => {
            let _ = writeln!(out, "  free: [{}]", starts(free));
        }
        None => {
            let _ = writeln!(out, "  open:");
            for (day, ranges) in &config.open {
                let day = format!("{day:?}").to_lowercase();
                let ranges: Vec<String> = ranges.iter().map(|r| quoted(r)).collect();
                let _ = writeln!(out, "    {day}: [{}]", ranges.join(", "));
            }
        }
    }
    if !calendar.taken.is_empty() {
        let _ = writeln!(out, "  taken: [{}]", starts(&calendar.taken));
    }
    if !calendar.appointments.is_empty() {
        let _ = writeln!(out, "  appointments:");
        for standing in &calendar.appointments {
            let _ = write!(out, "    - {{at: {}, name: {}", moment(standing.start), quoted(&standing.name));
            let _ = write!(out, ", motive: {}", quoted(&standing.motive));
            for (key, value) in [("phone", &standing.phone), ("reference", &standing.reference)] {
                if let Some(value) = value {
                    let _ = write!(out, ", {key}: {}", quoted(value));
                }
            }
            let _ = writeln!(out, "}}");
        }
    }
}

fn step(out: &mut String, step: &Step) {
    let line = match &step.what {
        StepKind::Agent { rule, .. } => format!("agent: {}", rule_value(rule)),
        StepKind::NothingSaid => "nothing_said".to_owned(),
        StepKind::Says(words) if *words == Words::plain(&words.text) => {
            format!("caller: {}", quoted(&words.text))
        }
        StepKind::Says(words) => format!("caller: {{{}}}", says(words)),
        StepKind::Keys(keys) => format!("keys: {}", quoted(keys)),
        StepKind::Silence(None) => "silence".to_owned(),
        StepKind::Silence(Some(millis)) => format!("silence: {millis}ms"),
        StepKind::ComesIn(when, does) => {
            let when = match when {
                When::AfterMs(millis) => format!("after_ms: {millis}"),
                When::AfterWords(words) => format!("after_words: {}", quoted(words)),
            };
            match does {
                Does::Says(words) => format!("interrupts: {{{when}, {}}}", says(words)),
                Does::Keys(keys) => format!("interrupts: {{{when}, keys: {}}}", quoted(keys)),
                Does::HangsUp => format!("hangs_up: {{{when}}}"),
            }
        }
        StepKind::HangsUp => "hangs_up".to_owned(),
    };
    let _ = writeln!(out, "  - {line}");
}

fn says(words: &Words) -> String {
    let mut text = format!("says: {}", quoted(&words.text));
    if (words.confidence - CONFIDENCE).abs() > f32::EPSILON {
        let _ = write!(text, ", confidence: {}", words.confidence);
    }
    if let Some(language) = &words.language {
        let _ = write!(text, ", language: {language}");
    }
    if let Some(wav) = &words.wav {
        let _ = write!(text, ", wav: {}", quoted(&wav.to_string_lossy()));
    }
    text
}

/// A rule as a value: words alone where it is only that.
fn rule_value(rule: &TextRule) -> String {
    if let [TextPart::Contains(words)] = rule.parts.as_slice() {
        return quoted(words);
    }
    let list = |all: Vec<&String>| {
        format!("[{}]", all.into_iter().map(|w| quoted(w)).collect::<Vec<_>>().join(", "))
    };
    let mut parts = Vec::new();
    let contains: Vec<&String> = rule
        .parts
        .iter()
        .filter_map(|p| if let TextPart::Contains(w) = p { Some(w) } else { None })
        .collect();
    if !contains.is_empty() {
        parts.push(format!("contains: {}", list(contains)));
    }
    let not: Vec<&String> =
        rule.parts.iter().filter_map(|p| if let TextPart::Not(w) = p { Some(w) } else { None }).collect();
    if !not.is_empty() {
        parts.push(format!("not: {}", list(not)));
    }
    for part in &rule.parts {
        match part {
            TextPart::Exactly(words) | TextPart::Same(words) => {
                parts.push(format!("exactly: {}", quoted(words)));
            }
            TextPart::Any(all) => parts.push(format!("any: {}", list(all.iter().collect()))),
            TextPart::Matches(pattern) => parts.push(format!("matches: {}", quoted(pattern.as_str()))),
            TextPart::Contains(_) | TextPart::Not(_) => {}
        }
    }
    format!("{{{}}}", parts.join(", "))
}

fn expect(out: &mut String, expect: &Expect) {
    let mut lines = Vec::new();
    if let Some(outcome) = &expect.outcome {
        lines.push(match &outcome.value {
            OutcomeRule::Done => "outcome: done".to_owned(),
            OutcomeRule::Transferred => "outcome: transferred".to_owned(),
            OutcomeRule::CallBack => "outcome: call_back".to_owned(),
            OutcomeRule::Abandoned => "outcome: abandoned".to_owned(),
            OutcomeRule::Failed(None) => "outcome: failed".to_owned(),
            OutcomeRule::Failed(Some(rule)) => format!("outcome: {{failed: {}}}", rule_value(rule)),
        });
    }
    if let Some(consent) = &expect.consent {
        lines.push(match consent.value {
            Consent::Given => "consent: given".to_owned(),
            Consent::Refused => "consent: refused".to_owned(),
            Consent::Unasked => "consent: unasked".to_owned(),
        });
    }
    if let Some(Some(status)) = expect.report.status.as_ref().map(|s| s.value) {
        lines.push(format!("report: {{status: {}}}", status.word()));
    }
    if let Some(booked) = &expect.booked {
        let all: Vec<String> = booked.value.iter().map(|rule| moment(rule.start)).collect();
        lines.push(if all.is_empty() {
            "booked: none".to_owned()
        } else {
            format!("booked: [{}]", all.join(", "))
        });
    }
    if let Some(moved) = &expect.moved {
        let all: Vec<String> = moved
            .value
            .iter()
            .map(|(from, to)| format!("{{from: {}, to: {}}}", moment(*from), moment(*to)))
            .collect();
        lines.push(if all.is_empty() {
            "moved: none".to_owned()
        } else {
            format!("moved: [{}]", all.join(", "))
        });
    }
    if let Some(cancelled) = &expect.cancelled {
        let all: Vec<String> = cancelled.value.iter().map(|at| moment(*at)).collect();
        lines.push(if all.is_empty() {
            "cancelled: none".to_owned()
        } else {
            format!("cancelled: [{}]", all.join(", "))
        });
    }
    if let Some(to) = &expect.transferred_to {
        lines.push(format!("transferred_to: {}", quoted(to.value.as_deref().unwrap_or("nobody"))));
    }
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "expect:");
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}
