//! The guards that whoever runs a house writes into its file: in a house where they stand, and in one where the file says
//! otherwise. There each attack has what it tried for, from the agent's own code to the service, the model and the carrier.

use std::collections::BTreeMap;

use parloir_attest::{Attack, House, Rooms, attack};
use parloir_contract::Capability;
use parloir_journal::{HostStatus, Record, RecordBody};
use parloir_tenancy::config::TenantConfig;
use parloir_tenancy::connector::Allowed;

/// Asks a hundred and twenty times, as fast as it can.
const TOO_FAST: &str = ";; Asks a hundred and twenty times as fast as it can: it is refused.\n;; ends: done\n\
    (func $attack (param $info i32)\n\
      (local $n i32)\n\
      (loop $next\n\
        (call $memory.get (i32.const 64) (i32.const 7) (i32.const 512))\n\
        (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 120)))))";

/// An attack, and which of its host calls the guard is against.
fn tried() -> Vec<(Attack, &'static str)> {
    let named = |name: &str| attack(name).unwrap();
    // Whoever it calls is busy: the agent is told so, and its call goes on.
    let [mut premium, mut toll] = ["transfers/premium#0", "transfers/toll#0"].map(named);
    (premium.busy, toll.busy) = (true, true);
    vec![
        (named("connectors/inside#0"), "connectors.send"),
        (named("connectors/rebinding#0"), "connectors.send"),
        (named("connectors/two-addresses#0"), "connectors.send"),
        (named("connectors/methods#0"), "connectors.send"),
        (premium, "call.transfer"),
        (toll, "call.transfer"),
        (named("bounds/ungranted#0"), "memory.get"),
        (Attack::written("bounds/too-fast", TOO_FAST).unwrap(), "memory.get"),
        (named("model/card#0"), "model.chat"),
    ]
}

/// How the host calls of an import were answered.
fn answered(records: &[Record], import: &str) -> Vec<HostStatus> {
    let mut asked = BTreeMap::new();
    let mut answered = Vec::new();
    for record in records {
        match &record.body {
            RecordBody::HostCallStarted(started) => {
                asked.insert(record.seq, started.import.name());
            }
            RecordBody::HostCallEnded(ended) if asked.get(&ended.started) == Some(&import) => {
                answered.push(ended.status);
            }
            _ => {}
        }
    }
    answered
}

