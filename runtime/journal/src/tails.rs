//! The ends of the logs that are open: so many at most, and of more those that were not written to for longest are closed.

use std::collections::HashMap;

use parloir_contract::TenantId;

use crate::segment::{Log, Tail};

/// Whose log, and which.
pub(crate) type Name = (TenantId, Log);

/// See the module.
pub(crate) struct Tails<T = Tail> {
    open: HashMap<Name, Used<T>>,
    /// Counts uses.
    uses: u64,
}

struct Used<T> {
    last: u64,
    tail: T,
}

impl<T> Default for Tails<T> {
    fn default() -> Self {
        Self::new(HashMap::new())
    }
}

impl<T> Tails<T> {
    pub(crate) fn new(open: HashMap<Name, T>) -> Self {
        let open = open.into_iter().map(|(name, tail)| (name, Used { last: 0, tail })).collect();
        Self { open, uses: 0 }
    }

    /// Takes out the end of a log, if it is open: nobody else writes to it meanwhile.
    pub(crate) fn take(&mut self, name: &Name) -> Option<T> {
        self.open.remove(name).map(|used| used.tail)
    }

    /// Puts one in, or back: it was used.
    pub(crate) fn put(&mut self, name: Name, tail: T) {
        self.uses += 1;
        self.open.insert(name, Used { last: self.uses, tail });
    }

    /// Takes out what is more than `most`, to be closed. Nothing may wait in any.
    pub(crate) fn close_beyond(&mut self, most: usize) -> Vec<T> {
        let more = self.open.len().saturating_sub(most);
        if more == 0 {
            return Vec::new();
        }
        let mut uses: Vec<u64> = self.open.values().map(|used| used.last).collect();
        uses.sort_unstable();
        let Some(oldest) = uses.get(more - 1).copied() else { return Vec::new() };
        // Those that a start opened were all used at the same time: no more of them go than have to.
        let mut left = more;
        let goes = self.open.extract_if(|_, used| {
            let goes = left > 0 && used.last <= oldest;
            left -= usize::from(goes);
            goes
        });
        goes.map(|(_, used)| used.tail).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> Name {
        (format!("t{number}").parse().unwrap(), Log::Journal)
    }

    fn open(tails: &Tails<usize>) -> Vec<usize> {
        let mut open: Vec<usize> = tails.open.values().map(|used| used.tail).collect();
        open.sort_unstable();
        open
    }

    #[test]
    fn of_too_many_those_that_were_not_used_for_longest_are_closed_and_no_others() {
        let mut tails = Tails::default();
        for number in 0..6 {
            tails.put(name(number), number);
        }
        for number in [1, 0] {
            let taken = tails.take(&name(number)).unwrap();
            assert_eq!((taken, tails.take(&name(number)), open(&tails).len()), (number, None, 5));
            tails.put(name(number), number);
        }
        assert!(tails.close_beyond(6).is_empty());
        assert_eq!(open(&tails), [0, 1, 2, 3, 4, 5]);
        let mut closed = tails.close_beyond(4);
        closed.sort_unstable();
        assert_eq!((closed, open(&tails)), (vec![2, 3], vec![0, 1, 4, 5]));
        tails.put(name(2), 2);
        assert_eq!((tails.close_beyond(4), open(&tails)), (vec![4], vec![0, 1, 2, 5]));

        // A start opens all there are.
        let mut tails = Tails::new((0..6).map(|number| (name(number), number)).collect());
        let three = tails.take(&name(3)).unwrap();
        tails.put(name(3), three);
        assert_eq!(tails.close_beyond(4).len(), 2);
        assert_eq!(open(&tails).len(), 4);
        assert!(open(&tails).contains(&3));
    }
}
