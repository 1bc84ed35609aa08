use super::*;
use proptest::prelude::*;

/// A carrier that plays what it is sent and echoes marks.
struct Carrier {
    playout: Playout,
    now: u64,
    frame: Frame,
    sent: Vec<i16>,
    marks: Vec<(u64, MarkName)>,
    busy_until: u64,
}

impl Carrier {
    fn new(options: PlayoutOptions) -> Self {
        Self {
            playout: Playout::new(SampleRate::TELEPHONE, options),
            now: 0,
            frame: Frame::silent(SampleRate::TELEPHONE),
            sent: Vec::new(),
            marks: Vec::new(),
            busy_until: 0,
        }
    }

    /// One tick: frames sent, then what the echoes that are due prove.
    fn tick(&mut self) -> (usize, Vec<Reached>) {
        let mut frames = 0;
        loop {
            match self.playout.next(self.now, &mut self.frame) {
                Next::Frame { plays_at } => {
                    self.busy_until = self.busy_until.max(self.now);
                    assert_eq!(plays_at, self.busy_until);
                    self.busy_until += 20;
                    self.sent.extend_from_slice(self.frame.samples());
                    frames += 1;
                }
                Next::Mark(name) => self.marks.push((self.busy_until.max(self.now), name)),
                Next::Nothing => break,
            }
        }
        self.now += 20;
        let due = self.marks.iter().filter(|(at, _)| *at <= self.now).count();
        let names: Vec<_> = self.marks.drain(..due).collect();
        let mut reached = Vec::new();
        for (_, name) in names {
            self.playout.mark_reached(name, &mut reached);
        }
        (frames, reached)
    }

    fn run(&mut self, millis: u64) -> Vec<Reached> {
        (0..millis / 20).flat_map(|_| self.tick().1).collect()
    }

    /// A sentence of so many milliseconds, all its sound at once.
    fn says(&mut self, text: &str, millis: usize) -> SayingId {
        let id = self.playout.begin(text).unwrap();
        assert_eq!(self.playout.append(id, &vec![9; millis * 8]), Ok(millis * 8));
        self.playout.end(id).unwrap();
        id
    }
}

const TEXT: &str = "un deux trois quatre cinq six sept huit neuf dix";

#[test]
fn a_sentence_is_sent_a_lead_ahead_and_proven_whole_when_it_has_been_played() {
    let mut carrier = Carrier::new(PlayoutOptions::default());
    let id = carrier.says(TEXT, 1_000);
    assert_eq!(carrier.tick().0, 10);
    assert_eq!(carrier.tick().0, 1);
    let reached = carrier.run(2_000);
    assert_eq!(carrier.sent.len(), 8_000);
    let heard = Heard { text: TEXT.into(), whole: true, played: 1_000 };
    assert_eq!(reached.last(), Some(&Reached::Whole { saying: id, heard }));
    assert_eq!(reached.len(), 5);
    assert!(carrier.playout.is_idle());
}

#[test]
fn without_a_lead_each_frame_waits_for_its_tick() {
    let mut carrier = Carrier::new(PlayoutOptions { lead_ms: 0, ..PlayoutOptions::default() });
    carrier.says(TEXT, 200);
    for _ in 0..10 {
        assert_eq!(carrier.tick().0, 1);
    }
    assert_eq!(carrier.tick().0, 0);
}

#[test]
fn what_was_heard_is_what_marks_proved_before_the_clear() {
    let mut carrier = Carrier::new(PlayoutOptions::default());
    let (first, second) = (carrier.says(TEXT, 2_000), carrier.says("Et voilà.", 500));
    carrier.run(900);
    let flushed = carrier.playout.flush();
    let heard = Heard { text: "un deux trois".into(), whole: false, played: 800 };
    assert_eq!(flushed, [(first, heard), (second, Heard::default())]);
    // The carrier echoes what it dropped: that proves nothing.
    let late: Vec<_> = carrier.marks.drain(..).collect();
    assert!(!late.is_empty());
    let mut reached = Vec::new();
    assert!(late.into_iter().all(|(_, name)| !carrier.playout.mark_reached(name, &mut reached)));
    assert!(reached.is_empty());
    assert!(carrier.playout.is_idle());
}

