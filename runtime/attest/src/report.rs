//! What an attestation says: read by machines, and bounded for whoever is handed one.

use serde::{Deserialize, Deserializer, Serialize};

use crate::measured::Measured;
use crate::trial::{NeighbourHeard, Trial};

/// What the file says it is.
const FORMAT: &str = "parloir-attest";
/// The version of the files that this program writes and reads.
const VERSION: u32 = 1;
/// The longest report, in bytes.
pub const MAX_REPORT: usize = 4 << 20;
/// The most attacks of a report.
const MAX_TRIALS: usize = 10_000;
/// The most members of any other list.
const MAX_LIST: usize = 100;

/// Why a file is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// It is not written as one is.
    #[error("it is no report of `parloir attest`: {0}")]
    NotOurs(String),
    /// A newer program wrote it.
    #[error("it is of version {0}, and this program reads {VERSION}: check it with a newer parloir")]
    Newer(u32),
}

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Program {
    /// Its version.
    pub version: String,
    /// The SHA-256 of its file, in hexadecimal digits.
    pub sha256: String,
    /// Whether it was compiled with optimisation: figures of one that was not say little.
    pub optimised: bool,
    /// What runs the agents, with its version.
    pub engine: String,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Machine {
    /// The kernel, with its version.
    pub kernel: String,
    /// The processor.
    pub cpu: String,
    /// How many of its cores the program may use.
    pub cores: usize,
    /// Its memory, in MiB.
    pub memory_mib: u64,
}

/// What the server gave up before it opened, as `parloir serve` does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Confinement {
    /// Files that it does not need: Landlock.
    pub files: bool,
    /// Calls to the kernel that it does not make: seccomp.
    pub calls: bool,
    /// Rights of root's that it does not need; none where the program that wrote the report did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
}

/// What became of the capabilities that the server was started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capabilities {
    /// Whether they were given up, by it and for what it starts, but for those that serving takes.
    pub given_up: bool,
    /// Those, by their names: `CAP_DAC_OVERRIDE`.
    #[serde(deserialize_with = "few")]
    pub kept: Vec<String>,
}

/// What the house was found to be when all was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Whole {
    /// What the neighbour's callers went through.
    pub neighbour: NeighbourHeard,
    /// Whether memory and appointments of the neighbour are as they were.
    pub entrusted: bool,
    /// Requests that reached the model.
    pub chats: usize,
    /// Of those, how many had a card's number in them.
    pub cards: usize,
    /// Requests that went elsewhere than below the attackers' own services, or otherwise than the host sends them.
    pub strayed: usize,
    /// The most memory that the server's process had, in KiB.
    pub peak_kib: u64,
    /// What all of it left on the disk, in bytes.
    pub disk_bytes: u64,
    /// What is wrong with the journal that was left; the first hundred.
    #[serde(deserialize_with = "few")]
    pub journal: Vec<String>,
}

impl Whole {
    /// What is not as it must be.
    fn problems(&self) -> Vec<String> {
        let Self { neighbour, entrusted, chats: _, cards, strayed, peak_kib: _, disk_bytes: _, journal } =
            self;
        let mut problems = Vec::new();
        if neighbour.whole < neighbour.calls || neighbour.calls == 0 {
            let NeighbourHeard { calls, whole, .. } = neighbour;
            problems.push(format!("of {calls} calls of the neighbour {whole} were whole"));
        }
        if !entrusted {
            problems.push("what the neighbour entrusted to the house is not as it was".to_owned());
        }
        if *cards > 0 {
            problems.push(format!("a card's number reached the model {cards} times"));
        }
        if *strayed > 0 {
            problems.push(format!("{strayed} requests of attackers went where none may, or as none may"));
        }
        if let Some(first) = journal.first() {
            problems.push(format!("the journal is not sound: {first}"));
        }
        problems
    }
}

/// An attestation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Report {
    format: String,
    version: u32,
    /// The public key that signed it.
    pub key: String,
    /// When it was begun, in UTC.
    pub made: String,
    /// How long it took, in seconds.
    pub took_s: u64,
    /// The program.
    pub program: Program,
    /// The machine.
    pub machine: Machine,
    /// What the server gave up.
    pub confined: Confinement,
    /// Each attack.
    #[serde(deserialize_with = "trials")]
    pub trials: Vec<Trial>,
    /// The attacks that were under way when the server ended by itself, which it must not.
    #[serde(default, deserialize_with = "few", skip_serializing_if = "Vec::is_empty")]
    pub fell: Vec<String>,
    /// The house when all was over; none where the server ended by itself.
    pub house: Option<Whole>,
    /// What the neighbour's callers notice, measured; none where that was not asked for.
    pub measured: Option<Measured>,
}

/// What a report is about, before anything was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The public key that will sign it.
    pub key: String,
    /// When it was begun.
    pub made: String,
    /// The program.
    pub program: Program,
    /// The machine.
    pub machine: Machine,
}

