//! `parloir replay CALL --go-on`: the rest of a call that was cut off, rehearsed in the terminal.

use std::sync::Arc;

use parloir_contract::{Heard, HostCall, HostReturn, Turn};
use parloir_rehearsal::{Scene, Staged, at};
use parloir_replay::{NotResumed, Step, Unfinished, resume};
use parloir_sandbox::Agent;

use crate::commands::talk::{HELP, Person, ended, judged};
use crate::terminal::{AGENT, CALLER, DIM, TITLE, shown, styled};
use crate::{Failure, Outcome};

/// Tells what was said until the journal ends, and has the agent go on with whoever sits at the terminal. `known` is what they
/// must know of the world in which it does.
pub(crate) async fn talk(agent: &Agent, call: &Unfinished, scene: &Scene, known: &[&str]) -> Outcome {
    for line in call.recorded.steps.iter().flat_map(said) {
        anstream::println!("{line}");
    }
    let last = call.next.saturating_sub(1);
    anstream::println!(
        "{} {}",
        styled(
            TITLE,
            &format!("here its journal ends, {} into the call, with record {last}", at(call.elapsed_ms()))
        ),
        styled(DIM, HELP)
    );
    for what in known {
        anstream::println!("{}", styled(DIM, what));
    }
    if let Some(import) = call.open() {
        let what = format!(
            "{} was asked and not answered: it is asked again, in this rehearsal; whether it was done then is not looked up",
            import.name()
        );
        anstream::println!("{}", styled(DIM, &what));
    }
    let person = Person::at_the_terminal();
    let staged =
        Staged::take_up(scene, agent.capabilities(), person, None, &call.past(), call.elapsed_ms()).await;
    let host = Arc::new(staged.map_err(|error| Failure::bad_input(&error))?);
    let resumed = match resume(agent, call, host.clone(), call.budget()).await {
        Ok(resumed) => resumed,
        Err(error @ (NotResumed::Otherwise(_) | NotResumed::Ended(..))) => {
            return Err(Failure::otherwise(format!(
                "{error}\n  another engine may be the reason: `parloir replay CALL` says whether the whole call still runs as recorded, and --up-to an earlier record goes on before that request"
            )));
        }
        Err(error @ NotResumed::OtherAgent(_)) => return Err(Failure::bad_input(&error)),
        Err(error @ NotResumed::Sandbox(_)) => return Err(error.into()),
    };
    let staged = Arc::into_inner(host).ok_or_else(|| Failure::new("the agent is still running"))?;
    let (left, _) = staged.leave(resumed.ended).await?;
    ended(&left);
    anstream::println!(
        "  {}",
        styled(DIM, "this was a rehearsal: nothing of it is booked, kept or in the journal")
    );
    judged(&left)
}

/// What was said in a request and its answer: what its caller heard of what the agent had to say, and what its agent heard.
fn said(step: &Step) -> Vec<String> {
    let Some(answered) = &step.answered else { return Vec::new() };
    match answered {
        HostReturn::Say(Ok(heard)) => {
            let Some(HostCall::Say(say)) = &step.asked else { return Vec::new() };
            agent_said(&say.text, heard)
        }
        HostReturn::Play(Ok(heard)) => {
            let Some(HostCall::Play(play)) = &step.asked else { return Vec::new() };
            agent_said(&play.sound, heard)
        }
        HostReturn::Ask(Ok((heard, turn))) => {
            let Some(HostCall::Ask(ask)) = &step.asked else { return Vec::new() };
            let mut said = agent_said(&ask.question, heard);
            said.push(caller_said(turn));
            said
        }
        HostReturn::Reply(Ok(answer)) => agent_said(&answer.generated.text, &answer.heard),
        HostReturn::Listen(Ok(turn)) => vec![caller_said(turn)],
        // What was refused nobody has said, and the rest nobody hears.
        HostReturn::Say(Err(_))
        | HostReturn::Play(Err(_))
        | HostReturn::Ask(Err(_))
        | HostReturn::Reply(Err(_))
        | HostReturn::Listen(Err(_))
        | HostReturn::Transfer(_)
        | HostReturn::Consent(_)
        | HostReturn::PauseRecording(_)
        | HostReturn::ResumeRecording(_)
        | HostReturn::HangUp(())
        | HostReturn::ModelAvailable(_)
        | HostReturn::Chat(_)
        | HostReturn::FreeSlots(_)
        | HostReturn::Book(_)
        | HostReturn::FindAppointments(_)
        | HostReturn::MoveAppointment(_)
        | HostReturn::CancelAppointment(_)
        | HostReturn::GetMemory(_)
        | HostReturn::SetMemory(_)
        | HostReturn::CompareAndSet(_)
        | HostReturn::DeleteMemory(_)
        | HostReturn::ListDocuments(_)
        | HostReturn::ReadDocument(_)
        | HostReturn::SearchDocuments(_)
        | HostReturn::SetReport(_)
        | HostReturn::Now(_)
        | HostReturn::Weekday(_)
        | HostReturn::Elapsed(_)
        | HostReturn::RandomBytes(_)
        | HostReturn::Log(())
        | HostReturn::ListConnectors(_)
        | HostReturn::SendRequest(_)
        | HostReturn::Understanding(_) => Vec::new(),
    }
}

