//! Everything `parloir check` can find, by name: for build servers, and so that a test can hold each of
//! them to an agent that has it.

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rule {
    /// A WIT package in binary form.
    NotAnAgent,
    /// The file is cut short or altered.
    Damaged,
    /// Another version of the contract.
    OtherContract,
    /// An import that is none of the contract's: WASI, another package.
    ForeignImport,
    /// No `describe`, or no `answer`.
    MissingExport,
    /// What the component holds from the start, against a call's memory; what each call holds for itself.
    Memory,
    /// It does not load: it fails to describe itself, or what it says is not valid.
    DoesNotLoad,
    /// The time from nothing to the first instruction.
    SlowStart,
    /// A capability that is used and not declared.
    Undeclared,
    /// A capability that is declared and not used.
    Unused,
    /// No path to a human.
    NoHuman,
    /// Nothing is reported.
    NoReport,
    /// The caller is never asked about recording.
    NoConsent,
    /// More words in one breath than a caller listens to.
    LongSentence,
    /// A prompt that waits too long, or without end.
    NoTimeout,
    /// A request that the host refuses whatever the call.
    Refused,
    /// A call that ends in a trap, or at a limit.
    Stopped,
}

impl Rule {
    /// Every rule there is.
    pub(crate) const ALL: [Self; 17] = [
        Self::NotAnAgent,
        Self::Damaged,
        Self::OtherContract,
        Self::ForeignImport,
        Self::MissingExport,
        Self::Memory,
        Self::DoesNotLoad,
        Self::SlowStart,
        Self::Undeclared,
        Self::Unused,
        Self::NoHuman,
        Self::NoReport,
        Self::NoConsent,
        Self::LongSentence,
        Self::NoTimeout,
        Self::Refused,
        Self::Stopped,
    ];

    /// Its name, which does not change.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NotAnAgent => "not-an-agent",
            Self::Damaged => "damaged",
            Self::OtherContract => "other-contract",
            Self::ForeignImport => "foreign-import",
            Self::MissingExport => "missing-export",
            Self::Memory => "memory",
            Self::DoesNotLoad => "does-not-load",
            Self::SlowStart => "slow-start",
            Self::Undeclared => "undeclared",
            Self::Unused => "unused",
            Self::NoHuman => "no-human",
            Self::NoReport => "no-report",
            Self::NoConsent => "no-consent",
            Self::LongSentence => "long-sentence",
            Self::NoTimeout => "no-timeout",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
        }
    }

    /// Those that the author's own files are needed for, where an engine is in the component: it imports
    /// the whole contract, and the agent's words are inside it.
    pub(crate) const BY_SOURCE: [Self; 5] =
        [Self::Undeclared, Self::Unused, Self::NoReport, Self::NoConsent, Self::LongSentence];

    /// What it looks for.
    pub(crate) const fn looks_for(self) -> &'static str {
        match self {
            Self::NotAnAgent => "a file that is no component",
            Self::Damaged => "a component that is cut short or altered",
            Self::OtherContract => "an agent that was built for another version of the contract",
            Self::ForeignImport => "imports that are not the contract's: WASI, another package",
            Self::MissingExport => "`describe` or `answer` that is not exported",
            Self::Memory => {
                "memory from the start, near or above what a call may have; or more for each call than the language needs"
            }
            Self::DoesNotLoad => {
                "an agent that fails while describing itself, or whose description is not valid"
            }
            Self::SlowStart => {
                "a start that takes long for its language: Rust and C 50 µs, JavaScript 200 µs, Go 1 ms, Python 4 ms, and five times as much before it is said"
            }
            Self::Undeclared => "a capability that is used and not declared",
            Self::Unused => "a capability that is declared and not used",
            Self::NoHuman => "no `transfer`, or a caller who asks for a human and is not put through",
            Self::NoReport => "an agent that reports nothing",
            Self::NoConsent => "an agent that never asks about recording",
            Self::LongSentence => "more than 320 characters said in one breath",
            Self::NoTimeout => "more than 20 s of patience, or a silent caller who is never let go",
            Self::Refused => "a request that is out of range, such as a patience of 0",
            Self::Stopped => "a call that ends in a trap or at a limit",
        }
    }
}
