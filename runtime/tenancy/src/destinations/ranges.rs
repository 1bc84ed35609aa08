//! The numbers that nobody is handed over to unless the operator says so: whoever dials them pays more than for a call, and whoever
//! has them is paid for it.
//!
//! Of a plan, what it sets apart for such numbers, and what is no number in it: a 0 that is dialled within the country alone, which a
//! carrier may take out. No table holds every such number of the world: `only` says where an installation's callers go at all.
//!
//! - France and its overseas departments: ARCEP, decision 2018-0881 as amended by 2022-1583, annex 1, "plan national de numérotation",
//!   2.4 (special and short numbers), and its list of emergency numbers.
//! - Codes that are no country's: ITU-T, "List of Recommendation ITU-T E.164 assigned country codes".
//! - North America: NANPA, area code 900, central office code 976, directory assistance at 555-1212, personal communications at 5XX
//!   and 700, codes of three digits.
//! - The United Kingdom: Ofcom, "National Telephone Numbering Plan", parts A and B.
//! - Belgium: BIPT. Germany: Bundesnetzagentur. Switzerland: OFCOM. Spain: CNMC. Italy: AGCOM. The Netherlands: ACM. Luxembourg: ILR.
//!   Austria: RTR. Portugal: ANACOM. Their numbering plans.
//! - Row by row against libphonenumber's metadata (`resources/PhoneNumberMetadata.xml`: `premiumRate`, `sharedCost`, `personalNumber`,
//!   `pager`), after which countries further away are, in [`elsewhere`].

mod elsewhere;

use self::elsewhere::ELSEWHERE;

/// Numbers that begin alike.
#[derive(Debug)]
pub(super) struct Range {
    /// How: a point stands for any digit.
    begins: &'static str,
    /// Digits that they have at most, where longer ones that begin so are others.
    at_most: Option<usize>,
    /// What they are, in the plural.
    pub(super) what: &'static str,
}

const fn all(begins: &'static str, what: &'static str) -> Range {
    Range { begins, at_most: None, what }
}

const fn short(begins: &'static str, at_most: usize, what: &'static str) -> Range {
    Range { begins, at_most: Some(at_most), what }
}

impl Range {
    /// Whether everything that begins with `text` begins as its numbers do.
    fn begin(&self, text: &str) -> bool {
        let alike = |(ours, theirs): (u8, u8)| ours == b'.' || ours == theirs;
        let toll_free =
            self.begins.starts_with("+1.") && TOLL_FREE.iter().any(|begins| text.starts_with(begins));
        !toll_free && text.len() >= self.begins.len() && self.begins.bytes().zip(text.bytes()).all(alike)
    }

    /// Whether a number is one of them.
    pub(super) fn holds(&self, number: &str) -> bool {
        // The + is no digit.
        self.begin(number) && self.at_most.is_none_or(|most| number.len() <= most + 1)
    }

    /// Whether every number that begins so is one of them.
    pub(super) fn holds_all(&self, prefix: &str) -> bool {
        self.begin(prefix) && self.at_most.is_none()
    }

    /// The length of a prefix that has to be written to take some of its numbers out.
    pub(super) fn weight(&self) -> usize {
        self.begins.len() + usize::from(self.at_most.is_some())
    }

    /// Whether a prefix takes some of its numbers out.
    pub(super) fn opens_to(&self, prefix: &str) -> bool {
        prefix.len() >= self.weight() && self.holds(prefix)
    }

    /// How they begin, where that is a prefix that begins with this one.
    pub(super) fn below(&self, prefix: &str) -> Option<&'static str> {
        (self.begins.starts_with(prefix) && !self.begins.contains('.')).then_some(self.begins)
    }
}

