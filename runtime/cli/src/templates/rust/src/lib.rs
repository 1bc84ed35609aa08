//! Answers the telephone, and notes who wants to be called back.

use parloir_agent::calendar::Contact;
use parloir_agent::report::{self, Status};
use parloir_agent::{
    Agent, Answered, BargeIn, Call, Capability, Description, Outcome, Refusal, Transferred, consent, hang_up,
    say, sentence, transfer,
};

struct FrontDesk;

impl Agent for FrontDesk {
    fn describe() -> Description {
        Description::new("{{name}}", env!("CARGO_PKG_VERSION"))
            .speaking(["fr-FR"])
            .needing([Capability::Transfer])
    }

    fn answer(call: Call) -> Outcome {
        answer(&call).into()
    }
}

parloir_agent::export!(FrontDesk);

fn answer(call: &Call) -> Result<Outcome, Refusal> {
    // A call cut short files this.
    report::status(Status::Abandoned)?;
    let company = call.setting("company.name").unwrap_or("notre société");
    sentence(&format!("Bonjour, {company}. Je suis un assistant vocal.")).barge_in(BargeIn::Never).say()?;

    let agreed = call
        .ask_until("Cet appel peut être enregistré. Êtes-vous d'accord ?")
        .again("D'accord pour être enregistré, oui ou non ?")
        .yes_no()?;
    if agreed == Answered::HungUp {
        return Ok(Outcome::Abandoned);
    }
    // Where the line leaves no choice, that is the host's word, and the call goes on.
    let _ = consent(agreed == Answered::Answer(true));

    let wanted = call
        .ask_until("Souhaitez-vous être rappelé ?")
        .again("Voulez-vous qu'on vous rappelle, oui ou non ?")
        .yes_no()?;
    match wanted {
        Answered::Answer(true) => {}
        Answered::Answer(false) | Answered::Goodbye => return goodbye(),
        Answered::HungUp => return Ok(Outcome::Abandoned),
        Answered::Human | Answered::Silent | Answered::Misunderstood => {
            if let Ok(Transferred::Answered) = transfer("", Some("Je vous passe quelqu'un, ne quittez pas.")) {
                report::status(Status::HandedOver)?;
                return Ok(Outcome::Transferred);
            }
            return call_back();
        }
    }

    let name = call
        .ask_until("À quel nom, s'il vous plaît ?")
        .again("Épelez votre nom, s'il vous plaît.")
        .tries(2)
        .name()?;
    if let Answered::Answer(name) = name {
        report::contact(Contact { name: name.text, phone: call.caller.clone() })?;
    }
    call_back()
}

fn goodbye() -> Result<Outcome, Refusal> {
    say("Très bien. Bonne journée, au revoir.")?;
    report::status(Status::Resolved)?;
    hang_up();
    Ok(Outcome::Done)
}

fn call_back() -> Result<Outcome, Refusal> {
    say("C'est noté, on vous rappellera. Au revoir.")?;
    report::status(Status::CallBack)?;
    hang_up();
    Ok(Outcome::CallBack)
}
