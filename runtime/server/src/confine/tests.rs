use std::fs;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use rustix::fs::{XattrFlags, setxattr};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use rustix::process::setpriority_process;
use rustix::thread::{CapabilitySets, sched_getaffinity, sched_setaffinity, set_capabilities};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use super::files::{May, Rule};
use super::*;

/// Names the folder to a test that is run once more in a process of its own, which it confines.
const CHILD: &str = "PARLOIR_CONFINED_CHILD";

/// The folder, in the child.
fn folder() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Runs a test of this file in a process of its own, and holds it to its success.
fn in_a_child(test: &str) {
    in_a_child_of(&std::env::current_exe().unwrap(), test);
}

/// The same, of this program in another file.
fn in_a_child_of(program: &Path, test: &str) {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in
        [("data/kept", "kept"), ("agents/agent.wasm", "component"), ("other/secret", "secret")]
    {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let output = Command::new(program)
        .args(["--exact", &format!("confine::tests::{test}"), "--nocapture", "--test-threads", "1"])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

fn refused<T: std::fmt::Debug>(done: std::io::Result<T>, what: &str) {
    let kind = done.as_ref().err().map(std::io::Error::kind);
    assert_eq!(kind, Some(ErrorKind::PermissionDenied), "{what}: {done:?}");
}

#[test]
fn files_that_no_rule_names_are_out_of_reach() {
    let Some(folder) = folder() else { return in_a_child("files_that_no_rule_names_are_out_of_reach") };
    let (data, agents, other) = (folder.join("data"), folder.join("agents"), folder.join("other"));
    let rules =
        [(May::Write, &data), (May::Read, &agents)].map(|(may, path)| Rule { may, path: path.clone() });
    files::restrict(&rules).unwrap();

    assert_eq!(fs::read(agents.join("agent.wasm")).unwrap(), b"component");
    refused(fs::write(agents.join("agent.wasm"), b"another"), "an agent written");
    refused(fs::write(agents.join("new.wasm"), b"another"), "an agent made");
    refused(fs::remove_file(agents.join("agent.wasm")), "an agent removed");

    fs::create_dir(data.join("below")).unwrap();
    fs::write(data.join("below/new"), b"new").unwrap();
    fs::rename(data.join("below/new"), data.join("kept")).unwrap();
    fs::hard_link(data.join("kept"), data.join("below/again")).unwrap();
    UnixListener::bind(data.join("socket")).unwrap();
    fs::remove_file(data.join("below/again")).unwrap();
    fs::remove_dir(data.join("below")).unwrap();
    assert_eq!(fs::read(data.join("kept")).unwrap(), b"new");

    refused(fs::read(other.join("secret")), "another folder's file");
    refused(fs::read_dir(&other), "another folder");
    refused(fs::read(data.join("../other/secret")), "by a way round");
    std::os::unix::fs::symlink("../other/secret", data.join("link")).unwrap_err();
    refused(Command::new("/bin/true").status(), "a program");
    // Threads that are started from here on are no freer.
    std::thread::spawn(move || refused(fs::read(other.join("secret")), "in another thread")).join().unwrap();
}

#[test]
fn what_is_told_of_a_process_is_read_and_not_what_it_holds_and_they_are_not_listed() {
    if folder().is_none() {
        return in_a_child("what_is_told_of_a_process_is_read_and_not_what_it_holds_and_they_are_not_listed");
    }
    let parent = format!("/proc/{}", std::os::unix::process::parent_id());
    files::restrict(&[Rule { may: May::Look, path: "/proc".into() }]).unwrap();
    // Whoever may measure every process (root may) reads that of some kernels all the same.
    capabilities::give_up(capabilities::of_server(&config(""))).unwrap();
    assert!(fs::read_to_string(format!("{parent}/status")).unwrap().contains("VmRSS:"));
    refused(fs::read(format!("{parent}/environ")), "what it was told");
    refused(fs::read(format!("{parent}/cwd/Cargo.toml")), "where it is");
    refused(fs::read(format!("{parent}/root/etc/passwd")), "what it reaches");
    refused(fs::read_dir("/proc"), "who is there");
}

/// What a thread's status says of its capabilities: those that it has at once, may have, gives programs, keeps through them, and
/// those that they may be given.
fn capabilities_in(status: &str) -> [u64; 5] {
    ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:", "CapBnd:"].map(|name| {
        let set = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(set.trim(), 16).unwrap()
    })
}