const FR_PREMIUM: &str = "premium-rate numbers of France";
const FR_SPECIAL: &str = "special-rate numbers of France";
const FR_SHORT: &str = "short numbers of France, many of which are premium-rate numbers";
const UK_PREMIUM: &str = "premium-rate numbers of the United Kingdom";
const UK_SPECIAL: &str = "special-rate numbers of the United Kingdom";
const UK_PERSONAL: &str = "personal numbers of the United Kingdom, whose price nobody knows before";
const SATELLITE: &str = "satellite numbers";
const UNASSIGNED: &str = "numbers of codes that are nobody's, which some networks route to whoever pays";
const US_SHORT: &str = "short numbers of North America";
const US_PERSONAL: &str = "personal numbers of North America, whose price nobody knows before";
const UK_PAGERS: &str = "pagers' numbers of the United Kingdom, many of which are premium-rate numbers";
const NETWORKS: &str = "numbers of international networks";
const NEIGHBOURS: &str = "premium-rate, special-rate, personal and pagers' numbers of their country";
const NO_NUMBER: &str = "numbers that are in no numbering plan";

/// What is denied.
pub(super) fn denied() -> impl Iterator<Item = &'static Range> {
    DENIED.iter().chain(ELSEWHERE)
}

/// What is denied of France, of no country, of North America and of France's neighbours.
const DENIED: &[Range] = &[
    // France: 08 1, 08 2, 08 84 and 08 9, data services at 08 36; short numbers have fewer than nine digits.
    all("+3381", FR_SPECIAL),
    all("+3382", FR_SPECIAL),
    all("+33836", FR_PREMIUM),
    all("+33884", FR_SPECIAL),
    all("+3389", FR_PREMIUM),
    short("+33", 10, FR_SHORT),
    // Guadeloupe, French Guiana, Martinique; La Réunion and Mayotte: of the same plan.
    all("+59081", FR_SPECIAL),
    all("+59082", FR_SPECIAL),
    all("+590884", FR_SPECIAL),
    all("+59089", FR_PREMIUM),
    short("+590", 11, FR_SHORT),
    all("+59481", FR_SPECIAL),
    all("+59482", FR_SPECIAL),
    all("+594884", FR_SPECIAL),
    all("+59489", FR_PREMIUM),
    short("+594", 11, FR_SHORT),
    all("+59681", FR_SPECIAL),
    all("+59682", FR_SPECIAL),
    all("+596884", FR_SPECIAL),
    all("+59689", FR_PREMIUM),
    short("+596", 11, FR_SHORT),
    all("+26281", FR_SPECIAL),
    all("+26282", FR_SPECIAL),
    all("+262884", FR_SPECIAL),
    all("+26289", FR_PREMIUM),
    short("+262", 11, FR_SHORT),
    // No country's.
    all("+808", "international shared-cost numbers"),
    all("+870", SATELLITE),
    all("+871", UNASSIGNED),
    all("+872", UNASSIGNED),
    all("+873", UNASSIGNED),
    all("+874", UNASSIGNED),
    all("+875", UNASSIGNED),
    all("+876", UNASSIGNED),
    all("+877", UNASSIGNED),
    all("+879", UNASSIGNED),
    all("+888", UNASSIGNED),
    all("+991", UNASSIGNED),
    all("+999", UNASSIGNED),
    all("+878", "personal numbers of no country"),
    all("+881", SATELLITE),
    all("+882", NETWORKS),
    all("+883", NETWORKS),
    all("+979", "international premium-rate numbers"),
    // North America.
    all("+1900", "premium-rate numbers of North America"),
    all("+1500", US_PERSONAL),
    all("+1521", US_PERSONAL),
    all("+1522", US_PERSONAL),
    all("+1523", US_PERSONAL),
    all("+1524", US_PERSONAL),
    all("+1533", US_PERSONAL),
    all("+1544", US_PERSONAL),
    all("+1566", US_PERSONAL),
    all("+1577", US_PERSONAL),
    all("+1588", US_PERSONAL),
    all("+1700", US_PERSONAL),
    short("+1", 10, US_SHORT),
    all("+1...976", "premium-rate numbers of North America"),
    all("+1...5551212", "directory enquiries of North America"),
    // The United Kingdom.
    all("+4470", UK_PERSONAL),
    all("+44760", UK_PAGERS),
    all("+44761", UK_PAGERS),
    all("+44763", UK_PAGERS),
    all("+44764", UK_PAGERS),
    all("+44765", UK_PAGERS),
    all("+44766", UK_PAGERS),
    all("+44767", UK_PAGERS),
    all("+44768", UK_PAGERS),
    all("+44769", UK_PAGERS),
    all("+4484", UK_SPECIAL),
    all("+4487", UK_SPECIAL),
    all("+449", UK_PREMIUM),
    short("+44118", 8, "directory enquiries of the United Kingdom"),
    // Neighbours of France.
    all("+3270", NEIGHBOURS),
    all("+3290", NEIGHBOURS),
    short("+321207", 6, NEIGHBOURS),
    short("+321212", 6, NEIGHBOURS),
    short("+321307", 6, NEIGHBOURS),
    short("+321313", 6, NEIGHBOURS),
    all("+49118", NEIGHBOURS),
    all("+49137", NEIGHBOURS),
    all("+49138", NEIGHBOURS),
    all("+49164", NEIGHBOURS),
    all("+49168", NEIGHBOURS),
    all("+49169", NEIGHBOURS),
    all("+49180", NEIGHBOURS),
    all("+49700", NEIGHBOURS),
    all("+49900", NEIGHBOURS),
    all("+4118", NEIGHBOURS),
    all("+41740", NEIGHBOURS),
    all("+41742", NEIGHBOURS),
    all("+41744", NEIGHBOURS),
    all("+41748", NEIGHBOURS),
    all("+4184", NEIGHBOURS),
    all("+41878", NEIGHBOURS),
    all("+4190", NEIGHBOURS),
    all("+34118", NEIGHBOURS),
    all("+3470", NEIGHBOURS),
    all("+34803", NEIGHBOURS),
    all("+34806", NEIGHBOURS),
    all("+34807", NEIGHBOURS),
    all("+34901", NEIGHBOURS),
    all("+34902", NEIGHBOURS),
    all("+34905", NEIGHBOURS),
    all("+34907", NEIGHBOURS),
    all("+390878", NEIGHBOURS),
    all("+3912", NEIGHBOURS),
    all("+39144", NEIGHBOURS),
    all("+39163", NEIGHBOURS),
    all("+39164", NEIGHBOURS),
    all("+39166", NEIGHBOURS),
    all("+39178", NEIGHBOURS),
    all("+394", NEIGHBOURS),
    all("+3984", NEIGHBOURS),
    all("+3989", NEIGHBOURS),
    all("+39199", NEIGHBOURS),
    short("+3118", 6, NEIGHBOURS),
    all("+3166", NEIGHBOURS),
    all("+31900", NEIGHBOURS),
    all("+31906", NEIGHBOURS),
    all("+31909", NEIGHBOURS),
    all("+352118", NEIGHBOURS),
    all("+352801", NEIGHBOURS),
    all("+352900", NEIGHBOURS),
    all("+352901", NEIGHBOURS),
    all("+352905", NEIGHBOURS),
    // Where many of those who live in France call.
    all("+43810", NEIGHBOURS),
    all("+4382", NEIGHBOURS),
    all("+439", NEIGHBOURS),
    all("+3516", NEIGHBOURS),
    all("+35170", NEIGHBOURS),
    all("+35176", NEIGHBOURS),
    all("+351808", NEIGHBOURS),
    all("+351809", NEIGHBOURS),
    all("+351884", NEIGHBOURS),
    // What a carrier may read as another number.
    all("+0", NO_NUMBER),
    all("+10", NO_NUMBER),
    all("+11", NO_NUMBER),
    all("+330", NO_NUMBER),
    all("+5900", NO_NUMBER),
    all("+5940", NO_NUMBER),
    all("+5960", NO_NUMBER),
    all("+2620", NO_NUMBER),
    all("+310", NO_NUMBER),
    all("+320", NO_NUMBER),
    all("+3400", NO_NUMBER),
    all("+410", NO_NUMBER),
    all("+430", NO_NUMBER),
    all("+440", NO_NUMBER),
    all("+490", NO_NUMBER),
];

