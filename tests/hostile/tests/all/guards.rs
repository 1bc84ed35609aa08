//! Each guard in its place, and taken away. Taken away, the attack that it is against succeeds: so every attack does what its
//! sentence says, and what says that it failed would notice if it had not.
//!
//! No switch of the product takes a guard away. Settings are given other values, and layers are hung without one, by
//! `parloir_hostile::stage`.

use std::time::Duration;

use parloir_attest::bombs::{bombs, enormous};
use parloir_attest::{Attack, CREDENTIAL, SECRETS, attack, attacks};
use parloir_contract::{HostCall, HostReturn, Refusal};
use parloir_hostile::stage::{Guards, Went, attempt, attempt_in};
use parloir_sandbox::{Budget, FailureKind, Sandbox, Settings};

/// Four places: the pool of a thousand is not what is tested.
fn settings() -> Settings {
    Settings { instances: 4, ..Settings::default() }
}

fn kind(went: &Went) -> Option<FailureKind> {
    went.answered.outcome.as_ref().err().map(|failure| failure.kind)
}

/// With these settings the attack ends so; with those it has what it tried for.
async fn a_setting(name: &str, ends: Option<FailureKind>, without: Settings, budget: Budget) {
    let attack = attack(name).unwrap();
    let stands = attempt(&attack, settings(), Budget::default(), Guards::ALL, "").await;
    assert_eq!(kind(&stands), ends, "{name}: {stands:?}");
    assert!(!stands.escaped(), "{name}: {stands:?}");
    let taken = attempt(&attack, without, budget, Guards::ALL, "").await;
    assert!(taken.escaped(), "{name}: {:?}", taken.answered);
}

/// With all guards the attack ends by itself and has nothing; without this one it has what it tried for.
async fn a_layer(name: &str, without: Guards) -> Went {
    a_layer_in(&Sandbox::new(settings(), None).unwrap(), name, without).await
}

