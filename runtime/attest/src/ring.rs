//! Those who ring the house: as a carrier does, over the network of this machine.

use std::time::Duration;

use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::conversation::{self, Action, Conversation, Report, Step};
use parloir_transport::signature::AuthToken;
use parloir_transport::webhook::DialStatus;

use crate::agent::Attack;
use crate::broken::Broken;
use crate::rooms::{ANNE, TOKEN};

/// Who rings mallory's lines.
const SOMEBODY: &str = "+33639980001";
/// The neighbour's caller.
pub(crate) const CALLER: &str = "+33639980077";

/// What a caller went through.
pub struct Rung {
    /// The line.
    pub number: String,
    /// How the caller's side saw it.
    pub report: Report,
    /// How often the agent's side began to speak.
    pub spoken: usize,
}

/// Rings an attack's line and says nothing.
pub(crate) async fn ring(public: &str, attack: &Attack, line: &str) -> Result<Rung, Broken> {
    let silence = Step::new(Action::Silence(Duration::from_secs(40)));
    let dialled = if attack.busy { DialStatus::Busy } else { DialStatus::Completed };
    ring_line(public, SOMEBODY, line, vec![silence], dialled).await
}

/// Rings the neighbour's line and answers her three questions.
pub(crate) async fn ring_neighbour(public: &str) -> Result<Rung, Broken> {
    let ulaw = spoken_line()?;
    let say = || Action::Say { label: "bonjour".to_owned(), ulaw: ulaw.clone() };
    let steps = (0..3).map(|_| Step::new(say())).collect();
    ring_line(public, CALLER, ANNE, steps, DialStatus::Completed).await
}

async fn ring_line(
    public: &str,
    from: &str,
    number: &str,
    steps: Vec<Step>,
    transfer_answer: DialStatus,
) -> Result<Rung, Broken> {
    let options = DialOptions {
        auth_token: Some(AuthToken::new(TOKEN)),
        from: Some(from.to_owned()),
        transfer_answer,
        ring: Duration::from_millis(50),
        // Over plain HTTP: nobody is trusted. Reading whom this machine trusts takes as long as answering several calls.
        authorities: Some(bytes::Bytes::new()),
        // Perhaps compiled without optimisation, and on a machine that is being attacked.
        patience: Duration::from_secs(30),
        ..DialOptions::to(number)
    };
    let call = CarrierCall::dial(&format!("{public}/twilio/voice"), options).await;
    let call = call.map_err(|error| Broken::because(number, error))?;
    let conversation = Conversation {
        reply_patience: Duration::from_secs(12),
        linger: Duration::from_secs(12),
        total: Duration::from_secs(90),
        steps,
    };
    let mut spoken = 0;
    let report = conversation::run(call, &conversation, |seen| {
        if let conversation::Seen::Heard(CarrierEvent::AgentStartedSpeaking { .. }) = seen {
            spoken += 1;
        }
    })
    .await;
    Ok(Rung { number: number.to_owned(), report, spoken })
}

/// Speech, loud enough for voice activity.
fn spoken_line() -> Result<bytes::Bytes, Broken> {
    const SPOKEN: &[u8] = include_bytes!("../../../agents/cabinet/callers/fr_bonjour_rdv.wav");
    let read =
        parloir_media::read_wav(SPOKEN).map_err(|error| Broken::because("the caller's words", error))?;
    let mut ulaw = Vec::new();
    parloir_media::Codec::Mulaw.encode(&read.0, &mut ulaw);
    Ok(ulaw.into())
}