#[test]
fn of_capabilities_a_thread_keeps_what_it_says_and_a_program_has_no_more_of_them() {
    if folder().is_none() {
        return in_a_child("of_capabilities_a_thread_keeps_what_it_says_and_a_program_has_no_more_of_them");
    }
    let own = || capabilities_in(&fs::read_to_string("/proc/thread-self/status").unwrap());
    let [had, _, _, _, bounding] = own();
    let left = capabilities::give_up(CapabilitySet::DAC_OVERRIDE).unwrap();
    let kept = had & CapabilitySet::DAC_OVERRIDE.bits();
    // Whoever may not say so leaves it as it was.
    let bounding = if had & CapabilitySet::SETPCAP.bits() == 0 { bounding } else { 0 };
    assert_eq!(own(), [kept, kept, 0, 0, bounding], "{left}");
    assert_eq!(std::thread::spawn(own).join().unwrap(), [kept, kept, 0, 0, bounding], "one that begins now");
    let program = Command::new("cat").arg("/proc/self/status").output().unwrap();
    let [effective, permitted, ..] = capabilities_in(&String::from_utf8(program.stdout).unwrap());
    let given = kept & bounding;
    assert!(effective & !given == 0 && permitted & !given == 0, "{effective:x} {permitted:x}: {left}");
    // A thread that is served later comes back to where this one was, and no further.
    let niceness = || rustix::process::getpriority_process(None).unwrap();
    let (first, both) = (niceness(), (CapabilitySet::SYS_NICE | CapabilitySet::SYS_RESOURCE).bits());
    setpriority_process(None, 19).unwrap();
    if had & both == both {
        setpriority_process(None, first).unwrap();
    }
    refused(setpriority_process(None, first - 1).map_err(std::io::Error::from), "sooner than it was");

    // What is left is given up as well, and the second time there is nothing to ask for.
    capabilities::give_up(CapabilitySet::empty()).unwrap();
    calls::deny_to_agents().unwrap();
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    refused(set_capabilities(None, none).map_err(std::io::Error::from), "capabilities set");
    capabilities::give_up(CapabilitySet::empty()).unwrap();
    assert_eq!(own(), [0, 0, 0, 0, bounding]);
}

