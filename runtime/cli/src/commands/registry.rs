//! `parloir registry`: agents in OCI registries.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use parloir_registry::{
    Access, COMPONENT_BYTES, Credentials, Digest, Reference, RegistryError, SIGNATURE_BYTES, pull, push,
};

use crate::terminal::{DIM, GOOD, styled, waiting};
use crate::{Failure, Outcome};

/// Who somebody is, and their password: not arguments, which every process of a machine can read.
const USER: &str = "PARLOIR_REGISTRY_USER";
const PASSWORD: &str = "PARLOIR_REGISTRY_PASSWORD";
/// Bytes of a file of credentials, at most.
const CONFIG_BYTES: usize = 1 << 20;

#[derive(Args)]
pub(crate) struct Registry {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Push a component, and say by which digest it can be pulled for good.
    Push(Push),
    /// Pull a component, held to its digest.
    Pull(Pull),
}

#[derive(Args)]
struct Push {
    /// The component, as `parloir build` writes it.
    file: PathBuf,
    /// Where to: REGISTRY/NAME:TAG.
    reference: Reference,
    /// The agent's signature, which is pushed with it.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
struct Pull {
    /// Where from: REGISTRY/NAME:TAG, or REGISTRY/NAME@sha256:…
    reference: Reference,
    /// Where to write the component.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Where to write its signature: an agent that was pushed without one is then not taken.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
struct How {
    /// A file of credentials as docker and podman write it. Default: config.json in the folder `DOCKER_CONFIG`, or ~/.docker.
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE")]
    credentials: Option<PathBuf>,
    /// Speak to a registry without TLS that is not on this machine: whoever is between reads along.
    #[arg(long)]
    plain_http: bool,
    /// How long all of it may take, in minutes: 1 to 1440.
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    within: u64,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Registry {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Push(push) => push.run().await,
            What::Pull(pull) => pull.run().await,
        }
    }
}

impl Push {
    async fn run(self) -> Outcome {
        let component = given(&self.file, COMPONENT_BYTES)?;
        let signature = self.signature.as_deref().map(|file| given(file, SIGNATURE_BYTES)).transpose()?;
        let access = self.how.access(&self.reference)?;
        let pushing = push(&self.reference, component, signature.as_deref(), &access);
        let digest = waiting("pushing", pushing).await.map_err(|error| failed(&self.reference, error))?;
        self.how.tell("pushed", &self.reference, digest, signature.is_some(), "with its signature");
        Ok(())
    }
}

impl Pull {
    async fn run(self) -> Outcome {
        let access = self.how.access(&self.reference)?;
        let pulled = waiting("pulling", pull(&self.reference, &access)).await;
        let pulled = pulled.map_err(|error| failed(&self.reference, error))?;
        if let Some(file) = &self.signature {
            let Some(signature) = &pulled.signature else {
                return Err(Failure::new(format!(
                    "{} was pushed without a signature: pull it without --signature, or have it pushed with one",
                    self.reference
                )));
            };
            put(file, signature)?;
        }
        put(&self.output, &pulled.component)?;
        let signature = match &self.signature {
            Some(_) => "with its signature",
            None => "it has a signature, which --signature FILE would write",
        };
        self.how.tell("pulled", &self.reference, pulled.digest, pulled.signature.is_some(), signature);
        Ok(())
    }
}

impl How {
    fn access(&self, reference: &Reference) -> Result<Access, Failure> {
        let credentials = self.credentials(reference.registry())?;
        let within = Duration::from_secs(self.within * 60);
        Ok(Access { credentials, plain_http: self.plain_http, within })
    }

    fn credentials(&self, registry: &str) -> Result<Option<Credentials>, Failure> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        match (variable(USER), variable(PASSWORD)) {
            (Some(user), Some(password)) => return Ok(Some(Credentials::new(user, password))),
            (Some(_), None) | (None, Some(_)) => {
                return Err(Failure::bad_input(&format!("set both {USER} and {PASSWORD}, or neither")));
            }
            (None, None) => {}
        }
        let Some(file) = self.credentials.clone().or_else(usual) else { return Ok(None) };
        let wrong =
            |error: &dyn std::fmt::Display| Failure::bad_input(&format!("{}: {error}", file.display()));
        let config = match bounded(&file, CONFIG_BYTES) {
            Ok(config) => config,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.credentials.is_none() => {
                return Ok(None);
            }
            Err(error) => return Err(wrong(&error)),
        };
        Credentials::of_docker(&config, registry).map_err(|error| wrong(&error))
    }

    /// Says what was done, by the name that stays the same agent's.
    fn tell(&self, done: &str, reference: &Reference, digest: Digest, signed: bool, signature: &str) {
        let pinned = reference.pinned(digest.clone());
        if self.json {
            let told = serde_json::json!({
                "reference": pinned.to_string(),
                "digest": digest.as_str(),
                "signed": signed,
            });
            println!("{told}");
        } else {
            anstream::println!("{} {pinned}", styled(GOOD, done));
            if signed {
                anstream::println!("  {}", styled(DIM, signature));
            }
        }
    }
}

/// Where docker keeps credentials.
fn usual() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let docker = folder("DOCKER_CONFIG").or_else(|| folder("HOME").map(|home| home.join(".docker")));
    docker.map(|docker| docker.join("config.json"))
}

fn failed(reference: &Reference, error: RegistryError) -> Failure {
    let message = format!("{reference}: {error}");
    match error {
        RegistryError::Reference(_) | RegistryError::Agent(_) | RegistryError::NoTag => {
            Failure::bad_input(&message)
        }
        RegistryError::Unreachable(_)
        | RegistryError::TooSlow { .. }
        | RegistryError::NoCredentials
        | RegistryError::Denied { .. }
        | RegistryError::NotThere
        | RegistryError::Refused { .. }
        | RegistryError::Plain
        | RegistryError::TooLong { .. }
        | RegistryError::Altered(_)
        | RegistryError::Strange(_) => Failure::new(message),
    }
}

fn given(file: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    bounded(file, most).map_err(|error| Failure::bad_input(&format!("{}: {error}", file.display())))
}

/// A file of at most so many bytes.
fn bounded(file: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(io::Error::other(format!("it is longer than {most} bytes")));
    }
    Ok(bytes)
}

/// Writes a file whole or not at all: a server may be reading the one that is there.
fn put(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let wrong = |error: io::Error| Failure::new(format!("{}: {error}", file.display()));
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, file)).map_err(wrong)
}