/// How each attack was answered in a house whose attackers' tenant has this said of it, and whether a card's number reached the model.
async fn rung(
    outbound: &str,
    said: impl FnOnce(&mut TenantConfig),
) -> (BTreeMap<String, Vec<HostStatus>>, bool) {
    let place = tempfile::tempdir().unwrap();
    let tried = tried();
    let attacks: Vec<Attack> = tried.iter().map(|(attack, _)| attack.clone()).collect();
    let rooms = Rooms::furnish(place.path(), &attacks).unwrap().with(|config| {
        config.outbound = toml::from_str(outbound).unwrap();
        said(config.tenants.iter_mut().find(|tenant| tenant.id.as_str() == "mallory").unwrap());
    });
    let mut house = House::open_in(rooms, &|_| {}).await.unwrap();
    for attack in &attacks {
        house.ring(attack).await.unwrap();
    }
    let journaled = house.journaled(attacks.len()).await.unwrap();
    let mut all = BTreeMap::new();
    for (attack, import) in &tried {
        let calls = &journaled[house.line(attack)];
        let answers = calls.iter().flat_map(|call| answered(&call.records, import)).collect();
        all.insert(attack.name.clone(), answers);
    }
    let told = house.told.lock().iter().any(|chat| format!("{chat:?}").contains("4111 1111"));
    assert_eq!(house.close().await.unwrap(), Vec::<String>::new());
    (all, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_what_the_operators_file_says_each_attack_has_what_it_tried_for() {
    let outbound = "allow-private = [\"127.0.0.1/32\"]";
    let stands = rung(outbound, |tenant| tenant.quota.host_calls_a_second = 20).await;
    let outbound = "allow-private = [\"127.0.0.0/8\"]\ntransfers = { allow = [\"+3389\"] }";
    let taken = rung(outbound, |tenant| {
        for named in &mut tenant.connectors {
            named.connector.methods = vec![Allowed::Get, Allowed::Post, Allowed::Put];
        }
        for line in &mut tenant.lines {
            line.capabilities = Capability::ALL.to_vec();
            line.transfer_to.push("+338".to_owned());
            line.minimise.clear();
        }
    })
    .await;
    let refused = [
        ("connectors/inside#0", HostStatus::Unavailable),
        ("connectors/rebinding#0", HostStatus::Unavailable),
        ("connectors/two-addresses#0", HostStatus::Unavailable),
        ("connectors/methods#0", HostStatus::NotPermitted),
        ("transfers/premium#0", HostStatus::NotPermitted),
        ("transfers/toll#0", HostStatus::NotPermitted),
        ("bounds/ungranted#0", HostStatus::NotPermitted),
        ("bounds/too-fast", HostStatus::OverQuota),
    ];
    for (name, status) in refused {
        assert_eq!(stands.0[name].last(), Some(&status), "{name}: {:?}", stands.0[name]);
        let all = &taken.0[name];
        assert!(!all.is_empty() && all.iter().all(|status| *status == HostStatus::Ok), "{name}: {all:?}");
    }
    assert!(!stands.1, "a card's number reached the model");
    assert!(taken.1, "no card's number reached the model: {:?}", taken.0["model/card#0"]);
}

/// Stores sixty values under keys that begin with this: a third of what its tenant's calls may store in all.
fn stores(key: char) -> Attack {
    let text = format!(
        ";; Stores sixty values of three thousand bytes: it is refused where all calls stored too much.\n;; ends: done\n\
         (data (i32.const 4096) \"{key}a\")\n\
         (func $attack (param $info i32)\n\
           (local $n i32)\n\
           (call $fill (i32.const 8192) (i32.const 0x61) (i32.const 3000))\n\
           (loop $next\n\
             (i32.store8 (i32.const 4097) (i32.add (i32.const 48) (local.get $n)))\n\
             (global.set $heap (i32.const 65536))\n\
             (call $memory.set (i32.const 4096) (i32.const 2) (i32.const 8192) (i32.const 3000) (i32.const 512))\n\
             (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 60)))))"
    );
    Attack::written(&format!("tenants/stores-{key}"), &text).unwrap()
}

/// How many values such calls of one tenant stored, one after the other, and how the last was answered in the end.
async fn stored(most: u64) -> (usize, HostStatus) {
    let place = tempfile::tempdir().unwrap();
    let attacks = ['a', 'b', 'c', 'd'].map(stores);
    let rooms = Rooms::furnish(place.path(), &attacks).unwrap().with(|config| {
        let tenant = config.tenants.iter_mut().find(|tenant| tenant.id.as_str() == "mallory").unwrap();
        tenant.quota.stored_bytes_in_all = most;
    });
    let mut house = House::open_in(rooms, &|_| {}).await.unwrap();
    for attack in &attacks {
        house.ring(attack).await.unwrap();
    }
    let journaled = house.journaled(attacks.len()).await.unwrap();
    let answers = |attack: &Attack| -> Vec<HostStatus> {
        let calls = &journaled[house.line(attack)];
        calls.iter().flat_map(|call| answered(&call.records, "memory.set")).collect()
    };
    let all: Vec<HostStatus> = attacks.iter().flat_map(answers).collect();
    assert_eq!(house.close().await.unwrap(), Vec::<String>::new());
    assert_eq!(all.len(), 4 * 60);
    (all.iter().filter(|status| **status == HostStatus::Ok).count(), all[all.len() - 1])
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bound_of_all_calls_a_tenant_fills_the_disk_call_by_call() {
    // A value takes 2 bytes of its key, 3,000 of its own and 73 that seal it.
    assert_eq!(stored(500_000).await, (500_000 / 3_075, HostStatus::OverQuota));
    assert_eq!(stored(u64::MAX).await, (4 * 60, HostStatus::Ok));
}
