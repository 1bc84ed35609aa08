//! From what was understood and pressed to the turn of a `listen`.

use parloir_contract::BargeIn;

use super::{
    Cause, Output, ReadyTurn, TurnTaker,
    machine::{Agent, Ear, Listening, MOST_KEPT, Understood},
};

impl TurnTaker {
    /// Judges what was transcribed, oldest first.
    pub(super) fn settle(&mut self, output: &mut Vec<Output>) {
        while let Some(front) = self.pending.front().copied() {
            let late = self.now - front.ended_at >= u64::from(self.options.transcript_ms);
            let understood = match front.understood {
                Some(understood) => understood,
                None if late => Understood::Nothing,
                None => return,
            };
            self.pending.pop_front();
            let held = matches!(self.agent, Agent::Held { by, .. } if by == front.id);
            match understood {
                Understood::Nothing => {
                    self.release(front.id, output);
                    output.push(Output::Discard { utterance: front.id });
                }
                Understood::BackChannel if held || (front.over_agent && self.agent_is_on()) => {
                    self.release(front.id, output);
                    output.push(Output::Discard { utterance: front.id });
                }
                // A small word in a silence is an answer.
                Understood::BackChannel | Understood::Words => {
                    if held {
                        self.give_way(output);
                    }
                    if self.kept.len() >= MOST_KEPT
                        && let Some((utterance, _)) = self.kept.pop_front()
                    {
                        output.push(Output::Discard { utterance });
                    }
                    self.kept.push_back((front.id, front.over_agent));
                }
            }
        }
    }

    /// Gives the `listen` its turn, if there is one: keys first, then words, then silence.
    pub(super) fn deliver(&mut self, output: &mut Vec<Output>) {
        let Some(listening) = self.listening else { return };
        let ready = if self.keys.is_empty() {
            if let Some((utterance, over_agent)) = self.kept.front().copied() {
                Some(ReadyTurn::Speech { utterance, over_agent })
            } else if self.patience_is_over(&listening) {
                Some(ReadyTurn::Silence)
            } else {
                None
            }
        } else {
            self.complete_digits(&listening).map(ReadyTurn::Digits)
        };
        let Some(ready) = ready else { return };
        // A turn is the agent's cue: its voice must be over.
        match self.agent {
            Agent::Silent => {}
            Agent::Held { .. } => self.give_way(output),
            Agent::Speaking(BargeIn::BySpeech) => {
                output.push(Output::BargeIn(match ready {
                    ReadyTurn::Digits(_) => Cause::Key,
                    ReadyTurn::Speech { .. } | ReadyTurn::Silence | ReadyTurn::HungUp => Cause::Speech,
                }));
                self.give_way(output);
            }
            Agent::Speaking(BargeIn::ByKeys | BargeIn::Never) => return,
        }
        match &ready {
            ReadyTurn::Speech { .. } => {
                self.kept.pop_front();
            }
            ReadyTurn::Digits(digits) => {
                let finished =
                    self.keys.chars().nth(digits.len()).is_some_and(|key| Some(key) == listening.finish_on);
                let used = digits.len() + usize::from(finished);
                self.keys.drain(..used.min(self.keys.len()));
                self.late_finish = if finished { None } else { listening.finish_on };
            }
            ReadyTurn::Silence | ReadyTurn::HungUp => {}
        }
        self.listening = None;
        output.push(Output::Ready(ready));
    }

    fn complete_digits(&self, listening: &Listening) -> Option<String> {
        let finish = listening.finish_on.and_then(|key| self.keys.find(key));
        let length = self.keys.len();
        let cut = match finish {
            Some(at) if at <= listening.max_digits => at,
            Some(_) | None if length >= listening.max_digits => listening.max_digits,
            Some(_) | None => {
                let since = self.last_key_at.max(listening.since);
                if self.now - since < u64::from(self.options.inter_digit_ms) {
                    return None;
                }
                length
            }
        };
        self.keys.get(..cut).map(str::to_owned)
    }

    fn patience_is_over(&self, listening: &Listening) -> bool {
        if self.agent_is_on() {
            return false;
        }
        let deadline = listening.since.max(self.agent_ended_at) + u64::from(listening.patience);
        let in_time = |began_at: u64| began_at < deadline;
        let speaking = match self.ear {
            Ear::Quiet | Ear::Onset { .. } => false,
            Ear::Speaking(utterance) => in_time(utterance.began_at),
        };
        self.now >= deadline && !speaking && !self.pending.iter().any(|pending| in_time(pending.began_at))
    }
}
