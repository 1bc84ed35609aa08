//! Where callers may be handed over to, whatever their line lists.
//!
//! Transfers are dialled on the operator's account with a carrier, and what a line lists is often its tenant's to write. So it is the
//! operator who says what is dialled at all: premium-rate numbers and the like are not ([`ranges`]), unless the operator allows them,
//! and what begins otherwise than the operator wants is not either. It holds beside a line's own list and for its fallback number.
//!
//! ```
//! use parloir_tenancy::destinations::TransferPolicy;
//!
//! let policy: TransferPolicy = toml::from_str(r#"allow = ["+33825"]"#).unwrap();
//! let dials = policy.of(&"cabinet".parse().unwrap());
//! assert!(dials.permit("+33123456789").is_ok() && dials.permit("+33825123456").is_ok());
//! assert!(dials.permit("+33899123456").is_err());
//! ```

mod ranges;

use std::fmt;
use std::str::FromStr;

use parloir_contract::{Refusal, TenantId};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use self::ranges::{denied, is_emergency, is_free};
use crate::config::LineConfig;

/// What the operator says of transfers: `[outbound] transfers`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TransferPolicy {
    /// What may be dialled of the numbers that are denied otherwise, such as premium-rate ones: how they begin. Default: nothing.
    pub allow: Vec<Allowed>,
    /// How everything begins that may be dialled. Default: no matter how.
    pub only: Vec<Prefix>,
}

/// How E.164 numbers begin, such as `+33825`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(String);

/// Numbers that are denied otherwise, and who may dial them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Allowed {
    /// `"+33825"`: every tenant.
    ToAll(Prefix),
    /// `{ prefix = "+33825", tenants = ["cabinet"] }`: these alone.
    To(AllowedTo),
}

/// How numbers begin that are denied otherwise, and the tenants whose callers may be handed over to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AllowedTo {
    /// Such as `+33825`.
    pub prefix: Prefix,
    /// Of the operator's file or of the directory.
    pub tenants: Vec<TenantId>,
}

/// What is dialled for one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destinations {
    allow: Vec<Prefix>,
    only: Vec<Prefix>,
}

/// Why a number is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDialled {
    /// It is one of these, which the operator did not allow.
    Denied(&'static str),
    /// It begins otherwise than the operator wants.
    Elsewhere,
}

impl Prefix {
    /// With its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        if !(1..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("{text:?} is not how an E.164 number begins: write a prefix such as +33825"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.0
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Allowed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a prefix such as \"+33825\", or { prefix = \"+33825\", tenants = [\"…\"] }")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Allowed, E> {
                text.parse().map(Allowed::ToAll).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Allowed, A::Error> {
                AllowedTo::deserialize(MapAccessDeserializer::new(map)).map(Allowed::To)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Allowed {
    fn prefix(&self) -> &Prefix {
        match self {
            Self::ToAll(prefix) | Self::To(AllowedTo { prefix, .. }) => prefix,
        }
    }
}

impl TransferPolicy {
    /// What is dialled for a tenant.
    pub fn of(&self, tenant: &TenantId) -> Destinations {
        let is_theirs = |allowed: &&Allowed| match allowed {
            Allowed::ToAll(_) => true,
            Allowed::To(AllowedTo { tenants, .. }) => tenants.contains(tenant),
        };
        let allow = self.allow.iter().filter(is_theirs).map(|allowed| allowed.prefix().clone()).collect();
        Destinations { allow, only: self.only.clone() }
    }

    /// What allows nothing, or nobody: the first such thing, with what to write.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        for allowed in &self.allow {
            let prefix = allowed.prefix();
            if !denied().any(|range| range.opens_to(prefix.as_str())) {
                let below = denied().find_map(|range| range.below(prefix.as_str()));
                let remedy = match below {
                    Some(below) => format!("write what is, such as {below}, or take it out"),
                    None => "take it out".to_owned(),
                };
                return Err(format!(
                    "[outbound] `transfers`: `allow` names {prefix}, and what begins so is not denied as a whole: {remedy}"
                ));
            }
            let meets = |only: &Prefix| {
                prefix.as_str().starts_with(only.as_str()) || only.as_str().starts_with(prefix.as_str())
            };
            if !self.only.is_empty() && !self.only.iter().any(meets) {
                return Err(format!(
                    "[outbound] `transfers`: `allow` names {prefix}, and nothing that begins so is dialled, for `only` holds nothing of \
                     it: add {prefix} to `only`, or take it out of `allow`"
                ));
            }
            if let Allowed::To(AllowedTo { tenants, .. }) = allowed
                && tenants.is_empty()
            {
                return Err(format!(
                    "[outbound] `transfers`: `allow` opens {prefix} to nobody: name one of its `tenants`, or take it out"
                ));
            }
        }
        Ok(())
    }

    /// Who is named beside a prefix, each with it.
    pub fn named(&self) -> impl Iterator<Item = (&Prefix, &TenantId)> {
        let to = self.allow.iter().filter_map(|allowed| match allowed {
            Allowed::ToAll(_) => None,
            Allowed::To(to) => Some(to),
        });
        to.flat_map(|to| to.tenants.iter().map(move |tenant| (&to.prefix, tenant)))
    }
}

