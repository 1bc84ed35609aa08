//! Python, with componentize-py: CPython itself, and the agent's modules as they are after import.
//!
//! `pyproject.toml` may say more:
//!
//! ```toml
//! [tool.parloir]
//! module = "agent"      # what holds the agent; by default agent
//! path = ["lib"]        # more folders to import from; by default parloir/guest-sdk/python where it is
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::job::{asked, program};
use super::unchanged::{Ingredients, Reads, Weighed, alone, keep, kept};
use super::{BuildError, Job, Wasm, cache, put, vendored};

const VERSION: &str = "0.25.1";
const TOOL: &str = "componentize-py-0.25.1";
/// The SDK's place in a project that `parloir new` made.
const VENDORED: &str = "parloir/guest-sdk/python";
/// What is handed to the tool: it imports the agent, and has the class the contract wants.
const ENTRY: &str = "parloir_entry";

/// Builds the module that is the agent.
pub(super) fn build(job: &Job<'_>) -> Result<Wasm, BuildError> {
    let project = Project::of(job.folder)?;
    let python = python()?;
    let target = job.target()?;
    let work = target.join("python");
    // One at a time: the tool writes where it is told to, step by step.
    let _alone = alone(job, &work)?;
    let output = target.join(format!("{}.component.wasm", project.name));
    let wasm = work.join("agent.wasm");
    let before = ingredients(job, &project, &python);
    if let Some(bytes) = kept(&wasm, before.as_ref()) {
        return Ok(Wasm { bytes, page: false, unchanged: true, output });
    }
    check_syntax(job, &python)?;
    let tool = install(job, &python)?;
    let contract = vendored::contract(&work)?;
    let entry = format!(
        "import {module} as agent\nfrom parloir_agent.entry import exported\n\nWitWorld = exported(agent)\n",
        module = project.module
    );
    put(&work.join(format!("{ENTRY}.py")), entry.as_bytes())?;
    // Packages of the user's or the machine's are no part of the agent: an environment without any, or the tool looks there.
    let nothing = work.join("no-packages");
    std::fs::create_dir_all(nothing.join("lib/python3/site-packages"))
        .map_err(|e| BuildError::Read(nothing.clone(), e))?;
    let mut command = run_tool(&python, &tool);
    command.env("VIRTUAL_ENV", &nothing);
    command.current_dir(job.folder).arg("--wit-path").arg(&contract).args(["--world", "agent", "--quiet"]);
    command.args(["componentize", "--stub-wasi", "--output"]).arg(&wasm);
    command.arg("--python-path").arg(&work).arg("--python-path").arg(job.folder);
    for folder in &project.path {
        command.arg("--python-path").arg(folder);
    }
    command.arg(ENTRY);
    job.run(&format!("building with componentize-py {VERSION}"), &mut command)
        .map_err(|error| readable(error, &work, job.folder))?;
    let bytes = std::fs::read(&wasm).map_err(|e| BuildError::Read(wasm.clone(), e))?;
    keep(&wasm, &bytes, before.as_ref(), ingredients(job, &project, &python).as_ref())?;
    Ok(Wasm { bytes, page: false, unchanged: false, output })
}

/// All that the tool could read: what is imported, and whatever that opens while it is. A module may be
/// imported by a name that is made up on the way, so that every source of the folders counts.
fn ingredients(job: &Job<'_>, project: &Project, python: &str) -> Option<Weighed> {
    let version = asked(python, &["--version"])?;
    let mut ingredients =
        Ingredients::new(&[TOOL, &version, &project.name, &project.module, include_str!("python.rs")]);
    for (name, value) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PYTHON") {
            ingredients.add(&name.to_string_lossy(), value.as_encoded_bytes());
        }
    }
    vendored::under("wit").for_each(|(path, bytes)| ingredients.add(path, bytes));
    let reads = Reads { source: is_source, opens };
    ingredients.leave_out(&job.folder.join("target/python"));
    ingredients.add_folder(job.folder, true, reads);
    for folder in &project.path {
        ingredients.add("path", folder.as_os_str().as_encoded_bytes());
        ingredients.add_folder(folder, false, reads);
    }
    ingredients.weighed()
}

