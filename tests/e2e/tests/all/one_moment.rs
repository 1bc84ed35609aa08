//! What a caller hears while something takes long is nobody's turn: who is a program waits for what comes next.

use std::sync::Arc;
use std::time::Duration;

use crate::house::{House, Plan, say};
use parloir_contract::HostReturn;
use parloir_e2e::{CannedVoice, HeldModel, VoiceWithout};
use parloir_journal::{Record, RecordBody};
use parloir_providers::TextToSpeech;
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::conversation::{self, Action, Conversation, Seen, Step};
use parloir_transport::{ONE_MOMENT, ONE_MOMENT_OVER};
use tokio::sync::Notify;

const ANSWER: &str = "Nous ouvrons à neuf heures.";
/// The host's own words, as it says them in French.
const MOMENT: &str = "Un instant, s'il vous plaît.";

/// When the model answers.
#[derive(Clone, Copy, PartialEq)]
enum Answers {
    /// Once the host's words begin to be heard.
    IntoThem,
    /// Once they are over.
    AfterThem,
}

/// Rings an agent that asks a model which answers then, and hangs up when it has. What the caller's side saw, and what the
/// journal has.
async fn asks_a_model_that_answers(
    when: Answers,
    voice: Arc<dyn TextToSpeech>,
) -> (Vec<CarrierEvent>, Vec<Record>) {
    let let_go = Arc::new(Notify::new());
    let model = Arc::new(HeldModel { let_go: let_go.clone(), answer: ANSWER.to_owned() });
    let providers = parloir_e2e::canned_with("À quelle heure ouvrez-vous ?", voice, model).unwrap();
    let settings = &[("trial", "look-up")];
    let line = "capabilities = [\"model\"]";
    let house = House::open(Plan { settings, line, providers, ..Plan::default() }).await;
    let mut watch = house.watch();
    let options = DialOptions { report_frames: true, ..house.options() };
    let call = CarrierCall::dial(&house.webhook, options).await.unwrap();
    let listening = Action::Silence(Duration::from_secs(1));
    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(listening), Step::new(Action::HangUp)];
    let conversation = Conversation { total: Duration::from_secs(60), ..Conversation::new(steps) };
    let mut events = Vec::new();
    let (mut moment, mut held) = (false, true);
    let report = conversation::run(call, &conversation, |seen| {
        let Seen::Heard(event) = seen else { return };
        let now = match event {
            CarrierEvent::Mark { name, .. } => {
                moment |= name == ONE_MOMENT;
                when == Answers::AfterThem && name == ONE_MOMENT_OVER
            }
            CarrierEvent::Played { ulaw, .. } => {
                // µ-law's two zeros are silence.
                let sound = ulaw.iter().any(|byte| byte & 0x7f != 0x7f);
                when == Answers::IntoThem && moment && sound
            }
            _ => false,
        };
        if now && held {
            held = false;
            let_go.notify_one();
        }
        if !matches!(event, CarrierEvent::Played { .. }) {
            events.push(event.clone());
        }
    })
    .await;
    assert_eq!((report.taken, report.unanswered), (3, 0), "{events:?}");
    let (_, records) = house.ended(&mut watch).await;
    house.close().await;
    (events, records)
}

/// The agent spoke twice, its greeting and its answer, whatever the host said between: and the answer was heard whole. Gives how
/// often the agent's side dropped what was not played, and whether that was within the host's words.
fn spoke_twice((events, records): &(Vec<CarrierEvent>, Vec<Record>)) -> (usize, bool) {
    let place = |mark: &str| {
        events.iter().position(|event| matches!(event, CarrierEvent::Mark { name, .. } if name == mark))
    };
    let began = |event: &CarrierEvent| matches!(event, CarrierEvent::AgentStartedSpeaking { .. });
    let spoke: Vec<usize> = (0..events.len()).filter(|at| began(&events[*at])).collect();
    let [greeted, answered] = spoke.as_slice() else { panic!("{events:?}") };
    let (moment, over) = (place(ONE_MOMENT).unwrap(), place(ONE_MOMENT_OVER).unwrap());
    assert!(*greeted < moment && moment < over && over < *answered, "{events:?}");
    let whole = records.iter().any(|record| match &record.body {
        RecordBody::HostCallEnded(ended) => match &ended.result {
            Some(HostReturn::Say(Ok(heard))) => heard.whole && heard.text == ANSWER,
            _ => false,
        },
        _ => false,
    });
    assert!(whole, "{records:?}");
    let cut = |event: &CarrierEvent| matches!(event, CarrierEvent::Cleared { .. });
    let cuts: Vec<usize> = (0..events.len()).filter(|at| cut(&events[*at])).collect();
    (cuts.len(), cuts.iter().all(|cut| moment < *cut && *cut < over))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_words_are_no_answer_where_they_are_heard_whole() {
    let call = asks_a_model_that_answers(Answers::AfterThem, Arc::new(CannedVoice)).await;
    assert_eq!(spoke_twice(&call).0, 0, "{:?}", call.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_words_are_no_answer_where_the_answer_cuts_them_off() {
    let call = asks_a_model_that_answers(Answers::IntoThem, Arc::new(CannedVoice)).await;
    assert_eq!(spoke_twice(&call), (1, true), "{:?}", call.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_hosts_words_have_no_voice_what_comes_next_is_the_agents_all_the_same() {
    let voice = Arc::new(VoiceWithout(MOMENT.to_owned()));
    spoke_twice(&asks_a_model_that_answers(Answers::AfterThem, voice).await);
}
