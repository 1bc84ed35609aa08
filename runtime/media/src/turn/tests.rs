use parloir_contract::Expecting;

use super::*;

mod promises;

/// A call played by hand: time moves in frames of 20 ms.
struct Call {
    turns: TurnTaker,
    now: u64,
    all: Vec<(u64, Output)>,
}

impl Call {
    fn new() -> Self {
        Self { turns: TurnTaker::default(), now: 0, all: Vec::new() }
    }

    fn does(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut output = Vec::new();
        self.turns.step(self.now, input, &mut output);
        output.retain(|it| !matches!(it, Output::ContinueUtterance { .. }));
        self.all.extend(output.iter().map(|it| (self.now, it.clone())));
        output
    }

    fn frames(&mut self, millis: u64, voice: bool) -> Vec<Output> {
        let mut output = Vec::new();
        for _ in 0..millis / 20 {
            self.now += 20;
            output.extend(self.does(Input::Frame { voice }));
        }
        output
    }

    fn voice(&mut self, millis: u64) -> Vec<Output> {
        self.frames(millis, true)
    }

    fn quiet(&mut self, millis: u64) -> Vec<Output> {
        self.frames(millis, false)
    }

    fn listens(&mut self, expecting: Expecting, patience: u32) -> Vec<Output> {
        self.does(Input::Listen(&ListenOptions { patience, expecting, ..ListenOptions::default() }))
    }

    fn listens_for_keys(&mut self, max_digits: u8, finish_on: Option<char>) -> Vec<Output> {
        self.does(Input::Listen(&ListenOptions { max_digits, finish_on, ..ListenOptions::default() }))
    }

    fn understood(&mut self, utterance: UtteranceId, text: &str) -> Vec<Output> {
        self.does(Input::Transcript { utterance, text: Some(text), language: "fr-FR" })
    }

    fn keys(&mut self, keys: &str) -> Vec<Output> {
        keys.chars().flat_map(|key| self.does(Input::Key(key))).collect()
    }
}

fn digits(keys: &str) -> Output {
    Output::Ready(ReadyTurn::Digits(keys.into()))
}

const fn speech(utterance: UtteranceId, over_agent: bool) -> Output {
    Output::Ready(ReadyTurn::Speech { utterance, over_agent })
}

const SILENCE: Output = Output::Ready(ReadyTurn::Silence);

#[test]
fn a_sentence_begins_with_its_first_syllable_and_ends_after_its_pause() {
    let mut call = Call::new();
    assert_eq!(call.listens(Expecting::Anything, 6_000), []);
    assert_eq!(call.quiet(1_000), []);
    assert_eq!(call.voice(800), [Output::BeginUtterance { utterance: 0, pre_roll_ms: 360 }]);
    assert_eq!(call.quiet(680), []);
    assert_eq!(
        call.quiet(20),
        [Output::EndUtterance { utterance: 0, over_agent: false, last_voice_at: 1_800, silence_ms: 700 }]
    );
    assert_eq!(call.understood(0, "Je voudrais un rendez-vous."), [speech(0, false)]);
    assert_eq!(call.quiet(20_000), []);
}

#[test]
fn a_yes_ends_early_and_a_dictated_number_does_not() {
    for (expecting, ends) in [(Expecting::YesNo, 400), (Expecting::Date, 900), (Expecting::Digits, 1_500)] {
        let mut call = Call::new();
        call.listens(expecting, 6_000);
        call.voice(400);
        call.quiet(3_000);
        let ended =
            call.all.iter().find_map(|(at, it)| matches!(it, Output::EndUtterance { .. }).then_some(*at));
        assert_eq!(ended, Some(400 + ends), "{expecting:?}");
    }
}

#[test]
fn patience_counts_from_the_end_of_the_agents_voice() {
    let mut call = Call::new();
    call.does(Input::AgentStarts(BargeIn::BySpeech));
    call.listens(Expecting::Anything, 2_000);
    assert_eq!(call.quiet(5_000), []);
    call.does(Input::AgentEnds);
    assert_eq!(call.quiet(1_980), []);
    assert_eq!(call.quiet(20), [SILENCE]);
}

#[test]
fn a_click_is_nothing_and_a_cough_is_not_transcribed() {
    let mut call = Call::new();
    call.listens(Expecting::Anything, 2_000);
    assert_eq!(call.voice(40), []);
    assert_eq!(call.quiet(400), []);
    assert_eq!(call.voice(80), [Output::BeginUtterance { utterance: 0, pre_roll_ms: 360 }]);
    assert_eq!(call.quiet(1_000), [Output::Discard { utterance: 0 }]);
    assert_eq!(call.quiet(1_000), [SILENCE]);
}

