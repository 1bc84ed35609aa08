//! The files that an installation needs, and no others.
//!
//! A rule is about a folder rather than the file in it wherever somebody may put a newer file in its place while calls go on: a
//! rule about a file ends with that file.

use std::env;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use parloir_providers::KeyReference;

use super::runs_programs;
use crate::config::{Config, WebhookConfig};
use crate::installation::Folders;
use crate::telemetry::TelemetryConfig;

/// What may be done below a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Files read, folders listed.
    Read,
    /// Files read whose names are known: no folder is listed.
    Look,
    /// Files and folders made, written, renamed and removed, too; and sockets, for the operator's commands.
    Write,
    /// A file run as a program.
    Run,
}

/// A path, and what may be done below it. One that is not there is no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) may: May,
    pub(super) path: PathBuf,
}

/// What is nobody's: the C library's modules for names of hosts, espeak-ng's voices, certificates of authorities, time zones.
/// `/etc` as a whole, for `resolv.conf` is put in place anew by whoever looks after the network, and names must be found then, too.
const SYSTEM: [&str; 7] =
    ["/usr", "/lib", "/lib64", "/nix/store", "/gnu/store", "/var/lib/ca-certificates", "/etc"];
/// Where everything a program is loaded by is below one folder.
const STORES: [&str; 2] = ["/nix/store", "/gnu/store"];
/// How many threads to start: what the machine has, and what a container may use of it.
const MACHINE: [&str; 3] = ["/proc/self", "/sys/fs/cgroup", "/sys/devices/system"];
/// What a program of the system is loaded by.
const LOADERS: [&str; 4] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// What an installation needs: `file` is the operator's, `model_file` the installation's own speech model.
pub(super) fn rules(config: &Config, file: &Path, folders: &Folders, model_file: &Path) -> Vec<Rule> {
    let mut read: Vec<PathBuf> = vec![file.to_owned(), "/dev/urandom".into()];
    read.extend(around(model_file));
    for tenant in &config.tenants {
        read.extend(tenant.documents.clone());
        for line in &tenant.lines {
            read.extend(line.sounds.clone());
            read.extend(around(&line.agent));
        }
    }
    let models = config.providers.iter().filter_map(|provider| provider.model_file.as_deref());
    read.extend(models.flat_map(around));
    read.extend(key_files(config));
    // Renewed while calls go on: by other files in their place, or by links that lead to other files beside the target.
    read.extend(
        config.certificates().flat_map(|tls| [&tls.certificate, &tls.key]).flat_map(|file| around(file)),
    );
    read.extend(SYSTEM.iter().chain(&MACHINE).map(PathBuf::from));
    read.extend(around(Path::new("/etc/resolv.conf")));
    read.extend(env::var_os("SSL_CERT_FILE").map(PathBuf::from));
    read.extend(env::var_os("SSL_CERT_DIR").iter().flat_map(env::split_paths));
    // A panic says where it was.
    read.extend(env::current_exe().ok());
    let write = [folders.data.clone(), folders.keys.clone(), "/dev/null".into()];
    let mut rules: Vec<Rule> = read.into_iter().map(|path| Rule { may: May::Read, path }).collect();
    rules.extend(write.into_iter().map(|path| Rule { may: May::Write, path }));
    if config.may_cordon() {
        // What memory the processes of agents take. Of others it is what anybody is told, and nothing of what they hold: Landlock
        // keeps that to those who were started from within.
        rules.push(Rule { may: May::Look, path: "/proc".into() });
    }
    let voice = if runs_programs(config) { voice() } else { None };
    let voice = voice.map(|voice| voice.canonicalize().unwrap_or(voice));
    // What compiles an agent, and a process of agents, is this program once more.
    let itself = env::current_exe().ok();
    // The loader's folder, so that one that is put in its place by an upgrade runs, too. What it is given to run, and what programs
    // there are beside it, have no more than this process has: Landlock and seccomp go along.
    let loaders = LOADERS.iter().filter_map(|loader| Path::new(loader).canonicalize().ok());
    let programs: Vec<PathBuf> = voice.into_iter().chain(itself).collect();
    let stores = STORES.iter().filter(|store| programs.iter().any(|program| program.starts_with(store)));
    let stores: Vec<PathBuf> = stores.map(PathBuf::from).collect();
    let programs = loaders.map(|loader| folder_of(&loader)).chain(stores).chain(programs);
    rules.extend(programs.map(|path| Rule { may: May::Run, path }));
    rules
}

/// The files that hold keys of others: they are read once, from within.
fn key_files(config: &Config) -> Vec<PathBuf> {
    let mut telemetry = config.telemetry.clone();
    let tokens = config.carriers.iter().map(|carrier| &carrier.auth_token);
    let providers = config.providers.iter().filter_map(|provider| provider.api_key.as_ref());
    let exported = telemetry.iter_mut().flat_map(TelemetryConfig::keys).map(|key| &*key);
    let signing = config.webhooks.iter().flat_map(WebhookConfig::secrets);
    let secrets = config.secrets.iter().map(|secret| &secret.value);
    let keys = tokens.chain(providers).chain(exported).chain(signing).chain(secrets);
    let files = keys.filter_map(|key| match key {
        KeyReference::File(file) => Some(file.clone()),
        KeyReference::Env(_) => None,
    });
    files.collect()
}

/// espeak-ng, where it is found when it is run by its name.
fn voice() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join("espeak-ng")).find(|program| program.is_file())
}

/// The folder that a file is in, and where the file is a link, the one that it leads to.
fn around(file: &Path) -> impl Iterator<Item = PathBuf> {
    let target = file.canonicalize().ok().map(|target| folder_of(&target));
    std::iter::once(folder_of(file)).chain(target)
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

/// Has this thread, and all that it starts, reach what the rules name and nothing else.
pub(super) fn restrict(rules: &[Rule]) -> Result<(), String> {
    match enforce(rules) {
        Ok(status) if status.ruleset == RulesetStatus::NotEnforced => {
            Err("the kernel has no Landlock".to_owned())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(format!("Landlock: {error}")),
    }
}

fn enforce(rules: &[Rule]) -> Result<RestrictionStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let run = AccessFs::ReadFile | AccessFs::Execute;
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::MakeSock
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    // Of 5.19 (version 2) all is needed: before it, no file can be given a name in another folder. What newer kernels hold
    // besides (truncating, devices) they hold.
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V2))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?;
    // Who reaches no file signals nobody either, whichever way the kernel is asked to (6.12).
    if rules.is_empty() {
        ruleset = ruleset.scope(Scope::from_all(ABI::V6))?;
    }
    let mut ruleset = ruleset.create()?;
    for rule in rules {
        let access = match rule.may {
            May::Read => read,
            May::Look => AccessFs::ReadFile.into(),
            May::Write => write,
            May::Run => run,
        };
        ruleset = ruleset.add_rules(path_beneath_rules([rule.path.as_path()], access))?;
    }
    ruleset.restrict_self()
}
