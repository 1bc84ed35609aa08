//! Callers who are handed over from one line of the installation to another, and on from there: so often and no more.
//!
//! Two agents that each hand their callers to the other's line would do so for ever. Each round is another call that the operator's
//! carrier dials, while those before it last, and none of them counts among the live calls any more. Whom a carrier brings shows
//! their number again at the next line, or withholds it again; so they are known by it, for a while, and in memory alone. Whoever
//! rings a line again and again and is handed on each time goes in no circle: nobody handed them to the line that they ring.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parloir_contract::{LineId, Refusal};

/// How long they are counted together, from the first on.
const TOGETHER: Duration = Duration::from_secs(60 * TOGETHER_MINUTES);
const TOGETHER_MINUTES: u64 = 10;
/// How often one caller is handed to one line from where they were handed to.
const MOST: u32 = 5;
/// How often all those together whose numbers are withheld.
const MOST_WITHHELD: u32 = 60;
/// Callers and lines that are counted at one time. Whoever comes beyond is not: so many callers are no circle.
const COUNTED: usize = 10_000;

/// To which line, and whom; nobody in particular where the number is withheld.
type Whom = (LineId, Option<String>);

/// What is known of the hand-overs of somebody to a line.
#[derive(Debug)]
struct Handed {
    /// When the first of them was.
    since: Instant,
    /// All of them.
    all: u32,
    /// Those that follow from another.
    onward: u32,
}

/// The hand-overs to lines of the installation.
#[derive(Debug, Default)]
pub(crate) struct Circles(Mutex<HashMap<Whom, Handed>>);

/// A hand-over that is counted, for whoever finds that nothing was dialled for it.
#[derive(Debug)]
pub(crate) struct Counted {
    circles: Arc<Circles>,
    whom: Whom,
    since: Instant,
    onward: u32,
}

impl Counted {
    /// Counts it no more: nothing was dialled.
    pub(crate) fn give_back(self) {
        let mut all = self.circles.0.lock();
        let Some(handed) = all.get_mut(&self.whom).filter(|handed| handed.since == self.since) else {
            return;
        };
        handed.onward = handed.onward.saturating_sub(self.onward);
        handed.all = handed.all.saturating_sub(1);
        if handed.all == 0 {
            all.remove(&self.whom);
        }
    }
}

impl Circles {
    /// Counts a hand-over from one line of the installation to another: the first of a call is noted, and those that follow from it
    /// are counted. Returns what gives that back; `None` where so many are counted that it is not.
    ///
    /// # Errors
    /// Where the caller was handed to the line where they are, and has been handed on from there too often.
    pub(crate) fn hand_over(
        self: &Arc<Self>,
        from: &LineId,
        to: LineId,
        caller: Option<&str>,
        now: Instant,
    ) -> Result<Option<Counted>, Refusal> {
        let most = if caller.is_some() { MOST } else { MOST_WITHHELD };
        let here = (from.clone(), caller.map(str::to_owned));
        let whom = (to, caller.map(str::to_owned));
        let mut all = self.0.lock();
        let is_of_now = |handed: &Handed| now.duration_since(handed.since) < TOGETHER;
        let was_handed_here = all.get(&here).is_some_and(is_of_now);
        if all.len() >= COUNTED && !all.contains_key(&whom) {
            all.retain(|_, handed| is_of_now(handed));
            if all.len() >= COUNTED {
                return Ok(None);
            }
        }
        let none = Handed { since: now, all: 0, onward: 0 };
        let handed = all.entry(whom.clone()).or_insert(none);
        if !is_of_now(handed) {
            *handed = Handed { since: now, all: 0, onward: 0 };
        }
        if was_handed_here && handed.onward >= most {
            return Err(Refusal::OverQuota(format!(
                "the caller was handed to this line of the installation {most} times within {TOGETHER_MINUTES} minutes: they go \
                 from line to line, so look after them here"
            )));
        }
        let onward = u32::from(was_handed_here);
        handed.onward = handed.onward.saturating_add(onward);
        handed.all = handed.all.saturating_add(1);
        Ok(Some(Counted { circles: Arc::clone(self), whom, since: handed.since, onward }))
    }

    /// How many hand-overs are counted to all lines, of anybody.
    #[cfg(test)]
    pub(crate) fn counted(&self) -> u32 {
        self.0.lock().values().map(|handed| handed.all).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: &str) -> LineId {
        number.parse().unwrap()
    }

