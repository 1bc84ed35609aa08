//! The validated house: from a line's number to its tenant, and no other way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use parloir_contract::{LineId, Refusal, TenantId};

use crate::calendar::Hours;
use crate::config::{LineConfig, MAX_LANGUAGES, MAX_SENTENCE, TenantConfig};
use crate::connector::MAX_CONNECTORS;
use crate::destinations::{Destinations, TransferPolicy};
use crate::permission::transfer_destination;
use crate::quota::Quota;
use crate::retention::Retention;

/// The name under which the installation itself keeps what it knows of its tenants. No tenant bears it.
pub const INSTALLATION: &str = "installation";

/// How many lines a circle of fallback numbers may have to be found: nobody has a longer one by mistake.
const AROUND: usize = 32;

/// Why the operator's file is not a house.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tenant {tenant}: {problem}")]
pub struct HouseError {
    tenant: String,
    problem: String,
}

/// A tenant.
#[derive(Debug)]
pub struct Tenant {
    /// Who.
    pub id: TenantId,
    /// When appointments can be made.
    pub hours: Option<Arc<Hours>>,
    /// The folder of its documents.
    pub documents: Option<std::path::PathBuf>,
    /// What its calls may use.
    pub quota: Quota,
    /// How long its calls are kept.
    pub retention: Retention,
}

/// A line, with its tenant.
#[derive(Debug)]
pub struct Line {
    /// The tenant whose line it is.
    pub tenant: Arc<Tenant>,
    /// What the operator wrote.
    pub config: LineConfig,
    /// Its time zone.
    pub zone: TimeZone,
    /// What the installation dials for its tenant, whatever the line lists.
    pub dials: Arc<Destinations>,
    /// Whether its fallback number leads back to it, at once or by those of other lines of the installation: a caller whom nobody
    /// looks after would go around for ever, and each round is dialled on the operator's account.
    pub circles: bool,
}

impl Line {
    /// Where its callers go when no agent looks after them, if the installation dials that and it leads elsewhere.
    pub fn fallback(&self) -> Option<&LineId> {
        let number = self.config.fallback_number.as_ref().filter(|_| !self.circles);
        number.filter(|number| self.dials.permit(number.as_str()).is_ok())
    }

    /// Where an agent may have a caller handed over to: by the line's own list, and by what the installation dials.
    ///
    /// # Errors
    /// Why not there, and who may change that.
    pub fn destination(&self, to: &str) -> Result<String, Refusal> {
        let fallback = self.config.fallback_number.as_ref().map(LineId::as_str);
        let to = transfer_destination(to, fallback, &self.config.transfer_to)?;
        if to == self.config.number.as_str() {
            return Err(Refusal::Invalid("this is the number that the caller rang: write another".into()));
        }
        self.dials.permit(&to).map_err(|why| why.refusal())?;
        Ok(to)
    }
}

/// All tenants of the installation.
#[derive(Debug, Clone, Default)]
pub struct House {
    lines: HashMap<LineId, Arc<Line>>,
    tenants: Vec<Arc<Tenant>>,
}

impl House {
    /// Validates the tenants of a file, where the operator says nothing of transfers.
    pub fn new(tenants: Vec<TenantConfig>) -> Result<Self, HouseError> {
        Self::dialling(tenants, &TransferPolicy::default())
    }

    /// Validates the tenants of a file, whose transfers are dialled as the operator says. A line that names what is not dialled is a
    /// line all the same: nobody is handed over there.
    ///
    /// # Errors
    /// The first thing that is wrong with one of them.
    pub fn dialling(tenants: Vec<TenantConfig>, transfers: &TransferPolicy) -> Result<Self, HouseError> {
        let mut house = Self::default();
        for config in tenants {
            let id = config.id.clone();
            house.add(config, transfers).map_err(|problem| HouseError { tenant: id.to_string(), problem })?;
        }
        house.mark_circles();
        Ok(house)
    }

