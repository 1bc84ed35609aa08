//! A recorded call as a conversation test.
//!
//! The recorded caller, in disguise, rings the agent once more in a rehearsal whose world answers as the real one did.
//! What comes of it is the test: it passes with that agent, and holds nobody's name or number that the call
//! knew as such.

use std::collections::{BTreeMap, VecDeque};

use async_trait::async_trait;
use jiff::civil::DateTime;
use parloir_contract::{Booked, Finish, HostCall, HostReturn, Import, Refusal, SpokenAnswer, Turn};
use parloir_rehearsal::{
    Act, CalendarScene, Caller, ConnectorScene, Conversation, Documents, Does, Failure, Injected, Left,
    Listening, Meanwhile, ModelAnswer, NoWorld, Scene, StagedAnswer, Standing, Utterance, Words, converse,
    office_hours,
};
use parloir_sandbox::Agent;
use parloir_tenancy::calendar::from_local;

use crate::disguise::Disguise;
use crate::recorded::Recorded;

/// A test, and how the call went as one.
#[derive(Debug)]
pub struct AsTest {
    /// The conversation: [`parloir_rehearsal::write`] makes a file of it.
    pub conversation: Conversation,
    /// What it left.
    pub left: Left,
    /// The recorded caller's turns that this agent did not wait for.
    pub unused: usize,
}

/// Makes a test of a recorded call, with the agent that answered it, or another.
///
/// # Errors
/// [`NoWorld`] when the rehearsal's world cannot be made.
pub async fn as_test(agent: &Agent, recorded: &Recorded, name: &str) -> Result<AsTest, NoWorld> {
    let disguise = Disguise::of(recorded);
    let scene = scene(recorded, &disguise);
    let (left, caller) = converse(agent, &scene, Masked::new(recorded, &disguise)).await?;
    let conversation = Conversation::told(name, scene, &left);
    Ok(AsTest { conversation, left, unused: caller.turns.len() })
}

/// The caller of a recorded call, in disguise.
struct Masked {
    turns: VecDeque<CallersTurn>,
}

struct CallersTurn {
    does: Option<Does>,
    /// How the sentence began that this turn cut off, and after how many milliseconds.
    cuts: Option<(String, u32)>,
}

/// Characters by which a sentence is known again: what follows may have a disguised name in it.
const OPENING: usize = 12;

fn opening(text: &str) -> String {
    text.chars().take(OPENING).collect()
}

impl Masked {
    fn new(recorded: &Recorded, disguise: &Disguise) -> Self {
        let mut turns = VecDeque::new();
        let mut cut = None;
        for step in &recorded.steps {
            let turn = match (&step.asked, &step.answered) {
                (Some(HostCall::Say(say)), Some(HostReturn::Say(Ok(heard)))) => {
                    cut = (!heard.whole).then(|| (opening(&say.text), heard.played));
                    continue;
                }
                (Some(HostCall::Ask(ask)), Some(HostReturn::Ask(Ok((heard, turn))))) => {
                    cut = (!heard.whole).then(|| (opening(&ask.question), heard.played));
                    turn
                }
                (_, Some(HostReturn::Listen(Ok(turn)))) => turn,
                _ => continue,
            };
            let does = match turn {
                Turn::Speech(speech) => {
                    let plain = Words::plain(&disguise.text(&speech.text));
                    Some(Does::Says(Words { confidence: speech.confidence, ..plain }))
                }
                Turn::Digits(keys) => Some(Does::Keys(disguise.keys(keys))),
                Turn::Silence => None,
                Turn::HungUp => Some(Does::HangsUp),
            };
            turns.push_back(CallersTurn { does, cuts: cut.take() });
        }
        Self { turns }
    }
}

#[async_trait]
impl Caller for Masked {
    async fn hears(&mut self, utterance: &Utterance) -> Meanwhile {
        let comes_in = self.turns.front().and_then(|turn| {
            let (text, ms) = turn.cuts.as_ref()?;
            let does = turn.does.clone()?;
            (*text == opening(&utterance.text)).then_some((*ms, does))
        });
        match comes_in {
            Some((ms, does)) => {
                self.turns.pop_front();
                Meanwhile::ComesIn(ms.min(utterance.length_ms.saturating_sub(1)), does)
            }
            None => Meanwhile::Listens,
        }
    }

