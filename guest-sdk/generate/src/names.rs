//! What a function of the contract is called in each SDK, found in the SDK's own sources.

use std::path::Path;

/// The sources of the five SDKs, by the module an interface is there.
pub(crate) struct Sdks {
    rust: Vec<(String, String)>,
    js: Vec<(String, String)>,
    python: Vec<(String, String)>,
    go: Vec<(String, String)>,
    c: String,
}

impl Sdks {
    /// Reads them below `sdk`.
    pub(crate) fn read(sdk: &Path) -> std::io::Result<Self> {
        Ok(Self {
            rust: modules(&sdk.join("rust/src"), "rs")?,
            js: modules(&sdk.join("js/src"), "ts")?,
            python: modules(&sdk.join("python/parloir_agent"), "py")?,
            go: modules(&sdk.join("go"), "go")?,
            c: std::fs::read_to_string(sdk.join("c/include/parloir.h"))?,
        })
    }

    /// A line with the name in each language; a dash where the rule makes none that there is.
    pub(crate) fn names(&self, interface: &str, function: &str) -> String {
        let top = interface == "call";
        let (snake, camel) = (function.replace('-', "_"), camel(function));
        let pascal = pascal(function);
        let within =
            |name: &str, dot: &str| if top { name.to_owned() } else { format!("{interface}{dot}{name}") };
        let has = |modules: &[(String, String)], defined: &[String]| {
            modules
                .iter()
                .filter(|(module, _)| *module == interface || (top && !OTHERS.contains(&module.as_str())))
                .any(|(_, text)| defined.iter().any(|d| text.contains(d.as_str())))
        };
        let rust = has(&self.rust, &[format!("pub fn {snake}("), format!("pub fn {snake}<")])
            .then(|| within(&snake, "::"));
        let js = [format!("function {camel}("), format!("const {camel} "), format!("function {camel}<")];
        let js = has(&self.js, &js).then(|| within(&camel, "."));
        let python = has(&self.python, &[format!("\ndef {snake}(")]).then(|| within(&snake, "."));
        // In Go what every agent needs stands in one package.
        let package = if OTHERS_OF_GO.contains(&interface) { interface } else { "parloir" };
        let go = self
            .go
            .iter()
            .filter(|(module, _)| (module == interface) == (package == interface))
            .any(|(_, text)| text.contains(&format!("\nfunc {pascal}(")))
            .then(|| format!("{package}.{pascal}"));
        let c = [format!("parloir_{interface}_{snake}"), format!("parloir_{snake}")]
            .into_iter()
            .find(|name| self.c.contains(&format!("{name}(")));
        let shown = |name: Option<String>| name.map_or_else(|| "—".to_owned(), |name| format!("`{name}`"));
        let names = [("Rust", rust), ("TypeScript", js), ("Python", python), ("C", c), ("Go", go)];
        names.map(|(language, name)| format!("{language} {}", shown(name))).join(" · ")
    }
}

/// Interfaces that are modules of their own.
const OTHERS: [&str; 10] = [
    "model",
    "calendar",
    "memory",
    "documents",
    "connectors",
    "report",
    "clock",
    "random",
    "log",
    "understanding",
];
const OTHERS_OF_GO: [&str; 7] =
    ["model", "calendar", "memory", "documents", "connectors", "report", "understanding"];

/// Every source below a folder, by the module it is part of: the first folder, or the file.
fn modules(folder: &Path, ending: &str) -> std::io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), None::<String>)];
    while let Some((folder, module)) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                if !["internal", "target", "generated", "__pycache__", "node_modules"]
                    .contains(&stem.as_str())
                {
                    folders.push((path, Some(module.clone().unwrap_or(stem))));
                }
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push((module.clone().unwrap_or(stem), std::fs::read_to_string(path)?));
            }
        }
    }
    Ok(found)
}

fn camel(name: &str) -> String {
    let mut words = name.split('-');
    words.next().unwrap_or_default().to_owned() + &words.map(capital).collect::<String>()
}

fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
