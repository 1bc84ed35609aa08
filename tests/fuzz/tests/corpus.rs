//! Every corpus goes through its target, and so does every prefix of every file and a version with
//! each of its bytes flipped in turn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;

use parloir_admin::resource;
use parloir_server::Config;

#[test]
fn every_corpus_passes_its_target() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in parloir_fuzz::TARGETS {
        let folder = corpora.join(name);
        let files: Vec<_> =
            std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())).collect();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            target(&bytes);
            for end in 0..bytes.len().min(2_000) {
                target(&bytes[..end]);
                let mut flipped = bytes.clone();
                flipped[end] ^= 0x55;
                target(&flipped);
            }
        }
    }
}

/// A file of a corpus.
fn seed(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

#[test]
fn every_table_of_the_operators_file_is_in_a_seed_that_can_be_read() {
    let of = |name: &str| -> Config {
        toml::from_str(&seed(&format!("configuration/{name}"))).unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    let (providers, house, connectors) = (of("providers.toml"), of("house.toml"), of("connectors.toml"));
    let [ears, voice, model] = providers.providers.as_slice() else { panic!("{:?}", providers.providers) };
    assert!(ears.model_file.is_some() && ears.workers.is_some());
    assert!(voice.pcm_rate.is_some() && voice.trains_on_data && voice.retention_days == 30);
    assert!(model.prices.is_some() && model.trace_context == Some(false) && model.api_key.is_some());
    assert!(house.admin.is_some() && house.telemetry.is_some() && !house.journal.witnesses.is_empty());
    assert!(!house.outbound.allow_private.is_empty() && !house.cordons.is_empty());
    assert!(house.agents.compile_seconds == 30 && !house.webhooks.is_empty());
    assert!(house.tenants[0].quota.cost_a_month.is_some() && house.tenants[0].retention.content.is_some());
    assert!(!connectors.secrets.is_empty() && !connectors.tenants[0].connectors.is_empty());
}

#[test]
fn every_body_that_the_administration_reads_is_in_a_seed_that_can_be_read() {
    let body = |name: &str| {
        let file = seed(&format!("administration/{name}"));
        file.split_once('\n').unwrap_or_else(|| panic!("{name} has no body")).1.to_owned()
    };
    macro_rules! reads {
        ($($name:literal $of:ident),+ $(,)?) => {
            $(
                let read = serde_json::from_str::<resource::$of>(&body($name));
                assert!(read.is_ok(), "{}: {:?}", $name, read.err());
            )+
        };
    }
    reads!(
        "tenant" NewTenant,
        "quota" NewTenant,
        "user" User,
        "new_key" NewKey,
        "break_glass" BreakGlass,
        "suspend" Suspend,
        "calendar" Calendar,
        "connector" Connector,
        "blocked" BlockNumber,
        "secret" NewSecret,
        "agent_key" AgentKey,
        "agent_policy" AgentPolicy,
        "start_canary" StartCanary,
        "roll_back" RollBack,
        "contact" Contact,
        "review" Review,
        "import" ImportTenant,
        "log_in" LogIn,
        "line" Line,
        "own_line" Line,
    );
}
