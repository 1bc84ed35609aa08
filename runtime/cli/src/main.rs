//! The `parloir` command.
//!
//! Each subcommand is a file under `commands/`; `terminal` is how all of them speak to a person, `failure`
//! how they end, `data` where they are told that an installation rests; `toolchain` builds agents. Exit codes:
//! 0 done, 1 failed, 2 wrong usage, or what was given cannot be used, such as an agent that does not build;
//! 3 verification found a problem, or what was asked was done in part.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a command is for")]

mod access;
mod agent;
mod audio;
mod authority;
mod check;
mod commands;
mod data;
mod failure;
mod loopback;
mod phone;
mod private;
mod terminal;
mod toolchain;
mod web;

use std::ffi::OsStr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use parloir_server::{COMPILER, CORDON, stand_in_compiler, stand_in_cordon};

use crate::data::DataArgs;
use crate::failure::{Failure, Outcome};

/// How long the program's threads have to come to an end when it does.
const LET_GO: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "Examples:
  parloir demo --lang en                     a real spoken call on this machine, and all that it left
  parloir new --lang typescript front-desk   a small whole agent: rust, typescript, python, c or go
  parloir test front-desk                    hold it to its conversations
  parloir talk front-desk                    converse with it here; with --web, by microphone
  parloir serve --config parloir.toml        answer a carrier's calls

Each command has its own example: parloir help COMMAND";