    fn add(&mut self, config: TenantConfig, transfers: &TransferPolicy) -> Result<(), String> {
        let TenantConfig { id, lines, calendar, documents, quota, retention, connectors } = config;
        if id.as_str() == INSTALLATION {
            return Err("is the name of the installation itself: give the tenant another `id`".into());
        }
        if self.tenants.iter().any(|t| t.id == id) {
            return Err("is declared twice: merge the two [[tenant]] tables".into());
        }
        quota.validate()?;
        retention.validate()?;
        crate::connector::validate(&connectors)?;
        let hours = calendar.map(|c| Hours::new(&c)).transpose()?.map(Arc::new);
        let dials = Arc::new(transfers.of(&id));
        let tenant = Arc::new(Tenant { id, hours, documents, quota, retention });
        self.tenants.push(tenant.clone());
        for config in lines {
            let zone = TimeZone::get(&config.time_zone).map_err(|_| {
                format!(
                    "line {}: there is no time zone {:?}; write an IANA name such as Europe/Paris",
                    config.number, config.time_zone
                )
            })?;
            if config.language.len() > 35 || config.language.is_empty() {
                return Err(format!("line {}: `language` must be a BCP 47 tag such as fr-FR", config.number));
            }
            for prefix in &config.transfer_to {
                let digits = prefix.strip_prefix('+').unwrap_or_default();
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(format!(
                        "line {}: `transfer-to` holds {prefix:?}; write a prefix such as +331",
                        config.number
                    ));
                }
            }
            sentences(&config)?;
            if config.connectors.len() > MAX_CONNECTORS {
                return Err(format!(
                    "line {}: `connectors` names {} and a tenant has {MAX_CONNECTORS}",
                    config.number,
                    config.connectors.len()
                ));
            }
            let (tenant, dials) = (tenant.clone(), dials.clone());
            let line = Arc::new(Line { tenant, zone, config, dials, circles: false });
            if let Some(other) = self.lines.insert(line.config.number.clone(), line.clone()) {
                return Err(belongs(&line.config.number, &other.tenant.id));
            }
        }
        Ok(())
    }

    /// The same without these tenants and their lines.
    #[must_use]
    pub fn without(&self, tenants: &HashSet<TenantId>) -> Self {
        let stay = |tenant: &Tenant| !tenants.contains(&tenant.id);
        let mut without = Self {
            lines: self
                .lines
                .iter()
                .filter(|(_, line)| stay(&line.tenant))
                .map(|(number, line)| (number.clone(), line.clone()))
                .collect(),
            tenants: self.tenants.iter().filter(|tenant| stay(tenant)).cloned().collect(),
        };
        without.mark_circles();
        without
    }

    /// One tenant and its lines, as they are; nobody where there is no such tenant.
    #[must_use]
    pub fn only(&self, tenant: &TenantId) -> Self {
        let of_tenant = self.lines.iter().filter(|(_, line)| line.tenant.id == *tenant);
        Self {
            lines: of_tenant.map(|(number, line)| (number.clone(), line.clone())).collect(),
            tenants: self.tenants.iter().filter(|known| known.id == *tenant).cloned().collect(),
        }
    }

    /// Takes in the tenants of another house: all of them, or nobody.
    ///
    /// # Errors
    /// Where one of its tenants or of its lines is here already.
    pub fn join(&mut self, other: Self) -> Result<(), HouseError> {
        let refused = |tenant: &Tenant, problem| Err(HouseError { tenant: tenant.id.to_string(), problem });
        for tenant in &other.tenants {
            if self.tenants.iter().any(|known| known.id == tenant.id) {
                return refused(tenant, "is there already".into());
            }
        }
        for (number, line) in &other.lines {
            if let Some(taken) = self.lines.get(number) {
                return refused(&line.tenant, belongs(number, &taken.tenant.id));
            }
        }
        self.lines.extend(other.lines);
        self.tenants.extend(other.tenants);
        self.mark_circles();
        Ok(())
    }

    /// Has each line know whether its fallback number leads back to it, as the lines are now.
    fn mark_circles(&mut self) {
        let otherwise = self.lines.values().filter(|line| self.leads_back(line) != line.circles);
        for line in otherwise.cloned().collect::<Vec<_>>() {
            let marked = Line {
                tenant: line.tenant.clone(),
                config: line.config.clone(),
                zone: line.zone.clone(),
                dials: line.dials.clone(),
                circles: !line.circles,
            };
            self.lines.insert(line.config.number.clone(), Arc::new(marked));
        }
    }

    /// Whether who goes from fallback number to fallback number comes back to this line. A circle that it only leads into is others'.
    fn leads_back(&self, line: &Line) -> bool {
        let mut next = line.config.fallback_number.as_ref();
        for _ in 0..AROUND {
            match next {
                Some(number) if *number == line.config.number => return true,
                Some(number) => {
                    next = self.lines.get(number).and_then(|line| line.config.fallback_number.as_ref());
                }
                None => return false,
            }
        }
        false
    }

    /// The line that rang.
    pub fn line(&self, number: &LineId) -> Option<&Arc<Line>> {
        self.lines.get(number)
    }

    /// Every line.
    pub fn lines(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.lines.values()
    }

    /// Every tenant.
    pub fn tenants(&self) -> &[Arc<Tenant>] {
        &self.tenants
    }
}