/// The same in a sandbox for several.
async fn a_layer_in(sandbox: &Sandbox, name: &str, without: Guards) -> Went {
    let attack = attack(name).unwrap();
    let stands = attempt_in(sandbox, &attack, Budget::default(), Guards::ALL, "").await;
    assert_eq!(kind(&stands), None, "{name}: {stands:?}");
    assert!(!stands.escaped(), "{name}: {stands:?}");
    let taken = attempt_in(sandbox, &attack, Budget::default(), without, "").await;
    assert!(taken.escaped(), "{name}: {taken:?}");
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_budget_of_cpu_time_an_agent_spins_for_as_long_as_it_likes() {
    let spin = attack("spin/answer").unwrap();
    let stands = attempt(&spin, settings(), Budget::default(), Guards::ALL, "").await;
    assert_eq!(kind(&stands), Some(FailureKind::TurnCpu), "{stands:?}");
    let long = Duration::from_secs(3_600);
    let endless = Budget { turn_cpu: long, call_cpu: long, ..Budget::default() };
    let attempt = attempt(&spin, settings(), endless, Guards::ALL, "");
    assert!(tokio::time::timeout(Duration::from_secs(5), attempt).await.is_err(), "it came to an end");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_budget_of_the_call_an_agent_computes_a_little_in_every_turn() {
    let text = ";; Computes for a little while in each of a hundred turns: it is stopped.\n;; ends: budget\n\
        (func $attack (param $info i32)\n\
          (local $turns i32) (local $n i32)\n\
          (loop $turn\n\
            (local.set $n (i32.const 5000000))\n\
            (loop $burn (br_if $burn (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))\n\
            (call $listen (i32.const 500))\n\
            (br_if $turn (i32.lt_u (local.tee $turns (i32.add (local.get $turns) (i32.const 1))) (i32.const 100))))\n\
          (call $escaped))";
    let often = Attack::written("spin/every-turn", text).unwrap();
    let call_cpu = Duration::from_millis(50);
    let stands = attempt(&often, settings(), Budget { call_cpu, ..Budget::default() }, Guards::ALL, "").await;
    assert_eq!(kind(&stands), Some(FailureKind::CallCpu), "{stands:?}");
    let (turn_cpu, call_cpu) = (Duration::from_secs(10), Duration::from_secs(3_600));
    let endless = Budget { turn_cpu, call_cpu, ..Budget::default() };
    let taken = attempt(&often, settings(), endless, Guards::ALL, "").await;
    assert!(taken.escaped(), "{:?}", taken.answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_share_of_memory_an_agent_takes_more() {
    let more = Budget { memory: 64 << 20, ..Budget::default() };
    a_setting("memory/steps", Some(FailureKind::Memory), settings(), more).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_of_tables_an_agent_fills_them() {
    let without = Settings { table_elements: 200_000, ..settings() };
    a_setting("tables/grown", None, without, Budget::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_of_one_host_call_an_agent_has_the_host_allocate() {
    let without = Settings { host_call_bytes: 64 << 20, ..settings() };
    a_setting("values/long-text#0", Some(FailureKind::Trap), without, Budget::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_of_handles_an_agent_has_the_host_keep_them() {
    let without = Settings { handles: 1_000_000, ..settings() };
    a_setting("reach/handles#0", Some(FailureKind::Trap), without, Budget::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_of_the_stack_an_agent_recurses_deeper() {
    let text = ";; Recurses thirty thousand deep: it is stopped.\n;; ends: stack\n\
        (func $deeper (param $n i64) (result i64)\n\
          (if (result i64) (i64.eqz (local.get $n))\n\
            (then (i64.const 0))\n\
            (else (i64.add (call $deeper (i64.sub (local.get $n) (i64.const 1))) (local.get $n)))))\n\
        (func $attack (param $info i32)\n\
          (if (i64.ne (call $deeper (i64.const 30000)) (i64.const 0)) (then (call $escaped))))";
    let deep = Attack::written("stack/thirty-thousand", text).unwrap();
    let small = Settings { wasm_stack: 128 << 10, ..settings() };
    let stands = attempt(&deep, small, Budget::default(), Guards::ALL, "").await;
    assert_eq!(kind(&stands), Some(FailureKind::Stack), "{stands:?}");
    let large = Settings { wasm_stack: 8 << 20, fiber_stack: 16 << 20, ..settings() };
    let taken = attempt(&deep, large, Budget::default(), Guards::ALL, "").await;
    assert!(taken.escaped(), "{:?}", taken.answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_recurses_to_its_stacks_end_has_the_host_begin_there() {
    let sandbox = Sandbox::new(settings(), None).unwrap();
    let asking =
        attacks().unwrap().into_iter().filter(|attack| attack.name.starts_with("stack/host-at-the-end"));
    let mut tried = 0;
    for attack in asking {
        let went = attempt_in(&sandbox, &attack, Budget::default(), Guards::ALL, "").await;
        assert_eq!(kind(&went), Some(FailureKind::Stack), "{}: {went:?}", attack.name);
        // It asks from far down on, at every eighth depth, and goes on.
        assert!(went.got.len() > 2, "{}: {went:?}", attack.name);
        tried += 1;
    }
    assert!(tried > 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_of_a_file_an_agent_may_be_enormous() {
    let bomb = enormous(2 << 20).unwrap();
    let small = Settings { component_bytes: 1 << 20, ..settings() };
    let refused = Sandbox::new(small, None).unwrap().load(bomb.bytes.clone()).await.err().unwrap();
    assert!(refused.to_string().contains(bomb.said), "{refused}");
    assert!(Sandbox::new(settings(), None).unwrap().load(bomb.bytes).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_of_a_function_the_compiler_is_kept_busy() {
    let bomb = bombs().unwrap().into_iter().find(|bomb| bomb.name == "long-function").unwrap();
    let refused = Sandbox::new(settings(), None).unwrap().load(bomb.bytes.clone()).await.err().unwrap();
    assert!(refused.to_string().contains(bomb.said), "{refused}");
    let without = Settings { function_bytes: 64 << 20, ..settings() };
    let compiled = Sandbox::new(without, None).unwrap().load(bomb.bytes).await.err().unwrap();
    // It is no agent, but the compiler had to find that out.
    assert!(compiled.to_string().contains("world"), "{compiled}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_permission_an_agent_uses_what_it_did_not_declare() {
    a_layer("bounds/undeclared#0", Guards { permission: false, ..Guards::ALL }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_quota_an_agent_asks_as_often_as_it_likes() {
    let text = ";; Asks two hundred times where it may a hundred times: it is refused.\n;; ends: done\n\
        (func $attack (param $info i32)\n\
          (local $n i32)\n\
          (loop $next\n\
            (call $memory.get (i32.const 64) (i32.const 7) (i32.const 512))\n\
            (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 200))))\n\
          (call $must-refuse))";
    let asks = Attack::written("bounds/two-hundred", text).unwrap();
    let quota = "host-calls = 100";
    let stands = attempt(&asks, settings(), Budget::default(), Guards::ALL, quota).await;
    assert!(kind(&stands).is_none() && !stands.escaped(), "{:?}", stands.answered);
    assert_eq!(stands.reached.len(), 100);
    let without = Guards { quota: false, ..Guards::ALL };
    let taken = attempt(&asks, settings(), Budget::default(), without, quota).await;
    assert!(taken.escaped() && taken.reached.len() == 200, "{:?}", taken.answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn past_its_host_calls_an_agent_is_stopped_before_it_is_told_a_time_that_is_none() {
    let clock = attack("probes/clock-past-quota").unwrap();
    let went = attempt(&clock, settings(), Budget::default(), Guards::ALL, "host-calls = 100").await;
    assert_eq!(kind(&went), Some(FailureKind::Stopped), "{:?}", went.answered);
    assert_eq!((went.reached.len(), went.got.len()), (100, 100));
}

/// Does something so often, and says whether it was refused at last.
fn again(what: &str, times: u32) -> Attack {
    let text = format!(
        ";; Asks {times} times: it is refused.\n;; ends: done\n\
         (func $attack (param $info i32)\n\
           (local $n i32)\n\
           (call $fill (i32.const 8192) (i32.const 0x61) (i32.const 4000))\n\
           (loop $next\n\
             (global.set $heap (i32.const 65536))\n\
             {what}\n\
             (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {times}))))\n\
           (call $must-refuse))"
    );
    Attack::written("bounds/again", &text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_each_quota_an_agent_has_as_much_of_it_as_it_asks_for() {
    let say = "(call $call.say (i32.const 8192) (i32.const 4000) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
               (i32.const 512))";
    let set =
        "(call $memory.set (i32.const 64) (i32.const 7) (i32.const 8192) (i32.const 3000) (i32.const 512))";
    // The host's part in it is done within the agent's time, here without optimisation.
    let budget =
        Budget { turn_cpu: Duration::from_secs(30), call_cpu: Duration::from_secs(60), ..Budget::default() };
    for (asks, stands, without) in [
        (again(say, 3), "speech-characters = 10000", "speech-characters = 100000"),
        (
            again("(call $listen (i32.const 500))", 20),
            "transcribed-seconds = 10",
            "transcribed-seconds = 100",
        ),
        (again(set, 5), "stored-bytes = 10000", "stored-bytes = 100000"),
        (
            attack("tenants/stores-in-every-call#0").unwrap(),
            "stored-bytes-in-all = 100000",
            "stored-bytes-in-all = 10000000",
        ),
        (attack("model/tokens").unwrap(), "", "model-tokens = 10000000"),
        (attack("model/tools-for-nothing").unwrap(), "", "model-tokens = 10000000"),
        (attack("connectors/flood").unwrap(), "", "egress-bytes = 100000000"),
    ] {
        let refused = attempt(&asks, settings(), budget, Guards::ALL, stands).await;
        assert!(kind(&refused).is_none() && !refused.escaped(), "{stands}: {:?}", refused.answered);
        let last = refused.got.last().and_then(HostReturn::refusal);
        assert!(matches!(last, Some(Refusal::OverQuota(_))), "{stands}: {last:?}");
        let taken = attempt(&asks, settings(), budget, Guards::ALL, without).await;
        assert!(taken.escaped(), "{without}: {:?}", taken.answered);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_minimisation_a_card_reaches_the_model() {
    for name in ["model/card#0", "model/card#1", "model/card#2"] {
        let card = attack(name).unwrap();
        let reaches = |went: &Went| {
            let chats = went.reached.iter().filter(|call| matches!(call, HostCall::Chat(_)));
            chats.clone().count() == 1
                && chats.map(|call| format!("{call:?}")).any(|call| call.contains("4111 1111"))
        };
        let stands = attempt(&card, settings(), Budget::default(), Guards::ALL, "").await;
        assert!(!reaches(&stands), "{name}: {:?}", stands.reached);
        let without = Guards { minimisation: false, ..Guards::ALL };
        let taken = attempt(&card, settings(), Budget::default(), without, "").await;
        assert!(reaches(&taken), "{name}: {:?}", taken.reached);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_store_of_ones_own_the_neighbours_memory_is_read() {
    let taken = a_layer("tenants/memory#0", Guards { own_store: false, ..Guards::ALL }).await;
    let secret = format!("{SECRETS}: memory").into_bytes();
    let read = |answer: &HostReturn| match answer {
        HostReturn::GetMemory(Ok(Some(value))) => value.to_vec() == secret,
        _ => false,
    };
    assert!(taken.got.iter().any(read), "{:?}", taken.got);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_store_of_ones_own_the_neighbours_memory_is_guessed_and_appointments_are_cancelled() {
    for name in ["tenants/memory-guessed", "tenants/appointments#0", "tenants/cancels"] {
        a_layer(name, Guards { own_store: false, ..Guards::ALL }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_one_folder_the_neighbours_documents_are_read() {
    a_layer("tenants/documents-searched", Guards { one_folder: false, ..Guards::ALL }).await;
    let taken = a_layer("tenants/documents#0", Guards { one_folder: false, ..Guards::ALL }).await;
    let read = |answer: &HostReturn| match answer {
        HostReturn::ReadDocument(Ok(text)) => text.contains(SECRETS),
        _ => false,
    };
    assert!(taken.got.iter().any(read), "{:?}", taken.got);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_of_destinations_any_number_is_called() {
    // One that the installation dials.
    a_layer("transfers/premium#9", Guards { destinations: false, ..Guards::ALL }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_what_the_installation_does_not_dial_a_line_that_lists_much_is_called_at_a_premium() {
    let sandbox = Sandbox::new(settings(), None).unwrap();
    for attack in attacks().unwrap().iter().filter(|attack| attack.name.starts_with("transfers/toll#")) {
        a_layer_in(&sandbox, &attack.name, Guards { dials: false, ..Guards::ALL }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_lines_list_the_neighbours_connector_is_used() {
    a_layer("connectors/names#0", Guards { permission: false, ..Guards::ALL }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_what_keeps_paths_below_an_address_the_neighbours_folder_is_read() {
    let taken = a_layer("connectors/paths#0", Guards { below: false, ..Guards::ALL }).await;
    let read = |answer: &HostReturn| match answer {
        HostReturn::SendRequest(Ok(answer)) => answer.body.contains(SECRETS),
        _ => false,
    };
    assert!(taken.got.iter().any(read), "{:?}", taken.got);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_what_sees_through_blanks_a_step_above_is_taken_for_a_name() {
    let sandbox = Sandbox::new(settings(), None).unwrap();
    let without = Guards { unseen: false, ..Guards::ALL };
    for spelling in [0, 1, 2, 3, 5, 7, 8, 9, 10, 11] {
        let name = format!("connectors/padded-dots#{spelling}");
        let taken = a_layer_in(&sandbox, &name, without).await;
        let read = |answer: &HostReturn| match answer {
            HostReturn::SendRequest(Ok(answer)) => answer.body.contains(SECRETS),
            _ => false,
        };
        assert!(taken.got.iter().any(read), "{name}: {:?}", taken.got);
    }
    // A part that is blank alone leads nowhere above, but is nobody's name.
    a_layer_in(&sandbox, "connectors/padded-dots#6", without).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_redirects_are_followed_and_answers_have_no_length_an_agent_has_what_they_lead_to() {
    a_layer("connectors/redirect", Guards { redirects: false, ..Guards::ALL }).await;
    a_layer("connectors/huge-answer", Guards { lengths: false, ..Guards::ALL }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_list_of_addresses_a_request_goes_inside() {
    for name in ["connectors/inside#0", "connectors/inside#1"] {
        let taken = a_layer(name, Guards { addresses: false, ..Guards::ALL }).await;
        let read = |answer: &HostReturn| match answer {
            HostReturn::SendRequest(Ok(answer)) => answer.body.contains(SECRETS),
            _ => false,
        };
        assert!(taken.got.iter().any(read), "{name}: {:?}", taken.got);
    }
}

/// Whether an agent read what listens inside.
fn read_inside(went: &Went) -> bool {
    went.got.iter().any(|answer| match answer {
        HostReturn::SendRequest(Ok(answer)) => answer.body.contains(SECRETS),
        _ => false,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_list_of_addresses_a_name_leads_inside_however_that_is_written() {
    let families = ["connectors/rebinding#", "connectors/two-addresses#"];
    let names: Vec<String> = attacks().unwrap().into_iter().map(|attack| attack.name).collect();
    let sandbox = Sandbox::new(settings(), None).unwrap();
    for family in families {
        let all: Vec<&String> = names.iter().filter(|name| name.starts_with(family)).collect();
        assert_eq!(all.len(), 9, "{family}");
        for name in all {
            let taken = a_layer_in(&sandbox, name, Guards { addresses: false, ..Guards::ALL }).await;
            assert!(read_inside(&taken), "{name}: {:?}", taken.got);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_name_is_looked_up_again_for_its_connection_what_was_checked_is_not_what_is_reached() {
    for name in ["connectors/rebinding#0", "connectors/rebinding#1", "connectors/rebinding#2"] {
        let taken = a_layer(name, Guards { pinned: false, ..Guards::ALL }).await;
        assert!(read_inside(&taken), "{name}: {:?}", taken.got);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_what_is_taken_out_of_answers_an_agent_is_told_the_credential() {
    let told = |went: &Went| {
        went.got.iter().any(|answer| match answer {
            HostReturn::SendRequest(Ok(answer)) => answer.body.contains(CREDENTIAL),
            _ => false,
        })
    };
    let echo = attack("connectors/echo").unwrap();
    let stands = attempt(&echo, settings(), Budget::default(), Guards::ALL, "").await;
    assert!(kind(&stands).is_none() && !told(&stands), "{stands:?}");
    let without = Guards { credentials: false, ..Guards::ALL };
    let taken = attempt(&echo, settings(), Budget::default(), without, "").await;
    assert!(told(&taken), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_bounds_a_sentence_has_no_end() {
    let sandbox = Sandbox::new(settings(), None).unwrap();
    let without = Guards { bounds: false, ..Guards::ALL };
    a_layer_in(&sandbox, "transfers/long-announcement", without).await;
    a_layer_in(&sandbox, "bounds/report-fields", without).await;
    let answered = ["call.say", "call.ask", "call.listen", "memory.", "documents.search", "report.set"];
    let mut tried = 0;
    for attack in attacks().unwrap().iter().filter(|attack| attack.name.starts_with("bounds/refused#")) {
        let import = attack.refused.as_ref().unwrap().import.as_str();
        if answered.iter().any(|known| import.starts_with(known)) {
            a_layer_in(&sandbox, &attack.name, without).await;
            tried += 1;
        }
    }
    assert!(tried >= 16, "{tried}");
}

/// One place in the pool: whoever comes after has the very memory and tables of whoever was there before.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_agent_leaves_in_its_place_the_next_one_does_not_find() {
    let sandbox = Sandbox::new(Settings { instances: 1, ..Settings::default() }, None).unwrap();
    for _ in 0..3 {
        for name in ["probes/plants", "memory/uninitialised", "tables/left-by-others", "probes/locals"] {
            let went = attempt_in(&sandbox, &attack(name).unwrap(), Budget::default(), Guards::ALL, "").await;
            assert!(kind(&went).is_none() && !went.escaped(), "{name}: {:?}", went.answered);
        }
    }
    // Who looks where it planted itself finds it: looking works.
    let text = ";; Plants and looks in one call: it finds what it planted.\n;; ends: done\n\
        (table $t 1 20000 funcref)\n\
        (elem declare func $say)\n\
        (func $attack (param $info i32)\n\
          (call $pages (i32.const 480))\n\
          (i64.store (i32.const 30000000) (i64.const 0x5952414e4143))\n\
          (drop (table.grow $t (ref.func $say) (i32.const 10)))\n\
          (if (i32.and\n\
                (i64.ne (i64.load (i32.const 30000000)) (i64.const 0))\n\
                (i32.eqz (ref.is_null (table.get $t (i32.const 5)))))\n\
            (then (call $escaped))))";
    let both = Attack::written("probes/plants-and-looks", text).unwrap();
    let went = attempt_in(&sandbox, &both, Budget::default(), Guards::ALL, "").await;
    assert!(went.escaped(), "{:?}", went.answered);
}