/// A runtime for telephone voice agents: sandboxed, journaled, French first.
#[derive(Parser)]
#[command(
    name = "parloir",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = EXAMPLES
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say more of what happens: -v for debug, -vv for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    /// Place a real spoken call over loopback, and show everything it left.
    #[command(after_help = "Example:\n  parloir demo --lang en")]
    Demo(commands::demo::Demo),
    /// Answer a carrier's calls, as parloir.toml says.
    #[command(
        after_help = "SIGHUP takes the newest version of each agent's file for the next call; live calls keep theirs. Certificates that `tls` names are looked at then, and every 10 s.\nSIGTERM and Ctrl-C close it: live calls say their goodbyes and requests of the administration that are under way are answered, for 20 s at most.\nIt confines itself to the folders that it needs and to the calls to the kernel that it makes, where the kernel can (Landlock, seccomp): [server] confine = \"required\", \"when-possible\" or \"off\".\n\nExamples:\n  parloir serve --config parloir.toml --data /var/lib/parloir\n  parloir serve --config parloir.toml --new-owner-key=cabinet"
    )]
    Serve(commands::serve::Serve),
    /// Make, list and change an installation's tenants, by its administration.
    #[command(
        after_help = "The administration listens where [admin] of parloir.toml says. Its first start prints the installation's owner's key, once.\nYour key is read from --key-file, or from the variable PARLOIR_KEY.\n\nExamples:\n  parloir tenant add cabinet --owner 'Anne Durand'\n  parloir tenant import cabinet --owner 'Anne Durand'\n  parloir tenant list --json"
    )]
    Tenant(commands::admin::tenant::Tenant),
    /// Add, list, change and remove those who may administer a tenant, or the installation.
    #[command(
        after_help = "Roles: agent, supervisor, admin, owner; in the installation owner and operator.\n\nExamples:\n  parloir user add --name 'Paul Martin' --role admin\n  parloir user add --tenant installation --name 'night shift' --role operator"
    )]
    User(commands::admin::user::User),
    /// Make, list and revoke keys to the administration.
    #[command(
        after_help = "Example:\n  parloir key add --user 4f1c…e2 --name 'front desk' --scope lines:read > key"
    )]
    Key(commands::admin::key::Key),
    /// Give tenants the numbers that callers ring, list them, and take them back.
    #[command(
        after_help = "A number is one tenant's; only an operator of the installation gives it.\n\nExamples:\n  parloir number give +33199005678 --tenant cabinet\n  parloir number list --tenant cabinet"
    )]
    Number(commands::admin::number::Number),
    /// Show and change what a tenant's calls may use.
    #[command(after_help = "Example:\n  parloir quota set cabinet concurrent-calls=20 --at-cap degrade")]
    Quota(commands::admin::quota::Quota),
    /// Make, list, change and remove lines: they answer from the next call on.
    #[command(
        after_help = "Examples:\n  parloir line set +33199005678 --agent cabinet --fallback-number +33199009999\n  parloir line list"
    )]
    Line(commands::admin::line::Line),
    /// Keep, list and remove the secrets that connectors send: what they are is shown to nobody.
    #[command(
        after_help = "A secret is read from a file or from standard input.\n\nExamples:\n  parloir secret set crm-token --from crm.token\n  parloir secret list"
    )]
    Secret(commands::admin::secret::Secret),
    /// Add, list and remove connectors: services that agents have requests sent to, by a name.
    #[command(
        after_help = "Examples:\n  parloir connector add crm --url https://crm.example.com/api/ --secret crm-token\n  parloir connector list"
    )]
    Connector(commands::admin::connector::Connector),
    /// Keep, list, print and remove the documents that a tenant's agents may read.
    #[command(after_help = "Examples:\n  parloir document put tarifs.md tarifs.md\n  parloir document list")]
    Document(commands::admin::document::Document),
    /// Keep, list, show and remove the sounds that a tenant's agents may play.
    #[command(
        after_help = "Examples:\n  parloir sound add welcome.wav recorded/welcome.wav\n  parloir sound list"
    )]
    Sound(commands::admin::sound::Sound),
    /// Say who answers the numbers that callers are handed to: as agents, they see those calls.
    #[command(
        after_help = "Examples:\n  parloir contact set +33199009999 --name 'the front desk' --user 4f1c…e2\n  parloir contact list"
    )]
    Contact(commands::admin::contact::Contact),
    /// List the providers that what callers say goes to: where, on what ground, and for how long they keep it.
    #[command(
        after_help = "For a tenant's supervisors, admins and owners, and for whoever runs the installation.\n\nExample:\n  parloir provider list --json"
    )]
    Provider(commands::admin::provider::Provider),
    /// Make, list, show, change and remove teams: a supervisor sees the calls of their teams' lines alone.
    #[command(
        after_help = "Of a tenant without a team, every supervisor sees all calls; of one with a team, those who are in none see none. Admins see all.\n\nExamples:\n  parloir team set parc --line +33199005678 --user 4f1c…e2\n  parloir team list"
    )]
    Team(commands::admin::team::Team),
    /// Show how long a tenant's calls are kept, and have them kept shorter.
    #[command(
        after_help = "For a tenant's admins; how long it may be at most is an operator's to say: parloir tenant set --retention.\n\nExamples:\n  parloir retention show\n  parloir retention set recording='1 month' content='6 months'"
    )]
    Retention(commands::admin::retention::Retention),
    /// Say, list and remove who is told of a tenant's calls when they are over, signed as Standard Webhooks says.
    #[command(
        after_help = "Examples:\n  parloir webhook set crm --url https://hooks.example.com/calls --event call.ended > crm.secret\n  parloir webhook secret crm > crm.secret\n  parloir webhook list"
    )]
    Webhook(commands::admin::webhook::Webhook),
    /// List who changed what in a tenant, or in the installation: by which key, when, and whether it was done.
    #[command(
        after_help = "For a tenant's admins and owners; of the installation itself, for its owners and operators. Who read calls is listed by `parloir accesses`.\n\nExamples:\n  parloir audit\n  parloir audit --tenant installation --limit 200 --json"
    )]
    Audit(commands::admin::audit::Audit),
    /// Log in to an administration by its OpenID Connect issuer, for twelve hours.
    #[command(
        name = "login",
        after_help = "The address to log in at is printed; the key is kept in a file that you alone read, and used by the commands of the administration.\nA user is known to the issuer by --oidc-email or --oidc-subject of `parloir user add` and `user set`.\n\nExamples:\n  parloir login --api https://voice.example.com:8081 --tenant cabinet\n  parloir login --device"
    )]
    LogIn(commands::admin::log_in::LogIn),
    /// Revoke the key of a log-in, and forget it.
    #[command(
        name = "logout",
        after_help = "Example:\n  parloir logout --api https://voice.example.com:8081"
    )]
    LogOut(commands::admin::log_in::LogOut),
    /// Push, sign, approve, try, promote and take back versions of agents.
    #[command(
        after_help = "Examples:\n  parloir agent key build.key > build.pub\n  parloir agent trust \"$(cat build.pub)\" --name 'the build machine'\n  parloir agent push cabinet cabinet.wasm --sign build.key\n  parloir agent canary cabinet 1a2b3c --percent 10\n  parloir agent promote cabinet 1a2b3c"
    )]
    Agent(commands::admin::agent::Agent),
    /// Ring a line as a carrier would, and speak.
    #[command(
        after_help = "Steps are taken in the order they are written, each when the agent has finished speaking,\nor into its speech with --interrupt-after just before it.\n--say \"words\" speaks with the embedded voice, which the embedded ears often mishear in French: a recording does better.\nAfter the last step the caller hangs up when nobody has spoken for 15 s.\n\nExample:\n  parloir call http://127.0.0.1:8080/twilio/voice --to +33100000000 --token-file token \\\n    --say oui.wav --say \"Je voudrais un rendez-vous\" --key 1 --silence 3s"
    )]
    Call(commands::call::Call),
    /// List the calls of a data folder, or those that your key lets you know of, newest first.
    #[command(
        after_help = "Examples:\n  parloir calls --data parloir-data --json\n  parloir calls --api https://voice.example.com:8081"
    )]
    Calls(commands::calls::Calls),
    /// Show what happened in a call: heard, asked, answered, by whom, how long.
    #[command(
        after_help = "Examples:\n  parloir show 4f1c…e2 --data parloir-data\n  parloir show 4f1c…e2 --api https://voice.example.com:8081 --why 'a complaint'"
    )]
    Show(commands::show::Show),
    /// List what each tenant's calls of a month used, and what that cost.
    #[command(
        after_help = "Costs are by `prices` of each [[provider]], as they were when a call ended; `parloir show` tells them of one call. A call is in its month, in UTC, by when it began.\nExit codes: 0 every call that is over is in it, 3 some are not yet.\n\nExamples:\n  parloir ledger\n  parloir ledger --tenant cabinet --month 2026-11 --json"
    )]
    Ledger(commands::ledger::Ledger),
    /// Write a call's recording to a stereo WAV: the caller left, the agent right.
    #[command(
        after_help = "Examples:\n  parloir recording 4f1c…e2 -o call.wav\n  parloir recording 4f1c…e2 --api https://voice.example.com:8081"
    )]
    Recording(commands::recording::Recording),
    /// List who read what was said in which calls, when, and why.
    #[command(
        after_help = "`show`, `recording`, `person`, `case show`, `rectify`, `erase --caller` before it asks or with --dry-run, `prove` (unless what was said is left out), `replay`, `record-test` and `diff` note what they read in the log before they show it; most take --why. Who cannot have it noted is shown nothing. Prove an entry with `parloir prove ENTRY`. Where an installation is asked, a tenant's admins are told, and its supervisors of their teams' calls.\n\nExamples:\n  parloir accesses\n  parloir accesses --call 4f1c…e2 --json\n  parloir accesses --key-file admin.key"
    )]
    Accesses(commands::accesses::Accesses),
    /// Find every call that concerns a person, and export what is known of them.
    #[command(
        after_help = "Exit codes: 0 every call was read, 3 some could not be, and are named.\n\nExample:\n  parloir person '06 39 98 12 34' --tenant cabinet --export for-them"
    )]
    Person(commands::person::Person),
    /// Open, list, show, extend and close cases: what persons ask for, each with its term.
    #[command(
        after_help = "A case is in the log with its steps and its dates; the person's number and your words are sealed, and go when they are erased.\n`parloir person`, `rectify`, `restrict`, `block` and `erase` take --case, and note themselves in it.\n\nExamples:\n  parloir case open --tenant cabinet --number '06 39 98 12 34' --right access --received 2026-03-14\n  parloir case list --due\n  parloir case close 4f1c…e2 --done --why \"handed over by post\""
    )]
    Case(commands::case::Case),
    /// Put right what a call recorded wrongly: an amendment beside it, and its standing appointments.
    #[command(
        after_help = "What was recorded stays: `show`, `person` and its exports tell both. An appointment that stands, and still says what was recorded, is changed. What the call has is listed where it has no such field.\n\nExample:\n  parloir rectify 4f1c…e2 --field contact.name --to \"Anne Durand\" --case 9b20…41"
    )]
    Rectify(commands::rectify::Rectify),
    /// Keep a person's calls and do not use them: neither people nor agents see them until they are released.
    #[command(
        after_help = "`show`, `recording`, `replay`, `diff` and `record-test` refuse their calls, no retention clock erases them, and agents find neither memories that name them nor their appointments, from the next call on. `person`, `erase`, `prove` and `verify` go on.\n\nExamples:\n  parloir restrict --tenant cabinet --number +33639981234 --why \"she says it is wrong\" --case 9b20…41\n  parloir restrict --tenant cabinet --number +33639981234 --release"
    )]
    Restrict(commands::restrict::Restrict),
    /// Have a number's calls answered by no agent: refused, or handed to the line's fallback number.
    #[command(
        after_help = "That a blocked number rang is in the log, without the number. A call without a number is not blocked.\n\nExamples:\n  parloir block --tenant cabinet --number +33639981234 --to human --why \"does not want to speak to a machine\"\n  parloir block --tenant cabinet --number +33639981234 --release"
    )]
    Block(commands::block::Block),
    /// Write a proof file of a call, that anybody can check offline.
    #[command(
        after_help = "Examples:\n  parloir prove 4f1c…e2 --redact contents -o call.proof.json\n  parloir prove 4f1c…e2 --redact contents --api https://voice.example.com:8081"
    )]
    Prove(commands::prove::Prove),
    /// Erase a call, a caller or a tenant: nothing of it can be read any more, and the log still verifies.
    #[command(
        after_help = "What was said and the sound go; which provider was asked when, and how it went, stays unless --trace is given. An appointment made in an erased call still stands; those of an erased caller do not.