#[test]
fn noise_without_words_is_not_a_turn_and_does_not_prolong_the_patience() {
    let mut call = Call::new();
    call.listens(Expecting::Anything, 2_000);
    call.voice(1_000);
    call.quiet(700);
    assert_eq!(call.understood(0, ""), [Output::Discard { utterance: 0 }]);
    assert_eq!(call.quiet(300), [SILENCE]);
}

#[test]
fn who_begins_in_time_may_finish() {
    let mut call = Call::new();
    call.listens(Expecting::Anything, 1_000);
    call.quiet(900);
    call.voice(3_000);
    call.quiet(1_000);
    assert_eq!(call.understood(0, "Alors voilà."), [speech(0, false)]);
}

#[test]
fn an_interruption_stops_the_agent_after_300_ms_and_is_the_turn_of_the_next_listen() {
    let mut call = Call::new();
    call.does(Input::AgentStarts(BargeIn::BySpeech));
    call.quiet(500);
    assert_eq!(call.voice(280).len(), 1);
    assert_eq!(call.voice(20), [Output::BargeIn(Cause::Speech)]);
    call.voice(800);
    call.quiet(700);
    assert_eq!(call.understood(0, "Attendez, ce n'est pas ça."), [Output::Yield]);
    assert_eq!(call.listens(Expecting::Anything, 1_000), [speech(0, true)]);
}

#[test]
fn a_back_channel_lets_the_agent_go_on() {
    for text in ["Oui, d'accord.", "Mmh.", ""] {
        let mut call = Call::new();
        call.does(Input::AgentStarts(BargeIn::BySpeech));
        call.voice(400);
        call.quiet(700);
        assert_eq!(call.understood(0, text), [Output::Resume, Output::Discard { utterance: 0 }], "{text}");
        call.quiet(1_000);
        assert_eq!(call.does(Input::AgentEnds), []);
        assert_eq!(call.listens(Expecting::Anything, 1_000), []);
    }
}

#[test]
fn a_yes_over_a_yes_no_question_is_its_answer() {
    let mut call = Call::new();
    call.does(Input::AgentStarts(BargeIn::BySpeech));
    call.listens(Expecting::YesNo, 5_000);
    call.voice(400);
    call.quiet(400);
    assert_eq!(call.understood(0, "Oui."), [Output::Yield, speech(0, true)]);
}

#[test]
fn a_short_no_over_a_question_stops_it_once_it_is_understood() {
    let mut call = Call::new();
    call.does(Input::AgentStarts(BargeIn::BySpeech));
    call.listens(Expecting::Anything, 5_000);
    call.voice(200);
    assert_eq!(
        call.quiet(700),
        [Output::EndUtterance { utterance: 0, over_agent: true, last_voice_at: 200, silence_ms: 700 }]
    );
    assert_eq!(call.understood(0, "Non !"), [Output::BargeIn(Cause::Speech), Output::Yield, speech(0, true)]);
}

#[test]
fn a_short_word_over_a_statement_is_dropped() {
    let mut call = Call::new();
    call.does(Input::AgentStarts(BargeIn::BySpeech));
    call.voice(200);
    assert_eq!(call.quiet(700), [Output::Discard { utterance: 0 }]);
}

#[test]
fn an_answer_across_the_end_of_the_question_is_heard_from_its_first_syllable() {
    for policy in [BargeIn::BySpeech, BargeIn::ByKeys, BargeIn::Never] {
        let mut call = Call::new();
        call.does(Input::AgentStarts(policy));
        call.listens(Expecting::YesNo, 5_000);
        call.voice(200);
        assert_eq!(call.does(Input::AgentEnds), []);
        call.voice(100);
        call.quiet(400);
        assert_eq!(call.understood(0, "Oui."), [speech(0, true)], "{policy:?}");
    }
}

#[test]
fn a_sentence_that_must_be_heard_is() {
    for policy in [BargeIn::Never, BargeIn::ByKeys] {
        let mut call = Call::new();
        call.does(Input::AgentStarts(policy));
        call.voice(2_000);
        assert_eq!(call.quiet(700), [Output::Discard { utterance: 0 }]);
    }
    let mut call = Call::new();
    call.does(Input::AgentStarts(BargeIn::Never));
    assert_eq!(call.keys("12"), []);
    call.does(Input::AgentEnds);
    assert_eq!(call.listens(Expecting::Anything, 1_000), []);
    assert_eq!(call.quiet(1_000), [SILENCE]);
}

#[test]
fn a_key_stops_the_agent_at_once() {
    for policy in [BargeIn::BySpeech, BargeIn::ByKeys] {
        let mut call = Call::new();
        call.does(Input::AgentStarts(policy));
        assert_eq!(call.keys("1"), [Output::BargeIn(Cause::Key), Output::Yield]);
        assert_eq!(call.listens_for_keys(1, None), [digits("1")]);
    }
}