    async fn turn(&mut self, _listening: &Listening) -> Act {
        match self.turns.pop_front() {
            Some(CallersTurn { does: Some(Does::Says(words)), .. }) => Act::Says(words),
            Some(CallersTurn { does: Some(Does::Keys(keys)), .. }) => Act::Keys(keys),
            Some(CallersTurn { does: None, .. }) => Act::Silence,
            Some(CallersTurn { does: Some(Does::HangsUp), .. }) | None => Act::HangsUp,
        }
    }
}

/// The world as the call found it.
pub(crate) fn scene(recorded: &Recorded, disguise: &Disguise) -> Scene {
    let info = &recorded.info;
    let mut scene = Scene {
        language: info.language.clone(),
        caller: info.caller.as_deref().map(|caller| disguise.number(caller)),
        settings: info.settings.clone(),
        ..Scene::default()
    };
    if let Some(now) = from_local(info.started_at) {
        scene.now = now;
    }
    let mut calendar: Option<CalendarScene> = None;
    let mut free: Vec<DateTime> = Vec::new();
    let mut asked: BTreeMap<Import, u32> = BTreeMap::new();
    let mut documents: BTreeMap<String, String> = BTreeMap::new();
    let mut connectors: BTreeMap<String, Vec<StagedAnswer>> = BTreeMap::new();
    let mut written: Vec<String> = Vec::new();
    let mut booked: Vec<String> = Vec::new();
    let mut without_model: Vec<u32> = Vec::new();
    for step in &recorded.steps {
        let nth = asked.entry(step.import).or_default();
        *nth += 1;
        let Some(answered) = &step.answered else { continue };
        if let Some(HostCall::SendRequest(request)) = &step.asked
            && !matches!(answered.refusal(), Some(Refusal::NotPermitted(_)))
        {
            connectors.entry(request.connector.clone()).or_default();
        }
        let mut fails = |answer| {
            scene.failures.push(Failure {
                imports: vec![step.import],
                at: Some(*nth),
                slow_ms: 0,
                answer: Some(answer),
            });
        };
        if let Some(refusal) = answered.refusal() {
            // What the agent asked amiss the rehearsal refuses by itself.
            match refusal {
                Refusal::Unavailable(_) => fails(Injected::Unavailable),
                Refusal::OverQuota(_) => fails(Injected::OverQuota),
                Refusal::NotPermitted(_) | Refusal::Invalid(_) => {}
            }
            continue;
        }
        match (&step.asked, answered) {
            (_, HostReturn::FreeSlots(Ok(slots))) => {
                let calendar = calendar.get_or_insert_with(no_hours);
                for slot in slots {
                    calendar.config.slot_minutes = slot.minutes;
                    free.extend(from_local(slot.start));
                }
                if slots.is_empty() {
                    fails(Injected::Empty);
                }
            }
            (_, HostReturn::Book(Ok(Booked::Confirmed(made)))) => booked.push(made.reference.clone()),
            (_, HostReturn::Book(Ok(Booked::Taken)) | HostReturn::MoveAppointment(Ok(Booked::Taken))) => {
                fails(Injected::Taken);
            }
            (_, HostReturn::FindAppointments(Ok(found))) => {
                let calendar = calendar.get_or_insert_with(no_hours);
                for made in found {
                    let Some(start) = from_local(made.slot.start) else { continue };
                    let known = |standing: &Standing| {
                        standing.start == start || standing.reference.as_ref() == Some(&made.reference)
                    };
                    // What the call itself has made was not there before.
                    if booked.contains(&made.reference) || calendar.appointments.iter().any(known) {
                        continue;
                    }
                    calendar.appointments.push(Standing {
                        start,
                        name: disguise.text(&made.contact.name),
                        phone: made.contact.phone.as_deref().map(|phone| disguise.number(phone)),
                        motive: disguise.text(&made.motive),
                        reference: Some(made.reference.clone()),
                    });
                }
            }
            (_, HostReturn::Transfer(Ok(transferred))) => scene.transfers.push(*transferred),
            (_, HostReturn::ModelAvailable(true)) => {
                scene.model.get_or_insert_default();
            }
            (_, HostReturn::ModelAvailable(false)) => without_model.push(*nth),
            (
                _,
                HostReturn::Chat(Ok(answer)) | HostReturn::Reply(Ok(SpokenAnswer { generated: answer, .. })),
            ) => {
                let calls = answer
                    .tool_calls
                    .iter()
                    .map(|call| (call.name.clone(), disguise.text(&call.arguments)))
                    .collect();
                // A model that said nothing at all cannot be written down: it stopped for another reason.
                if answer.finish != Finish::Filtered
                    && !(answer.text.is_empty() && answer.tool_calls.is_empty())
                {
                    let says = disguise.text(&answer.text);
                    scene.model.get_or_insert_default().push(ModelAnswer { says, calls, asked: None });
                }
            }
            (Some(HostCall::SetMemory(set)), _) => written.push(set.key.clone()),
            (Some(HostCall::GetMemory(key)), HostReturn::GetMemory(Ok(Some(value)))) => {
                let first = !written.contains(key) && !scene.memory.iter().any(|(known, _)| known == key);
                if let (true, Ok(value)) = (first, std::str::from_utf8(value)) {
                    scene.memory.push((key.clone(), disguise.text(value)));
                }
            }
            (Some(HostCall::ReadDocument(name)), HostReturn::ReadDocument(Ok(text))) => {
                documents.insert(name.clone(), text.clone());
            }
            (_, HostReturn::ListConnectors(names)) => {
                for name in names {
                    connectors.entry(name.clone()).or_default();
                }
            }
            (Some(HostCall::SendRequest(request)), HostReturn::SendRequest(Ok(answer))) => {
                let pair = |(name, value): &(String, String)| (disguise.text(name), disguise.text(value));
                connectors.entry(request.connector.clone()).or_default().push(StagedAnswer {
                    method: request.method,
                    path: disguise.text(&request.path),
                    query: Some(request.query.iter().map(pair).collect()),
                    sent: None,
                    status: answer.status,
                    answer: disguise.text(&answer.body),
                });
            }
            (_, HostReturn::SearchDocuments(Ok(passages))) => {
                for passage in passages {
                    let document = documents.entry(passage.document.clone()).or_default();
                    if !document.contains(&passage.text) {
                        document.push_str(&passage.text);
                        document.push_str("\n\n");
                    }
                }
            }
            _ => {}
        }
    }
    // A line without a model says so by itself. One that had a model, and at times had none to offer, was at a cap then.
    if scene.model.is_some() {
        scene.failures.extend(without_model.into_iter().map(|nth| Failure {
            imports: vec![Import::ModelAvailable],
            at: Some(nth),
            slow_ms: 0,
            answer: Some(Injected::Unavailable),
        }));
    }
    scene.connectors =
        connectors.into_iter().map(|(name, answers)| ConnectorScene { name, answers }).collect();
    free.sort_unstable();
    free.dedup();
    scene.calendar = calendar.map(|calendar| CalendarScene { free: Some(free), ..calendar });
    if !documents.is_empty() {
        scene.documents = Documents::Written(documents.into_iter().collect());
    }
    scene
}