A `parloir serve` on the folder does it itself. What is cut off is finished at the next start. Back-ups need not be touched: the keys are gone.
Exit codes: 0 all of it, 1 not done, 3 done in part: what lasts, is held, or could not be read or erased is named.

Examples:
  parloir erase --caller +33639981234 --dry-run
  parloir erase --caller +33639981234 --reason \"her letter of 3 March\"
  parloir erase --call 4f1c…e2 --trace"
    )]
    Erase(commands::erase::Erase),
    /// Hold a call: nothing erases it, whoever asks and whatever clock runs out, until it is released.
    #[command(
        after_help = "Examples:\n  parloir hold 4f1c…e2 --why \"file 2026-114\"\n  parloir hold 4f1c…e2 --why \"settled\" --release"
    )]
    Hold(commands::hold::Hold),
    /// Erase what has been kept long enough, as parloir.toml says. `parloir serve` does so every hour.
    #[command(
        after_help = "In parloir.toml, for each tenant:\n  [tenant.retention]\n  recording = \"6 months\"\n  content = \"1 year\"\n  trace = \"5 years\"\n`0 days` for recording or content: its key is never written, so that nobody can read it once the call is over.\n\nExit codes: 0 done, 1 not done, 3 done in part: what could not be erased is named.\n\nExample:\n  parloir sweep --config parloir.toml --dry-run"
    )]
    Sweep(commands::sweep::Sweep),
    /// Write all that is durable to one encrypted file, also while `parloir serve` answers calls.
    #[command(
        after_help = "The file is an age file (https://age-encryption.org/v1). It has the sealed journal and recordings, the signed log, the tenants' rows and the agents that answered; not the keys. So what is erased later is erased in it, too.
