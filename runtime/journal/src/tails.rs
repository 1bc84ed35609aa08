//! The ends of the logs that are open: so many at most, and of more those that were not written to for longest are closed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

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

/// The end of a log, taken out for a time.
pub(crate) struct Taken<T = Tail>(Used<T>);

impl<T> Taken<T> {
    pub(crate) fn tail(&self) -> &T {
        &self.0.tail
    }

    pub(crate) fn tail_mut(&mut self) -> &mut T {
        &mut self.0.tail
    }
}

impl<T> Tails<T> {
    pub(crate) fn new(open: HashMap<Name, T>) -> Self {
        let open = open.into_iter().map(|(name, tail)| (name, Used { last: 0, tail })).collect();
        Self { open, uses: 0 }
    }

    /// The end of a log, which is opened if need be.
    pub(crate) fn get(
        &mut self,
        name: Name,
        begin: impl FnOnce(&Name) -> io::Result<T>,
    ) -> io::Result<&mut T> {
        self.uses += 1;
        let used = match self.open.entry(name) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let tail = begin(entry.key())?;
                entry.insert(Used { last: 0, tail })
            }
        };
        used.last = self.uses;
        Ok(&mut used.tail)
    }

    /// The end of a log, if it is open.
    pub(crate) fn get_open(&mut self, name: &Name) -> Option<&mut T> {
        self.open.get_mut(name).map(|used| &mut used.tail)
    }

    /// Takes out those that are such: meanwhile they are not open.
    pub(crate) fn take_out(&mut self, mut such: impl FnMut(&T) -> bool) -> Vec<(Name, Taken<T>)> {
        let taken = self.open.extract_if(|_, used| such(&used.tail));
        taken.map(|(name, used)| (name, Taken(used))).collect()
    }

    /// Puts one back.
    pub(crate) fn put_back(&mut self, name: Name, Taken(used): Taken<T>) {
        self.open.insert(name, used);
    }

    /// Closes what is more than `most`. Nothing may wait in any.
    pub(crate) fn close_beyond(&mut self, most: usize) {
        let more = self.open.len().saturating_sub(most);
        if more == 0 {
            return;
        }
        let mut uses: Vec<u64> = self.open.values().map(|used| used.last).collect();
        uses.sort_unstable();
        let Some(oldest) = uses.get(more - 1).copied() else { return };
        // Those that a start opened were all used at the same time: no more of them go than have to.
        let mut more = more;
        self.open.retain(|_, used| {
            let goes = more > 0 && used.last <= oldest;
            more -= usize::from(goes);
            !goes
        });
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
        let mut tails = Tails::new(HashMap::new());
        for number in 0..6 {
            tails.get(name(number), |_| Ok(number)).unwrap();
        }
        for number in [1, 0] {
            assert_eq!(*tails.get(name(number), |_| panic!("it is open")).unwrap(), number);
        }
        tails.close_beyond(6);
        assert_eq!(open(&tails), [0, 1, 2, 3, 4, 5]);
        tails.close_beyond(4);
        assert_eq!(open(&tails), [0, 1, 4, 5]);
        tails.get(name(2), |_| Ok(2)).unwrap();
        tails.close_beyond(4);
        assert_eq!(open(&tails), [0, 1, 2, 5]);
        let failed = tails.get(name(7), |_| Err(io::ErrorKind::StorageFull.into()));
        assert!(failed.is_err());
        assert_eq!((open(&tails).len(), tails.get_open(&name(7))), (4, None));

        // A start opens all there are.
        let mut tails = Tails::new((0..6).map(|number| (name(number), number)).collect());
        tails.get(name(3), |_| panic!("it is open")).unwrap();
        tails.close_beyond(4);
        assert_eq!(tails.open.len(), 4);
        assert!(open(&tails).contains(&3));

        // What is put back is as old as it was.
        for (name, taken) in tails.take_out(|number| *number == 3) {
            assert_eq!((*taken.tail(), open(&tails).len()), (3, 3));
            tails.put_back(name, taken);
        }
        tails.close_beyond(1);
        assert_eq!(open(&tails), [3]);
    }
}
