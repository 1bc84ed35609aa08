//! Dependencies point down only: `cli → server → call → {sandbox, meaning, media, transport, providers,
//! tenancy, journal} → store → contract`, and beside `call`, `cli → rehearsal → {sandbox, meaning, media,
//! tenancy}` `cli → replay → {rehearsal, journal, sandbox, meaning, tenancy}`, `{cli, server} → {persons, backup} → journal`,
//! `server → cordon → sandbox`, `server → telemetry → journal`, `{cli, server} → admin → {tenancy, journal}` `server → connect` and `cli → registry`, which import no room but the contract;
//! `cli → attest → {server, measure}`. The middle rooms do not import each other, except that transport and providers may use
//! media's frame and codec types. The verifier stands alone: it imports no room, and the rooms that make
//! what it checks import it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

fn plan() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let ground = ["parloir-store", "parloir-contract"];
    let middle = [
        "parloir-meaning",
        "parloir-sandbox",
        "parloir-media",
        "parloir-transport",
        "parloir-providers",
        "parloir-tenancy",
        "parloir-journal",
    ];
    let mut plan = BTreeMap::from([
        ("parloir-contract", BTreeSet::new()),
        ("parloir-store", BTreeSet::from(["parloir-contract"])),
    ]);
    for room in middle {
        plan.insert(room, BTreeSet::from(ground));
    }
    // A process of agents holds a sandbox and the doors that lead out of it: neither a tenant's data nor what a process gives up.
    plan.insert("parloir-cordon", BTreeSet::from(["parloir-contract", "parloir-sandbox"]));
    for room in ["parloir-transport", "parloir-providers"] {
        plan.entry(room).or_default().insert("parloir-media");
    }
    // The host and Rust agents understand words by the same crate.
    plan.entry("parloir-meaning").or_default().insert("parloir-understanding");
    plan.insert("parloir-proof", BTreeSet::new());
    plan.insert("parloir-witness", BTreeSet::from(["parloir-proof"]));
    plan.entry("parloir-journal").or_default().insert("parloir-proof");
    let below_call: BTreeSet<_> = ground.into_iter().chain(middle).collect();
    let mut below_server = below_call.clone();
    below_server.extend([
        "parloir-call",
        "parloir-persons",
        "parloir-proof",
        "parloir-backup",
        "parloir-telemetry",
        "parloir-admin",
        "parloir-connect",
        "parloir-cordon",
    ]);
    let mut below_cli = below_server.clone();
    below_cli.extend([
        "parloir-server",
        "parloir-rehearsal",
        "parloir-replay",
        "parloir-proof",
        "parloir-witness",
        "parloir-registry",
        "parloir-attest",
        "parloir-measure",
    ]);
    // Callers know the protocol of carriers and nothing of what they measure.
    plan.insert("parloir-measure", BTreeSet::from(["parloir-transport"]));
    // Whoever attests opens an installation of its own, looks into it, rings it, and signs what it found: all that a server
    // has, and the callers; the command alone imports it.
    let mut below_attest = below_call.clone();
    below_attest.extend(["parloir-server", "parloir-proof", "parloir-measure"]);
    plan.insert("parloir-attest", below_attest);
    plan.insert("parloir-call", below_call);
    // A rehearsal is a call without telephone, providers and journal; of media it takes the rules of
    // turn taking and of the consent gate, which are functions.
    let mut below_rehearsal = BTreeSet::from(ground);
    below_rehearsal.extend(["parloir-sandbox", "parloir-tenancy", "parloir-meaning", "parloir-media"]);
    plan.insert("parloir-rehearsal", below_rehearsal.clone());
    // A re-run is a call whose answers the journal gives; how long words take is the rehearsal's to say.
    let mut below_replay = below_rehearsal.clone();
    below_replay.extend(["parloir-journal", "parloir-rehearsal"]);
    plan.insert("parloir-replay", below_replay);
    // Who may change what, and the API to do so: it knows who lives here, where it rests and where it is told, and of calls
    // nothing.
    let mut below_admin = BTreeSet::from(ground);
    below_admin.extend(["parloir-tenancy", "parloir-journal"]);
    plan.insert("parloir-admin", below_admin);
    // What is sent to addresses that others wrote down is checked by whoever knows nothing of tenants and calls.
    plan.insert("parloir-connect", BTreeSet::from(["parloir-contract"]));
    // What is fetched from a registry is held to its digest by whoever knows nothing of what it is for.
    plan.insert("parloir-registry", BTreeSet::from(["parloir-contract"]));
    // What instruments are told is read from records alone.
    plan.insert("parloir-telemetry", BTreeSet::from(["parloir-contract", "parloir-journal"]));
    // What a person asks for is read from records alone.
    plan.insert("parloir-persons", BTreeSet::from(["parloir-contract", "parloir-journal"]));
    // A back-up is the journal's files and the store's rows, as they rest.
    plan.insert("parloir-backup", BTreeSet::from(["parloir-contract", "parloir-store", "parloir-journal"]));
    plan.insert("parloir-server", below_server);
    plan.insert("parloir", below_cli);
    plan
}

#[test]
fn no_room_imports_what_the_plan_does_not_allow() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let plan = plan();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for package in metadata.packages.iter().filter(|p| p.manifest_path.as_str().contains("/runtime/")) {
        let allowed = plan.get(package.name.as_str()).unwrap_or_else(|| {
            panic!("{} is not in the plan: add it to the plan in this test, with its reason", package.name)
        });
        seen += 1;
        for dependency in package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
            if dependency.name.starts_with("parloir") && !allowed.contains(dependency.name.as_str()) {
                wrong.push(format!("{} → {}", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "these edges are not in the plan: {wrong:?}");
    assert_eq!(seen, plan.len(), "a room of the plan is missing");
}

#[test]
fn only_what_the_plan_names_stands_at_the_top_level() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = std::process::Command::new("git").args(["ls-files"]).current_dir(root).output().unwrap();
    let top: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|path| path.split('/').next().map(str::to_owned))
        .collect();
    let allowed: BTreeSet<String> = [
        "Cargo.toml",
        "Cargo.lock",
        "runtime",
        "guest-sdk",
        "wit",
        "agents",
        "tests",
        "README.md",
        "SECURITY.md",
        ".ci",
        ".cargo",
        ".config",
        ".gitignore",
        "clippy.toml",
        "deny.toml",
        "rustfmt.toml",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ]
    .map(str::to_owned)
    .into();
    let strangers: Vec<_> = top.difference(&allowed).collect();
    assert!(strangers.is_empty(), "{strangers:?} does not belong at the top level");
}