The keys folder goes into a file of its own, with --only-keys. Keep the newest such file alone: whoever has an old one can undo every erasure since. Make one after every erasure, restriction, block, hold or step of a case, once in the time that a log's key signs, at the beginning of every month and after a tenant's first call, and destroy the one before it.
A `parloir serve` on the folder gives the back-up itself; calls go on.

Examples:
  parloir backup --new-identity back-up.identity
  parloir backup --to 2026-11-22.age --recipient age1…
  parloir backup --only-keys --to keys.age --replace --recipients-file recipients"
    )]
    Backup(commands::backup::Backup),
    /// Make a data folder, or a keys folder, out of its back-up, checked.
    #[command(
        after_help = "Into a new or an empty folder; on any error nothing is left (what a kill leaves beside it, named .restoring-, goes with the next restore to the same place). The keys folder must be there already. Erasures that were made after the back-up are done again, and who was restricted, blocked or held since stays so: that rests with the keys. Where the keys are older than the log, what they know nothing of is listed, to be done again, with the rows and the logs' keys that are lost. Every tenant's log must give the root that was signed and that the back-up names, and the journal must verify.
Exit codes: 0 it is there (with --check: it would be), 1 the disk failed, 2 what was given cannot be used (another file, identity, folder or version), 3 the back-up is damaged or is not what was signed.

