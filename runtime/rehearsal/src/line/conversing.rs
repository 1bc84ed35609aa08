//! What the live call answers: speech, turns, hand-over, consent; and what of that the stage must know.

use std::pin::pin;

use parloir_contract::{
    Ask, BargeIn, Finish, Heard, HostCall, HostReturn, ListenOptions, Play, Reply, Say, SayOptions,
    SpokenAnswer, Transfer, Transferred, Turn,
};
use parloir_sandbox::DoorClosed;
use parloir_tenancy::permission::transfer_destination;

use super::{Live, Shared, ask};
use crate::caller::{Caller, Meanwhile, Utterance};
use crate::clock::speech_ms;
use crate::event::Happened;
use crate::file::Does;
use crate::stage::{policy, stops};

impl<C: Caller> Shared<C> {
    pub(super) async fn converse(&self, live: &Live, call: HostCall) -> Result<HostReturn, DoorClosed> {
        match call {
            HostCall::Say(Say { text, options }) => self.say(live, text, options).await,
            HostCall::Play(Play { sound, options }) => {
                let utterance = self.begins(&sound, &options, None).await?;
                let answer = ask(live, HostCall::Play(Play { sound, options })).await?;
                if let HostReturn::Play(Ok(heard)) = &answer {
                    self.said(utterance, heard).await?;
                }
                Ok(answer)
            }
            HostCall::Ask(question) => self.asks(live, question).await,
            HostCall::Listen(options) => {
                let answer = self.listening(live, HostCall::Listen(options.clone()), &options).await?;
                if let HostReturn::Listen(Ok(turn)) = &answer {
                    self.turned(turn, &options).await?;
                }
                Ok(answer)
            }
            HostCall::Reply(reply) => self.reply(live, reply).await,
            HostCall::Transfer(Transfer { to, announce }) => self.transfer(live, to, announce).await,
            HostCall::Consent(granted) => {
                let answer = ask(live, HostCall::Consent(granted)).await?;
                if answer.refusal().is_none() {
                    let mut stage = self.stage().await?;
                    if let Ok(gate) = stage.gate.consent(policy(stage.scene.recording), granted) {
                        (stage.gate, stage.consent) = (gate, Some(granted));
                    }
                }
                Ok(answer)
            }
            call @ (HostCall::PauseRecording | HostCall::ResumeRecording | HostCall::HangUp) => {
                let answer = ask(live, call.clone()).await?;
                // The same to the stage: its gate, and that nobody is there any more.
                self.stage().await?.answer_as(call, None).await?;
                Ok(answer)
            }
            // To the journal, as on any line; and to the stage, which reports what was set.
            HostCall::SetReport(field) => {
                let answer = ask(live, HostCall::SetReport(field.clone())).await?;
                if answer.refusal().is_none() {
                    self.stage().await?.answer_as(HostCall::SetReport(field), None).await?;
                }
                Ok(answer)
            }
            // To the journal too, as on any line.
            HostCall::Log(line) => {
                self.stage().await?.noted(line.clone());
                ask(live, HostCall::Log(line)).await
            }
            other => self.stage().await?.answer_as(other, None).await,
        }
    }

    async fn say(&self, live: &Live, text: String, options: SayOptions) -> Result<HostReturn, DoorClosed> {
        let utterance = self.begins(&text, &options, None).await?;
        let answer = ask(live, HostCall::Say(Say { text, options })).await?;
        if let HostReturn::Say(Ok(heard)) = &answer {
            self.said(utterance, heard).await?;
        }
        Ok(answer)
    }

    async fn asks(&self, live: &Live, question: Ask) -> Result<HostReturn, DoorClosed> {
        let options = question.listen.clone();
        let utterance = self.begins(&question.question, &question.say, Some(&options)).await?;
        let answer = self.listening(live, HostCall::Ask(question), &options).await?;
        if let HostReturn::Ask(Ok((heard, turn))) = &answer {
            self.said(utterance, heard).await?;
            self.turned(turn, &options).await?;
        }
        Ok(answer)
    }