fn agent_said(text: &str, heard: &Heard) -> Vec<String> {
    let mut said = vec![format!("{} {}", styled(AGENT, "agent "), shown(text))];
    if !heard.whole {
        let heard = match heard.text.as_str() {
            "" => "not heard to its end".to_owned(),
            text => format!("heard only “{text}”"),
        };
        said.push(format!("       {}", styled(DIM, &shown(&heard))));
    }
    said
}

fn caller_said(turn: &Turn) -> String {
    let typed = match turn {
        Turn::Speech(speech) => speech.text.clone(),
        Turn::Digits(keys) => format!("/key {keys}"),
        Turn::Silence => "/silence".to_owned(),
        Turn::HungUp => "/hang-up".to_owned(),
    };
    format!("{} {}", styled(CALLER, "caller"), shown(&typed))
}

#[cfg(test)]
mod tests {
    use parloir_contract::{Ask, ListenOptions, Play, Refusal, Say, SayOptions};

    use super::*;

    fn lines(asked: HostCall, answered: HostReturn) -> Vec<String> {
        let (import, at) = (asked.import(), 1);
        let (asked, answered) = (Some(asked), Some(answered));
        said(&Step { seq: 1, at, import, asked, answered, answered_at: Some(2) })
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect()
    }

    fn say(text: &str) -> HostCall {
        HostCall::Say(Say { text: text.into(), options: SayOptions::default() })
    }

    fn heard(text: &str, whole: bool) -> Heard {
        Heard { text: text.into(), whole, played: 900 }
    }

    #[test]
    fn what_was_said_is_told_as_it_was_heard() {
        let whole = lines(say("Bonjour."), HostReturn::Say(Ok(heard("Bonjour.", true))));
        assert_eq!(whole, ["agent  Bonjour."]);
        let cut = lines(say("Bonjour à tous."), HostReturn::Say(Ok(heard("Bonjour", false))));
        assert_eq!(cut, ["agent  Bonjour à tous.", "       heard only “Bonjour”"]);
        // What was refused nobody has said.
        let refused = lines(say("Bonjour."), HostReturn::Say(Err(Refusal::OverQuota("no more".into()))));
        assert!(refused.is_empty(), "{refused:?}");
        let play = HostCall::Play(Play { sound: "jingle.wav".into(), options: SayOptions::default() });
        assert_eq!(lines(play.clone(), HostReturn::Play(Ok(heard("", true)))), ["agent  jingle.wav"]);
        let cut = lines(play, HostReturn::Play(Ok(heard("", false))));
        assert_eq!(cut, ["agent  jingle.wav", "       not heard to its end"]);
        let ask = HostCall::Ask(Ask {
            question: "À quelle heure ?".into(),
            say: SayOptions::default(),
            listen: ListenOptions::default(),
        });
        let answer = HostReturn::Ask(Ok((heard("À quelle", false), Turn::Digits("12".into()))));
        let told = ["agent  À quelle heure ?", "       heard only “À quelle”", "caller /key 12"];
        assert_eq!(lines(ask, answer), told);
    }
}
