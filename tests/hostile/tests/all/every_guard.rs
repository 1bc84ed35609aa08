//! Every bound of an agent and of a tenant, and every layer around an agent, by name: which test takes it away and sees an attack
//! succeed, or shows it at work, or why neither does. A new one does not compile until it is here, and a test that is gone is missed.

use std::collections::HashMap;

use parloir_hostile::root;
use parloir_hostile::stage::Guards;
use parloir_sandbox::{Budget, Settings, Shape};
use parloir_tenancy::quota::Quota;

/// Where guards are taken away.
const TAKEN_AWAY: [&str; 2] = ["tests/hostile/tests/all/guards.rs", "tests/hostile/tests/all/bombs.rs"];

const BUSY: &str = "tests/e2e/tests/all/quotas.rs";
const MONTH: &str = "runtime/tenancy/src/month.rs";

/// How a guard is tried.
enum Tried {
    /// A test with a name of its own, in which it is taken away or set lower, and something passes that did not.
    Removed(&'static str),
    /// A test, in a file, of a case in which it refuses and of one in which it does not.
    Shown(&'static str, &'static str),
    /// By none, for a reason.
    Not(&'static str),
}

use Tried::{Not, Removed, Shown};

/// All fields of a structure, each with how it is tried. Where one is missing, or is none, it does not compile.
macro_rules! fields {
    ($of:ident { $($field:ident: $tried:expr,)* }) => {{
        let _all_there_are = |$of { $($field: _),* }: $of| {};
        [$((stringify!($of), stringify!($field), $tried)),*]
    }};
}

type Row = (&'static str, &'static str, Tried);

fn of_one_agent() -> Vec<Row> {
    let pool = "without_the_bounds_of_memories_and_tables_an_agent_empties_the_pool";
    let stack = "without_the_limit_of_the_stack_an_agent_recurses_deeper";
    let laid_out = "without_the_bounds_of_tables_and_memories_they_are_laid_out_though_nobody_has_them";
    let orders = "it says who computes first and refuses nobody anything: `parloir attest` measures what neighbours feel of it";
    let settings = fields!(Settings {
        instances: Not("it is how many answer at one time: who comes later waits, whatever an agent does"),
        memory: Removed(laid_out),
        table_elements: Removed("without_the_limit_of_tables_an_agent_fills_them"),
        core_instances: Removed("without_the_bound_of_instances_a_component_has_as_many_as_it_likes"),
        memories: Removed(pool),
        tables: Removed(pool),
        host_call_bytes: Removed("without_the_limit_of_one_host_call_an_agent_has_the_host_allocate"),
        wasm_stack: Removed(stack),
        fiber_stack: Removed(stack),
        tick: Not(
            "it is how often the budgets of CPU time are looked at, and those are taken away by themselves"
        ),
        threads: Not(orders),
        long: Not(orders),
        nice: Not(orders),
        noisy_percent: Not(orders),
        beside_others: Not(orders),
        component_bytes: Removed("without_the_limit_of_a_file_an_agent_may_be_enormous"),
        function_bytes: Removed("without_the_limit_of_a_function_the_compiler_is_kept_busy"),
        code_bytes: Removed("without_the_bound_of_code_all_of_it_is_compiled"),
        shape: Not("each of its own fields is"),
        handles: Removed("without_the_limit_of_handles_an_agent_has_the_host_keep_them"),
    });
    let budget = fields!(Budget {
        turn_cpu: Removed("without_the_budget_of_cpu_time_an_agent_spins_for_as_long_as_it_likes"),
        call_cpu: Removed("without_the_budget_of_the_call_an_agent_computes_a_little_in_every_turn"),
        memory: Removed("without_its_share_of_memory_an_agent_takes_more"),
    });
    settings.into_iter().chain(budget).collect()
}

fn of_one_component() -> Vec<Row> {
    let stands = "without_the_bound_of_what_stands_a_stack_is_in_the_compilers_way_at_each_branch";
    let ways = "without_the_bounds_of_types_the_engine_writes_a_way_into_each";
    let shape = fields!(Shape {
        parts: Removed("without_the_bound_of_parts_all_of_them_are_compiled"),
        functions: Removed("without_the_bound_of_functions_each_of_them_is_compiled"),
        locals: Removed("without_the_bound_of_locals_a_function_has_as_many_as_it_declares"),
        all_locals: Removed("without_the_bound_of_all_locals_many_functions_have_many"),
        depth: Removed("without_the_bound_of_depth_blocks_are_as_deep_as_they_like"),
        tangle: Removed("without_the_bound_of_a_tangle_the_compiler_unravels_it"),
        tangles: Removed("without_the_bound_of_all_tangles_the_compiler_unravels_each"),
        unfolded: Removed("without_the_bound_of_what_is_unfolded_components_double_each_other"),
        passed: Removed("without_the_bound_of_what_is_passed_the_engine_writes_adapters_that_nobody_counted"),
        passed_values: Removed("without_the_bound_of_what_functions_carry_an_adapter_has_no_end"),
        carried: Removed("without_the_bound_of_what_blocks_carry_they_are_as_wide_as_they_like"),
        all_carried: Removed(
            "without_the_bound_of_what_all_carry_there_are_as_many_wide_functions_as_there_is_room_for"
        ),
        standing: Removed(stands),
        all_standing: Removed(stands),
        type_depth: Removed("without_the_bound_of_deep_types_a_reader_calls_itself_for_each"),
        declared: Removed("without_the_bound_of_declared_instances_each_has_types_of_its_own"),
        retyped: Removed("without_the_bound_of_types_at_each_instance_all_are_gone_through_again"),
        copied: Removed("without_the_bound_of_copies_instances_double_each_other"),
        looked_up: Removed("without_the_bound_of_what_is_looked_up_all_is_copied_for_each_resource"),
        imports: Removed("without_the_bound_of_imports_they_are_looked_up_for_each_instance"),
        types: Removed(ways),
        typed: Removed(ways),
        wide: Removed("without_the_bound_of_wide_functions_each_value_is_taken_by_itself"),
        segments: Removed("without_the_bound_of_pieces_a_module_has_as_many_as_it_likes"),
        started: Removed("without_the_bound_of_what_is_worked_out_at_the_start_it_is_one_long_function"),
    });
    shape.into()
}

fn of_one_tenant() -> Vec<Row> {
    let each = "without_each_quota_an_agent_has_as_much_of_it_as_it_asks_for";
    let used_up = "what_is_used_up_is_refused_and_nothing_else";
    let waits = "a_caller_for_whom_there_is_no_place_waits_and_is_answered_when_another_hangs_up";
    let quota = fields!(Quota {
        concurrent_calls: Shown(BUSY, "at_its_quota_a_tenant_is_turned_away_and_the_other_is_served"),
        weight: Shown("runtime/tenancy/src/admission.rs", "shares_hold_whoever_rings"),
        call_seconds: Shown(BUSY, "past_its_longest_time_a_call_ends_and_its_caller_is_handed_over"),
        turn_cpu_ms: Removed("without_the_budget_of_cpu_time_an_agent_spins_for_as_long_as_it_likes"),
        call_cpu_ms: Removed("without_the_budget_of_the_call_an_agent_computes_a_little_in_every_turn"),
        memory_mib: Removed("without_its_share_of_memory_an_agent_takes_more"),
        host_calls: Removed("without_the_quota_an_agent_asks_as_often_as_it_likes"),
        host_calls_a_second: Shown(
            BUSY,
            "an_agent_that_asks_faster_than_its_quota_is_refused_and_the_journal_says_so_once"
        ),
        speech_characters: Removed(each),
        transcribed_seconds: Removed(each),
        model_tokens: Removed(each),
        stored_bytes: Removed(each),
        stored_bytes_in_all: Removed(each),
        egress_bytes: Removed(each),
        model_tokens_a_month: Shown(MONTH, used_up),
        transcribed_seconds_a_month: Shown(MONTH, used_up),
        speech_characters_a_month: Shown(MONTH, used_up),
        egress_bytes_a_month: Shown(
            MONTH,
            "at_its_cap_of_bytes_to_connectors_a_tenant_is_rejected_or_goes_on_without_them"
        ),
        cpu_seconds_a_month: Shown(
            MONTH,
            "at_its_cap_of_cpu_time_a_tenant_is_rejected_and_calls_that_last_go_on"
        ),
        cost_a_month: Shown(MONTH, "at_its_cap_of_costs_a_tenant_is_rejected_or_degraded_as_its_quota_says"),
        kept_bytes: Shown(
            BUSY,
            "past_what_it_may_keep_a_tenant_is_not_recorded_any_more_and_then_turned_away"
        ),
        at_cap: Shown(BUSY, "when_its_tokens_are_used_up_a_tenant_that_degrades_is_answered_without_a_model"),
        when_full: Shown(BUSY, waits),
        queue_length: Shown(
            "runtime/server/src/places.rs",
            "no_more_wait_than_may_and_in_all_no_more_than_there_are_places_but_of_who_is_below_their_share"
        ),
        queue_seconds: Shown(
            BUSY,
            "who_hangs_up_waits_no_more_and_who_waits_too_long_goes_to_the_fallback_number"
        ),
    });
    quota.into()
}

fn of_layers() -> Vec<Row> {
    let led_on = "where_redirects_are_followed_and_answers_have_no_length_an_agent_has_what_they_lead_to";
    let guards = fields!(Guards {
        permission: Removed("without_permission_an_agent_uses_what_it_did_not_declare"),
        quota: Removed("without_the_quota_an_agent_asks_as_often_as_it_likes"),
        minimisation: Removed("without_minimisation_a_card_reaches_the_model"),
        own_store: Removed("without_a_store_of_ones_own_the_neighbours_memory_is_read"),
        one_folder: Removed("without_one_folder_the_neighbours_documents_are_read"),
        destinations: Removed("without_a_list_of_destinations_any_number_is_called"),
        dials: Removed(
            "without_what_the_installation_does_not_dial_a_line_that_lists_much_is_called_at_a_premium"
        ),
        bounds: Removed("without_bounds_a_sentence_has_no_end"),
        below: Removed("without_what_keeps_paths_below_an_address_the_neighbours_folder_is_read"),
        unseen: Removed("without_what_sees_through_blanks_a_step_above_is_taken_for_a_name"),
        redirects: Removed(led_on),
        lengths: Removed(led_on),
        credentials: Removed("without_what_is_taken_out_of_answers_an_agent_is_told_the_credential"),
        addresses: Removed("without_the_list_of_addresses_a_request_goes_inside"),
        pinned: Removed(
            "where_a_name_is_looked_up_again_for_its_connection_what_was_checked_is_not_what_is_reached"
        ),
    });
    guards.into()
}

/// The tests of a file, each with its body.
fn tests(file: &str) -> HashMap<String, String> {
    let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut lines = text.lines();
    let mut tests = HashMap::new();
    while let Some(line) = lines.next() {
        let (indent, mark) = line.split_at(line.len() - line.trim_start().len());
        if !mark.starts_with("#[test]") && !mark.starts_with("#[tokio::test") {
            continue;
        }
        // Other attributes may stand between.
        let Some(head) = lines.by_ref().find(|line| line.contains("fn ")) else { break };
        let name = head.split_once("fn ").unwrap().1.split('(').next().unwrap().to_owned();
        let end = format!("{indent}}}");
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        tests.insert(name, body.join("\n"));
    }
    tests
}

#[test]
fn every_guard_is_tried_by_a_test_that_there_is_or_says_why_by_none() {
    let taken_away: HashMap<_, _> = TAKEN_AWAY.iter().flat_map(|file| tests(file)).collect();
    assert!(taken_away.len() > 40, "{}", taken_away.len());
    let rows = [of_one_agent(), of_one_component(), of_one_tenant(), of_layers()];
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    assert!(rows.len() > 80, "{}", rows.len());
    for (of, field, tried) in rows {
        let guard = format!("{of}.{field}");
        // As the sandbox's budget has it, and as a quota is written.
        let stem = field.trim_end_matches("_ms").trim_end_matches("_mib").to_owned();
        let names = [stem.replace('_', "-"), stem];
        let body = match tried {
            Removed(test) => {
                taken_away.get(test).cloned().unwrap_or_else(|| panic!("{guard}: no test {test}"))
            }
            Shown(file, test) => {
                tests(file).remove(test).unwrap_or_else(|| panic!("{guard}: no test {test} in {file}"))
            }
            Not(why) => {
                assert!(why.contains(' '), "{guard}: say why");
                continue;
            }
        };
        if matches!(tried, Removed(_)) {
            assert!(names.iter().any(|name| body.contains(name)), "{guard}: its test does not take it away");
        }
    }
}
