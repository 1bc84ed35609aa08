//! `parloir agent key`, `sign`, `trust` and what belongs to them: who vouches for an agent.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use parloir_admin::resource::{AgentKey, AgentPolicy, SelfApproval, Unsigned};
use parloir_tenancy::signature::{PublicKey, Signature, SigningFile};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::agent::Whose;
use super::{lines_of_json, moment, table, text};
use crate::terminal::{GOOD, plain, styled};
use crate::{Failure, Outcome, private};

/// Longer than any file of this kind, in bytes.
const MAX_FILE: u64 = 4_096;

#[derive(Args)]
pub(super) struct Key {
    /// Where the key is written. It must not be there yet.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Sign {
    /// The component that `parloir build` made.
    file: PathBuf,
    /// The file that `parloir agent key` wrote.
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// Where the signature is written. Default: FILE.sig
    #[arg(short, long, value_name = "SIGNATURE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Trust {
    /// The public key, as `parloir agent key` printed it.
    key: String,
    /// Whose it is, or what it is for.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
pub(super) struct Distrust {
    /// The key, as `parloir agent keys` lists it.
    key: String,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
pub(super) struct Keys {
    #[command(flatten)]
    whose: Whose,
}

/// What becomes of an agent that nobody signed.
#[derive(Clone, Copy, ValueEnum)]
enum NotSigned {
    /// It is not taken.
    Refuse,
    /// It is taken.
    Allow,
}

/// Whether whoever uploaded a version may approve of it.
#[derive(Clone, Copy, ValueEnum)]
enum Themselves {
    /// Somebody else has to.
    Refuse,
    /// They may.
    Allow,
}

#[derive(Args)]
pub(super) struct Policy {
    /// What becomes of an agent that nobody signed, from now on.
    #[arg(long)]
    unsigned: Option<NotSigned>,
    /// Whether whoever uploaded a version may approve of what it may do more, from now on: for a tenant of one person.
    #[arg(long)]
    self_approval: Option<Themselves>,
    #[command(flatten)]
    whose: Whose,
}

/// Reads one of these files, which are short.
fn read(file: &Path) -> Result<String, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::bad_input(&format!("{}: {error}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| wrong(&error))?.len();
    if size > MAX_FILE {
        return Err(wrong(&"it is too long to be a key or a signature of an agent"));
    }
    std::fs::read_to_string(file).map_err(|error| wrong(&error))
}

fn signing_key(file: &Path) -> Result<SigningFile, Failure> {
    let wrong = |error| Failure::bad_input(&format!("{}: {error}", file.display()));
    read(file)?.parse::<SigningFile>().map_err(wrong)
}

fn sign(component: &[u8], key: &SigningFile) -> Signature {
    key.sign(&Sha256::digest(component).into())
}

/// The signature of a component: made now with a key, or read from its file; none where neither is named.
pub(super) fn signature_of(
    component: &[u8],
    key: Option<&Path>,
    signature: Option<&Path>,
) -> Result<Option<Signature>, Failure> {
    match (key, signature) {
        (Some(key), _) => Ok(Some(sign(component, &signing_key(key)?))),
        (None, Some(file)) => {
            let wrong = |error| Failure::bad_input(&format!("{}: {error}", file.display()));
            read(file)?.parse::<Signature>().map(Some).map_err(wrong)
        }
        (None, None) => Ok(None),
    }
}

impl Key {
    pub(super) fn run(self) -> Outcome {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| Failure::new(format!("the system has no randomness: {error}")))?;
        let key = SigningFile::new(&secret);
        let wrong = |error| {
            let place = self.file.display();
            Failure::bad_input(&format!("{place}: {error}; a key is written to a new file"))
        };
        let mut file = private::create_new(&self.file).map_err(wrong)?;
        file.write_all(key.reveal().as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)?;
        let public = key.public();
        if self.json {
            println!("{}", json!({ "id": public.name().as_str(), "public": public.to_string() }));
            return Ok(());
        }
        anstream::eprintln!("{} {} in {}", styled(GOOD, "made"), public.name(), self.file.display());
        println!("{public}");
        Ok(())
    }
}

impl Sign {
    pub(super) fn run(self) -> Outcome {
        let component = crate::agent::read(&self.file)?;
        let signature = sign(&component, &signing_key(&self.key)?);
        let output = self.output.unwrap_or_else(|| {
            let mut name = self.file.clone().into_os_string();
            name.push(".sig");
            name.into()
        });
        std::fs::write(&output, signature.to_string())
            .map_err(|error| Failure::new(format!("{}: {error}", output.display())))?;
        anstream::println!("{} {} with {}", styled(GOOD, "signed"), output.display(), signature.key());
        Ok(())
    }
}

impl Trust {
    pub(super) async fn run(self) -> Outcome {
        let public = self.key.parse::<PublicKey>().map_err(|error| Failure::bad_input(&error))?;
        let (client, tenant) = self.whose.client().await?;
        let key = AgentKey { name: self.name, public: public.to_string() };
        let item = client.post(&format!("{tenant}/agent-keys"), &key).await?;
        if self.whose.api.json {
            println!("{item}");
        } else {
            anstream::println!("{} {}", styled(GOOD, "trusts"), plain(text(&item, "/id")));
        }
        Ok(())
    }
}

impl Distrust {
    pub(super) async fn run(self) -> Outcome {
        let (client, tenant) = self.whose.client().await?;
        client.delete(&format!("{tenant}/agent-keys/{}", self.key)).await?;
        if !self.whose.api.json {
            anstream::println!("{} {}", styled(GOOD, "trusts no more"), self.key);
        }
        Ok(())
    }
}

impl Keys {
    pub(super) async fn run(self) -> Outcome {
        let (client, tenant) = self.whose.client().await?;
        let all = client.list(&format!("{tenant}/agent-keys")).await?;
        if self.whose.api.json {
            lines_of_json(&all);
            return Ok(());
        }
        let row = |item: &Value| {
            let [id, name, public] =
                ["/id", "/spec/name", "/spec/public"].map(|field| text(item, field).to_owned());
            [id, name, moment(item, "/changed"), public]
        };
        table(["KEY", "NAME", "SINCE", "PUBLIC"], &all.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }
}

impl Policy {
    pub(super) async fn run(self) -> Outcome {
        let (client, tenant) = self.whose.client().await?;
        let path = format!("{tenant}/agent-policy");
        let item = if self.unsigned.is_none() && self.self_approval.is_none() {
            client.get(&path).await?.body
        } else {
            let read = client.get_to_change(&path).await?;
            let before = read.body.get("spec").cloned().unwrap_or_default();
            let mut policy: AgentPolicy = serde_json::from_value(before)?;
            if let Some(unsigned) = self.unsigned {
                policy.unsigned = match unsigned {
                    NotSigned::Refuse => Unsigned::Refuse,
                    NotSigned::Allow => Unsigned::Allow,
                };
            }
            if let Some(themselves) = self.self_approval {
                policy.self_approval = match themselves {
                    Themselves::Refuse => SelfApproval::Refuse,
                    Themselves::Allow => SelfApproval::Allow,
                };
            }
            client.put(&path, Some(&read), &policy).await?
        };
        if self.whose.api.json {
            println!("{item}");
            return Ok(());
        }
        let rows = [
            ("agents that nobody signed", "/spec/unsigned"),
            ("approving of what one uploaded oneself", "/spec/self-approval"),
        ];
        let rows = rows.map(|(what, path)| [what.to_owned(), text(&item, path).to_owned()]);
        table(["WHAT", "POLICY"], &rows);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_here_or_elsewhere_is_signed_alike_and_a_key_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let [file, key] = ["agent.wasm", "build.key"].map(|name| folder.path().join(name));
        std::fs::write(&file, b"component").unwrap();
        let make = || Key { file: key.clone(), json: true }.run();
        assert!(make().is_ok() && make().is_err());
        Sign { file: file.clone(), key: key.clone(), output: None }.run().unwrap();
        let elsewhere = folder.path().join("agent.wasm.sig");
        let made = signature_of(b"component", Some(&key), None).unwrap().unwrap();
        assert_eq!(signature_of(b"component", None, Some(&elsewhere)).unwrap(), Some(made.clone()));
        let public = signing_key(&key).unwrap().public();
        assert_eq!(public.check(&made, &Sha256::digest(b"component").into()), Ok(()));
        assert!(signature_of(b"component", None, Some(&key)).is_err());
        assert!(signature_of(b"component", None, None).unwrap().is_none());
    }
}