/// Whether an import may read it.
fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ["py", "pyc", "pth"].iter().any(|source| ending == *source))
}

/// What opens files of any name, or looks for them, besides `open` itself.
const OPENERS: [&str; 24] = [
    "read_text",
    "read_bytes",
    "__file__",
    "FileIO",
    "importlib",
    "pkgutil",
    "get_data",
    "zipfile",
    "gettext",
    "fileinput",
    "linecache",
    "runpy",
    "configparser",
    "ElementTree",
    "minidom",
    "sqlite3",
    "fileConfig",
    "listdir",
    "scandir",
    "iterdir",
    "os.walk",
    "glob(",
    "exists(",
    "is_file(",
];

/// Whether a source opens files while it is imported, or may. Told by its words alone: one that only speaks of it makes a
/// build that would not have been needed.
fn opens(source: &[u8]) -> bool {
    let text = String::from_utf8_lossy(source);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let opened = text.match_indices("open").any(|(at, open)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + open.len()..).unwrap_or_default();
        let after = after.trim_start_matches([' ', '\t']);
        // Called, or handed on: to a function, to a list, to another name.
        let used = after.starts_with("as ")
            || matches!(
                after.chars().next(),
                None | Some('(' | ')' | ',' | ']' | '}' | ';' | '#' | '\n' | '\r')
            );
        !before.is_some_and(is_name) && used
    });
    opened || OPENERS.iter().any(|opener| text.contains(opener))
}

/// Finds what is wrong with the author's own files in a blink, where the tool would take half a minute.
fn check_syntax(job: &Job<'_>, python: &str) -> Result<(), BuildError> {
    let mut check = Command::new(python);
    check.current_dir(job.folder).args(["-c", SYNTAX]);
    job.run("checking the syntax", &mut check).map(drop)
}

/// Compiles, in memory, every file that could be imported.
const SYNTAX: &str = r"
import pathlib, sys
others = ('target', 'parloir', 'venv', 'site-packages', 'node_modules')
for file in sorted(pathlib.Path('.').rglob('*.py')):
    if not any(part in others or part.startswith('.') for part in file.parts):
        try:
            compile(file.read_text(encoding='utf-8'), str(file), 'exec')
        except (SyntaxError, ValueError) as error:
            line, what = getattr(error, 'lineno', None) or 1, getattr(error, 'msg', error)
            text = (getattr(error, 'text', None) or '').strip()
            sys.exit(f'{file}:{line}: {what}\n    {text}')
";

/// Without the tool's own innards, and with the author's paths.
fn readable(error: BuildError, work: &Path, folder: &Path) -> BuildError {
    let BuildError::Tool { step, output } = error else { return error };
    let ours = output.find("Caused by:");
    let output = ours.and_then(|end| output.get(..end)).unwrap_or(&output);
    let output = output
        .replace("/0/", &format!("{}/", work.display()))
        .replace("/1/", &format!("{}/", folder.display()));
    BuildError::Tool { step, output: output.trim().to_owned() }
}