Examples:
  parloir restore 2026-11-22.age --identity back-up.identity --check
  parloir restore keys.age --identity back-up.identity --keys parloir-data.keys
  parloir restore 2026-11-22.age --identity back-up.identity --data parloir-data --newest"
    )]
    Restore(commands::restore::Restore),
    /// Print the key by which others know a tenant's log, or make its next.
    #[command(after_help = "Example:\n  parloir log-key cabinet\n  parloir log-key cabinet --rotate")]
    LogKey(commands::log_key::LogKey),
    /// Check that the journal is complete and unaltered, or that a proof file is true.
    #[command(
        after_help = "Exit codes: 0 sound, 3 not sound.\n\nExamples:\n  parloir verify --data parloir-data\n  parloir verify call.proof.json --key 'parloir-…/cabinet+0a1b2c3d+AT…' --witness 'witness.example.org+…'"
    )]
    Verify(commands::verify::Verify),
    /// Look after other people's logs: cosign what only grows, raise the alarm otherwise.
    #[command(
        after_help = "Listens until it is interrupted. Exit codes: 0 no alarm, 1 failed, 3 there is an alarm (also at GET /alarms, status 503).\n\nExample:\n  parloir witness --name witness.example.org --log 'parloir-…/cabinet+0a1b2c3d+AT…' --listen 0.0.0.0:8090"
    )]
    Witness(commands::witness::Witness),
    /// Run a recorded call again: exactly, with another agent, or on from where it was cut off.
    #[command(
        after_help = "Nobody is rung, nothing is sent, nothing is booked.\nExit codes: 0 the same, 3 otherwise. With --go-on: 0 the agent came to its end, 1 it failed, 2 the call cannot go on, 3 its agent does not do what the journal says.\n\nExamples:\n  parloir replay 4f1c…e2\n  parloir replay 4f1c…e2 --agent agents/cabinet\n  parloir replay 4f1c…e2 --go-on --config parloir.toml\n  parloir replay 4f1c…e2 --go-on --up-to 20"
    )]
    Replay(commands::replay::Replay),
    /// Make a conversation test of a recorded call, with what is somebody's replaced.
    #[command(
        after_help = "Names and numbers that the call knew as somebody's are replaced; read the file before you share it.\n\nExample:\n  parloir record-test 4f1c…e2 -o agents/cabinet/conversations/from-a-call.yaml"
    )]
    RecordTest(commands::record_test::RecordTest),
    /// Compare two agents on recorded calls: what each says, books, reports and hands over.
    #[command(
        after_help = "Exit codes: 0 the same in every call, 3 otherwise.\n\nExamples:\n  parloir diff cabinet-1.wasm agents/cabinet\n  parloir diff cabinet-1.wasm cabinet-2.wasm --call 4f1c…e2 --show"
    )]
    Diff(commands::diff::Diff),
    /// Make a new agent: a small project that builds and passes its test.
    #[command(after_help = "Example:\n  parloir new --lang typescript front-desk")]
    New(commands::new::New),
    /// Build an agent into a component.
    #[command(after_help = "Exit codes: 0 built, 2 not built.\n\nExample:\n  parloir build agents/cabinet")]
    Build(commands::build::Build),
    /// Run an agent's conversations, and say where they go otherwise.
    #[command(
        after_help = "Exit codes: 0 all passed, 1 some went otherwise, 2 a file or the agent is not valid.\n\n--audio rings a line on this machine for each conversation: the caller's words are spoken, or played from the `wav` that the file names, and heard, taken in turns and answered as on any call, in real time, four calls at once.\n\nExamples:\n  parloir test agents/cabinet\n  parloir test cabinet.wasm conversations/rendez-vous.yaml --junit results.xml\n  parloir test agents/cabinet --audio"
    )]
    Test(commands::test::Test),
    /// Converse with an agent in the terminal.
    #[command(
        after_help = "What you type is what you say. /key 1, /silence, /interrupt [800ms] WORDS, /hang-up, /help.\nWhat the agent notes (`log`) stands where it notes it; where in the component it was when it died, -v tells.\nThe line has the settings that --set gives it, or all that the first call of a --scene file has, and otherwise none.\nWith --web you speak: a page on this machine alone is the telephone, and the call is as real as any.\n\nExamples:\n  parloir talk agents/cabinet --set \"cabinet.name=cabinet du Parc\" --save conversations/talk.yaml\n  parloir talk --web agents/cabinet"
    )]
    Talk(commands::talk::Talk),
    /// Work on an agent: every save is built, tested, and answers the next call.
    #[command(
        after_help = "The line answers with the newest version that was built and that `parloir check` finds no error in; live calls keep theirs.\nCalls are kept under FOLDER/target/parloir-dev: look at them with `parloir calls --data`, run them again with `parloir replay --data`.\n\nExample:\n  parloir dev agents/cabinet --set \"cabinet.name=cabinet du Parc\""
    )]
    Dev(commands::dev::Dev),
    /// Push an agent to an OCI registry, or pull one from there.
    #[command(
        after_help = "REFERENCE is REGISTRY/NAME:TAG, or REGISTRY/NAME@sha256:… : a tag may be moved, a digest names one agent for good. Any OCI registry does, and other tools for components, such as wkg, read what is pushed.\nThe name and the password are those of docker or podman (config.json), or in the variables PARLOIR_REGISTRY_USER and PARLOIR_REGISTRY_PASSWORD.\n\nExamples:\n  parloir registry push target/front_desk.component.wasm registry.example.com/desks/front-desk:1.2.0\n  parloir registry pull registry.example.com/desks/front-desk@sha256:… -o front-desk.wasm"
    )]
    Registry(commands::registry::Registry),
    /// Check an agent before it is deployed: each finding with its place and what to do.
    #[command(
        after_help = "Exit codes: 0 nothing that breaks calls, 2 the agent is not built, 3 something that breaks calls.\n\nExample:\n  parloir check agents/cabinet"
    )]
    Check(commands::check::Check),
    /// Try every attack agent on this machine, measure what a neighbour's callers notice, and sign what was found.
    #[command(
        after_help = "It opens an installation of its own in a temporary folder (up to 2 GiB), confined like `parloir serve`; yours is not touched. Speech and model are canned: what is tried and measured is the host. Ten minutes or more on two cores; leave the machine alone meanwhile.\nThe report is two files: a page that you judge in a minute, signed, and every attack as JSON. The key is made at first use, attest.key in the keys folder.\nExit codes: 0 all held, 3 not: an attack went otherwise, a figure is over 1.2 of what it is without attackers or says nothing, or a report was altered.\n\nExamples:\n  parloir attest --quick\n  parloir attest --to attestation\n  parloir attest --check attestation.txt --key 'parloir-attest+0a1b2c3d+AT…'"
    )]
    Attest(commands::attest::Attest),
    /// Fetch the embedded speech model.
    #[command(after_help = "Example:\n  parloir fetch --models models")]
    Fetch(commands::fetch::Fetch),
}