/// A calendar of the free slots it was seen to have, and no others.
fn no_hours() -> CalendarScene {
    let mut calendar = office_hours();
    calendar.config.open.clear();
    calendar
}

#[cfg(test)]
mod tests {
    use parloir_contract::{CallInfo, Direction, LocalTime};

    use super::*;
    use crate::recorded::{RecordedEnd, Step};

    /// The failures of the test of a call whose agent asked so often for a model, and was answered so.
    fn failures(available: &[bool]) -> Vec<(Vec<Import>, Option<u32>, Option<Injected>)> {
        let step = |there: &bool| Step {
            seq: 0,
            at: 0,
            import: Import::ModelAvailable,
            asked: Some(HostCall::ModelAvailable),
            answered: Some(HostReturn::ModelAvailable(*there)),
            answered_at: Some(0),
        };
        let info = CallInfo {
            id: "1".into(),
            direction: Direction::Inbound,
            line: "+33199000001".into(),
            caller: None,
            language: "fr-FR".into(),
            started_at: LocalTime { year: 2026, month: 11, day: 22, hour: 9, minute: 0 },
            settings: Vec::new(),
        };
        let recorded = Recorded {
            info,
            component_sha256: [0; 32],
            agent: ("trial".into(), "1".into()),
            memory: 1 << 20,
            steps: available.iter().map(step).collect(),
            end: RecordedEnd::Stopped,
            lasted_ms: 0,
        };
        let scene = scene(&recorded, &Disguise::of(&recorded));
        scene.failures.into_iter().map(|failure| (failure.imports, failure.at, failure.answer)).collect()
    }

    #[test]
    fn a_model_that_was_used_up_on_the_way_is_so_in_the_test() {
        let down = |nth| (vec![Import::ModelAvailable], Some(nth), Some(Injected::Unavailable));
        assert_eq!(failures(&[true, false, true, false]), [down(2), down(4)]);
        assert!(failures(&[false, false]).is_empty(), "a line without a model has none in the test either");
        assert!(failures(&[true, true]).is_empty());
    }
}