/// What is wrong with a line's own sentences, which the installation speaks and keeps.
fn sentences(config: &LineConfig) -> Result<(), String> {
    let number = &config.number;
    for (field, sentences) in [
        ("fallback-sentence", &config.fallback_sentence),
        ("busy-sentence", &config.busy_sentence),
        ("queue-sentence", &config.queue_sentence),
    ] {
        if sentences.len() > MAX_LANGUAGES {
            return Err(format!(
                "line {number}: `{field}` is written in {} languages and can be in {MAX_LANGUAGES}; leave out those that are \
                 not spoken",
                sentences.len()
            ));
        }
        for (language, text) in sentences {
            if language.is_empty() || language.len() > 35 {
                return Err(format!(
                    "line {number}: `{field}` names a language that is none; write a BCP 47 tag such as fr or fr-FR"
                ));
            }
            let characters = text.chars().count();
            if characters > MAX_SENTENCE {
                return Err(format!(
                    "line {number}: `{field}` has {characters} characters in {language:?} and can have {MAX_SENTENCE}; \
                     shorten it"
                ));
            }
        }
    }
    Ok(())
}

/// What is said of a line that is another tenant's.
fn belongs(line: &LineId, tenant: &TenantId) -> String {
    format!("line {line} already belongs to tenant {tenant}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(text: &str) -> Result<House, String> {
        #[derive(serde::Deserialize)]
        struct File {
            tenant: Vec<TenantConfig>,
        }
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        House::new(file.tenant).map_err(|e| e.to_string())
    }

    #[test]
    fn a_line_belongs_to_one_tenant() {
        let text = r#"
            [[tenant]]
            id = "a"
            [[tenant.line]]
            number = "+33100000001"
            agent = "x.wasm"
            [[tenant]]
            id = "b"
            [[tenant.line]]
            number = "+33100000001"
            agent = "x.wasm"
        "#;
        assert_eq!(house(text).unwrap_err(), "tenant b: line +33100000001 already belongs to tenant a");
    }

    #[test]
    fn a_tenant_takes_the_place_of_its_former_self_and_nobody_elses_line() {
        let of = |tenant: &str, numbers: &[u8]| {
            let lines = numbers.iter().map(|number| {
                format!("[[tenant.line]]\nnumber = \"+3310000000{number}\"\nagent = \"x.wasm\"\n")
            });
            house(&format!("[[tenant]]\nid = \"{tenant}\"\n{}", lines.collect::<String>())).unwrap()
        };
        let held = |house: &House| {
            let mut held: Vec<_> =
                house.lines().map(|line| format!("{} {}", line.config.number, line.tenant.id)).collect();
            held.sort();
            held
        };
        let mut all = of("a", &[1, 2]);
        all.join(of("b", &[3])).unwrap();
        let before = all.clone();
        assert!(all.join(of("b", &[4])).unwrap_err().to_string().contains("is there already"));
        let refused = all.join(of("c", &[5, 3])).unwrap_err().to_string();
        assert_eq!(refused, "tenant c: line +33100000003 already belongs to tenant b");
        assert_eq!(held(&all), held(&before), "who is refused leaves nothing");
        let a: HashSet<TenantId> = ["a".parse().unwrap()].into();
        let mut changed = before.without(&a);
        changed.join(of("a", &[2, 6])).unwrap();
        assert_eq!(held(&changed), ["+33100000002 a", "+33100000003 b", "+33100000006 a"]);
        assert_eq!(held(&before.only(&"a".parse().unwrap())), ["+33100000001 a", "+33100000002 a"]);
        assert_eq!(before.only(&"c".parse().unwrap()).tenants().len(), 0);
    }

    #[test]
    fn mistakes_name_the_remedy() {
        let cases = [
            ("[[tenant]]\nid = \"A\"", "a-z, 0-9"),
            ("[[tenant]]\nid = \"installation\"", "name of the installation itself"),
            ("[[tenant]]\nid = \"a\"\ncolour = 1", "unknown field"),
            ("[[tenant]]\nid = \"a\"\n[[tenant]]\nid = \"a\"", "declared twice"),
            (
                "[[tenant]]\nid = \"a\"\n[[tenant.line]]\nnumber = \"+331234\"\nagent = \"x\"\ntime-zone = \"Paris\"",
                "IANA name",
            ),
            (
                "[[tenant]]\nid = \"a\"\n[[tenant.line]]\nnumber = \"+331234\"\nagent = \"x\"\ntransfer-to = [\"0892\"]",
                "such as +331",
            ),
            (
                "[[tenant]]\nid = \"a\"\n[tenant.quota]\nmemory-mib = 65",
                "`memory-mib` is 65 and an agent can have 64",
            ),
            (
                "[[tenant]]\nid = \"a\"\n[[tenant.connector]]\nname = \"crm\"\nurl = \"https://a/\"\nurls = 1",
                "unknown field `urls`",
            ),
            ("[[tenant]]\nid = \"a\"\n[tenant.calendar]\nopen = { monday = [\"9-12\"] }", "09:00-12:30"),
        ];
        for (text, remedy) in cases {
            let error = house(text).unwrap_err();
            assert!(error.contains(remedy), "{error}");
        }
    }

    #[test]
    fn nobody_is_handed_over_to_what_is_not_dialled_whatever_the_line_says() {
        let text = |more: &str| {
            format!("id = \"a\"\n[[line]]\nnumber = \"+33199000001\"\nagent = \"x.wasm\"\n{more}")
        };
        let line = |more: &str, transfers: &str| {
            let policy: TransferPolicy = toml::from_str(transfers).unwrap();
            let house = House::dialling(vec![toml::from_str(&text(more)).unwrap()], &policy).unwrap();
            house.line(&"+33199000001".parse().unwrap()).unwrap().clone()
        };
        let wide = "transfer-to = [\"+33\"]\nfallback-number = \"+33892123456\"";
        let usual = line(wide, "");
        assert_eq!(usual.destination("+33 1 23 45 67 89"), Ok("+33123456789".into()));
        for to in ["+33899123456", "+33 8 92 12 34 56", "+333639", ""] {
            let refused = usual.destination(to).unwrap_err();
            let says_how = refused.to_string().contains("`allow` of [outbound] `transfers`");
            assert!(matches!(refused, Refusal::NotPermitted(_)) && says_how, "{to}: {refused}");
        }
        assert_eq!(usual.fallback(), None);
        // What the operator allows is still the line's to list.
        let allowed = line(wide, "allow = [\"+33892\"]");
        assert_eq!(allowed.destination(""), Ok("+33892123456".into()));
        assert_eq!(allowed.fallback().map(LineId::as_str), Some("+33892123456"));
        let narrow = line("transfer-to = [\"+331\"]", "allow = [\"+33892\"]");
        let refused = narrow.destination("+33892123456").unwrap_err().to_string();
        assert!(refused.contains("`transfer-to`"), "{refused}");
        // An emergency number is dialled wherever it was before.
        let emergency = line("fallback-number = \"+33112\"", "only = [\"+32\"]");
        assert_eq!(emergency.destination(""), Ok("+33112".into()));
    }

    #[test]
    fn nobody_is_handed_around_from_line_to_line_for_ever() {
        let of = |tenant: &str, lines: &[(u8, u8)]| {
            let lines = lines.iter().map(|(number, fallback)| {
                format!(
                    "[[tenant.line]]\nnumber = \"+3310000000{number}\"\nagent = \"x.wasm\"\ntransfer-to = [\"+331\"]\nfallback-number = \"+3310000000{fallback}\"\n"
                )
            });
            house(&format!("[[tenant]]\nid = \"{tenant}\"\n{}", lines.collect::<String>())).unwrap()
        };
        let circle = |house: &House| {
            let mut circle: Vec<_> = house
                .lines()
                .filter(|line| line.fallback().is_none())
                .map(|line| line.config.number.to_string())
                .collect();
            circle.sort();
            circle
        };
        // Its own number; two lines that name each other; and one that leads to them without being of their circle.
        assert_eq!(circle(&of("a", &[(1, 1), (2, 9)])), ["+33100000001"]);
        assert_eq!(circle(&of("a", &[(1, 2), (2, 1), (3, 1)])), ["+33100000001", "+33100000002"]);
        // Two tenants' lines are one only as long as both are there.
        let mut both = of("a", &[(1, 2)]);
        assert!(circle(&both).is_empty());
        both.join(of("b", &[(2, 3), (3, 1)])).unwrap();
        assert_eq!(circle(&both), ["+33100000001", "+33100000002", "+33100000003"]);
        let b: HashSet<TenantId> = ["b".parse().unwrap()].into();
        assert!(circle(&both.without(&b)).is_empty());
        // And whatever it lists, no agent hands a caller over to where they are.
        let line = both.line(&"+33100000002".parse().unwrap()).unwrap();
        let refused = line.destination("+33 1 00 00 00 02").unwrap_err();
        assert!(
            matches!(&refused, Refusal::Invalid(why) if why.contains("that the caller rang")),
            "{refused}"
        );
        assert!(line.destination("+33100000004").is_ok());
    }

    #[test]
    fn a_lines_own_sentences_are_few_and_short() {
        let tried = |field: &str, languages: usize, characters: usize| {
            let text = "é".repeat(characters);
            let of = |number| format!("l{number} = \"{text}\"");
            let sentences = (0..languages).map(of).collect::<Vec<_>>().join(", ");
            house(&format!(
                "[[tenant]]\nid = \"a\"\n[[tenant.line]]\nnumber = \"+331234\"\nagent = \"x\"\n{field} = {{ {sentences} }}"
            ))
        };
        for field in ["fallback-sentence", "busy-sentence", "queue-sentence"] {
            assert!(tried(field, 16, 500).is_ok());
            let many = tried(field, 17, 1).unwrap_err();
            let why = "is written in 17 languages and can be in 16; leave out those that are not spoken";
            assert_eq!(many, format!("tenant a: line +331234: `{field}` {why}"));
            let long = tried(field, 1, 501).unwrap_err();
            let why = "has 501 characters in \"l0\" and can have 500; shorten it";
            assert_eq!(long, format!("tenant a: line +331234: `{field}` {why}"));
        }
    }

    #[test]
    fn a_quota_of_zero_is_refused_by_name() {
        for field in [
            "concurrent-calls",
            "weight",
            "call-seconds",
            "turn-cpu-ms",
            "call-cpu-ms",
            "memory-mib",
            "host-calls",
            "host-calls-a-second",
            "speech-characters",
            "transcribed-seconds",
            "model-tokens",
            "stored-bytes",
            "egress-bytes",
            "model-tokens-a-month",
            "transcribed-seconds-a-month",
            "speech-characters-a-month",
            "cost-a-month",
            "stored-bytes-in-all",
            "egress-bytes-a-month",
            "cpu-seconds-a-month",
            "kept-bytes",
        ] {
            let error = house(&format!("[[tenant]]\nid = \"a\"\n[tenant.quota]\n{field} = 0")).unwrap_err();
            assert!(error.starts_with(&format!("tenant a: quota: `{field}` is 0")), "{error}");
            assert!(error.contains("leave it out for its default"), "{error}");
            assert!(house(&format!("[[tenant]]\nid = \"a\"\n[tenant.quota]\n{field} = 1")).is_ok());
        }
    }
}
