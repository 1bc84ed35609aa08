//! Who gets a place among the calls of an installation: each tenant its share, and what nobody needs whoever asks.
//!
//! A tenant's share of the places is that of its weight among all tenants' weights. Below its share it is admitted while there is
//! any place. Above it, it is admitted while more places are free than are kept for those who are below theirs: a tenth of all,
//! and at least one. So a tenant that rings without end takes what the others leave, and no more of it than lets each of
//! them begin a call at once; and as its calls end, the others have their shares.
//!
//! Where callers wait, a place that is free goes to one of them whose tenant would be admitted: to the tenant that has the fewest
//! calls for its weight, and there to the caller who rang first.

use crate::month::Reached;

/// How a tenant stands that asks for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its calls now.
    pub calls: u32,
    /// Its quota of calls at one time.
    pub most: u32,
    /// Its weight.
    pub weight: u32,
    /// All tenants' weights in sum, its own included.
    pub weights: u64,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Full {
    /// The tenant has all the calls of its quota.
    #[error(
        "the tenant has the {0} calls at one time of its quota: raise `concurrent-calls` of the tenant's quota"
    )]
    Quota(u32),
    /// The tenant has its share, and what is left is kept for others.
    #[error(
        "the tenant has its share of the installation's {0} calls, and what is left is kept for tenants below theirs: raise `weight` of the tenant's quota, or `concurrent-calls` of [server]"
    )]
    Share(u32),
    /// There is none for anybody.
    #[error("the installation has its {0} calls at one time: raise `concurrent-calls` of [server]")]
    House(u32),
    /// As many of the tenant's callers wait as may.
    #[error(
        "{0} of the tenant's callers wait for a place already: raise `queue-length` of the tenant's quota, or `concurrent-calls`"
    )]
    Queue(u32),
    /// As many callers wait in all as there are places, and of the tenant its share of them.
    #[error(
        "{0} callers wait for a place already, the tenant's share among them: raise `concurrent-calls` of [server]"
    )]
    Waiting(u32),
    /// A limit of the tenant's month is reached.
    #[error(transparent)]
    Month(#[from] Reached),
    /// What there is of the tenant's calls on the disk is a quarter more than it may be.
    #[error(
        "the tenant's log and recordings have the {0} bytes on disk that they may, and a quarter more: raise `kept-bytes` of the tenant's quota"
    )]
    Kept(u64),
}

/// Whether a tenant gets a place, where `taken` of `places` are taken by all tenants.
pub fn admit(places: u32, taken: u32, tenant: Standing) -> Result<(), Full> {
    let Standing { calls, most, weight, weights } = tenant;
    if calls >= most {
        return Err(Full::Quota(most));
    }
    let free = places.saturating_sub(taken);
    if free == 0 {
        return Err(Full::House(places));
    }
    // calls < places × weight ÷ weights, without a fraction.
    let is_below = u128::from(calls) * u128::from(weights) < u128::from(places) * u128::from(weight);
    if is_below || free > kept(places, weight, weights) { Ok(()) } else { Err(Full::Share(places)) }
}

/// Whose caller gets the next place: an index into `waiting`, which holds for each tenant that has callers waiting how it stands
/// and when the first of them rang, in any count that rises. `None` where none of them would be admitted.
pub fn next(places: u32, taken: u32, waiting: &[(Standing, u64)]) -> Option<usize> {
    let admitted =
        waiting.iter().enumerate().filter(|(_, (tenant, _))| admit(places, taken, *tenant).is_ok());
    let first = admitted.min_by(|(_, (one, rang)), (_, (other, rang_too))| {
        // calls ÷ weight of each, without a fraction.
        let of_one = u64::from(one.calls) * u64::from(other.weight);
        let of_other = u64::from(other.calls) * u64::from(one.weight);
        of_one.cmp(&of_other).then(rang.cmp(rang_too))
    });
    first.map(|(index, _)| index)
}

