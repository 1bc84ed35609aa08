//! C, with clang and wasi-libc, or with zig.
//!
//! An agent is every `*.c` of its folder and of its `src` folder, compiled with the SDK in one step.
//! Of wasi-libc only what needs no WASI is ever linked: the component imports the contract alone, and
//! an agent that reaches for files or standard output is told so.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::job::asked;
use super::sdk::{self, Passing};
use super::{BuildError, Job, Language, Wasm, module};
use crate::check::source::Source;

const SDK: &str = "guest-sdk/c";
const TARGET: &str = "--target=wasm32-wasi";

/// What reaches for WASI in agents that do.
const REACHES: [&str; 15] = [
    "printf(",
    "puts(",
    "putchar(",
    "fprintf(",
    "fputs(",
    "perror(",
    "scanf(",
    "fopen(",
    "fread(",
    "fwrite(",
    "getchar(",
    "time(",
    "clock_gettime(",
    "getenv(",
    "exit(",
];

/// C as of C23, and what would be a bug in any agent is an error.
const COMPILE: [&str; 10] = [
    "-std=gnu2x",
    "-Os",
    "-UNDEBUG",
    "-Wall",
    "-Wextra",
    "-Werror=implicit-function-declaration",
    "-Werror=incompatible-pointer-types",
    "-Werror=int-conversion",
    "-Werror=return-type",
    "-Werror=format",
];
/// A reactor has no `main`. Names stay: a trap says where.
const LINK: [&str; 2] = ["-mexec-model=reactor", "-Wl,--strip-debug"];
/// The stack stands below the data, so that an endless recursion traps and overwrites nothing.
const CLANG: [&str; 1] = ["-Wl,--stack-first"];
/// Zig lays out the stack itself, and links its own of these two.
const ZIG: [&str; 2] = ["-Dabort=parloir_abort", "-D__assert_fail=parloir_assert_fail"];

/// Builds the C files that are the agent.
pub(super) fn build(job: &Job<'_>) -> Result<Wasm, BuildError> {
    let compiler = Compiler::find()?;
    let target = job.target()?;
    let work = target.join("c");
    let sdk = sdk::place(job.folder, SDK, &work)?;
    let (core, messages) = (Passing::new(&work, "agent", "wasm")?, Passing::new(&work, "messages", "txt")?);
    let mut command = compiler.command();
    command.current_dir(job.folder).arg(TARGET).args(COMPILE).args(LINK);
    command.arg("-I").arg(sdk.join("include")).arg("-o").arg(&core.0);
    command.args(sources(job.folder, Path::new(""))?).args(sources(job.folder, Path::new("src"))?);
    command.args(sources(&sdk, Path::new("src"))?.into_iter().map(|file| sdk.join(file)));
    command.args(sources(&sdk, Path::new("src/generated"))?.into_iter().map(|file| sdk.join(file)));
    let noted = File::create(&messages.0).map_err(|e| BuildError::Write(messages.0.clone(), e))?;
    let ran = job.run_noting(&format!("compiling with {}", compiler.name()), &mut command, Some(noted));
    let said = String::from_utf8_lossy(&messages.read()?).trim().to_owned();
    match ran {
        // Warnings.
        Ok(_) if job.quiet || said.is_empty() => {}
        Ok(_) => anstream::eprintln!("{said}"),
        Err(BuildError::Tool { step, output }) => {
            return Err(BuildError::Tool { step, output: if said.is_empty() { output } else { said } });
        }
        Err(other) => return Err(other),
    }
    let bytes = core.read()?;
    let wasi = module::imported(&bytes, "wasi_snapshot_preview1");
    if !wasi.is_empty() {
        // A linker knows of no line: that of the first of the usual ones, where one is called by name.
        let source = Source::read(job.folder, Language::C).ok();
        let place = source.and_then(|source| source.place(&REACHES));
        return Err(BuildError::Project {
            file: place.map_or_else(|| job.folder.join("agent.c"), PathBuf::from),
            wrong: format!(
                "the agent, or a function of libc that it calls, reaches for WASI's {}, which no agent has. Files, standard output (printf, puts), time() and exit() are the usual ways there: use parloir_text, parloir_info, parloir_now, and return from the agent instead",
                wasi.join(", ")
            ),
        });
    }
    let bytes = module::component(&bytes, &[])?;
    let name = job.folder.file_name().map_or_else(|| "agent".into(), |name| name.to_string_lossy());
    Ok(Wasm {
        bytes,
        page: false,
        unchanged: false,
        output: target.join(format!("{}.component.wasm", name.replace('-', "_"))),
    })
}

/// The `*.c` of a folder below `root`, by their path from there, in order.
fn sources(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let place = root.join(folder);
    if !place.is_dir() {
        return Ok(Vec::new());
    }
    let read = |e| BuildError::Read(place.clone(), e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&place).map_err(read)? {
        let file = PathBuf::from(entry.map_err(read)?.file_name());
        if file.extension().is_some_and(|e| e == "c") {
            files.push(folder.join(file));
        }
    }
    files.sort();
    Ok(files)
}

/// What compiles C to WebAssembly with a libc.
enum Compiler {
    Clang(PathBuf),
    Zig(Vec<String>),
}