    #[test]
    fn a_caller_goes_from_line_to_line_so_often_and_no_more() {
        let (circles, begin) = (Arc::<Circles>::default(), Instant::now());
        let (one, other) = (line("+33199000001"), line("+33199000003"));
        let handed = |to: &LineId, caller: Option<&str>, after: u64| {
            let from = if *to == one { &other } else { &one };
            circles.hand_over(from, to.clone(), caller, begin + Duration::from_secs(after))
        };
        let anne = Some("+33639980001");
        assert!(handed(&one, anne, 0).is_ok());
        for round in 0..5 {
            assert!(
                handed(&other, anne, round * 10 + 1).is_ok() && handed(&one, anne, round * 10 + 5).is_ok()
            );
        }
        let refused = handed(&one, anne, 60).unwrap_err();
        assert!(
            matches!(&refused, Refusal::OverQuota(why) if why.contains("5 times within 10 minutes")),
            "{refused}"
        );
        assert!(handed(&other, anne, 61).is_err());
        // Others are others, those who show no number are many, and ten minutes later it is another call.
        assert!(handed(&one, Some("+33639980002"), 62).is_ok());
        assert!(handed(&other, None, 63).is_ok());
        assert!((0..60).all(|_| handed(&one, None, 63).is_ok()));
        assert!(handed(&one, None, 64).is_err());
        assert!(handed(&one, anne, 600).is_ok());
    }

    #[test]
    fn who_rings_again_and_again_is_handed_on_each_time() {
        let (circles, begin) = (Arc::<Circles>::default(), Instant::now());
        let (reception, office) = (line("+33199000001"), line("+33199000003"));
        let anne = Some("+33639980001");
        let onward = || circles.hand_over(&reception, office.clone(), anne, begin);
        assert!((0..20).all(|_| onward().is_ok()));
        // From the office back to the reception, and on to the office again: a circle.
        assert!(circles.hand_over(&office, reception.clone(), anne, begin).is_ok());
        assert!((0..5).all(|_| onward().is_ok()));
        assert!(onward().is_err());
    }

    #[test]
    fn what_is_counted_is_bounded_and_makes_room() {
        let (circles, begin) = (Arc::<Circles>::default(), Instant::now());
        let from = line("+33199000003");
        for number in 0..COUNTED {
            let caller = format!("+336{number:08}");
            circles.hand_over(&from, line("+33199000001"), Some(caller.as_str()), begin).unwrap();
        }
        let anne = Some("+33639980001");
        for _ in 0..9 {
            assert!(circles.hand_over(&from, line("+33199000001"), anne, begin).is_ok(), "not counted");
        }
        assert_eq!(circles.0.lock().len(), COUNTED);
        circles.hand_over(&from, line("+33199000001"), anne, begin + TOGETHER).unwrap();
        assert_eq!(circles.0.lock().len(), 1);
    }

    #[test]
    fn what_was_not_dialled_is_given_back_and_nothing_else() {
        let (circles, begin) = (Arc::<Circles>::default(), Instant::now());
        let (one, other) = (line("+33199000001"), line("+33199000003"));
        let anne = Some("+33639980001");
        let handed = |from: &LineId, to: &LineId| circles.hand_over(from, to.clone(), anne, begin);
        let first = handed(&other, &one).unwrap().unwrap();
        for _ in 0..20 {
            handed(&one, &other).unwrap().unwrap().give_back();
        }
        assert_eq!(circles.counted(), 1, "nothing was dialled but the first");
        // Those that were dialled count still.
        let mut dialled = (0..5).map(|_| handed(&one, &other).unwrap().unwrap()).collect::<Vec<_>>();
        assert!(handed(&one, &other).is_err());
        dialled.remove(0).give_back();
        assert!(handed(&one, &other).is_ok() && handed(&one, &other).is_err());
        // Whom nobody handed anywhere is in no circle.
        first.give_back();
        assert!(handed(&one, &other).is_ok());
        // What was counted ten minutes before is no part of what is counted now.
        let late = circles.hand_over(&other, one.clone(), anne, begin + TOGETHER).unwrap().unwrap();
        let before = dialled.remove(0);
        circles.hand_over(&one, other.clone(), anne, begin + TOGETHER).unwrap();
        before.give_back();
        late.give_back();
        assert_eq!(circles.counted(), 1);
    }
}