#[test]
fn a_program_whose_file_names_capabilities_is_started_once_more() {
    let started = || Command::new("/proc/self/exe").arg("--list").stdout(Stdio::null()).status();
    if folder().is_some() {
        capabilities::give_up(CapabilitySet::DAC_OVERRIDE).unwrap();
        let own = capabilities_in(&fs::read_to_string("/proc/thread-self/status").unwrap());
        assert_eq!(own[4] & CapabilitySet::NET_BIND_SERVICE.bits(), CapabilitySet::NET_BIND_SERVICE.bits());
        assert!(started().unwrap().success());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    // Of form 2, had at once: `setcap cap_net_bind_service=+ep`.
    let mut named = [0_u8; 20];
    named[..4].copy_from_slice(&0x0200_0001_u32.to_le_bytes());
    named[4..8].copy_from_slice(&(1_u32 << 10).to_le_bytes());
    match setxattr(program.as_path(), capabilities::NAMED, &named, XattrFlags::empty()) {
        Ok(()) => {
            in_a_child_of(&program, "a_program_whose_file_names_capabilities_is_started_once_more");
        }
        // Whoever may not write it has no bounding set to empty either.
        Err(error) => {
            let [had, ..] = capabilities_in(&fs::read_to_string("/proc/thread-self/status").unwrap());
            assert_eq!(had & CapabilitySet::SETFCAP.bits(), 0, "{error}");
        }
    }
}

#[test]
fn a_thread_and_a_program_are_started_and_no_more_rights_are_had_by_them() {
    let Some(folder) = folder() else {
        return in_a_child("a_thread_and_a_program_are_started_and_no_more_rights_are_had_by_them");
    };
    let kept = folder.join("data/kept");
    let own = fs::metadata(&kept).unwrap().uid();
    chown(&kept, Some(own), None).unwrap();

    calls::deny().unwrap();
    refused(chown(&kept, Some(own), None), "a file given to somebody");
    refused(std::os::unix::fs::chroot("/"), "another root");
    // A thread and a program are started although `clone3` is not there.
    assert!(std::thread::spawn(|| Command::new("/bin/true").status().unwrap().success()).join().unwrap());
    let within = Command::new("unshare").args(["--user", "true"]).stderr(Stdio::null()).status().unwrap();
    assert_eq!(within.code(), Some(1), "what it starts is confined, too");
}

#[test]
fn of_programs_the_one_that_compiles_is_started_and_by_its_name_no_other() {
    if folder().is_none() {
        return in_a_child("of_programs_the_one_that_compiles_is_started_and_by_its_name_no_other");
    }
    let itself = std::env::current_exe().unwrap();
    let config = config(&format!("{REMOTE_VOICE}kind = \"openai-speech\"\n"));
    let rules = files::rules(&config, Path::new("f"), &Folders::beside("data"), Path::new("m.bin"));
    files::restrict(&rules).unwrap();
    calls::deny().unwrap();
    let lists = Command::new(&itself).arg("--list").stdout(Stdio::null()).status().unwrap();
    assert!(lists.success());
    let again = Command::new("/proc/self/exe").arg("--list").stdout(Stdio::null()).status().unwrap();
    assert!(again.success());
    for program in ["/bin/true", "/bin/sh", "/usr/bin/env"] {
        refused(Command::new(program).status(), program);
    }
}

#[test]
fn what_the_loader_is_given_to_run_is_no_freer_than_the_server() {
    let Some(folder) = folder() else {
        return in_a_child("what_the_loader_is_given_to_run_is_no_freer_than_the_server");
    };
    let Some(loader) = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"]
        .into_iter()
        .find(|loader| Path::new(loader).exists())
    else {
        return;
    };
    let config = config(&format!("{REMOTE_VOICE}kind = \"openai-speech\"\n"));
    let rules = files::rules(&config, Path::new("f"), &Folders::beside("data"), Path::new("m.bin"));
    files::restrict(&rules).unwrap();
    calls::deny().unwrap();
    let secret = folder.join("other/secret");
    let read =
        |file: &Path| Command::new(loader).arg("/bin/cat").arg(file).stdin(Stdio::null()).output().unwrap();
    // It maps what it may read, and what it maps stays within.
    assert!(read(Path::new("/etc/passwd")).status.success());
    let refused = read(&secret);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
}

#[test]
fn a_process_of_agents_reaches_no_file_no_network_and_no_other_process() {
    let Some(folder) = folder() else {
        return in_a_child("a_process_of_agents_reaches_no_file_no_network_and_no_other_process");
    };
    let kept = folder.join("data/kept");
    confine_agents().unwrap();
    refused(fs::read(&kept), "a file");
    refused(fs::write(&kept, "another"), "a file written");
    refused(fs::read_dir("/"), "a folder");
    refused(fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)), "whose it is to read");
    refused(TcpListener::bind("127.0.0.1:0"), "a listener");
    refused(TcpStream::connect("127.0.0.1:9"), "a connection");
    refused(UdpSocket::bind("127.0.0.1:0"), "a datagram");
    refused(UnixListener::bind(folder.join("data/socket")), "a socket of this machine");
    refused(Command::new("/bin/true").status(), "a program");
    let parent = rustix::process::getppid().unwrap();
    refused(rustix::process::test_kill_process(parent).map_err(std::io::Error::from), "a signal");
    // What its executors need.
    let (mut ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.write_all(b"written").unwrap();
    let mut read = [0; 7];
    theirs.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"written");
    let mut nothing = SendAncillaryBuffer::default();
    let sent = sendmsg(&ours, &[IoSlice::new(b"sent")], &mut nothing, SendFlags::empty());
    refused(sent.map_err(std::io::Error::from), "a message to an address, which is not looked at");
    let cores = sched_getaffinity(None).unwrap();
    for whose in [None, Some(parent)] {
        let set = sched_setaffinity(whose, &cores).map_err(std::io::Error::from);
        refused(set, "on which cores a thread runs");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    assert_eq!(runtime.block_on(runtime.spawn(async { 7 })).unwrap(), 7);

    // Once they all run, there are no more, and none of them says when another runs.
    setpriority_process(None, 1).unwrap();
    seal_agents().unwrap();
    refused(std::thread::Builder::new().spawn(|| ()), "a thread");
    for whose in [None, Some(parent)] {
        let set = setpriority_process(whose, 19).map_err(std::io::Error::from);
        refused(set, "when a thread runs");
    }
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    assert_eq!(set, Err(thread_priority::Error::OS(libc::EPERM)), "in which class a thread runs");
    assert_eq!(runtime.block_on(runtime.spawn(async { 8 })).unwrap(), 8, "those that run go on");
}

fn config(text: &str) -> Config {
    toml::from_str(text).unwrap()
}

/// A voice in the operator's file, but for its kind, which follows.
const REMOTE_VOICE: &str = "[[provider]]\nname = \"voice\"\nrole = \"text-to-speech\"\nmodel = \"m\"\nregion = \"EU\"\n\
    legal-mechanism = \"SCC\"\ntrains-on-data = false\nretention-days = 0\nendpoint = \"https://voice.example.com/v1/\"\n";