/// Area codes of North America whose numbers cost a caller nothing: no exchange below them is a premium-rate one.
const TOLL_FREE: &[&str] = &["+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888"];

/// The codes of France and of its overseas departments: one numbering plan.
const FRENCH: &[&str] = &["+33", "+590", "+594", "+596", "+262"];

/// Harmonised European numbers of social value.
const SOCIAL_VALUE: &[&str] = &["116000", "116006", "116111", "116117"];

/// Whether it is a short number of France that costs a caller nothing.
pub(super) fn is_free(number: &str) -> bool {
    let mut dialled = FRENCH.iter().filter_map(|code| number.strip_prefix(*code));
    dialled.any(|digits| {
        let of_four = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let free = || matches!(digits.parse::<u16>(), Ok(3000..=3007 | 3009..=3169 | 3180..=3199));
        SOCIAL_VALUE.contains(&digits) || (of_four && free())
    })
}

/// Emergency numbers, as they are dialled in these countries, written behind a country's code or behind none.
const EMERGENCY: &[(&[&str], &[&str])] = &[
    (FRENCH, &["15", "17", "18", "112", "114", "115", "116000", "116117", "119", "191", "196", "197"]),
    (&["+", "+31", "+32", "+34", "+39", "+41", "+44", "+49"], &["112"]),
    (&["+", "+1"], &["911"]),
    (&["+", "+44"], &["999"]),
    (&["+32"], &["100", "101"]),
    (&["+49"], &["110"]),
    (&["+41"], &["117", "118", "144"]),
    (&["+34"], &["061", "062", "091"]),
    (&["+39"], &["113", "115", "118"]),
];