impl Report {
    /// A report in which nothing was tried yet.
    pub fn of(about: About) -> Self {
        let About { key, made, program, machine } = about;
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            key,
            made,
            took_s: 0,
            program,
            machine,
            confined: Confinement::default(),
            trials: Vec::new(),
            fell: Vec::new(),
            house: None,
            measured: None,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// Where it is none, or of a newer program.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        /// What every version has.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let not_ours = |why: &dyn std::fmt::Display| ReportError::NotOurs(why.to_string());
        if bytes.len() > MAX_REPORT {
            return Err(not_ours(&"it is too long"));
        }
        let Head { format, version } = serde_json::from_slice(bytes).map_err(|error| not_ours(&error))?;
        if format != FORMAT {
            return Err(not_ours(&"another format"));
        }
        if version != VERSION {
            return Err(ReportError::Newer(version));
        }
        serde_json::from_slice(bytes).map_err(|error| not_ours(&error))
    }

    /// As it is written.
    pub fn bytes(&self) -> Vec<u8> {
        // Every field is a text, a number or a list of those.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Attacks that did not go as they must.
    pub fn escapes(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|trial| !trial.held())
    }

    /// Everything for which this attests nothing good: empty where all held.
    pub fn problems(&self) -> Vec<String> {
        let escapes = self.escapes().count();
        let mut problems = Vec::new();
        if escapes > 0 {
            problems.push(format!("{escapes} of {} attacks did not go as they must", self.trials.len()));
        }
        match &self.house {
            Some(house) => problems.extend(house.problems()),
            None => problems.push(format!("the server ended by itself, beside {}", listed(&self.fell))),
        }
        if let Some(measured) = &self.measured {
            problems.extend(measured.problems());
        }
        if self.trials.is_empty() {
            problems.push("no attack was tried".to_owned());
        }
        problems
    }

    /// Whether all held.
    pub fn held(&self) -> bool {
        self.problems().is_empty()
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "no attack".to_owned(),
        some => some.join(", "),
    }
}

fn bounded<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D, most: usize) -> Result<Vec<T>, D::Error> {
    // The file is bounded before it is read, and so is what its members take.
    let list = Vec::<T>::deserialize(from)?;
    if list.len() > most {
        return Err(serde::de::Error::custom(format_args!("a list has more than {most} members")));
    }
    Ok(list)
}

fn few<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    bounded(from, MAX_LIST)
}

fn trials<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Trial>, D::Error> {
    bounded(from, MAX_TRIALS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::page;

    const WRITTEN: &[u8] = include_bytes!("../../../tests/fuzz/corpus/reports/report");

    #[test]
    fn a_report_is_read_as_it_was_written_and_says_what_did_not_hold() {
        let report = Report::parse(WRITTEN).unwrap();
        assert_eq!(Report::parse(&report.bytes()), Ok(report.clone()));
        assert_eq!(report.escapes().count(), 1);
        assert_eq!(report.problems(), ["1 of 2 attacks did not go as they must"]);
        let mut held = report;
        held.trials.truncate(1);
        assert!(held.held());
        held.house = None;
        assert!(!held.held());
    }

    #[test]
    fn a_report_from_before_capabilities_were_told_is_read_and_one_that_tells_them_says_which_were_kept() {
        let mut report = Report::parse(WRITTEN).unwrap();
        assert_eq!(report.confined.capabilities, None);
        assert!(!page(&report).contains("capabilities"));
        let kept = vec!["CAP_DAC_OVERRIDE".to_owned()];
        report.confined.capabilities = Some(Capabilities { given_up: true, kept });
        assert_eq!(Report::parse(&report.bytes()), Ok(report.clone()));
        let told = page(&report);
        assert!(told.contains("capabilities given up: yes, all but CAP_DAC_OVERRIDE\n"), "{told}");
        report.confined.capabilities = Some(Capabilities { given_up: true, kept: Vec::new() });
        assert!(page(&report).contains("capabilities given up: yes, all\n"));
        report.confined.capabilities = Some(Capabilities { given_up: false, kept: Vec::new() });
        assert!(page(&report).contains("capabilities given up: NO\n"));
    }

    #[test]
    fn what_is_no_report_or_of_another_version_is_refused() {
        let text = std::str::from_utf8(WRITTEN).unwrap();
        let newer = text.replace("\"version\": 1,", "\"version\": 2,");
        assert_eq!(Report::parse(newer.as_bytes()), Err(ReportError::Newer(2)));
        let another = text.replace("parloir-attest\"", "another\"");
        let unknown = text.replace("took-s", "took");
        for wrong in ["", "{}", "[]", another.as_str(), unknown.as_str()] {
            assert!(matches!(Report::parse(wrong.as_bytes()), Err(ReportError::NotOurs(_))), "{wrong}");
        }
        assert!(Report::parse(&vec![b' '; MAX_REPORT + 1]).is_err());
    }

    #[test]
    fn a_house_that_is_not_as_it_was_does_not_hold() {
        let report = Report::parse(WRITTEN).unwrap();
        let house = report.house.unwrap();
        assert_eq!(house.problems(), Vec::<String>::new());
        for changed in [
            Whole { entrusted: false, ..house.clone() },
            Whole { cards: 1, ..house.clone() },
            Whole { strayed: 1, ..house.clone() },
            Whole { journal: vec!["torn".into()], ..house.clone() },
            Whole { neighbour: NeighbourHeard { calls: 3, whole: 2, ..house.neighbour }, ..house.clone() },
            Whole { neighbour: NeighbourHeard::default(), ..house.clone() },
        ] {
            assert_eq!(changed.problems().len(), 1, "{changed:?}");
        }
    }
}
