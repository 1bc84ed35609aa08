//! A power cut at any moment: what a real workload told the disk is written down, and for every beginning of it the states
//! that the disk may be in are rebuilt, opened, and read. Nothing that was acknowledged may be missing, nothing there that
//! nobody asked for, and the log must go on. What a start does after a power cut is such a workload too: it may be cut off
//! in its turn.
//!
//! The form that CI runs looks at some 1,500 different disks. The long one goes on, from seed to seed, until there were as many
//! as it is asked for; `PARLOIR_SEED` begins at a seed that an earlier one printed:
//!
//! ```text
//! PARLOIR_STATES=10000 cargo test --release -p parloir-journal --test power_cut nothing_acknowledged -- --nocapture
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod disk;

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use disk::{Fate, Keeps, Model, Random, Step, Traced};
use parking_lot::Mutex;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    CallEnded, CallStarted, Erasure, Journal, Note as Remark, Purposes, ReadError, Record, RecordBody,
    RecordingBlock, Scope, check_since, published_keys, read_call,
};
use parloir_proof::note::Note;
use parloir_proof::tile::WIDTH;
use parloir_store::Keyring;
use parloir_store::Volatile;
use parloir_store::disk::Disk;

/// Bytes of a segment: small, so that every run goes through some.
const SEGMENT: u64 = 4 << 10;

/// How much is looked at.
struct Form {
    /// Different disks, at least.
    states: usize,
    /// Fates of what was not synced after each step.
    fates: u64,
    /// First power cuts, after which the start is cut off too.
    cuts: u64,
    /// Disks that each of those starts may leave, at most.
    of_each: usize,
    /// Disks about the time when a tile of the tree becomes whole, at most.
    of_tile: usize,
}

