//! The same of countries further away, to which callers are handed over for money: what each sets apart for numbers whose caller pays
//! more than for a call, or a price that nobody knows before.
//!
//! After libphonenumber's metadata (`resources/PhoneNumberMetadata.xml`: `premiumRate`, `sharedCost`, `personalNumber`, `pager`), each
//! country's element of which names the plan it is after: ITU-T, "National Numbering Plans" (E.129). A row is how numbers of one of these
//! begin, and none begins as a number of `fixedLine`, `mobile`, `tollFree`, `uan` or `voip` does there. Where only the length tells
//! them from those, there is no row.

use super::{Range, all, short};

const THEIRS: &str = "premium-rate, special-rate and personal numbers of their country";

/// What is denied there.
pub(super) const ELSEWHERE: &[Range] = &[
    // Andorra.
    short("+3761", 9, THEIRS),
    all("+3769", THEIRS),
    // Albania.
    all("+355700", THEIRS),
    all("+355808", THEIRS),
    all("+355900", THEIRS),
    // Algeria.
    all("+2138011", THEIRS),
    all("+2138021", THEIRS),
    all("+2138031", THEIRS),
    all("+2138041", THEIRS),
    all("+2138051", THEIRS),
    all("+2138061", THEIRS),
    all("+2138081", THEIRS),
    all("+2138091", THEIRS),
    // Australia.
    all("+611900", THEIRS),
    all("+611901", THEIRS),
    all("+611902", THEIRS),
    all("+611906", THEIRS),
    all("+61500", THEIRS),
    // Belarus.
    all("+375810", THEIRS),
    all("+375902", THEIRS),
    // Bosnia and Herzegovina.
    all("+38781", THEIRS),
    all("+38782", THEIRS),
    all("+38790", THEIRS),
    all("+38792", THEIRS),
    all("+38794", THEIRS),
    all("+38796", THEIRS),
    // Brazil.
    all("+55300", THEIRS),
    all("+55500", THEIRS),
    all("+55900", THEIRS),
    // Bulgaria.
    all("+35990", THEIRS),
    // The Central African Republic, the Comoros, the Congo.
    all("+2368776", THEIRS),
    all("+2698", THEIRS),
    all("+24280", THEIRS),
    // Croatia.
    all("+38560", THEIRS),
    all("+38561", THEIRS),
    all("+38564", THEIRS),
    all("+38565", THEIRS),
    all("+38569", THEIRS),
    all("+38574", THEIRS),
    all("+38575", THEIRS),
    // Cyprus.
    all("+357700", THEIRS),
    all("+357900", THEIRS),
    all("+357909", THEIRS),
    // Czechia.
    all("+420700", THEIRS),
    all("+420701", THEIRS),
    all("+42081", THEIRS),
    all("+42083", THEIRS),
    all("+42084", THEIRS),
    all("+420900", THEIRS),
    all("+420905", THEIRS),
    all("+420906", THEIRS),
    all("+420908", THEIRS),
    all("+420909", THEIRS),
    all("+420976", THEIRS),
    // Denmark and the Faroes.
    all("+4590", THEIRS),
    all("+29890", THEIRS),
    // Equatorial Guinea.
    all("+24090", THEIRS),
    // Estonia.
    all("+37240", THEIRS),
    all("+37270", THEIRS),
    all("+372900", THEIRS),
    // Finland.
    all("+358600", THEIRS),
    all("+358700", THEIRS),
    // Greece.
    all("+3070", THEIRS),
    all("+30801", THEIRS),
    all("+30806", THEIRS),
    all("+30812", THEIRS),
    all("+30825", THEIRS),
    all("+30901", THEIRS),
    all("+30909", THEIRS),
    // Hungary.
    all("+3690", THEIRS),
    all("+3691", THEIRS),
    // Iceland.
    all("+35490", THEIRS),
    // Ireland: of the others, that begin as Dublin's do, only their length is different.
    all("+353700", THEIRS),
    // Israel.
    all("+9721200", THEIRS),
    all("+9721212", THEIRS),
    all("+9721900", THEIRS),
    all("+9721901", THEIRS),
    all("+9721919", THEIRS),
    // Japan.
    all("+81990", THEIRS),
    // Latvia.
    all("+37181", THEIRS),
    all("+37190", THEIRS),
    // Liberia.
    all("+23133202", THEIRS),
    all("+2313322", THEIRS),
    all("+2313323", THEIRS),
    all("+2313324", THEIRS),
    all("+2313325", THEIRS),
    // Liechtenstein.
    all("+42390", THEIRS),
    // Lithuania.
    all("+370700", THEIRS),
    all("+370808", THEIRS),
    all("+370900", THEIRS),
    all("+370902", THEIRS),
    all("+370903", THEIRS),
    all("+370909", THEIRS),
    all("+370910", THEIRS),
    // Malta.
    all("+35650037", THEIRS),
    all("+35650043", THEIRS),
    all("+356506", THEIRS),
    all("+3565070", THEIRS),
    all("+3565090", THEIRS),
    all("+3565091", THEIRS),
    all("+3565096", THEIRS),
    all("+3565098", THEIRS),
    all("+35651.0", THEIRS),
    all("+35652.0", THEIRS),
    // The Maldives, Mauritius.
    all("+960900", THEIRS),
    all("+23030", THEIRS),
    // Moldova.
    all("+373808", THEIRS),
    all("+373900", THEIRS),
    all("+373905", THEIRS),
    all("+373906", THEIRS),
    // Monaco.
    all("+37790", THEIRS),
    // Montenegro.
    all("+38294", THEIRS),
    all("+38295", THEIRS),
    // Morocco.
    all("+21289", THEIRS),
    // New Caledonia.
    all("+68736", THEIRS),
    // New Zealand.
    all("+6490", THEIRS),
    // Niger.
    all("+22709", THEIRS),
    // North Macedonia.
    all("+38950", THEIRS),
    all("+38952", THEIRS),
    all("+38953", THEIRS),
    all("+38954", THEIRS),
    all("+38955", THEIRS),
    all("+38956", THEIRS),
    all("+38957", THEIRS),
    all("+38958", THEIRS),
    all("+38959", THEIRS),
    // Norway.
    all("+47820", THEIRS),
    all("+47829", THEIRS),
    all("+47880", THEIRS),
    // Poland.
    all("+4864", THEIRS),
    all("+48700", THEIRS),
    all("+48701", THEIRS),
    all("+48703", THEIRS),
    all("+48704", THEIRS),
    all("+48706", THEIRS),
    all("+48707", THEIRS),
    all("+48708", THEIRS),
    all("+48801", THEIRS),
    // Romania.
    all("+40801", THEIRS),
    all("+40900", THEIRS),
    all("+40903", THEIRS),
    all("+40906", THEIRS),
    // Russia and Kazakhstan.
    all("+7803", THEIRS),
    all("+7808", THEIRS),
    all("+7809", THEIRS),
    // San Marino.
    all("+37871", THEIRS),
    all("+37877", THEIRS),
    all("+37878", THEIRS),
    // Senegal.
    all("+221810", THEIRS),
    all("+221812", THEIRS),
    all("+221814", THEIRS),
    all("+221816", THEIRS),
    all("+221818", THEIRS),
    all("+221884", THEIRS),
    all("+221886", THEIRS),
    all("+221888", THEIRS),
    all("+221889", THEIRS),
    // Serbia.
    all("+38178", THEIRS),
    all("+381900", THEIRS),
    all("+381901", THEIRS),
    all("+381906", THEIRS),
    all("+381909", THEIRS),
    // Slovakia.
    all("+42185", THEIRS),
    all("+42186", THEIRS),
    all("+42187", THEIRS),
    all("+42188", THEIRS),
    all("+42189", THEIRS),
    all("+421900", THEIRS),
    all("+42197", THEIRS),
    all("+42198", THEIRS),
    // Slovenia.
    all("+386891", THEIRS),
    all("+386892", THEIRS),
    all("+386893", THEIRS),
    all("+38690", THEIRS),
    // Sweden.
    all("+46649", THEIRS),
    all("+4675", THEIRS),
    all("+46900", THEIRS),
    all("+46939", THEIRS),
    all("+46944", THEIRS),
    // Tunisia.
    all("+2168110", THEIRS),
    all("+2168210", THEIRS),
    all("+21688", THEIRS),
    // Turkey.
    all("+90888", THEIRS),
    all("+90898", THEIRS),
    all("+90900", THEIRS),
    // Ukraine.
    all("+380900", THEIRS),
    // The United Arab Emirates.
    all("+971700", THEIRS),
    all("+971900", THEIRS),
];