#[test]
fn keys_end_at_the_most_at_the_finish_or_after_a_pause() {
    let mut call = Call::new();
    call.listens_for_keys(4, None);
    assert_eq!(call.keys("061"), []);
    assert_eq!(call.keys("2"), [digits("0612")]);

    call.listens_for_keys(0, Some('#'));
    assert_eq!(call.keys("42#"), [digits("42")]);

    call.listens_for_keys(0, None);
    call.keys("7");
    assert_eq!(call.quiet(2_480), []);
    assert_eq!(call.quiet(20), [digits("7")]);

    call.listens_for_keys(0, Some('#'));
    assert_eq!(call.keys("#"), [digits("")]);

    call.listens_for_keys(0, None);
    assert_eq!(call.keys("A+d"), []);
    assert_eq!(call.keys(&"5".repeat(40)), [digits(&"5".repeat(32))]);
}

#[test]
fn a_finish_pressed_after_the_last_digit_is_not_the_next_turn() {
    let mut call = Call::new();
    call.listens_for_keys(2, Some('#'));
    assert_eq!(call.keys("12"), [digits("12")]);
    call.now += 300;
    call.keys("#");
    assert_eq!(call.listens_for_keys(2, Some('#')), []);
    assert_eq!(call.keys("34#"), [digits("34")]);
    assert_eq!(call.listens_for_keys(2, Some('#')), []);
}

#[test]
fn keys_pressed_ahead_serve_one_listen_after_the_other() {
    let mut call = Call::new();
    call.keys("12#345");
    assert_eq!(call.listens_for_keys(0, Some('#')), [digits("12")]);
    assert_eq!(call.listens_for_keys(2, None), [digits("34")]);
    assert_eq!(call.listens_for_keys(1, None), [digits("5")]);
}

#[test]
fn what_was_said_between_two_sentences_is_kept_until_the_agent_speaks_again() {
    let mut call = Call::new();
    call.voice(500);
    call.quiet(700);
    call.understood(0, "Allô ?");
    let mut other = Call { turns: call.turns.clone(), now: call.now, all: Vec::new() };
    assert_eq!(call.listens(Expecting::Anything, 1_000), [speech(0, false)]);
    assert_eq!(other.does(Input::AgentStarts(BargeIn::BySpeech)), [Output::Discard { utterance: 0 }]);
    other.does(Input::AgentEnds);
    assert_eq!(other.listens(Expecting::Anything, 1_000), []);
}

#[test]
fn a_caller_who_hangs_up_ends_everything_once() {
    let mut call = Call::new();
    call.does(Input::AgentStarts(BargeIn::BySpeech));
    call.listens(Expecting::Anything, 5_000);
    call.voice(400);
    assert_eq!(
        call.does(Input::LegGone),
        [Output::Yield, Output::Discard { utterance: 0 }, Output::Ready(ReadyTurn::HungUp)]
    );
    assert_eq!(call.voice(400), []);
    assert_eq!(call.does(Input::LegGone), []);
    assert_eq!(call.listens(Expecting::Anything, 5_000), [Output::Ready(ReadyTurn::HungUp)]);
}

#[test]
fn a_transcript_that_never_comes_counts_as_nothing() {
    let mut call = Call::new();
    call.listens(Expecting::Anything, 1_000);
    call.voice(500);
    call.quiet(700);
    assert_eq!(call.quiet(14_980), []);
    assert_eq!(call.quiet(20), [Output::Discard { utterance: 0 }, SILENCE]);
    assert_eq!(call.understood(0, "trop tard"), []);
}

#[test]
fn somebody_who_never_stops_is_cut_after_the_longest_utterance() {
    let mut call = Call::new();
    call.listens(Expecting::Anything, 1_000);
    call.voice(31_000);
    let ended = call.all.iter().find(|(_, it)| matches!(it, Output::EndUtterance { .. })).unwrap().0;
    assert_eq!(ended, 30_020);
}

#[test]
fn a_leg_that_stops_sending_ends_the_turn_by_the_tick() {
    let mut call = Call::new();
    call.listens(Expecting::Anything, 1_000);
    call.voice(500);
    call.now += 700;
    assert!(matches!(call.does(Input::Tick)[..], [Output::EndUtterance { silence_ms: 700, .. }]));
}