#[test]
fn everything_that_the_operators_file_names_may_be_read_and_its_own_folders_be_written() {
    let config = config(
        r#"
        [[carrier]]
        kind = "twilio"
        auth-token = { file = "/keys/token" }
        [telemetry]
        endpoint = "http://127.0.0.1:4318"
        api-key = { file = "/keys/collector" }
        [[secret]]
        tenant = "test"
        name = "crm-key"
        value = { file = "/keys/crm" }
        [[tenant]]
        id = "test"
        documents = "/tenant/documents"
        [[tenant.line]]
        number = "+33199000001"
        agent = "/agents/agent.wasm"
        sounds = "/tenant/sounds"
        [[tenant.line]]
        number = "+33199000002"
        agent = "agent.wasm"
        "#,
    );
    let folders = Folders::beside("/var/lib/parloir");
    let rules = files::rules(&config, Path::new("/etc/parloir.toml"), &folders, Path::new("/models/m.bin"));
    let may = |may: May, path: &str| rules.contains(&Rule { may, path: path.into() });
    let read = [
        "/etc/parloir.toml",
        "/keys/token",
        "/keys/collector",
        "/keys/crm",
        "/tenant/documents",
        "/tenant/sounds",
        "/models",
    ];
    for path in read {
        assert!(may(May::Read, path) && !may(May::Write, path), "{path}");
    }
    // Newer versions are put in its place.
    assert!(may(May::Read, "/agents") && may(May::Read, "."), "{rules:?}");
    assert!(may(May::Write, "/var/lib/parloir") && may(May::Write, "/var/lib/parloir.keys"), "{rules:?}");
    let written = rules.iter().filter(|rule| rule.may == May::Write).count();
    assert_eq!(written, 3, "data, keys, and where nothing is kept: {rules:?}");
}

#[test]
fn the_embedded_voice_is_a_program_and_another_is_none() {
    let voice = |kind: &str| format!("{REMOTE_VOICE}kind = \"{kind}\"\n");
    assert!(runs_programs(&config("")), "where no voice is named, it is espeak-ng");
    assert!(runs_programs(&config(&voice("espeak"))));
    let remote = config(&voice("openai-speech"));
    assert!(!runs_programs(&remote));
    let rules = files::rules(&remote, Path::new("f"), &Folders::beside("data"), Path::new("m.bin"));
    assert!(rules.iter().all(|rule| rule.may != May::Look), "{rules:?}");
    // What compiles agents is this program, and so is a process of agents. The rest is what loads it.
    let own = std::env::current_exe().unwrap();
    assert!(rules.contains(&Rule { may: May::Run, path: own.clone() }), "{rules:?}");
    let mut others = rules.iter().filter(|rule| rule.may == May::Run && rule.path != own);
    assert!(others.all(|rule| !rule.path.join("espeak-ng").exists()), "{rules:?}");
    // With an administration, an operator may say so at any time.
    for cordon in [
        "[server]\ncordon = \"when-noisy\"\n",
        "[[cordon]]\ntenant = \"a\"\npolicy = \"always\"\n",
        "[admin]\n",
    ] {
        let remote = config(&format!("{cordon}{}", voice("openai-speech")));
        let rules = files::rules(&remote, Path::new("f"), &Folders::beside("data"), Path::new("m.bin"));
        assert!(rules.contains(&Rule { may: May::Run, path: own.clone() }), "{rules:?}");
        assert!(rules.contains(&Rule { may: May::Look, path: "/proc".into() }), "{rules:?}");
    }
}

#[test]
fn what_cannot_be_confined_is_told_or_ends_it_as_the_file_says() {
    let outcome = |confine: &str| {
        let config = config(&format!("[server]\nconfine = \"{confine}\"\n"));
        held(&config, "files", Err("the kernel has no Landlock".into()))
    };
    assert!(!outcome("when-possible").unwrap());
    let error = outcome("required").unwrap_err().to_string();
    assert!(error.contains("the kernel has no Landlock") && error.contains("when-possible"), "{error}");
    assert_eq!(config("").server.confine, Confine::WhenPossible);
}

#[test]
fn where_it_is_off_nothing_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders::beside(folder.path().join("data"));
    let config = config("[server]\nconfine = \"off\"\n");
    assert_eq!(confine(&config, Path::new("f"), &folders, Path::new("m.bin")).unwrap(), None);
    assert!(!folders.data.exists());
}