    /// Asks the live call to listen, while the caller does what is theirs to do.
    async fn listening(
        &self,
        live: &Live,
        call: HostCall,
        options: &ListenOptions,
    ) -> Result<HostReturn, DoorClosed> {
        let came_in = std::mem::take(&mut *self.came_in.lock());
        let mut answer = pin!(ask(live, call));
        if came_in {
            return answer.await;
        }
        let mut acts = pin!(self.acts(options));
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            does = &mut acts => {
                self.note(&does);
                // What the caller has begun, they finish, though the agent may have heard enough.
                let telephone = self.telephone.clone();
                tokio::spawn(async move { telephone.does(does).await });
            }
        }
        answer.await
    }

    /// The agent begins to say something; the caller may come in. `None` where nobody hears it.
    async fn begins(
        &self,
        text: &str,
        options: &SayOptions,
        listen: Option<&ListenOptions>,
    ) -> Result<Option<Begun>, DoorClosed> {
        // A new sentence makes what came into the one before obsolete.
        *self.came_in.lock() = false;
        let mut stage = self.stage().await?;
        if stage.gone_ms.is_some() || text.trim().is_empty() {
            return Ok(None);
        }
        let utterance = stage.utterance(text, speech_ms(text), options);
        self.telephone.agent_begins();
        let at_ms = stage.clock.ms();
        match stage.caller.hears(&utterance).await {
            Meanwhile::Listens => {}
            Meanwhile::ComesIn(after_ms, does) => {
                *self.came_in.lock() = stops(&utterance, &does, listen, &stage.scene.language).0;
                self.note(&does);
                let telephone = self.telephone.clone();
                tokio::spawn(async move {
                    telephone.agent_heard_for(after_ms).await;
                    telephone.does(does).await;
                });
            }
        }
        Ok(Some(Begun { utterance, at_ms }))
    }

    /// What was heard of it.
    async fn said(&self, begun: Option<Begun>, heard: &Heard) -> Result<(), DoorClosed> {
        let Some(Begun { utterance, at_ms }) = begun else { return Ok(()) };
        let mut stage = self.stage().await?;
        let now = stage.clock.ms();
        stage.clock.set(at_ms);
        stage.said(&utterance, heard);
        stage.clock.set(now);
        Ok(())
    }

    /// Keeps what the caller says, to be held against what is understood.
    fn note(&self, does: &Does) {
        *self.said.lock() = match does {
            Does::Says(words) => Some(words.text.clone()),
            Does::Keys(_) | Does::HangsUp => None,
        };
    }

    /// The agent has its turn.
    async fn turned(&self, turn: &Turn, options: &ListenOptions) -> Result<(), DoorClosed> {
        let said = self.said.lock().take();
        let mut stage = self.stage().await?;
        stage.turn_ended_ms = stage.clock.ms();
        match turn {
            Turn::Speech(speech) => stage.happened(Happened::Caller {
                text: speech.text.clone(),
                said: said.filter(|said| !alike(said, &speech.text)),
                confidence: speech.confidence,
                language: speech.language.clone(),
                over_agent: speech.over_agent,
            }),
            Turn::Digits(keys) => stage.happened(Happened::Keys { keys: keys.clone(), over_agent: false }),
            Turn::Silence => {
                if let Some(what) = said {
                    let why = "nothing was understood".to_owned();
                    stage.happened(Happened::Lost { what, why });
                }
                stage.happened(Happened::Silence { ms: options.patience.into() });
            }
            Turn::HungUp if stage.gone_ms.is_none() => {
                stage.happened(Happened::HungUp);
                stage.gone();
            }
            Turn::HungUp => {}
        }
        Ok(())
    }

    /// The scripted model's answer, said by the live call.
    async fn reply(&self, live: &Live, reply: Reply) -> Result<HostReturn, DoorClosed> {
        let Reply { messages, options, say } = reply;
        let generated = self.stage().await?.model(&messages, &options);
        let mut generated = match generated {
            Ok(generated) => generated,
            Err(refusal) => return Ok(HostReturn::Reply(Err(refusal))),
        };
        let heard = match self.say(live, generated.text.clone(), say).await? {
            HostReturn::Say(Ok(heard)) => heard,
            HostReturn::Say(Err(refusal)) => return Ok(HostReturn::Reply(Err(refusal))),
            _ => return Err(DoorClosed("speech was answered with something else".into())),
        };
        if !heard.whole {
            generated.finish = Finish::Interrupted;
        }
        Ok(HostReturn::Reply(Ok(SpokenAnswer { heard, generated })))
    }

    async fn transfer(
        &self,
        live: &Live,
        to: String,
        announce: Option<String>,
    ) -> Result<HostReturn, DoorClosed> {
        let begun = match &announce {
            Some(text) => {
                let options = SayOptions { barge_in: BargeIn::Never, language: None };
                self.begins(text, &options, None).await?
            }
            None => None,
        };
        let answer = ask(live, HostCall::Transfer(Transfer { to: to.clone(), announce })).await?;
        let HostReturn::Transfer(Ok(transferred)) = &answer else { return Ok(answer) };
        if let Some(begun) = begun {
            let (text, played) = (begun.utterance.text.clone(), begun.utterance.length_ms);
            self.said(Some(begun), &Heard { text, whole: true, played }).await?;
        }
        let mut stage = self.stage().await?;
        let config = &stage.line.config;
        let fallback = config.fallback_number.as_ref().map(parloir_contract::LineId::as_str);
        stage.transferred_to = transfer_destination(&to, fallback, &config.transfer_to).ok();
        match transferred {
            Transferred::Answered | Transferred::CallerGone => stage.gone(),
            Transferred::Busy | Transferred::NoAnswer => {}
        }
        stage.turn_ended_ms = stage.clock.ms();
        Ok(answer)
    }
}

/// Whether two texts have the same words: a transcriber writes its own commas.
fn alike(a: &str, b: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    words(a) == words(b)
}

/// A sentence under way.
struct Begun {
    utterance: Utterance,
    at_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_understood_differs_by_its_words_alone() {
        assert!(alike("Oui, d'accord, j'accepte.", "oui d'accord j'accepte"));
        assert!(!alike("C'est pour un contrôle annuel.", "C'est pour un contre-la-nuel."));
    }
}
