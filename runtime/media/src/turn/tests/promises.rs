//! What the machine promises, whatever a call does and whenever.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// One step of a call that does anything at any time.
#[derive(Debug, Clone)]
enum Step {
    Frames(u8, bool),
    Key(char),
    Listen(u32, Expecting, u8, Option<char>),
    Cancel,
    Starts(BargeIn),
    Ends,
    /// Answers the oldest utterance that awaits its transcript.
    Transcript(&'static str),
    Forget,
    Gone,
}

fn step() -> impl Strategy<Value = Step> {
    let policy = prop_oneof![Just(BargeIn::BySpeech), Just(BargeIn::ByKeys), Just(BargeIn::Never)];
    let expecting = prop_oneof![Just(Expecting::Anything), Just(Expecting::YesNo), Just(Expecting::Digits)];
    let finish = prop_oneof![Just(None), Just(Some('#'))];
    prop_oneof![
        8 => (1u8..100, any::<bool>()).prop_map(|(count, voice)| Step::Frames(count, voice)),
        3 => prop_oneof![Just('1'), Just('2'), Just('#'), Just('x')].prop_map(Step::Key),
        4 => (0u32..8_000, expecting, 0u8..4, finish).prop_map(|(a, b, c, d)| Step::Listen(a, b, c, d)),
        1 => Just(Step::Cancel),
        3 => policy.prop_map(Step::Starts),
        3 => Just(Step::Ends),
        4 => prop_oneof![Just("Oui."), Just(""), Just("Je ne sais pas."), Just("Mmh.")].prop_map(Step::Transcript),
        2 => Just(Step::Forget),
        1 => Just(Step::Gone),
    ]
}

/// Checks, as a call goes, what the machine promises.
#[derive(Default)]
struct Promises {
    listening: bool,
    barged: bool,
    open: Option<UtteranceId>,
    awaiting: VecDeque<UtteranceId>,
    alive: std::collections::BTreeSet<UtteranceId>,
}

impl Promises {
    fn check(&mut self, output: &[Output]) -> Result<(), TestCaseError> {
        prop_assert!(output.len() <= 24);
        for it in output {
            match it {
                Output::BeginUtterance { utterance, pre_roll_ms } => {
                    prop_assert!(self.open.is_none() && self.alive.insert(*utterance));
                    prop_assert!(*pre_roll_ms <= 1_000);
                    self.open = Some(*utterance);
                }
                Output::ContinueUtterance { utterance } => prop_assert_eq!(self.open, Some(*utterance)),
                Output::EndUtterance { utterance, .. } => {
                    prop_assert_eq!(self.open.take(), Some(*utterance));
                    self.awaiting.push_back(*utterance);
                }
                Output::Discard { utterance } => {
                    prop_assert!(self.alive.remove(utterance));
                    if self.open == Some(*utterance) {
                        self.open = None;
                    }
                    self.awaiting.retain(|it| it != utterance);
                }
                Output::BargeIn(_) => {
                    prop_assert!(!self.barged);
                    self.barged = true;
                }
                Output::Resume | Output::Yield => {
                    prop_assert!(self.barged);
                    self.barged = false;
                }
                Output::Ready(turn) => {
                    prop_assert!(self.listening, "a turn nobody listens for");
                    self.listening = false;
                    if let ReadyTurn::Speech { utterance, .. } = turn {
                        prop_assert!(self.alive.remove(utterance));
                        self.awaiting.retain(|it| it != utterance);
                    }
                    if let ReadyTurn::Digits(digits) = turn {
                        prop_assert!(digits.len() <= MOST_KEYS);
                    }
                }
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_the_promises_hold_and_no_listen_is_stuck(steps in prop::collection::vec(step(), 0..60)) {
        let mut turns = TurnTaker::default();
        let mut promises = Promises::default();
        let (mut now, mut output, mut gone) = (0u64, Vec::new(), false);
        let mut feed = |turns: &mut TurnTaker, promises: &mut Promises, now: u64, input: Input<'_>| {
            output.clear();
            turns.step(now, input, &mut output);
            promises.check(&output)
        };
        for step in steps {
            match step {
                Step::Frames(count, voice) => for _ in 0..count {
                    now += 20;
                    feed(&mut turns, &mut promises, now, Input::Frame { voice })?;
                },
                Step::Key(key) => feed(&mut turns, &mut promises, now, Input::Key(key))?,
                Step::Listen(patience, expecting, max_digits, finish_on) => {
                    promises.listening = true;
                    let options = ListenOptions { patience, expecting, max_digits, finish_on, language: None };
                    feed(&mut turns, &mut promises, now, Input::Listen(&options))?;
                }
                Step::Cancel => {
                    promises.listening = false;
                    feed(&mut turns, &mut promises, now, Input::CancelListen)?;
                }
                Step::Starts(policy) => feed(&mut turns, &mut promises, now, Input::AgentStarts(policy))?,
                Step::Ends => feed(&mut turns, &mut promises, now, Input::AgentEnds)?,
                Step::Transcript(text) => if let Some(utterance) = promises.awaiting.pop_front() {
                    let input = Input::Transcript { utterance, text: Some(text), language: "fr" };
                    feed(&mut turns, &mut promises, now, input)?;
                },
                Step::Forget => {
                    feed(&mut turns, &mut promises, now, Input::Forget)?;
                    prop_assert!(promises.alive.is_empty() && !promises.barged);
                }
                Step::Gone => {
                    gone = true;
                    feed(&mut turns, &mut promises, now, Input::LegGone)?;
                    prop_assert!(promises.alive.is_empty() && !promises.listening && !promises.barged);
                }
            }
            prop_assert_eq!(turns.is_listening(), promises.listening);
            prop_assert_eq!(turns.open_utterance(), promises.open);
        }
        // From here the agent is silent, the line is noisy, and no transcript ever comes.
        feed(&mut turns, &mut promises, now, Input::AgentEnds)?;
        promises.listening = true;
        let options = ListenOptions { patience: 6_000, ..ListenOptions::default() };
        feed(&mut turns, &mut promises, now, Input::Listen(&options))?;
        let bound = now + 6_000 + 30_000 + 15_000 + 2_500;
        let mut noise = 0u32;
        while promises.listening && !gone {
            now += 20;
            prop_assert!(now <= bound, "stuck");
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            feed(&mut turns, &mut promises, now, Input::Frame { voice: noise > u32::MAX / 3 })?;
        }
        prop_assert!(!promises.listening);
    }
}