/// Places that are kept for those below their share; none where there is one tenant alone.
fn kept(places: u32, weight: u32, weights: u64) -> u32 {
    if weights <= u64::from(weight) { 0 } else { (places / 10).max(1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NO_QUOTA: u32 = u32::MAX;

    fn standing(calls: u32, weight: u32, weights: u64) -> Standing {
        Standing { calls, most: NO_QUOTA, weight, weights }
    }

    #[test]
    fn one_tenant_alone_has_every_place() {
        for taken in 0..10 {
            assert_eq!(admit(10, taken, standing(taken, 1, 1)), Ok(()));
        }
        assert_eq!(admit(10, 10, standing(10, 1, 1)), Err(Full::House(10)));
    }

    #[test]
    fn who_is_below_their_share_is_admitted_while_who_is_above_is_turned_away() {
        // Nine of ten are the first tenant's: the last is the second's.
        assert_eq!(admit(10, 9, standing(9, 1, 2)), Err(Full::Share(10)));
        assert_eq!(admit(10, 9, standing(0, 1, 2)), Ok(()));
        // A weight of three is three times the share.
        assert_eq!(admit(8, 7, standing(5, 3, 4)), Ok(()));
        assert_eq!(admit(8, 7, standing(6, 3, 4)), Err(Full::Share(8)));
    }

    #[test]
    fn a_refusal_says_what_to_raise() {
        let quota = admit(10, 0, Standing { most: 2, ..standing(2, 1, 2) }).unwrap_err();
        assert!(quota.to_string().contains("the tenant has the 2 calls"), "{quota}");
        assert!(Full::Share(10).to_string().contains("`weight`"));
        assert!(Full::House(10).to_string().contains("[server]"));
        assert!(Full::Kept(10).to_string().contains("raise `kept-bytes`"));
    }

    #[test]
    fn of_those_that_wait_who_has_least_for_their_weight_is_next_and_then_who_rang_first() {
        let waits = |calls, weight, rang| (standing(calls, weight, 6), rang);
        assert_eq!(next(10, 4, &[]), None);
        assert_eq!(next(10, 4, &[waits(3, 1, 1), waits(1, 1, 2)]), Some(1));
        // Four calls of a weight of four are as many as one of a weight of one.
        assert_eq!(next(10, 5, &[waits(4, 4, 2), waits(1, 1, 1)]), Some(1));
        assert_eq!(next(10, 4, &[waits(3, 4, 2), waits(1, 1, 1)]), Some(0));
        // Who would not be admitted is passed over.
        let full = (Standing { most: 1, ..standing(1, 4, 6) }, 1);
        assert_eq!(next(10, 4, &[full, waits(3, 1, 2)]), Some(1));
        assert_eq!(next(10, 10, &[waits(0, 1, 1)]), None);
    }

    proptest! {
        /// All have callers waiting without end, and calls end at random: nobody waits while there is a place for them, and in the
        /// end each tenant has its share.
        #[test]
        fn who_waits_gets_their_share(
            share in 1_u32..6,
            weights in proptest::collection::vec(1_u32..5, 1..6),
            ends in proptest::collection::vec(any::<prop::sample::Index>(), 0..200),
        ) {
            let sum: u32 = weights.iter().sum();
            let places = sum * share;
            let mut calls = vec![0_u32; weights.len()];
            let fill = |calls: &mut Vec<u32>| loop {
                let waiting: Vec<_> =
                    (0..weights.len()).map(|who| (standing(calls[who], weights[who], sum.into()), who as u64)).collect();
                match next(places, calls.iter().sum(), &waiting) {
                    Some(who) => calls[who] += 1,
                    None => break,
                }
            };
            fill(&mut calls);
            for who in ends {
                let who = who.index(weights.len());
                calls[who] = calls[who].saturating_sub(1);
                fill(&mut calls);
                prop_assert_eq!(calls.iter().sum::<u32>(), places, "nothing is free while somebody waits");
            }
            for (calls, weight) in calls.iter().zip(&weights) {
                prop_assert_eq!(*calls, weight * share);
            }
        }

        /// Calls come and go at random; the places are never more than there are, and who is below their share is turned away
        /// only where nothing is free. Then all ring without end, and as the calls of those above their share end, everybody
        /// has theirs.
        #[test]
        fn shares_hold_whoever_rings(
            share in 1_u32..8,
            weights in proptest::collection::vec(1_u32..5, 1..6),
            happens in proptest::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..300),
        ) {
            let sum: u32 = weights.iter().sum();
            let places = sum * share;
            let ask = |calls: &[u32], who: usize| {
                admit(places, calls.iter().sum(), standing(calls[who], weights[who], sum.into()))
            };
            let mut calls = vec![0_u32; weights.len()];
            for (rings, who) in happens {
                let who = who.index(weights.len());
                if !rings {
                    calls[who] = calls[who].saturating_sub(1);
                    continue;
                }
                let taken: u32 = calls.iter().sum();
                match ask(&calls, who) {
                    Ok(()) => calls[who] += 1,
                    Err(full) if taken == places => prop_assert_eq!(full, Full::House(places)),
                    Err(full) => {
                        prop_assert_eq!(full, Full::Share(places));
                        prop_assert!(calls[who] >= weights[who] * share);
                    }
                }
                prop_assert!(calls.iter().sum::<u32>() <= places);
            }
            loop {
                for who in (0..weights.len()).cycle().take(weights.len() * places as usize) {
                    if ask(&calls, who).is_ok() {
                        calls[who] += 1;
                    }
                }
                if (0..weights.len()).all(|who| calls[who] >= weights[who] * share) {
                    break;
                }
                // Where somebody lacks a place of theirs, somebody has more than theirs.
                let above = (0..weights.len()).find(|who| calls[*who] > weights[*who] * share);
                prop_assert!(above.is_some(), "{calls:?}");
                calls[above.unwrap()] -= 1;
            }
        }
    }
}