fn main() -> ExitCode {
    // A process of agents, or one that compiles, which `parloir serve` starts: no commands of anybody's.
    let word = std::env::args_os().nth(1);
    let part = match word.as_deref().and_then(OsStr::to_str) {
        Some(CORDON) => Some(stand_in_cordon()),
        Some(COMPILER) => Some(stand_in_compiler()),
        _ => None,
    };
    if let Some(ended) = part {
        return match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                terminal::error(&problem);
                ExitCode::FAILURE
            }
        };
    }
    let mut cli = Cli::parse();
    if !matches!(cli.command, Command::Serve(_) | Command::Witness(_) | Command::Dev(_)) {
        terminal::end_where_nobody_reads();
    }
    terminal::log(cli.verbose);
    // While there is one thread: what it gives up, all that it starts have not.
    if let Command::Serve(serve) = &cli.command
        && let Err(failure) = serve.confine()
    {
        terminal::error(&failure.message);
        return ExitCode::from(failure.code);
    }
    if let Command::Attest(attest) = &mut cli.command
        && let Err(failure) = attest.confine()
    {
        terminal::error(&failure.message);
        return ExitCode::from(failure.code);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("media").build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::error(&format!("the program's threads did not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Demo(demo) => demo.run().await,
            Command::Serve(serve) => serve.run().await,
            Command::Tenant(tenant) => tenant.run().await,
            Command::User(user) => user.run().await,
            Command::Key(key) => key.run().await,
            Command::Number(number) => number.run().await,
            Command::Quota(quota) => quota.run().await,
            Command::Line(line) => line.run().await,
            Command::Secret(secret) => secret.run().await,
            Command::Connector(connector) => connector.run().await,
            Command::Document(document) => document.run().await,
            Command::Sound(sound) => sound.run().await,
            Command::Contact(contact) => contact.run().await,
            Command::Provider(provider) => provider.run().await,
            Command::Team(team) => team.run().await,
            Command::Retention(retention) => retention.run().await,
            Command::Webhook(webhook) => webhook.run().await,
            Command::Audit(audit) => audit.run().await,
            Command::LogIn(log_in) => log_in.run().await,
            Command::LogOut(log_out) => log_out.run().await,
            Command::Agent(agent) => agent.run().await,
            Command::Call(call) => call.run().await,
            Command::Calls(calls) => calls.run().await,
            Command::Show(show) => show.run().await,
            Command::Ledger(ledger) => ledger.run().await,
            Command::Recording(recording) => recording.run().await,
            Command::Accesses(accesses) => accesses.run().await,
            Command::Erase(erase) => erase.run().await,
            Command::Hold(hold) => hold.run().await,
            Command::Sweep(sweep) => sweep.run().await,
            Command::Backup(backup) => backup.run().await,
            Command::Restore(restore) => restore.run().await,
            Command::LogKey(key) => key.run().await,
            Command::Person(person) => person.run().await,
            Command::Case(case) => case.run().await,
            Command::Rectify(rectify) => rectify.run().await,
            Command::Restrict(restrict) => restrict.run().await,
            Command::Block(block) => block.run().await,
            Command::Prove(prove) => prove.run().await,
            Command::Verify(verify) => verify.run().await,
            Command::Witness(witness) => witness.run().await,
            Command::Replay(replay) => replay.run().await,
            Command::RecordTest(record) => record.run().await,
            Command::Diff(diff) => diff.run().await,
            Command::Test(test) => test.run().await,
            Command::Talk(talk) => talk.run().await,
            Command::Dev(dev) => dev.run().await,
            Command::New(new) => new.run(),
            Command::Build(build) => build.run().await,
            Command::Check(check) => check.run().await,
            Command::Registry(registry) => registry.run().await,
            Command::Attest(attest) => attest.run().await,
            Command::Fetch(fetch) => fetch.run().await,
        }
    });
    // What is stopped half-way, such as compiling an agent that was already waited for, holds nobody up.
    runtime.shutdown_timeout(LET_GO);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::error(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_has_an_example_and_every_example_is_a_command() {
        let mut whole = Cli::command();
        whole.build();
        let names: Vec<String> = whole.get_subcommands().map(|one| one.get_name().to_owned()).collect();
        let help =
            |command: &clap::Command| command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for command in std::iter::once(&whole).chain(whole.get_subcommands()) {
            if command.get_name() == "help" {
                continue;
            }
            let help = help(command);
            let examples: Vec<&str> = help.lines().filter(|line| line.starts_with("  parloir ")).collect();
            assert!(!examples.is_empty(), "{} has no example", command.get_name());
            for example in examples {
                let word = example.split_whitespace().nth(1).unwrap();
                assert!(names.iter().any(|name| name == word), "{example}");
            }
        }
    }
}
