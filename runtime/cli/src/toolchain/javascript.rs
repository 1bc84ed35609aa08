//! TypeScript and JavaScript: checked by TypeScript, bundled by esbuild, run by QuickJS.
//!
//! `package.json` names the agent in `"main"` (by default `agent.ts`, then `agent.js`). Where a
//! `tsconfig.json` stands beside it the types are checked first; its `paths` say where the SDK is.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::job::{asked, program};
use super::unchanged::{Ingredients, alone, keep, kept};
use super::{BuildError, Job, Wasm, cache, lines, put, vendored};

/// Named after what the lock file pins: another pin is another folder.
const TOOL: &str = "javascript-qjs-0.4.5-esbuild-0.28.2-typescript-7.0.2";
const PACKAGE: &str = include_str!("javascript/package.json");
const LOCK: &str = include_str!("javascript/package-lock.json");
/// The oldest Node.js the tools run on.
const NODE: u32 = 18;

/// Builds the module that is the agent.
pub(super) fn build(job: &Job<'_>) -> Result<Wasm, BuildError> {
    let project = Project::of(job.folder)?;
    let node = node()?;
    let tools = install(job, &node)?;
    let target = job.target()?;
    let work = target.join("javascript");
    // One at a time: the tools write where they are told to, step by step.
    let _alone = alone(job, &work)?;
    let tool = |path: &str| {
        let mut command = Command::new(&node);
        command.current_dir(job.folder).arg(tools.join("node_modules").join(path));
        command
    };
    if job.folder.join("tsconfig.json").is_file() {
        let mut check = tool("typescript/bin/tsc");
        check.args(["--noEmit", "--pretty", "false", "--project", "tsconfig.json"]);
        job.run("checking the types", &mut check)?;
    }
    let (bundle, map) = (work.join("agent.js"), work.join("agent.js.map"));
    let mut esbuild = tool("esbuild/bin/esbuild");
    esbuild.arg(&project.main).arg(format!("--outfile={}", bundle.display()));
    esbuild.args(["--bundle", "--format=esm", "--platform=neutral", "--main-fields=module,main"]);
    esbuild.args(["--target=es2022", "--external:parloir:*", "--charset=utf8", "--log-level=warning"]);
    esbuild.args(["--sourcemap=external", "--sources-content=false", "--legal-comments=none"]);
    job.run("bundling", &mut esbuild)?;
    // A place in the bundle helps nobody: the agent carries where each of its lines came from.
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| BuildError::Read(path.to_owned(), e));
    let code = format!("{}\n{}\n", read(&bundle)?, lines::statement(&read(&map)?));
    put(&bundle, code.as_bytes())?;
    let output = target.join(format!("{}.component.wasm", project.name));
    let wasm = work.join("agent.wasm");
    // QuickJS is given the bundle and the contract, and finds nothing else of the agent.
    let of = || {
        let folder = job.folder.to_string_lossy();
        let mut ingredients = Ingredients::new(&[TOOL, LOCK, include_str!("javascript.rs"), &folder]);
        ingredients.add("bundle", code.as_bytes());
        vendored::under("wit").for_each(|(path, bytes)| ingredients.add(path, bytes));
        ingredients.weighed()
    };
    if let Some(bytes) = kept(&wasm, of().as_ref()) {
        return Ok(Wasm { bytes, page: false, unchanged: true, output });
    }
    let contract = vendored::contract(&work)?;
    let mut componentize = tool("componentize-qjs/bin/componentize-qjs");
    componentize.arg("--wit").arg(&contract).args([
        "--world",
        "agent",
        "--sync",
        "--stub-wasi",
        "--opt-size",
    ]);
    componentize.arg("--js").arg(&bundle).arg("--output").arg(&wasm);
    job.run("building with QuickJS", &mut componentize)?;
    let bytes = std::fs::read(&wasm).map_err(|e| BuildError::Read(wasm.clone(), e))?;
    keep(&wasm, &bytes, of().as_ref(), of().as_ref())?;
    Ok(Wasm { bytes, page: false, unchanged: false, output })
}