/// Whether an emergency call is answered there, which costs nobody anything.
pub(super) fn is_emergency(number: &str) -> bool {
    EMERGENCY.iter().any(|(countries, numbers)| {
        let mut dialled = countries.iter().filter_map(|country| number.strip_prefix(*country));
        dialled.any(|digits| numbers.contains(&digits))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_of_numbers_and_holds_none_twice() {
        let mut known = std::collections::HashSet::new();
        for Range { begins, what, .. } in denied() {
            let rest = begins.strip_prefix('+').unwrap();
            assert!(rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'), "{begins}");
            assert!(!rest.starts_with('.') && !what.is_empty() && known.insert(begins), "{begins}");
        }
    }

    #[test]
    fn ordinary_numbers_are_in_no_range() {
        let ordinary = [
            "+33123456789",
            "+33199000002",
            "+33612345678",
            "+33700000001",
            "+33800123456",
            "+33805123456",
            "+33806123456",
            "+33900000000",
            "+33118123456",
            "+590590123456",
            "+594694123456",
            "+596596123456",
            "+262262123456",
            "+262692123456",
            "+3292345678",
            "+3225551234",
            "+4930123456",
            "+41912345678",
            "+34912345678",
            "+390612345678",
            "+31201234567",
            "+442079460000",
            "+441182345678",
            "+447700900123",
            "+448001234567",
            "+12125550123",
            "+19765550123",
            "+18005551234",
            "+18009765555",
            "+18885551212",
            "+352261234",
            "+35226123456",
            "+15145550123",
            "+17015550123",
            "+447624123456",
            "+32121234567",
            "+31181234567",
            "+390412345678",
            "+393401234567",
            "+43118123456",
            "+4366412345678",
            "+351212345678",
            "+351912345678",
            "+3468012345",
        ];
        for number in ordinary {
            assert!(!denied().any(|range| range.holds(number)), "{number}");
        }
    }

    #[test]
    fn of_countries_further_away_what_costs_more_is_denied_and_what_everybody_has_is_not() {
        let table: &[(&[&str], &[&str])] = &[
            (&["+376112345", "+376912345"], &["+376712345", "+376312345", "+37618001234"]),
            (&["+213803112345"], &["+21312345678", "+213551234567", "+213800123456"]),
            (&["+611901234567"], &["+61212345678", "+61412345678", "+611800123456"]),
            (&["+38790123456"], &["+38730212345", "+38761123456", "+38780123456"]),
            (&["+35990123456"], &["+35929812345", "+359888123456", "+359981234567"]),
            (&["+2698123456", "+242800123456"], &["+2697712345", "+2693212345", "+242061234567"]),
            (&["+38560123456", "+38574123456"], &["+38512345678", "+385921234567", "+38562123456"]),
            (&["+420909123456"], &["+420212345678", "+420601123456", "+420970123456", "+420800123456"]),
            (&["+4590123456"], &["+4532123456", "+4520123456", "+4591123456", "+4580123456"]),
            (&["+3729001234", "+37240123456"], &["+3723212345", "+37251234567", "+3724312345"]),
            (&["+35860012345"], &["+358131234567", "+358412345678", "+358102345678"]),
            (&["+309091234567"], &["+302123456789", "+306912345678", "+308001234567"]),
            (&["+3690123456"], &["+3612345678", "+36201234567", "+3692123456"]),
            (&["+3549011234"], &["+3544101234", "+3546111234"]),
            (&["+81990123456"], &["+81312345678", "+819012345678", "+816012345678"]),
            (&["+353700123456"], &["+35312345678", "+35315123456", "+353850123456"]),
            (&["+37190123456", "+37181123456"], &["+37163123456", "+37121234567", "+37180123456"]),
            (&["+37090012345"], &["+37031234567", "+37061234567"]),
            (&["+35650037123", "+35651001123"], &["+35621001234", "+35696961234", "+35650112345"]),
            (&["+37790123456"], &["+37799123456", "+377612345678", "+37787012345"]),
            (&["+212891234567"], &["+212520123456", "+212650123456", "+212801234567"]),
            (&["+687361234"], &["+687201234", "+687751234", "+687351234"]),
            (&["+38950012345"], &["+38922212345", "+38972345678"]),
            (&["+4782912345"], &["+4721234567", "+4740612345", "+4781021234"]),
            (&["+48701234567", "+48641234567"], &["+48123456789", "+48512345678", "+48722123456"]),
            (&["+40900123456"], &["+40211234567", "+40712034567", "+40372123456"]),
            (&["+78091234567"], &["+73011234567", "+79123456789", "+78001234567", "+78121234567"]),
            (&["+221884123456"], &["+221301012345", "+221701234567", "+221800123456"]),
            (&["+38190012345", "+3817801234"], &["+38110234567", "+381601234567"]),
            (&["+421900123456", "+421971234567"], &["+421221234567", "+421912123456", "+421901123456"]),
            (&["+38690123456", "+38689112345"], &["+38611234567", "+38631234567", "+38681123456"]),
            (&["+46900123456", "+46649123456"], &["+468123456", "+46701234567", "+4690123456"]),
            (&["+21688123456"], &["+21630010123", "+21620123456", "+21681200123"]),
            (&["+909001234567"], &["+902123456789", "+905012345678", "+908001234567"]),
            (&["+971900234567"], &["+97122345678", "+971501234567"]),
        ];
        for (costly, ordinary) in table {
            for number in *costly {
                assert!(denied().any(|range| range.holds(number)), "{number}");
            }
            for number in *ordinary {
                assert!(!denied().any(|range| range.holds(number)), "{number}");
            }
        }
    }

    #[test]
    fn short_numbers_that_cost_nothing_are_told_from_those_that_do() {
        for number in
            ["+333000", "+333007", "+333009", "+333018", "+333169", "+2623180", "+5903199", "+33116006"]
        {
            assert!(is_free(number), "{number}");
        }
        for number in [
            "+333008", "+333170", "+333179", "+333200", "+333639", "+33300", "+3330000", "+33+300", "+443000",
        ] {
            assert!(!is_free(number), "{number}");
        }
    }

    #[test]
    fn an_emergency_number_is_one_as_a_whole() {
        for number in ["+112", "+3315", "+33112", "+262115", "+33116117", "+1911", "+44999", "+32112"] {
            assert!(is_emergency(number), "{number}");
        }
        for number in [
            "+32100", "+32101", "+49110", "+41117", "+41118", "+41144", "+34061", "+34091", "+39113",
            "+39118",
        ] {
            assert!(is_emergency(number), "{number}");
        }
        for number in ["+33118", "+331512", "+3312345678", "+19115550123", "+4411212", "+333112", "+881112"] {
            assert!(!is_emergency(number), "{number}");
        }
    }
}