impl Form {
    /// The short form, or the long one, where `PARLOIR_STATES` asks for so many different disks. `PARLOIR_FATES` changes how
    /// many fates there are of each step.
    fn asked() -> Self {
        let fates = number("PARLOIR_FATES");
        match number("PARLOIR_STATES") {
            None => Self { states: 1_000, fates: fates.unwrap_or(1), cuts: 8, of_each: 10, of_tile: 60 },
            Some(states) => Self {
                states: states as usize,
                fates: fates.unwrap_or(6),
                cuts: 60,
                of_each: 60,
                of_tile: usize::MAX,
            },
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

/// What somebody was told, or asked for.
#[derive(Debug, Clone)]
enum Said {
    /// A remark is about to be given to the journal.
    Asked(String),
    /// It is in the journal, and so is everything before it.
    Acknowledged { call: CallId, seq: u64, text: String },
    /// The call is closed, and in the journal.
    Closed(CallId),
    /// A call is about to be erased.
    ErasureAsked(CallId),
    /// It can be read no more.
    Erased(CallId),
    /// Somebody outside may have this checkpoint.
    Published(Note),
    /// The log has as many keys.
    Rotated { tenant: TenantId, keys: usize },
}

fn tenant(number: u8) -> TenantId {
    format!("tenant-{number}").parse().unwrap()
}

/// Whose call it is: a matter of its first byte.
fn owner(call: CallId) -> TenantId {
    tenant(call.as_bytes()[0] % 2)
}

fn remark(text: &str) -> RecordBody {
    RecordBody::Note(Remark { text: text.to_owned() })
}

/// Journal and keys in a folder.
async fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<Journal, String> {
    let kms = Keyring::open_on(Arc::clone(&disk), root.join("keys")).map_err(|error| error.to_string())?;
    let store = Arc::new(Volatile::default());
    let opened = Journal::open_sized(disk, root.join("data"), Arc::new(kms), store, SEGMENT).await;
    opened.map_err(|error| error.to_string())
}

async fn publish(journal: &Journal, disk: &Traced<Said>) {
    journal.publish().await;
    for number in 0..2 {
        if let Some(note) = journal.checkpoint(&tenant(number)).await.unwrap() {
            disk.say(Said::Published(note));
        }
    }
}

/// One run of a program: calls of two tenants, records that are waited for and records that are not, recordings,
/// checkpoints, a change of keys, calls that end and calls that are cut off with it.
async fn session(disk: &Traced<Said>, root: &Path, number: u8, random: &mut Random) {
    let journal = open(Arc::new(disk.clone()), root).await.unwrap();
    let mut calls = Vec::new();
    for place in 0..4 {
        let id = CallId::from_bytes([number * 16 + place; 16]);
        calls.push((id, journal.open_call(&owner(id), id, CallStarted::default()).await.unwrap()));
    }
    for step in 0..48_u32 {
        let (id, call) = &calls[random.below(calls.len() as u64) as usize];
        for between in 0..random.below(4) {
            let text =
                format!("{number} {step} between {between} {}", "x".repeat(random.below(900) as usize));
            disk.say(Said::Asked(text.clone()));
            call.append(remark(&text)).unwrap();
        }
        if random.below(4) == 0 {
            call.recording(RecordingBlock { second: step, bytes: vec![step as u8; 900] }).unwrap();
        }
        let text = format!("{number} {step}");
        disk.say(Said::Asked(text.clone()));
        let seq = call.append_durable(remark(&text)).await.unwrap();
        disk.say(Said::Acknowledged { call: *id, seq, text });
        if step % 9 == 8 {
            publish(&journal, disk).await;
        }
        if step == 20 {
            let tenant = tenant(number % 2);
            journal.rotate_log_key(&tenant).await.unwrap();
            let keys = published_keys(root.join("data"), &tenant).await.unwrap().len();
            disk.say(Said::Rotated { tenant, keys });
        }
    }
    for (id, call) in calls.drain(..2) {
        call.close(CallEnded::default()).await.unwrap();
        disk.say(Said::Closed(id));
    }
    publish(&journal, disk).await;
    // One of this run's, and one of the run before, which was cut off.
    let mut going = vec![number * 16];
    going.extend(number.checked_sub(1).map(|before| before * 16 + 3));
    for id in going.into_iter().map(|byte| CallId::from_bytes([byte; 16])) {
        disk.say(Said::ErasureAsked(id));
        let erasure = Erasure { calls: vec![id], purposes: Purposes::ALL, ..Erasure::default() };
        assert_eq!(journal.erase(&owner(id), erasure).await.unwrap().calls, 1);
        disk.say(Said::Erased(id));
    }
    publish(&journal, disk).await;
    journal.shutdown().await;
}

/// What the disk is told by three runs one after another.
fn trace(root: &Path, keeps: Keeps, seed: u64) -> Vec<Step<Said>> {
    let disk = Traced::new(root, keeps);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut random = Random(seed);
        for number in 0..3 {
            session(&disk, root, number, &mut random).await;
        }
    });
    disk.steps()
}

/// One call of a chunk more than a tile of the tree is wide, and some. Returns what the disk is told, and how many steps it takes to
/// a few chunks before that.
fn trace_of_a_tile(root: &Path) -> (Vec<Step<Said>>, usize) {
    let disk = Traced::new(root, Keeps::All);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let from = runtime.block_on(async {
        let journal = open(Arc::new(disk.clone()), root).await.unwrap();
        let id = CallId::from_bytes([2; 16]);
        let call = journal.open_call(&owner(id), id, CallStarted::default()).await.unwrap();
        let near = WIDTH - 4;
        let mut from = 0;
        for number in 0..near + 10 {
            if number == near {
                publish(&journal, &disk).await;
                from = disk.count();
            }
            let text = format!("long {number}");
            disk.say(Said::Asked(text.clone()));
            // Waited for, each is a chunk of its own.
            let seq = call.append_durable(remark(&text)).await.unwrap();
            disk.say(Said::Acknowledged { call: id, seq, text });
            if number >= near && number % 3 == 2 {
                publish(&journal, &disk).await;
            }
        }
        call.close(CallEnded::default()).await.unwrap();
        disk.say(Said::Closed(id));
        publish(&journal, &disk).await;
        journal.shutdown().await;
        from
    });
    (disk.steps(), from)
}

/// Opens what is in a folder as the next start would, and holds it against what was said.
async fn check(root: &Path, said: &[&Said]) -> Result<(), String> {
    let journal = open(Arc::new(parloir_store::disk::OsDisk), root).await?;
    let held = hold(&journal, root, said).await;
    journal.shutdown().await;
    held
}

async fn hold(journal: &Journal, root: &Path, said: &[&Said]) -> Result<(), String> {
    let mut calls: HashMap<CallId, Vec<Record>> = HashMap::new();
    for number in 0..2 {
        let page = journal.calls(&tenant(number), None, 1_000).await.map_err(|error| error.to_string())?;
        for entry in page.calls {
            let records = journal.records(&tenant(number), entry.call).await;
            calls.insert(entry.call, records.map_err(|error| format!("{}: {error}", entry.call))?);
        }
    }
    let mut asked = HashSet::new();
    let going: HashSet<CallId> = said
        .iter()
        .filter_map(|said| match said {
            Said::ErasureAsked(call) => Some(*call),
            _ => None,
        })
        .collect();
    for said in said {
        match said {
            // Whole or nowhere: what of it is there is held to be whole below, by the journal itself.
            Said::Acknowledged { call, .. } | Said::Closed(call)
                if going.contains(call) && !calls.contains_key(call) => {}
            Said::Erased(call) => {
                let kms = Keyring::open(root.join("keys")).map_err(|error| error.to_string())?;
                match read_call(root.join("data"), &kms, &owner(*call), *call, None).await {
                    Err(ReadError::Erased { .. }) => {}
                    other => return Err(format!("BACK is call {call}: {other:?}")),
                }
            }
            Said::ErasureAsked(_) => {}
            Said::Asked(text) => {
                asked.insert(text.as_str());
            }
            Said::Acknowledged { call, seq, text } => {
                let record = calls.get(call).and_then(|records| records.get(*seq as usize));
                if record.map(|record| &record.body) != Some(&remark(text)) {
                    return Err(format!("LOST record {seq} of call {call}: {record:?}"));
                }
            }
            Said::Closed(call) => {
                let last = calls.get(call).and_then(|records| records.last());
                if !last.is_some_and(|record| matches!(record.body, RecordBody::CallEnded(_))) {
                    return Err(format!("LOST the end of call {call}"));
                }
            }
            Said::Published(_) | Said::Rotated { .. } => {}
        }
    }
    let mut found = HashSet::new();
    for record in calls.values().flatten() {
        match &record.body {
            RecordBody::Note(Remark { text }) => {
                if !asked.contains(text.as_str()) || !found.insert(text.as_str()) {
                    return Err(format!("INVENTED {text:?}"));
                }
            }
            RecordBody::CallStarted(_)
            | RecordBody::CallEnded(_)
            | RecordBody::CallInterrupted(_)
            | RecordBody::Erased(_)
            | RecordBody::RecordingStored(_) => {}
            other => return Err(format!("INVENTED {other:?}")),
        }
    }
    journal.publish().await;
    // Of the checkpoints, the newest of each log: the older ones are of its beginning.
    let origin = |note: &Note| note.text.split('\n').next().map(str::to_owned);
    let mut newest = HashMap::new();
    for said in said {
        if let Said::Published(note) = said {
            newest.insert(origin(note), note);
        }
    }
    for said in said {
        match said {
            Said::Published(note)
                if !note.text.contains("\n0\n")
                    && newest.get(&origin(note)).is_some_and(|newest| std::ptr::eq(*newest, note)) =>
            {
                check_since(root.join("data"), note.clone())
                    .await
                    .map_err(|error| format!("LOST {error}"))?;
            }
            Said::Rotated { tenant, keys } => {
                let there = published_keys(root.join("data"), tenant).await.map_err(|e| e.to_string())?.len();
                if there < *keys {
                    return Err(format!("LOST a key of {tenant}'s log: {there} of {keys}"));
                }
            }
            Said::Published(_)
            | Said::Asked(_)
            | Said::Acknowledged { .. }
            | Said::Closed(_)
            | Said::ErasureAsked(_)
            | Said::Erased(_) => {}
        }
    }
    let report = journal.verify(Scope::All).await.map_err(|error| error.to_string())?;
    if !report.is_sound() || report.signed != report.chunks {
        return Err(format!("{} of {} signed, {:?}", report.signed, report.chunks, report.problems));
    }
    Ok(())
}

/// A state of the disk: after so many steps, with such a fate of what was not synced.
type State = (usize, Fate);

/// What a disk was told, and what was on it and had been said before.
struct Run {
    base: Model,
    before: Vec<Said>,
    steps: Vec<Step<Said>>,
}

impl Run {
    /// Of an empty disk.
    fn new(steps: Vec<Step<Said>>) -> Self {
        Self { base: Model::new(), before: Vec::new(), steps }
    }