#[test]
fn after_a_false_interruption_the_sentence_goes_on_from_what_was_heard() {
    let mut carrier = Carrier::new(PlayoutOptions::default());
    let id = carrier.playout.begin(TEXT).unwrap();
    let sound: Vec<i16> = (0..16_000).map(|n| n as i16).collect();
    carrier.playout.append(id, &sound).unwrap();
    carrier.playout.end(id).unwrap();
    carrier.run(900);
    carrier.playout.hold();
    carrier.marks.clear();
    carrier.sent.clear();
    assert!(carrier.run(500).is_empty() && carrier.sent.is_empty());
    assert_eq!(carrier.playout.heard(id).unwrap().played, 800);
    carrier.busy_until = 0;
    carrier.playout.resume();
    let reached = carrier.run(3_000);
    assert_eq!(carrier.sent, sound[800 * 8..]);
    assert!(matches!(reached.last(), Some(Reached::Whole { heard, .. }) if heard.played == 2_000));
}

#[test]
fn sound_that_comes_in_pieces_leaves_in_whole_frames_and_in_order() {
    let mut carrier = Carrier::new(PlayoutOptions::default());
    let id = carrier.playout.begin(TEXT).unwrap();
    assert!(carrier.playout.is_starved());
    let sound: Vec<i16> = (0..1_111).map(|n| n as i16).collect();
    for piece in sound.chunks(97) {
        carrier.playout.append(id, piece).unwrap();
        carrier.tick();
    }
    assert_eq!(carrier.sent.len() % 160, 0);
    carrier.playout.end(id).unwrap();
    let reached = carrier.run(500);
    assert_eq!(carrier.sent[..1_111], sound[..]);
    assert_eq!(carrier.sent.len(), 1_120);
    assert!(matches!(reached.last(), Some(Reached::Whole { .. })));
}

#[test]
fn a_sentence_without_sound_is_whole_at_once() {
    let mut carrier = Carrier::new(PlayoutOptions::default());
    let id = carrier.says("", 0);
    let heard = Heard { text: String::new(), whole: true, played: 0 };
    assert_eq!(carrier.run(20), [Reached::Whole { saying: id, heard }]);
}

#[test]
fn a_sentence_whose_voice_breaks_off_is_never_whole() {
    // So many milliseconds of a text that takes about four seconds, or less than a slow voice takes.
    for (millis, text) in
        [(0, ""), (1_000, "un deux trois"), (3_600, "un deux trois quatre cinq six sept huit neuf")]
    {
        let mut carrier = Carrier::new(PlayoutOptions::default());
        let id = carrier.playout.begin(TEXT).unwrap();
        carrier.playout.append(id, &vec![9; millis * 8]).unwrap();
        carrier.playout.break_off(id).unwrap();
        assert_eq!(carrier.playout.append(id, &[9]), Err(PlayoutError::NotOpen(id)));
        assert_eq!(carrier.playout.end(id), Err(PlayoutError::NotOpen(id)));
        assert!(!carrier.playout.is_starved());
        let reached = carrier.run(6_000);
        let heard = Heard { text: text.into(), whole: false, played: millis as u32 };
        assert_eq!(reached.last(), Some(&Reached::Whole { saying: id, heard }));
        assert!(carrier.playout.is_idle());
    }
}

#[test]
fn a_slow_voice_that_breaks_off_did_not_say_its_last_word() {
    let mut carrier = Carrier::new(PlayoutOptions::default());
    let id = carrier.playout.begin("un deux").unwrap();
    carrier.playout.append(id, &[9; 16_000]).unwrap();
    carrier.playout.break_off(id).unwrap();
    let heard = Heard { text: "un".into(), whole: false, played: 2_000 };
    assert_eq!(carrier.run(4_000).last(), Some(&Reached::Whole { saying: id, heard }));
}