struct Project {
    name: String,
    module: String,
    path: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Pyproject {
    project: Option<Named>,
    tool: Option<Tool>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Tool {
    parloir: Option<Told>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    module: Option<String>,
    path: Option<Vec<PathBuf>>,
}

impl Project {
    fn of(folder: &Path) -> Result<Self, BuildError> {
        let file = folder.join("pyproject.toml");
        let wrong = |wrong: String| BuildError::Project { file: file.clone(), wrong };
        let text = std::fs::read_to_string(&file).map_err(|e| BuildError::Read(file.clone(), e))?;
        let said: Pyproject = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        let told = said.tool.and_then(|tool| tool.parloir).unwrap_or(Told { module: None, path: None });
        let module = told.module.unwrap_or_else(|| "agent".to_owned());
        let plain = module.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if !plain || module.is_empty() {
            return Err(wrong(format!("tool.parloir.module = {module:?} is not the name of a module")));
        }
        let as_path = module.replace('.', "/");
        if !folder.join(format!("{as_path}.py")).is_file() && !folder.join(&as_path).is_dir() {
            return Err(wrong(format!(
                "there is no {as_path}.py beside it; write the agent there, or name its module as [tool.parloir] module = \"…\""
            )));
        }
        let path: Vec<PathBuf> = match told.path {
            Some(path) => path.into_iter().map(|p| folder.join(p)).collect(),
            None => Some(folder.join(VENDORED)).filter(|sdk| sdk.is_dir()).into_iter().collect(),
        };
        if let Some(absent) = path.iter().find(|p| !p.is_dir()) {
            return Err(wrong(format!("tool.parloir.path names {}, which is no folder", absent.display())));
        }
        let name =
            said.project.map_or_else(|| module.clone(), |project| project.name).replace(['-', '.'], "_");
        Ok(Self { name, module, path })
    }
}

/// The interpreter that runs the tool; the agent's own is inside the tool.
fn python() -> Result<String, BuildError> {
    let python = program("PYTHON", "python3");
    let fits = asked(&python, &["-c", "import sys; print(sys.version_info >= (3, 10))"]);
    match fits.as_deref() {
        Some("True") => Ok(python),
        found => Err(BuildError::Missing {
            what: match found {
                Some(_) => format!("{python} is older than Python 3.10"),
                None => format!("{python} does not run"),
            },
            remedy: "install Python from python.org, or, on Debian and Ubuntu,\n  apt-get install -y --no-install-recommends python3 python3-pip".to_owned(),
        }),
    }
}

/// componentize-py, in the cache.
fn install(job: &Job<'_>, python: &str) -> Result<PathBuf, BuildError> {
    if let Some(place) = cache::has(TOOL)? {
        return Ok(place);
    }
    if job.offline {
        let what = format!("componentize-py {VERSION}");
        return Err(BuildError::Offline { what, place: cache::folder()?.join("tools") });
    }
    if asked(python, &["-m", "pip", "--version"]).is_none() {
        return Err(BuildError::Missing {
            what: format!("{python} has no pip, which installs componentize-py"),
            remedy: format!(
                "  {python} -m ensurepip\nor, on Debian and Ubuntu,\n  apt-get install -y --no-install-recommends python3-pip"
            ),
        });
    }
    cache::tool(TOOL, |place| {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        pip.args(["--no-deps", "--only-binary", ":all:", "--target"]).arg(place);
        pip.arg(format!("componentize-py=={VERSION}"));
        job.run(&format!("installing componentize-py {VERSION} with pip (once, 46 MB)"), &mut pip).map(drop)
    })
}

fn run_tool(python: &str, tool: &Path) -> Command {
    let mut command = Command::new(python);
    command.env("PYTHONPATH", tool).env("PYTHONDONTWRITEBYTECODE", "1").env("RUST_BACKTRACE", "0");
    command.args([
        "-c",
        "import sys; from componentize_py import script; sys.argv[0] = 'componentize-py'; sys.exit(script())",
    ]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_opens_files_is_known_by_its_words() {
        for opening in [
            "f = open('menu.txt')",
            "Path('x').open (",
            "each(open, names)",
            "x.read_text()",
            "import zipfile",
            "read = open\nmenu = read('menu.txt')",
            "from io import open as read",
            "for path in Path('menus').glob('*.txt'):",
        ] {
            assert!(opens(opening.as_bytes()), "{opening}");
        }
        for other in [
            "say(\"We are open from 9.\")",
            "kind = Kind(open=True)",
            "reopened(x)",
            "open_hours(x)",
            "global x",
        ] {
            assert!(!opens(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_slip_is_told_where_the_author_made_it_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let job = Job { folder: folder.path(), quiet: true, offline: true, stoppable: false };
        write("agent.py", "a = 1\n");
        for others in ["venv/lib", "env/lib/python3.13/site-packages/other", "node_modules/gyp", ".tox"] {
            write(&format!("{others}/two.py"), "print 'two'\n");
        }
        check_syntax(&job, "python3").unwrap();
        write("own/rules.py", "a = 1\nb = (\n");
        let wrong = check_syntax(&job, "python3").unwrap_err().to_string();
        assert!(wrong.contains("own/rules.py:2"), "{wrong}");
    }
}