    /// What was said up to a step.
    fn said(&self, count: usize) -> Vec<&Said> {
        self.before.iter().chain(self.steps[..count].iter().filter_map(said)).collect()
    }
}

/// The disks, with what was promised of them, that were looked at.
type Seen = Mutex<HashSet<u64>>;

/// Rebuilds and checks states on all threads there are, each different disk once. Returns how many there were, and the first
/// that is not as it was promised.
fn check_all(run: &Run, states: &[State], enough: usize, seen: &Seen) -> (usize, Option<(State, String)>) {
    let (next, looked_at) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let wrong: Mutex<Option<(State, String)>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let (mut model, mut applied) = (run.base.clone(), 0);
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(state @ (count, fate)) = states.get(place).copied() else { break };
                    if wrong.lock().is_some() || looked_at.load(Ordering::Relaxed) >= enough {
                        break;
                    }
                    if count < applied {
                        (model, applied) = (run.base.clone(), 0);
                    }
                    run.steps[applied..count].iter().for_each(|step| model.apply(step));
                    applied = count;
                    if !model.is_pending() && fate != Fate::Nothing {
                        // Whatever the fate of nothing.
                        continue;
                    }
                    let tree = model.after(fate);
                    let said = run.said(count);
                    // The same disk under other promises is another state.
                    let mut hasher = DefaultHasher::new();
                    (&tree, said.len()).hash(&mut hasher);
                    if !seen.lock().insert(hasher.finish()) {
                        continue;
                    }
                    let root = place_for_states();
                    tree.write(root.path());
                    let checked = runtime.block_on(check(root.path(), &said));
                    looked_at.fetch_add(1, Ordering::Relaxed);
                    if let Err(why) = checked {
                        wrong.lock().get_or_insert((state, why));
                    }
                }
            });
        }
    });
    (looked_at.into_inner(), wrong.into_inner())
}

