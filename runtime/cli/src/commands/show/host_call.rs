//! What an agent asked of the host, and what came of it, as a line for a person.

use std::collections::HashMap;

use parloir_contract::{Booked, Heard, HostCall, HostReturn, Message, Turn};
use parloir_journal::{HostCallEnded, HostCallStarted, RecordBody, Seq};

use super::timeline::{Line, Shown, host};
use super::{understanding, words};
use crate::terminal::{AGENT, BAD, CALLER, DIM, INDENT, barred, plain, styled};

/// The line of a host call that ended.
pub(super) fn line(
    ended: &HostCallEnded,
    bodies: &HashMap<Seq, &RecordBody>,
    Shown { all, filed, .. }: Shown,
) -> Line {
    let Some(RecordBody::HostCallStarted(HostCallStarted { import, arguments })) = bodies.get(&ended.started)
    else {
        return None;
    };
    let name = import.name();
    let told = ended.result.as_ref().and_then(HostReturn::refusal).map(ToString::to_string);
    let kept = || ended.refused.as_ref().map(|why| format!("{}: {why}", words::host(ended.status)));
    if let Some(refusal) = told.or_else(kept) {
        return Some((styled(BAD, "refused  "), format!("{name}: {}", plain(&refusal))));
    }
    let (Some(arguments), Some(result)) = (arguments, &ended.result) else {
        // The consent gate was closed: which import, and how it went, is all there is.
        let quiet =
            ["clock.", "log.", "random.", "understanding."].iter().any(|quiet| name.starts_with(quiet));
        let words = format!(
            "{name} {} {} ms {}",
            words::host(ended.status),
            ended.latency_us / 1_000,
            styled(DIM, "(content not kept)")
        );
        return (all || !quiet).then(|| (host(""), words));
    };
    let says = |text: &str, heard: &Heard| {
        let cut = if heard.whole {
            String::new()
        } else {
            format!(" {}", styled(DIM, &format!("(heard: {:?})", heard.text)))
        };
        (styled(AGENT, "agent    "), format!("{}{cut}", plain(text)))
    };
    Some(match (arguments, result) {
        (HostCall::Say(say), HostReturn::Say(Ok(heard))) => says(&say.text, heard),
        (HostCall::Play(play), HostReturn::Play(Ok(heard))) => says(&format!("[{}]", play.sound), heard),
        (HostCall::Ask(ask), HostReturn::Ask(Ok((heard, answer)))) => {
            let (who, said) = says(&ask.question, heard);
            (who, format!("{said}\n{INDENT}{}  {}", styled(CALLER, "caller   "), turn(answer)))
        }
        (HostCall::Listen(_), HostReturn::Listen(Ok(answer))) => (styled(CALLER, "caller   "), turn(answer)),
        (HostCall::Reply(reply), HostReturn::Reply(Ok(answer))) => {
            let asked = reply.messages.iter().rev().find_map(|m| match m {
                Message::User(text) => Some(text.as_str()),
                Message::System(_) | Message::Assistant { .. } | Message::Tool { .. } => None,
            });
            let (who, said) = says(&answer.generated.text, &answer.heard);
            (
                who,
                format!(
                    "{said} {}",
                    styled(
                        DIM,
                        &format!(
                            "({}, asked {:?})",
                            plain(&answer.generated.model),
                            asked.unwrap_or_default()
                        )
                    )
                ),
            )
        }
        (HostCall::Chat(_), HostReturn::Chat(Ok(answer))) => (host("model"), plain(&answer.text)),
        (HostCall::Transfer(transfer), HostReturn::Transfer(Ok(how))) => {
            let to = if transfer.to.is_empty() { "the fallback number" } else { &transfer.to };
            (host("transfer"), format!("to {}: {}", plain(to), words::transferred(*how)))
        }
        (HostCall::Consent(granted), HostReturn::Consent(_)) => {
            (host("consent"), if *granted { "given" } else { "refused" }.to_owned())
        }
        (HostCall::FreeSlots(_), HostReturn::FreeSlots(Ok(slots))) => {
            let starts: Vec<String> = slots.iter().map(|s| s.start.to_string()).collect();
            (host("calendar"), format!("free: {}", starts.join(", ")))
        }
        (HostCall::Book(_), HostReturn::Book(Ok(booked)))
        | (HostCall::MoveAppointment(_), HostReturn::MoveAppointment(Ok(booked))) => (
            host("calendar"),
            match booked {
                Booked::Confirmed(a) => {
                    format!("booked {} for {} [{}]", a.slot.start, plain(&a.contact.name), a.reference)
                }
                Booked::Taken => "the slot was taken meanwhile".to_owned(),
            },
        ),
        // The report stands at the end, whole.
        (HostCall::SetReport(_), _) if !all && filed => return None,
        (HostCall::SetReport(set), HostReturn::SetReport(_)) => (host("report"), words::field(set)),
        (HostCall::Log(line), HostReturn::Log(())) => {
            (host("log"), format!("{}: {}", line.level.name(), barred(&line.message)))
        }
        (
            HostCall::Now
            | HostCall::Weekday
            | HostCall::Elapsed
            | HostCall::RandomBytes(_)
            | HostCall::ModelAvailable,
            _,
        ) if !all => {
            return None;
        }
        (HostCall::Understanding(question), HostReturn::Understanding(answer)) => {
            match understanding::line(question, answer)? {
                // What was said back is in the agent's next sentence.
                (_, understanding::Weight::Quiet) if !all => return None,
                (words, _) => (host("meaning"), plain(&words)),
            }
        }
        (arguments, result) => match words::asked(arguments, result) {
            Some((what, words)) => (host(what), plain(&words)),
            None => (host("host"), plain(&format!("{arguments:?} → {result:?}"))),
        },
    })
}

fn turn(turn: &Turn) -> String {
    match turn {
        Turn::Speech(speech) => {
            let over = if speech.over_agent { ", over the agent" } else { "" };
            format!(
                "« {} » {}",
                plain(&speech.text),
                styled(DIM, &format!("(confidence {:.2}{over})", speech.confidence))
            )
        }
        Turn::Digits(digits) => format!("[{}]", plain(digits)),
        Turn::Silence => styled(DIM, "silence"),
        Turn::HungUp => styled(DIM, "hung up"),
    }
}