#[test]
fn words_so_far_shorten_or_lengthen_the_pause() {
    for (partial, silence) in [("Je voudrais un rendez-vous.", 420), ("zéro six", 1_200)] {
        let options = TurnOptions {
            end_of_turn: Arc::new(crate::endpointing::ReadingTimeout::default()),
            ..TurnOptions::default()
        };
        let mut call = Call { turns: TurnTaker::new(options), now: 0, all: Vec::new() };
        call.listens(Expecting::Anything, 5_000);
        call.voice(500);
        call.does(Input::Partial(partial));
        call.quiet(2_000);
        let ended = call.all.iter().find(|(_, it)| matches!(it, Output::EndUtterance { .. })).unwrap().0;
        assert_eq!(ended, 500 + silence, "{partial}");
    }
}

#[test]
fn a_cancelled_listen_gets_nothing() {
    let mut call = Call::new();
    call.listens(Expecting::Anything, 1_000);
    call.does(Input::CancelListen);
    assert_eq!(call.quiet(5_000), []);
}

#[test]
fn what_is_forgotten_is_discarded_once_whatever_became_of_it() {
    for (seconds_of_quiet, understood) in [(0, false), (1, false), (1, true)] {
        let mut call = Call::new();
        call.voice(500);
        call.quiet(seconds_of_quiet * 1_000);
        if understood {
            call.understood(0, "Ma carte, c'est le quarante-et-un.");
        }
        assert_eq!(call.does(Input::Forget), [Output::Discard { utterance: 0 }]);
        assert_eq!(call.turns.open_utterance(), None);
        assert_eq!(call.does(Input::Forget), []);
        assert_eq!(call.understood(0, "Ma carte, c'est le quarante-et-un."), []);
        assert_eq!(call.listens(Expecting::Anything, 1_000), []);
        assert_eq!(call.quiet(1_000), [SILENCE]);
    }
}

#[test]
fn an_agent_stopped_by_what_is_forgotten_goes_on() {
    for quiet in [0, 1_000] {
        let mut call = Call::new();
        call.does(Input::AgentStarts(BargeIn::BySpeech));
        call.voice(400);
        call.quiet(quiet);
        assert_eq!(call.does(Input::Forget), [Output::Resume, Output::Discard { utterance: 0 }]);
        // The same breath goes on: it is another utterance, which can stop the agent again.
        assert!(call.voice(300).contains(&Output::BargeIn(Cause::Speech)));
    }
}

#[test]
fn keys_pressed_before_are_forgotten_and_so_is_the_finish_that_was_missing() {
    let mut call = Call::new();
    call.keys("4111");
    assert_eq!(call.does(Input::Forget), []);
    assert_eq!(call.listens_for_keys(1, Some('#')), []);
    assert_eq!(call.keys("5"), [digits("5")]);
    call.does(Input::Forget);
    assert_eq!(call.listens_for_keys(1, Some('#')), []);
    assert_eq!(call.keys("#"), [digits("")]);
}

#[test]
fn a_listen_waits_on_and_a_half_heard_onset_is_no_utterance_after_it() {
    let mut call = Call::new();
    call.listens(Expecting::Anything, 1_000);
    call.voice(40);
    assert_eq!(call.does(Input::Forget), []);
    assert_eq!(call.voice(40), []);
    assert_eq!(call.quiet(900), []);
    assert_eq!(call.quiet(20), [SILENCE]);
}

#[test]
fn every_callers_line_is_one_utterance_from_its_first_sound_to_its_last() {
    use crate::{Activity, Framer, SampleRate, level_db, signals};
    for name in signals::LINES {
        let expecting = match name {
            "fr_telephone" => Expecting::Digits,
            "en_name" => Expecting::Name,
            "fr_oui" | "fr_non" | "en_yes" => Expecting::YesNo,
            _ => Expecting::Anything,
        };
        let mut call = Call::new();
        call.listens(expecting, 6_000);
        let sound = [vec![0; 8_000], signals::line(name), vec![0; 16_000]].concat();
        let (mut activity, mut framer) = (Activity::default(), Framer::new(SampleRate::TELEPHONE));
        let mut loud = Vec::new();
        framer.push(&sound, |frame| {
            call.now += 20;
            if level_db(frame.samples()) > -45.0 {
                loud.push(call.now);
            }
            call.does(Input::Frame { voice: activity.is_voice(frame) });
        });
        let [(begun, Output::BeginUtterance { pre_roll_ms, .. }), (_, end)] = &call.all[..] else {
            panic!("{name}: {:?}", call.all)
        };
        let Output::EndUtterance { last_voice_at, silence_ms, .. } = end else { panic!("{name}: {end:?}") };
        assert!(begun - u64::from(*pre_roll_ms) < loud[0], "{name} loses its first syllable");
        // A final breath is no voice.
        assert!(last_voice_at.abs_diff(*loud.last().unwrap()) <= 240, "{name} {last_voice_at} {loud:?}");
        assert_eq!(*silence_ms, SilenceTimeout::default().delay_ms(expecting));
    }
}