#[test]
fn the_buffer_and_the_queue_are_bounded() {
    let mut playout = Playout::new(
        SampleRate::TELEPHONE,
        PlayoutOptions { buffer_ms: 100, queue: 2, ..PlayoutOptions::default() },
    );
    let id = playout.begin("a").unwrap();
    assert_eq!(playout.append(id, &[1; 1_000]), Ok(800));
    assert_eq!((playout.append(id, &[1; 1_000]), playout.room()), (Ok(0), 0));
    playout.begin("b").unwrap();
    assert_eq!(playout.begin("c"), Err(PlayoutError::QueueFull(2)));
    playout.end(id).unwrap();
    assert_eq!(playout.append(id, &[1]), Err(PlayoutError::NotOpen(id)));
    assert_eq!(playout.end(77), Err(PlayoutError::NotOpen(77)));
}

#[test]
fn a_lost_mark_is_overdue_and_the_next_one_proves_it_too() {
    let mut carrier = Carrier::new(PlayoutOptions::default());
    carrier.says(TEXT, 400);
    for _ in 0..30 {
        while carrier.playout.next(carrier.now, &mut carrier.frame) != Next::Nothing {}
        carrier.now += 20;
    }
    let first = MarkName::parse("p0").unwrap();
    assert_eq!(carrier.playout.overdue(3_200), None);
    assert_eq!(carrier.playout.overdue(3_201), Some(first));
    let last = MarkName::parse("p1").unwrap();
    let mut reached = Vec::new();
    assert!(carrier.playout.mark_reached(last, &mut reached));
    assert!(matches!(reached[..], [Reached::Progress { .. }, Reached::Whole { .. }]));
    assert!(!carrier.playout.mark_reached(first, &mut reached));
}

#[test]
fn a_mark_has_a_name_that_reads_back_and_strangers_have_none() {
    assert_eq!(MarkName::parse("p17").unwrap().to_string(), "p17");
    for stranger in ["", "p", "17", "p-1", "p+1", "q1", "p99999999999999999999999"] {
        assert_eq!(MarkName::parse(stranger), None, "{stranger}");
    }
}

#[test]
fn only_what_was_not_sent_can_be_withdrawn() {
    let mut carrier = Carrier::new(PlayoutOptions::default());
    let (first, second) = (carrier.says("un", 500), carrier.says("deux", 500));
    carrier.tick();
    assert!(!carrier.playout.withdraw(first));
    assert!(carrier.playout.withdraw(second));
    carrier.run(1_000);
    assert!(carrier.playout.is_idle());
}

proptest! {
    #[test]
    fn every_sentence_is_proven_to_its_end_whatever_its_lengths_and_interruptions(
        lengths in prop::collection::vec(0usize..900, 1..5),
        lead_ms in 0u32..800,
        mark_every_ms in 0u32..500,
        holds in prop::collection::vec(1u64..400, 0..4),
        broken in prop::collection::vec(any::<bool>(), 5),
    ) {
        let mut carrier = Carrier::new(PlayoutOptions { lead_ms, mark_every_ms, ..PlayoutOptions::default() });
        let ids: Vec<_> = lengths.iter().zip(&broken).map(|(length, broken)| {
            let id = carrier.playout.begin("quelques mots").unwrap();
            carrier.playout.append(id, &vec![9; length * 8]).unwrap();
            if *broken { carrier.playout.break_off(id) } else { carrier.playout.end(id) }.unwrap();
            id
        }).collect();
        let mut reached = Vec::new();
        for hold in holds {
            reached.extend(carrier.run(hold));
            carrier.playout.hold();
            carrier.marks.clear();
            carrier.busy_until = 0;
            carrier.run(100);
            carrier.playout.resume();
        }
        reached.extend(carrier.run(6_000));
        let whole: Vec<_> = reached.iter().filter_map(|it| match it {
            Reached::Whole { saying, heard } => {
                let at = ids.iter().position(|id| id == saying).unwrap();
                assert_eq!(heard.whole, !broken[at]);
                assert_eq!(heard.text == "quelques mots", !broken[at]);
                Some(*saying)
            }
            Reached::Progress { .. } => None,
        }).collect();
        prop_assert_eq!(whole, ids);
    }
}