struct Project {
    name: String,
    main: PathBuf,
}

#[derive(Deserialize)]
struct PackageJson {
    name: Option<String>,
    main: Option<PathBuf>,
    #[serde(default)]
    dependencies: serde_json::Map<String, serde_json::Value>,
}

impl Project {
    fn of(folder: &Path) -> Result<Self, BuildError> {
        let file = folder.join("package.json");
        let wrong = |wrong: String| BuildError::Project { file: file.clone(), wrong };
        let text = std::fs::read_to_string(&file).map_err(|e| BuildError::Read(file.clone(), e))?;
        let said: PackageJson = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        let main = match said.main {
            Some(main) if folder.join(&main).is_file() => main,
            Some(main) => return Err(wrong(format!("\"main\" names {}, which is no file", main.display()))),
            None => ["agent.ts", "agent.js"]
                .map(PathBuf::from)
                .into_iter()
                .find(|main| folder.join(main).is_file())
                .ok_or_else(|| {
                    wrong(
                        "there is neither agent.ts nor agent.js beside it; name the agent's file as \"main\""
                            .to_owned(),
                    )
                })?,
        };
        let absent = said.dependencies.keys().find(|name| !folder.join("node_modules").join(name).exists());
        if let Some(absent) = absent {
            return Err(wrong(format!(
                "the dependency {absent} is not installed: run `npm install` in this folder"
            )));
        }
        let name = said.name.unwrap_or_else(|| "agent".to_owned());
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name = name.rsplit('/').next().unwrap_or("agent").chars().map(plain).collect();
        // Relative to the folder, as the tools' messages will be.
        let main = if main.is_absolute() { main } else { Path::new(".").join(main) };
        Ok(Self { name, main })
    }
}

fn node() -> Result<String, BuildError> {
    let node = program("NODE", "node");
    let version = asked(&node, &["--version"]);
    let major =
        version.as_deref().and_then(|v| v.trim_start_matches('v').split('.').next()?.parse::<u32>().ok());
    match major {
        Some(major) if major >= NODE => Ok(node),
        _ => Err(BuildError::Missing {
            what: match version {
                Some(version) => format!("Node.js {version} is too old: {NODE} or later is needed"),
                None => format!("{node} does not run: Node.js {NODE} or later is needed"),
            },
            remedy: "install it from nodejs.org, or, on Debian and Ubuntu,\n  apt-get install -y --no-install-recommends nodejs npm".to_owned(),
        }),
    }
}

/// The tools of the lock file, in the cache. Their install scripts do not run.
fn install(job: &Job<'_>, node: &str) -> Result<PathBuf, BuildError> {
    if let Some(place) = cache::has(TOOL)? {
        return Ok(place);
    }
    if job.offline {
        let what = "the tools that build TypeScript (QuickJS, esbuild, TypeScript)".to_owned();
        return Err(BuildError::Offline { what, place: cache::folder()?.join("tools") });
    }
    let npm = program("NPM", "npm");
    if asked(&npm, &["--version"]).is_none() {
        return Err(BuildError::Missing {
            what: format!("{npm} does not run; it fetches the tools that build TypeScript ({node} is here)"),
            remedy: "on Debian and Ubuntu,\n  apt-get install -y --no-install-recommends npm".to_owned(),
        });
    }
    cache::tool(TOOL, |place| {
        put(&place.join("package.json"), PACKAGE.as_bytes())?;
        put(&place.join("package-lock.json"), LOCK.as_bytes())?;
        let mut install = Command::new(&npm);
        // `install` and not `ci`: some platforms of the lock are not published everywhere.
        install.current_dir(place).args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
        install.args(["--loglevel=error", "--no-update-notifier"]);
        job.run("installing QuickJS, esbuild and TypeScript with npm (once, 80 MB)", &mut install).map(drop)
    })
}
