//! What a person sees of a round, or a machine.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parloir_contract::CallId;
use parloir_sandbox::Agent;
use serde_json::json;

use super::round::{Built, Tested, Version};
use crate::Failure;
use crate::commands::test;
use crate::terminal::{AGENT, BAD, DIM, GOOD, TITLE, styled};

/// Lines shown of a compiler's messages.
const LINES: usize = 30;
/// Files named of a change.
const NAMED: usize = 4;

/// Tells, in sentences or one JSON object a line.
#[derive(Clone, Copy)]
pub(crate) struct Teller {
    pub(crate) json: bool,
}

/// An agent as it is named: what it says of itself, and the beginning of its component's SHA-256.
pub(crate) fn name(agent: &Agent) -> String {
    let description = agent.description();
    format!("{} {} ({})", description.name, description.version, hash(agent))
}

fn hash(agent: &Agent) -> String {
    agent.sha256().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

impl Teller {
    fn object(&self, value: &serde_json::Value) {
        let mut out = std::io::stdout().lock();
        // Whoever reads may have read enough.
        let _ = writeln!(out, "{value}").and_then(|()| out.flush());
    }

    /// The line is open, or there is none.
    pub(crate) fn open(&self, folder: &Path, ring: Option<(&str, &str, &Path)>) {
        if self.json {
            let ring = ring.map(
                |(webhook, line, token)| json!({ "webhook": webhook, "line": line, "token_file": token }),
            );
            return self.object(&json!({ "watching": folder, "ring": ring }));
        }
        anstream::println!("{} {}", styled(TITLE, "watching"), folder.display());
        if let Some((webhook, line, token)) = ring {
            anstream::println!("  {} parloir call {webhook} --to {line} \\", styled(DIM, "ring it:"));
            anstream::println!(
                "             --token-file {} --say \"Bonjour\" --silence 5s --hang-up",
                token.display()
            );
        }
        anstream::println!("  {}", styled(DIM, "stop with Ctrl-C"));
    }

    /// Something was saved.
    pub(crate) fn changed(&self, folder: &Path, files: &[PathBuf]) {
        if self.json {
            return self.object(&json!({ "changed": files }));
        }
        let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        let mut names: Vec<String> = files
            .iter()
            .take(NAMED)
            .map(|f| f.strip_prefix(folder).unwrap_or(f).display().to_string())
            .collect();
        if files.len() > NAMED {
            names.push(format!("{} more", files.len() - NAMED));
        }
        let what = if names.is_empty() { "begins".to_owned() } else { names.join(", ") };
        anstream::println!("{} {}", styled(DIM, &time), styled(TITLE, &what));
    }

    /// What became of the build. `before` is the version that answers until now.
    pub(crate) fn built(&self, built: &Built, before: Option<&Agent>) {
        let seconds = built.took.as_secs_f64();
        if self.json {
            let (good, agent, findings, why) = match &built.version {
                Version::Good(agent) => (true, Some(agent), &[][..], None),
                Version::Unfit(findings) => (false, None, findings.as_slice(), None),
                Version::Broken(why) => (false, None, &[][..], Some(why)),
            };
            return self.object(&json!({
                "built": good,
                "seconds": seconds,
                "agent": agent.map(|a| json!({ "name": a.description().name, "version": a.description().version, "sha256": hash(a) })),
                "findings": findings,
                "error": why,
            }));
        }
        match &built.version {
            Version::Good(agent) => anstream::println!(
                "  {} {} {}",
                styled(GOOD, "✓ built"),
                name(agent),
                styled(DIM, &format!("{seconds:.1} s"))
            ),
            Version::Unfit(findings) => {
                self.refused("✗ calls would go wrong", seconds);
                for finding in findings {
                    anstream::println!("    {}: {}", finding.place, finding.what);
                    anstream::println!("      {} {}", styled(DIM, "remedy:"), finding.remedy);
                }
            }
            Version::Broken(why) => {
                self.refused("✗ not built", seconds);
                let all: Vec<&str> = why.lines().collect();
                for line in all.iter().take(LINES) {
                    anstream::println!("    {line}");
                }
                if all.len() > LINES {
                    let more = all.len() - LINES;
                    anstream::println!(
                        "    {}",
                        styled(DIM, &format!("… {more} lines more: `parloir build` shows them"))
                    );
                }
            }
        }
        if let (Version::Unfit(_) | Version::Broken(_), Some(before)) = (&built.version, before) {
            anstream::println!("  {} {} still answers", styled(TITLE, "→"), name(before));
        }
    }

    fn refused(&self, what: &str, seconds: f64) {
        anstream::println!("  {} {}", styled(BAD, what), styled(DIM, &format!("{seconds:.1} s")));
    }

    /// The next call is answered by this version.
    pub(crate) fn answers(&self, agent: &Agent, live: u32) {
        if self.json {
            return self.object(&json!({ "answers": hash(agent), "live": live }));
        }
        let kept = match live {
            0 => String::new(),
            1 => " (the live call keeps its own)".to_owned(),
            more => format!(" (the {more} live calls keep their own)"),
        };
        anstream::println!("  {} answers from the next call{}", styled(GOOD, "✓"), styled(DIM, &kept));
    }

    /// How the conversations went.
    pub(crate) fn tested(&self, tested: Result<Option<Tested>, Failure>) {
        let took = |took: Duration| format!("{:.2} s", took.as_secs_f64());
        match tested {
            Err(failure) if self.json => self.object(&json!({ "tested": false, "error": failure.message })),
            Err(failure) => {
                anstream::println!("  {}", styled(BAD, "✗ not tested"));
                failure.message.lines().for_each(|line| anstream::println!("    {line}"));
            }
            Ok(None) if self.json => self.object(&json!({ "tested": true, "passed": 0, "of": 0 })),
            Ok(None) => anstream::println!(
                "  {}",
                styled(
                    DIM,
                    "no conversations: write conversations/NAME.yaml, or begin with `parloir talk --save`"
                )
            ),
            Ok(Some(tested)) => {
                let (failed, of) = (tested.otherwise().count(), tested.rehearsed.len());
                let passed = of - failed;
                if self.json {
                    let otherwise: Vec<_> = tested
                        .otherwise()
                        .map(|one| json!({ "conversation": one.name, "mismatches": one.mismatches }))
                        .collect();
                    return self.object(&json!({
                        "tested": true, "passed": passed, "of": of, "seconds": tested.took.as_secs_f64(),
                        "otherwise": otherwise,
                    }));
                }
                let (style, mark) = if failed == 0 { (GOOD, "✓") } else { (BAD, "✗") };
                anstream::println!(
                    "  {} {passed} of {of} conversations {}",
                    styled(style, mark),
                    styled(DIM, &took(tested.took))
                );
                for one in tested.otherwise() {
                    anstream::println!("    {} {}", styled(BAD, "✗"), one.name);
                    test::otherwise(one, false);
                }
            }
        }
    }

    /// A call has ended.
    pub(crate) fn call(&self, id: CallId, outcome: &str, lasted: Duration) {
        let seconds = lasted.as_secs_f64();
        if self.json {
            return self.object(&json!({ "call": id.to_string(), "ended": outcome, "seconds": seconds }));
        }
        anstream::println!(
            "  {} {id} ended: {outcome} {}",
            styled(AGENT, "call"),
            styled(DIM, &format!("{seconds:.0} s"))
        );
    }
}