impl Destinations {
    /// Whether a number in E.164 form is dialled. Of two prefixes that speak of it, one that denies and one that allows, the longer
    /// holds, and of two that are as long the one that allows. An emergency number always is.
    ///
    /// # Errors
    /// Why it is not.
    pub fn permit(&self, number: &str) -> Result<(), NotDialled> {
        if is_emergency(number) {
            return Ok(());
        }
        let begins = |prefix: &&Prefix| number.starts_with(prefix.as_str());
        if !self.only.is_empty() && !self.only.iter().any(|prefix| begins(&prefix)) {
            return Err(NotDialled::Elsewhere);
        }
        if is_free(number) {
            return Ok(());
        }
        let denied = denied().filter(|range| range.holds(number)).max_by_key(|range| range.weight());
        let allowed = self.allow.iter().filter(begins).map(|prefix| prefix.as_str().len()).max();
        match denied {
            Some(range) if allowed.is_none_or(|length| length < range.weight()) => {
                Err(NotDialled::Denied(range.what))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Why no number that begins so is dialled; nothing where some are.
    fn whole(&self, prefix: &str) -> Option<NotDialled> {
        let meets = |other: &Prefix| prefix.starts_with(other.as_str()) || other.as_str().starts_with(prefix);
        if is_emergency(prefix) {
            return None;
        }
        if !self.only.is_empty() && !self.only.iter().any(meets) {
            return Some(NotDialled::Elsewhere);
        }
        let denied = denied().filter(|range| range.holds_all(prefix)).max_by_key(|range| range.weight())?;
        let opens = |allow: &Prefix| meets(allow) && allow.as_str().len() >= denied.weight();
        (!self.allow.iter().any(opens)).then_some(NotDialled::Denied(denied.what))
    }

    /// What of a line leads nowhere: the first such thing, with what to do about it.
    pub fn problem(&self, line: &LineConfig) -> Option<String> {
        if line.fallback_number.as_ref() == Some(&line.number) {
            return Some(
                "`fallback-number` is the line's own, which would ring it again and again, so that nobody is handed over to it: write \
                 another"
                    .to_owned(),
            );
        }
        if let Some(number) = &line.fallback_number
            && let Err(why) = self.permit(number.as_str())
        {
            return Some(format!(
                "`fallback-number` is {number}, which is {why}, so that nobody is handed over to it: write another, or have whoever \
                 runs the installation add its prefix to {}",
                why.setting()
            ));
        }
        line.transfer_to.iter().find_map(|prefix| {
            let why = self.whole(prefix)?;
            let prefix: String = prefix.chars().take(16).collect();
            Some(format!(
                "`transfer-to` holds {prefix:?}, and all that begins so is {why}, so that nobody is handed over to it: take it out, \
                 or have whoever runs the installation add it to {}",
                why.setting()
            ))
        })
    }
}

impl NotDialled {
    /// Where the operator says otherwise.
    const fn setting(self) -> &'static str {
        match self {
            Self::Denied(_) => "`allow` of [outbound] `transfers`",
            Self::Elsewhere => "`only` of [outbound] `transfers`",
        }
    }

    /// What an agent is told that asks for it.
    pub fn refusal(self) -> Refusal {
        let (what, name) = (self, self.setting());
        Refusal::NotPermitted(format!(
            "this destination is {what}, whatever the line lists: ask the operator to add its prefix to {name}"
        ))
    }
}

impl fmt::Display for NotDialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(what) => write!(f, "among the {what}, which this installation does not dial"),
            Self::Elsewhere => f.write_str("outside of what this installation dials"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> TransferPolicy {
        toml::from_str(text).unwrap()
    }

    fn dials(text: &str) -> Destinations {
        policy(text).of(&"cabinet".parse().unwrap())
    }

    #[test]
    fn premium_numbers_are_not_dialled_unless_the_operator_says_so() {
        let usual = Destinations::default();
        let denied = [
            ("+33899123456", "premium-rate numbers of France"),
            ("+33825123456", "special-rate numbers of France"),
            ("+33118218", "short numbers of France"),
            ("+333639", "short numbers of France"),
            ("+330899123456", "no numbering plan"),
            ("+262892123456", "premium-rate numbers of France"),
            ("+8821612345", "international networks"),
            ("+881612345678", "satellite"),
            ("+870773123456", "satellite"),
            ("+878101234567", "personal numbers"),
            ("+979123456789", "international premium-rate"),
            ("+19005550000", "premium-rate numbers of North America"),
            ("+12129765555", "premium-rate numbers of North America"),
            ("+1011881612345", "no numbering plan"),
            ("+449091234567", "premium-rate numbers of the United Kingdom"),
            ("+448712345678", "special-rate numbers of the United Kingdom"),
            ("+448451234567", "special-rate numbers of the United Kingdom"),
            ("+447012345678", "personal numbers of the United Kingdom"),
            ("+44118118", "directory enquiries"),
            ("+3290012345", "their country"),
            ("+1411", "short numbers of North America"),
            ("+17005550123", "personal numbers of North America"),
            ("+871123456789", "codes that are nobody's"),
            ("+999123456", "codes that are nobody's"),
            ("+44760123456", "pagers' numbers"),
            ("+321207", "their country"),
            ("+411811", "their country"),
            ("+391254", "their country"),
            ("+35290012345", "their country"),
            ("+3400881612345", "no numbering plan"),
            ("+33884123456", "special-rate numbers of France"),
            ("+37190123456", "personal numbers of their country"),
            ("+37790123456", "personal numbers of their country"),
        ];
        for (number, what) in denied {
            let why = usual.permit(number).unwrap_err();
            assert!(why.to_string().contains(what), "{number}: {why}");
            let told = why.refusal().to_string();
            assert!(told.contains("ask the operator") && told.contains("`allow` of [outbound]"), "{told}");
        }
        assert_eq!(usual.permit("+33123456789"), Ok(()));
        assert_eq!(usual.permit("+333018"), Ok(()), "a short number that costs nothing");
        assert_eq!(dials("only = [\"+32\"]").permit("+333018"), Err(NotDialled::Elsewhere));
    }

    #[test]
    fn of_what_denies_and_what_allows_the_longer_holds_and_then_what_allows() {
        let one = dials("allow = [\"+33825\"]");
        assert_eq!(one.permit("+33825123456"), Ok(()));
        assert!(one.permit("+33826123456").is_err() && one.permit("+33899123456").is_err());
        assert_eq!(dials("allow = [\"+3389\"]").permit("+33899123456"), Ok(()), "as long as what denies");
        let shorter = dials("allow = [\"+338\", \"+33\"]");
        assert!(shorter.permit("+33899123456").is_err() && shorter.permit("+333639").is_err());
        assert_eq!(dials("allow = [\"+333639\"]").permit("+333639"), Ok(()));
        assert_eq!(dials("allow = [\"+1212976\"]").permit("+12129765555"), Ok(()));
        assert!(dials("allow = [\"+1212976\"]").permit("+13129765555").is_err());
    }

    #[test]
    fn what_is_allowed_to_one_tenant_is_allowed_to_nobody_else() {
        let policy = policy("allow = [{ prefix = \"+33825\", tenants = [\"cabinet\"] }, \"+33826\"]");
        let (cabinet, garage) =
            (policy.of(&"cabinet".parse().unwrap()), policy.of(&"garage".parse().unwrap()));
        assert_eq!(cabinet.permit("+33825123456"), Ok(()));
        assert!(garage.permit("+33825123456").is_err());
        assert_eq!(garage.permit("+33826123456"), Ok(()));
        let named: Vec<_> = policy.named().map(|(prefix, tenant)| format!("{prefix} {tenant}")).collect();
        assert_eq!(named, ["+33825 cabinet"]);
    }

    #[test]
    fn where_the_operator_says_where_to_nothing_else_is_dialled_but_for_emergencies() {
        let here = dials("only = [\"+33\", \"+32\"]\nallow = [\"+881\"]");
        assert!(here.permit("+33123456789").is_ok() && here.permit("+3225551234").is_ok());
        assert_eq!(here.permit("+442079460000"), Err(NotDialled::Elsewhere));
        assert_eq!(here.permit("+881612345678"), Err(NotDialled::Elsewhere), "what is allowed besides");
        assert!(here.permit("+33899123456").is_err());
        let told = NotDialled::Elsewhere.refusal().to_string();
        assert!(told.contains("`only` of [outbound]"), "{told}");
        for number in ["+112", "+3315", "+33112", "+1911"] {
            assert_eq!(here.permit(number), Ok(()), "{number}");
        }
    }

    #[test]
    fn a_line_that_names_what_is_not_dialled_is_told_which_field_and_what_to_do() {
        let line = |more: &str| -> LineConfig {
            toml::from_str(&format!("number = \"+33199000001\"\nagent = \"a.wasm\"\n{more}")).unwrap()
        };
        let usual = Destinations::default();
        for fine in [
            "",
            "fallback-number = \"+33199009999\"\ntransfer-to = [\"+33\", \"+331\", \"+333639\"]",
            "fallback-number = \"+33112\"\ntransfer-to = [\"+112\", \"+1\"]",
        ] {
            assert_eq!(usual.problem(&line(fine)), None, "{fine}");
        }
        let only = dials("only = [\"+331\"]");
        assert_eq!(only.problem(&line("transfer-to = [\"+33\", \"+33145\"]")), None);
        let table = [
            (&usual, "fallback-number = \"+33899123456\"", "`fallback-number` is +33899123456"),
            (&usual, "transfer-to = [\"+331\", \"+33892\"]", "`transfer-to` holds \"+33892\""),
            (&usual, "transfer-to = [\"+19\", \"+1900\"]", "`transfer-to` holds \"+1900\""),
            (&only, "fallback-number = \"+33612345678\"", "`only` of [outbound]"),
            (&only, "transfer-to = [\"+336\"]", "`transfer-to` holds \"+336\""),
        ];
        for (dials, more, said) in table {
            let problem = dials.problem(&line(more)).unwrap();
            assert!(problem.contains(said) && problem.contains("whoever runs the installation"), "{problem}");
        }
        let allowed = dials("allow = [\"+338921\"]");
        assert_eq!(allowed.problem(&line("transfer-to = [\"+33892\", \"+3389\"]")), None, "some of it is");
        assert!(allowed.problem(&line("transfer-to = [\"+33893\"]")).is_some());
    }

    #[test]
    fn what_allows_nothing_or_nobody_or_is_no_prefix_is_refused_with_what_to_write() {
        for text in ["", "allow = [\"+33825\", \"+3389\", \"+333\", \"+449\"]\nonly = [\"+33\", \"+44\"]"] {
            assert_eq!(policy(text).check(), Ok(()), "{text}");
        }
        let table = [
            ("allow = [\"+33\"]", "such as +3381"),
            ("allow = [\"+3522\"]", "take it out"),
            ("allow = [\"+33123456789\"]", "not denied"),
            ("allow = [{ prefix = \"+33825\", tenants = [] }]", "to nobody"),
            ("allow = [\"+33825\", \"+881\"]\nonly = [\"+33\"]", "add +881 to `only`"),
        ];
        for (text, said) in table {
            let problem = policy(text).check().unwrap_err();
            assert!(problem.contains(said) && problem.contains("`allow`"), "{text}: {problem}");
        }
        let table = [
            ("allow = [\"0825\"]", "such as +33825"),
            ("allow = [\"+\"]", "such as +33825"),
            ("allow = [33825]", "tenants = ["),
            ("only = [\"+33 1\"]", "such as +33825"),
            ("only = [\"+3312345678901234\"]", "such as +33825"),
            ("onyl = []", "unknown field"),
        ];
        for (text, said) in table {
            let problem = toml::from_str::<TransferPolicy>(text).unwrap_err().to_string();
            assert!(problem.contains(said), "{text}: {problem}");
        }
    }
}