fn said(step: &Step<Said>) -> Option<&Said> {
    match step {
        Step::Said(said) => Some(said),
        _ => None,
    }
}

/// In memory where there is such a place: it is written ten thousand times.
fn place_for_states() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Every beginning of the trace from `from` on, without what was not synced, with all of it, and with parts of it.
fn states(steps: usize, from: usize, each: u64, seed: u64) -> Vec<State> {
    let mut states = Vec::new();
    for count in from..=steps {
        states.extend([(count, Fate::Nothing), (count, Fate::All)]);
        states.extend((0..each).map(|n| (count, Fate::Some(seed ^ (count as u64) << 20 ^ n))));
    }
    states
}

/// So many of them, about, whichever.
fn thin(mut states: Vec<State>, most: usize, random: &mut Random) -> Vec<State> {
    let all = states.len() as u64;
    states.retain(|_| random.below(all) < most as u64);
    states
}

fn seed() -> u64 {
    number("PARLOIR_SEED").unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64)
}

/// Checks all of these states. Returns how many different disks there were.
fn hold_all(what: &str, run: &Run, states: &[State], seed: u64, seen: &Seen) -> usize {
    let (looked_at, wrong) = check_all(run, states, usize::MAX, seen);
    if let Some(((count, fate), why)) = wrong {
        let after = count.checked_sub(1).map_or_else(|| "nothing".to_owned(), |at| run.steps[at].to_string());
        panic!("PARLOIR_SEED={seed}, {what}, after step {count} ({after}), {fate:?}: {why}");
    }
    looked_at
}

/// Power cuts in three runs one after another.
fn first_cuts(run: &Run, form: &Form, seed: u64, seen: &Seen) -> usize {
    let segments = run.steps.iter().filter(|step| {
        matches!(step, Step::Create(path) if path.extension().is_some_and(|extension| extension == "seg"))
    });
    // Two tenants have two logs each, and five erasures begin a segment of two.
    assert!(segments.count() > 14, "no segment was full");
    hold_all("a cut", run, &states(run.steps.len(), 0, form.fates, seed), seed, seen)
}

/// Power cuts in the starts after some power cuts in a run.
fn second_cuts(run: &Run, form: &Form, seed: u64, seen: &Seen) -> usize {
    let mut random = Random(!seed);
    let (mut model, mut applied, mut looked_at) = (run.base.clone(), 0, 0);
    for place in 0..form.cuts {
        let all = run.steps.len() as u64;
        let count = ((place * all + random.below(all)) / form.cuts) as usize;
        run.steps[applied..count].iter().for_each(|step| model.apply(step));
        applied = count;
        let fate = Fate::Some(random.next());
        let tree = model.after(fate);
        let root = place_for_states();
        tree.write(root.path());
        let disk = Traced::new(root.path(), Keeps::All);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let journal = open(Arc::new(disk.clone()), root.path()).await;
            let journal = journal.unwrap_or_else(|why| {
                panic!("PARLOIR_SEED={seed}, the start after step {count}, {fate:?}: {why}")
            });
            publish(&journal, &disk).await;
            journal.shutdown().await;
        });
        let before = run.said(count).into_iter().cloned().collect();
        let start = Run { base: Model::of(&tree), before, steps: disk.steps() };
        let seed_of_start = seed ^ count as u64;
        let states = states(start.steps.len(), 0, form.fates, seed_of_start);
        let states = thin(states, form.of_each, &mut random);
        let what = format!("a cut after step {count} with {fate:?}, and one in the start after it");
        looked_at += hold_all(&what, &start, &states, seed, seen);
    }
    looked_at
}

