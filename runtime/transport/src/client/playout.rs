//! What a carrier has to play: sound and marks in order, dropped by `clear`. Pure.

use std::collections::VecDeque;

use crate::ulaw::{FRAME, SILENCE};

/// The most sound that waits: 10 minutes.
const MAX_BYTES: usize = 8000 * 600;
/// The most pieces and marks that wait.
const MAX_ITEMS: usize = 65_536;

enum Item {
    Sound { bytes: Vec<u8>, played: usize },
    Mark(String),
}

/// A playout buffer that is read 20 ms at a time.
#[derive(Default)]
pub struct Playout {
    items: VecDeque<Item>,
    waiting: usize,
    due: Vec<String>,
}

impl Playout {
    /// Takes sound; false when the buffer is full and the sound was dropped.
    pub fn push(&mut self, ulaw: Vec<u8>) -> bool {
        if self.waiting + ulaw.len() > MAX_BYTES || self.items.len() >= MAX_ITEMS {
            return false;
        }
        self.waiting += ulaw.len();
        self.items.push_back(Item::Sound { bytes: ulaw, played: 0 });
        true
    }

    /// Takes a mark; false when the buffer is full.
    pub fn mark(&mut self, name: String) -> bool {
        let room = self.items.len() < MAX_ITEMS;
        if room {
            self.items.push_back(Item::Mark(name));
        }
        room
    }

    /// Marks that playout has reached: everything before them has been played to its end.
    pub fn reached(&mut self) -> Vec<String> {
        let mut marks = std::mem::take(&mut self.due);
        while let Some(Item::Mark(_)) = self.items.front() {
            if let Some(Item::Mark(name)) = self.items.pop_front() {
                marks.push(name);
            }
        }
        marks
    }

    /// The next 20 ms, filled up with silence; says how many bytes were sound.
    pub fn frame(&mut self, frame: &mut [u8; FRAME]) -> usize {
        frame.fill(SILENCE);
        let mut filled = 0;
        while filled < FRAME {
            match self.items.front_mut() {
                None => break,
                Some(Item::Mark(_)) => {
                    if let Some(Item::Mark(name)) = self.items.pop_front() {
                        self.due.push(name);
                    }
                }
                Some(Item::Sound { bytes, played }) => {
                    let rest = bytes.get(*played..).unwrap_or_default();
                    let space = frame.get_mut(filled..).unwrap_or_default();
                    let count = rest.len().min(space.len());
                    space.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                    filled += count;
                    *played += count;
                    if *played == bytes.len() {
                        self.items.pop_front();
                    }
                }
            }
        }
        self.waiting = self.waiting.saturating_sub(filled);
        filled
    }

    /// Drops what has not been played: the marks among it, and how many bytes.
    pub fn clear(&mut self) -> (Vec<String>, usize) {
        let mut marks = std::mem::take(&mut self.due);
        marks.extend(self.items.drain(..).filter_map(|item| match item {
            Item::Mark(name) => Some(name),
            Item::Sound { .. } => None,
        }));
        (marks, std::mem::take(&mut self.waiting))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mark_is_reached_when_the_frame_that_holds_its_place_has_ended() {
        let mut playout = Playout::default();
        assert!(playout.push(vec![1; 200]) && playout.mark("a".into()) && playout.push(vec![2; 10]));
        let mut frame = [0; FRAME];
        assert_eq!((playout.reached().len(), playout.frame(&mut frame)), (0, 160));
        assert_eq!((playout.reached().len(), playout.frame(&mut frame)), (0, 50));
        assert_eq!((frame[39], frame[40], frame[50]), (1, 2, SILENCE));
        assert_eq!(playout.reached(), ["a"]);
        assert!(playout.is_empty());
    }

    #[test]
    fn clear_gives_back_every_mark_that_was_not_reached() {
        let mut playout = Playout::default();
        playout.push(vec![1; 160]);
        playout.mark("a".into());
        playout.push(vec![1; 160]);
        playout.mark("b".into());
        playout.frame(&mut [0; FRAME]);
        assert_eq!(playout.reached(), ["a"]);
        assert_eq!(playout.clear(), (vec!["b".to_owned()], 160));
        assert_eq!(playout.clear(), (Vec::new(), 0));
    }

    proptest! {
        #[test]
        fn whatever_the_pieces_all_sound_is_played_once_in_order(
            pieces in proptest::collection::vec(proptest::collection::vec(0u8..0x7F, 0..400), 0..12),
        ) {
            let mut playout = Playout::default();
            let mut expected = Vec::new();
            for (n, piece) in pieces.iter().enumerate() {
                expected.extend_from_slice(piece);
                playout.push(piece.clone());
                playout.mark(n.to_string());
            }
            let (mut played, mut marks, mut frame) = (Vec::new(), Vec::new(), [0; FRAME]);
            loop {
                marks.extend(playout.reached());
                let count = playout.frame(&mut frame);
                played.extend_from_slice(&frame[..count]);
                if count == 0 { break; }
            }
            marks.extend(playout.reached());
            prop_assert_eq!(played, expected);
            prop_assert_eq!(marks, (0..pieces.len()).map(|n| n.to_string()).collect::<Vec<_>>());
        }
    }
}
