//! Places in a list of calls, where the next page begins. To whoever sees all of a tenant's calls, that of a call which the list shows
//! is when it began and which it is. To whoever sees some of them, each place is sealed, for that reach alone: nobody makes one of a
//! time of their own, to learn from what the page then holds when others' calls began. Where many were looked at that are not for
//! whoever asks, the list goes on after one of those, sealed in any case. So is each place in a list of cases.

use parloir_admin::{Reach, SealedPlaces};
use parloir_contract::{CallId, LineId};
use parloir_store::RowKey;
use parloir_store::keys::KeyError;

/// What a tenant's sealed places are sealed for.
const FOR: &[u8] = b"places in lists of calls";
/// What those in lists of cases are bound to: they are none in a list of calls.
const OF_CASES: &[u8] = b"places in lists of cases";
/// No numbers: all calls are meant.
const NONE: &[LineId] = &[];

/// The place of a call that is shown to whoever sees all, by when it began and which it is.
fn place(began: u64, call: CallId) -> String {
    format!("{began}-{call}")
}

/// When the call of such a place began, and which it is.
fn parse(place: &str) -> Option<(u64, CallId)> {
    let (began, call) = place.split_once('-')?;
    Some((began.parse().ok()?, call.parse().ok()?))
}

/// What the places of a reach are bound to: those of one are none to another.
fn bound(reach: &Reach) -> Vec<u8> {
    let (which, numbers) = match reach {
        Reach::All => ("all", NONE),
        Reach::HandedTo(numbers) => ("handed to", numbers.as_slice()),
        Reach::Rang(lines) => ("rang", lines.as_slice()),
    };
    let mut bound = FOR.to_vec();
    bound.extend_from_slice(format!(", {which}").as_bytes());
    for number in numbers {
        bound.extend_from_slice(format!(" {number}").as_bytes());
    }
    bound
}

/// A tenant's places, for one reach.
pub(crate) struct Places {
    sealed: SealedPlaces,
    are_of_all: bool,
}

impl Places {
    /// Those of the tenant whose key this is, for whoever sees these calls.
    pub(crate) fn of(key: &RowKey, reach: &Reach) -> Self {
        Self { sealed: SealedPlaces::of(key, FOR, bound(reach)), are_of_all: *reach == Reach::All }
    }

    /// Those in a list of the tenant's cases, each by how many were opened before it.
    pub(crate) fn of_cases(key: &RowKey) -> Self {
        Self { sealed: SealedPlaces::of(key, FOR, OF_CASES.to_vec()), are_of_all: false }
    }

    /// The place of a call that is shown.
    pub(crate) fn shown(&self, began: u64, call: CallId) -> Result<String, KeyError> {
        if self.are_of_all { Ok(place(began, call)) } else { self.sealed(began, call) }
    }

    /// The place of a call that is not shown.
    pub(crate) fn sealed(&self, began: u64, call: CallId) -> Result<String, KeyError> {
        self.sealed.sealed(began, call)
    }

    /// When the call of a place began, and which it is; `None` of what is no place of this tenant's for this reach.
    pub(crate) fn read(&self, place: &str) -> Option<(u64, CallId)> {
        if self.are_of_all
            && let Some(shown) = parse(place)
        {
            return Some(shown);
        }
        self.sealed.read(place)
    }
}

#[cfg(test)]
mod tests {
    use parloir_store::keys::Secret;

    use super::*;

    const BEGAN: u64 = 1_773_480_413_000_000_000;

    fn key(byte: u8) -> RowKey {
        RowKey::new(&Secret::from_bytes([byte; 32]))
    }

    #[test]
    fn a_place_is_read_as_it_was_written_and_a_sealed_one_says_nothing_to_anybody_else() {
        let [own, other] = [7, 8].map(|byte| Places::of(&key(byte), &Reach::All));
        let call = CallId::from_bytes([0xab; 16]);
        let shown = own.shown(BEGAN, call).unwrap();
        assert_eq!((shown.as_str(), own.read(&shown)), (place(BEGAN, call).as_str(), Some((BEGAN, call))));
        let sealed = own.sealed(BEGAN, call).unwrap();
        assert!(sealed.len() <= 128, "as long as `after` may be: {sealed}");
        assert_eq!(own.read(&sealed), Some((BEGAN, call)));
        assert_eq!(other.read(&sealed), None, "another tenant's");
        assert!(!sealed.contains(&call.to_string()) && sealed != own.sealed(BEGAN, call).unwrap());
        let mut changed = sealed.clone().into_bytes();
        changed[0] = if changed[0] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        for nowhere in ["", "-", "1", "x-y", "abc", "éé", "+1+1", &sealed[2..], &changed] {
            assert_eq!(own.read(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn whoever_sees_some_calls_makes_no_place_and_takes_nobody_elses() {
        let [parc, gare]: [LineId; 2] = ["+33199005678", "+33199001234"].map(|line| line.parse().unwrap());
        let reaches = [
            Reach::All,
            Reach::Rang(vec![parc.clone()]),
            Reach::Rang(vec![gare.clone()]),
            Reach::Rang(vec![gare, parc.clone()]),
            Reach::HandedTo(vec![parc]),
            Reach::Rang(Vec::new()),
        ];
        let call = CallId::from_bytes([0xab; 16]);
        for (at, reach) in reaches.iter().enumerate() {
            let own = Places::of(&key(7), reach);
            for place in [own.shown(BEGAN, call).unwrap(), own.sealed(BEGAN, call).unwrap()] {
                assert_eq!(own.read(&place), Some((BEGAN, call)), "{reach:?}");
                assert_eq!(Places::of(&key(8), reach).read(&place).is_some(), place.contains('-'));
                for (_, other) in reaches.iter().enumerate().filter(|(other, _)| *other != at) {
                    assert_eq!(Places::of(&key(7), other).read(&place), None, "{reach:?} to {other:?}");
                }
            }
            assert_eq!(own.read(&place(BEGAN, call)).is_some(), *reach == Reach::All, "{reach:?}");
        }
    }

    #[test]
    fn a_place_in_a_list_of_cases_is_sealed_and_none_in_a_list_of_calls() {
        let (own, other) = (Places::of_cases(&key(7)), Places::of_cases(&key(8)));
        let case = CallId::from_bytes([0xab; 16]);
        let sealed = own.sealed(3, case).unwrap();
        assert_eq!((own.read(&sealed), other.read(&sealed)), (Some((3, case)), None));
        assert_eq!(own.read(&place(3, case)), None, "nobody makes one");
        assert_eq!(Places::of(&key(7), &Reach::All).read(&sealed), None);
        assert_eq!(own.read(&Places::of(&key(7), &Reach::All).sealed(3, case).unwrap()), None);
    }
}