/// Power cuts while a tile of the tree becomes whole.
fn cuts_about_a_whole_tile(form: &Form, seed: u64, seen: &Seen) -> usize {
    let root = place_for_states();
    let (steps, from) = trace_of_a_tile(root.path());
    let whole = Path::new("data/log/tenant-0/tile/0/000");
    let became = |step: &Step<Said>| matches!(step, Step::Rename(_, to) if to == whole);
    assert!(steps[from..].iter().any(became), "no tile became whole");
    let states = states(steps.len(), from, form.fates, seed);
    let states = thin(states, form.of_tile, &mut Random(seed));
    hold_all("a cut about a whole tile", &Run::new(steps), &states, seed, seen)
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_invented_whatever_a_power_cut_leaves() {
    let (form, first, seen) = (Form::asked(), seed(), Seen::default());
    let mut looked_at = 0;
    for round in 0.. {
        let seed = first.wrapping_add(round);
        println!("PARLOIR_SEED={seed}");
        let root = place_for_states();
        let run = Run::new(trace(root.path(), Keeps::All, seed));
        let promises = run.steps.iter().filter_map(said).count();
        let once = first_cuts(&run, &form, seed, &seen);
        let twice = second_cuts(&run, &form, seed, &seen);
        let tile = cuts_about_a_whole_tile(&form, seed, &seen);
        looked_at += once + twice + tile;
        println!(
            "{} steps, {promises} of them promises; {once} states of the disk, {twice} after a second cut, {tile} about a whole \
             tile: {looked_at} so far",
            run.steps.len()
        );
        if looked_at >= form.states {
            break;
        }
    }
}

#[test]
fn a_disk_that_does_not_sync_its_files_is_found_out() {
    lost(Keeps::NoFile);
}

#[test]
fn a_disk_that_does_not_sync_the_segments_alone_is_found_out() {
    lost(Keeps::NoSegment);
}

#[test]
fn a_disk_that_does_not_sync_its_folders_is_found_out() {
    lost(Keeps::NoFolder);
}

fn lost(keeps: Keeps) {
    let seed = seed();
    let root = place_for_states();
    let steps = trace(root.path(), keeps, seed);
    let mut states = states(steps.len(), 0, 1, seed);
    // Where promises have been made.
    states.reverse();
    let (looked_at, wrong) = check_all(&Run::new(steps), &states, 500, &Seen::default());
    let (_, why) = wrong.unwrap_or_else(|| panic!("{keeps:?}: nothing was lost in {looked_at} states"));
    println!("PARLOIR_SEED={seed}: {keeps:?} after {looked_at} states: {why}");
}

/// Killed between writing and syncing, started again, and then the power fails: what the second run signed and promised
/// holds.
#[test]
fn what_a_start_after_a_kill_signs_survives_the_power_cut_after_it() {
    let seed = seed();
    println!("PARLOIR_SEED={seed}");
    let first = place_for_states();
    let steps = trace(first.path(), Keeps::All, seed);
    let unsynced: Vec<_> = steps
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| matches!(pair, [Step::Write(path, _), Step::Sync(_)] if path.starts_with("data/journal")))
        .map(|(place, _)| place + 1)
        .collect();
    let mut looked_at = 0;
    for count in unsynced.iter().copied().step_by(unsynced.len().div_ceil(12).max(1)) {
        let mut model = Model::new();
        steps[..count].iter().for_each(|step| model.apply(step));
        let root = place_for_states();
        model.after(Fate::All).write(root.path());
        let disk = Traced::new(root.path(), Keeps::All);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let journal = open(Arc::new(disk.clone()), root.path()).await.unwrap();
            publish(&journal, &disk).await;
            journal.shutdown().await;
        });
        let mut all = steps[..count].to_vec();
        all.extend(disk.steps());
        let states = states(all.len(), count, 1, seed);
        let what = format!("killed after step {count}");
        looked_at += hold_all(&what, &Run::new(all), &states, seed, &Seen::default());
    }
    println!("{looked_at} states of the disk");
    assert!(looked_at > 200, "{looked_at}");
}