impl Compiler {
    /// `CLANG` decides, or `WASI_SDK_PATH`; else the newest clang that has all it needs, else zig.
    fn find() -> Result<Self, BuildError> {
        if let Some(clang) = std::env::var_os("CLANG").filter(|v| !v.is_empty()).map(PathBuf::from) {
            return match lacks(&clang) {
                None => Ok(Self::Clang(clang)),
                Some(lack) => Err(missing(&format!("CLANG is {}, which has {lack}", clang.display()))),
            };
        }
        let sdk = std::env::var_os("WASI_SDK_PATH").map(|sdk| PathBuf::from(sdk).join("bin/clang"));
        let versions = (16..=24).rev().map(|version| PathBuf::from(format!("clang-{version}")));
        let mut lacked = None;
        for clang in sdk.into_iter().chain(versions).chain(["clang".into()]) {
            match lacks(&clang) {
                None => return Ok(Self::Clang(clang)),
                Some(lack) if lack == NOT_RUN => {}
                Some(lack) => {
                    lacked.get_or_insert(format!("{} has {lack}", clang.display()));
                }
            }
        }
        let zigs: [&[&str]; 3] = [&["zig"], &["python-zig"], &["python3", "-m", "ziglang"]];
        for zig in zigs {
            let Some((program, args)) = zig.split_first() else { continue };
            if asked(program, &[args, &["version"]].concat()).is_some() {
                return Ok(Self::Zig(zig.iter().map(|&word| word.to_owned()).collect()));
            }
        }
        Err(missing(&lacked.unwrap_or_else(|| "there is no clang here".to_owned())))
    }

    fn command(&self) -> Command {
        match self {
            Self::Clang(clang) => {
                let mut command = Command::new(clang);
                command.args(CLANG);
                command
            }
            Self::Zig(words) => {
                let mut words = words.iter();
                let mut command = Command::new(words.next().map_or("zig", String::as_str));
                command.args(words).arg("cc").args(ZIG);
                command
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Clang(clang) => clang.display().to_string(),
            Self::Zig(words) => words.join(" "),
        }
    }
}

const NOT_RUN: &str = "not run";

/// What a clang lacks for WebAssembly; `None` when it has everything.
fn lacks(clang: &Path) -> Option<&'static str> {
    let clang = clang.to_string_lossy();
    let Some(libc) = asked(&clang, &[TARGET, "-print-file-name=libc.a"]) else { return Some(NOT_RUN) };
    let file = |path: Option<String>| path.is_some_and(|path| Path::new(&path).is_file());
    if !Path::new(&libc).is_file() {
        return Some("no libc for WebAssembly (wasi-libc)");
    }
    if !file(asked(&clang, &[TARGET, "-print-libgcc-file-name"])) {
        return Some("no run-time library for WebAssembly (libclang-rt)");
    }
    let linker = asked(&clang, &[TARGET, "-print-prog-name=wasm-ld"]).unwrap_or_default();
    let on_path = || {
        std::env::var_os("PATH")
            .is_some_and(|p| std::env::split_paths(&p).any(|d| d.join("wasm-ld").is_file()))
    };
    (!Path::new(&linker).is_absolute() && !on_path()).then_some("no linker for WebAssembly (wasm-ld)")
}

fn missing(what: &str) -> BuildError {
    BuildError::Missing {
        what: format!("{what}. An agent in C is compiled by clang 16 or newer with its WebAssembly parts, or by zig"),
        remedy: "On Debian and Ubuntu:\n  apt-get install -y --no-install-recommends clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc\nAnywhere with Python:\n  python3 -m venv ~/zig && ~/zig/bin/pip install ziglang && export PATH=\"$HOME/zig/bin:$PATH\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(folder: &Path) -> Job<'_> {
        Job { folder, quiet: true, offline: true, stoppable: false }
    }

    fn folder(agent: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent.c"), agent).unwrap();
        folder
    }

    #[test]
    fn an_agent_imports_the_contract_and_nothing_else() {
        let agent = folder(
            "#include <parloir.h>\n#include <assert.h>\n#include <stdlib.h>\n\
             static parloir_outcome answer(const parloir_call *call) {\n\
               assert(call->line[0] == '+');\n\
               if (call->outbound) abort();\n\
               parloir_say(parloir_text(\"%s\", call->id));\n\
               return parloir_done();\n\
             }\n\
             PARLOIR_AGENT(answer, \"tiny\", \"0.1.0\", .languages = {\"en-GB\"});\n",
        );
        let wasm = build(&job(agent.path())).unwrap();
        let imports = parloir_sandbox::surface(&wasm.bytes).imports;
        assert!(imports.iter().any(|import| import == "call"), "{imports:?}");
        for absent in ["wasi", "calendar", "model", "understanding"] {
            assert!(!imports.iter().any(|import| import.contains(absent)), "{imports:?}");
        }
        assert!(wasm.bytes.len() < 40_000, "{} bytes", wasm.bytes.len());
    }

    #[test]
    fn a_mistake_is_shown_with_its_place() {
        let agent = folder("#include <parloir.h>\n\nint x = ;\n");
        let wrong = build(&job(agent.path())).map(|_| ()).unwrap_err().to_string();
        assert!(wrong.contains("agent.c:3:9"), "{wrong}");
    }

    #[test]
    fn standard_output_is_said_not_to_exist() {
        let agent = folder(
            "#include <parloir.h>\n#include <stdio.h>\n\
             static parloir_outcome answer(const parloir_call *call) { puts(call->id); return parloir_done(); }\n\
             PARLOIR_AGENT(answer, \"loud\", \"0.1.0\", .languages = {\"en-GB\"});\n",
        );
        let wrong = build(&job(agent.path())).map(|_| ()).unwrap_err().to_string();
        assert!(wrong.contains("fd_write") && wrong.contains("parloir_info"), "{wrong}");
        assert!(wrong.contains("agent.c:3: "), "{wrong}");
    }

    #[test]
    fn a_missing_compiler_names_the_packages() {
        assert_eq!(lacks(Path::new("clang-of-no-version")), Some(NOT_RUN));
        assert!(missing("x").to_string().contains("apt-get install -y --no-install-recommends clang-19"));
    }
}
