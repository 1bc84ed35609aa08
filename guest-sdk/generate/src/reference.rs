//! The contract's reference, `wit/README.md`: every world, interface, function and type with what its own
//! documentation says, and the name each SDK gives it.
//!
//! A name is printed where the language's rule makes it and the SDK really has it; nothing here is
//! remembered by hand.

use std::fmt::Write as _;
use std::path::Path;

use wit_bindgen_core::wit_parser::{
    Docs, Function, Interface, Resolve, Type, TypeDefKind, TypeId, WorldId, WorldItem,
};

use crate::names::Sdks;

/// What the page says before the contract speaks for itself.
const PREFACE: &str = "\
# The contract's reference

What an agent can ask of the host, and what it must answer: the package `parloir:agent`, item by item. This page is
written by `guest-sdk/generate` from the `.wit` files beside it, and a test fails when it is not what they say; the
documentation of an item is its comment there.

**How to read it.** A signature is WIT, the component model's own notation: `option<t>` may be absent, `result<t, refusal>` is
either the answer or a [`refusal`](#refusal) that says how to be allowed, `list<t>` is several, `tuple<a, b>` both. Whatever
the language, the host parks the agent until the answer is there; every call and its answer is in the call's journal under
the heading's name, such as `calendar.free`, and that name is what a conversation file's `failures` uses. Below each function
stands its name in each SDK; where there is a dash, the SDK has it in a shape of its own, on that language's page. Options
that an SDK gives defaults are in [`guest-sdk/README.md`](../guest-sdk/README.md); the limits that hold everywhere in
[`guest-sdk/can-and-cannot.md`](../guest-sdk/can-and-cannot.md).
";

/// Words with which a sentence of the documentation begins when it says one of these things.
const LABELS: [&str; 7] = [
    "Caller: ",
    "Durable on return: ",
    "Durable on return.",
    "Durable before the first byte leaves: ",
    "Refused: ",
    "Costs: ",
    "Costs nothing.",
];

/// The page. `sdk` is the folder of the SDKs.
pub(crate) fn page(resolve: &Resolve, world: WorldId, sdk: &Path) -> std::io::Result<String> {
    let sdks = Sdks::read(sdk)?;
    let mut page = Page { resolve, sdks, text: PREFACE.to_owned() };
    page.world(world);
    let mut text = page.text;
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    Ok(text.trim_end().to_owned() + "\n")
}

struct Page<'a> {
    resolve: &'a Resolve,
    sdks: Sdks,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn world(&mut self, world: WorldId) {
        let Some(world) = self.resolve.worlds.get(world) else { return };
        let package = world.package.and_then(|id| self.resolve.packages.get(id));
        let imported: Vec<&Interface> = world
            .imports
            .values()
            .filter_map(|item| match item {
                WorldItem::Interface { id, .. } => self.resolve.interfaces.get(*id),
                WorldItem::Function(_) | WorldItem::Type { .. } => None,
            })
            .collect();
        self.line("\n## Contents\n");
        self.line(&format!("- [world `{}`](#world-{}): what an agent exports", world.name, world.name));
        for interface in &imported {
            let name = interface.name.as_deref().unwrap_or_default();
            let about = flat(&interface.docs);
            let first = about.split(". ").next().unwrap_or_default().trim_end_matches('.');
            let first = if first.is_empty() { "what the others are spoken in" } else { first };
            let functions: Vec<String> =
                interface.functions.keys().map(|f| format!("[`{f}`](#{name}{f})")).collect();
            let list =
                if functions.is_empty() { String::new() } else { format!(" — {}", functions.join(", ")) };
            self.line(&format!("- [`{name}`](#interface-{name}): {first}{list}"));
        }
        self.line(&format!("\n## World `{}`\n", world.name));
        if let Some(package) = package {
            self.line(&format!("Package `{}`.\n", package.name));
            self.prose(&package.docs);
        }
        self.prose(&world.docs);
        for item in world.exports.values() {
            if let WorldItem::Function(function) = item {
                self.function(None, function);
            }
        }
        for item in world.imports.values() {
            if let WorldItem::Type { id, .. } = item {
                self.definition(*id);
            }
        }
        for interface in imported {
            self.interface(interface);
        }
    }

    fn interface(&mut self, interface: &Interface) {
        let name = interface.name.as_deref().unwrap_or_default();
        self.line(&format!("\n## Interface `{name}`\n"));
        self.prose(&interface.docs);
        for function in interface.functions.values() {
            self.function(Some(name), function);
        }
        for id in interface.types.values() {
            self.definition(*id);
        }
    }

    fn function(&mut self, interface: Option<&str>, function: &Function) {
        let name = match interface {
            Some(interface) => format!("{interface}.{}", function.name),
            None => function.name.clone(),
        };
        self.line(&format!("\n### `{name}`\n"));
        let params: Vec<String> =
            function.params.iter().map(|p| format!("{}: {}", p.name, self.named(&p.ty))).collect();
        let result =
            function.result.as_ref().map_or_else(String::new, |ty| format!(" -> {}", self.named(ty)));
        self.line(&format!("```wit\n{}: func({}){result}\n```\n", function.name, params.join(", ")));
        self.prose(&function.docs);
        if let Some(interface) = interface {
            let names = self.sdks.names(interface, &function.name);
            self.line(&names);
        }
    }

    /// A type of the contract's own; what is only another name of one is left out.
    fn definition(&mut self, id: TypeId) {
        let Some(def) = self.resolve.types.get(id) else { return };
        let name = def.name.as_deref().unwrap_or_default();
        let (kind, rows): (&str, Vec<(String, String)>) = match &def.kind {
            TypeDefKind::Record(record) => {
                let field = |f: &wit_bindgen_core::wit_parser::Field| {
                    (format!("`{}: {}`", f.name, self.named(&f.ty)), flat(&f.docs))
                };
                ("record:", record.fields.iter().map(field).collect())
            }
            TypeDefKind::Variant(variant) => {
                let case = |c: &wit_bindgen_core::wit_parser::Case| {
                    let held = c.ty.as_ref().map_or_else(String::new, |ty| format!("({})", self.named(ty)));
                    (format!("`{}{held}`", c.name), flat(&c.docs))
                };
                ("variant, one of:", variant.cases.iter().map(case).collect())
            }
            TypeDefKind::Enum(one) => (
                "choice, one of:",
                one.cases.iter().map(|c| (format!("`{}`", c.name), flat(&c.docs))).collect(),
            ),
            TypeDefKind::Flags(flags) => (
                "flags: any of",
                flags.flags.iter().map(|f| (format!("`{}`", f.name), flat(&f.docs))).collect(),
            ),
            // Taken from another interface by `use`: documented there.
            TypeDefKind::Type(Type::Id(_)) => return,
            TypeDefKind::Type(ty) => {
                self.line(&format!("\n### `{name}`\n\n`{}`: {}", self.named(ty), flat(&def.docs)));
                return;
            }
            TypeDefKind::Resource
            | TypeDefKind::Handle(_)
            | TypeDefKind::Tuple(_)
            | TypeDefKind::Option(_)
            | TypeDefKind::Result(_)
            | TypeDefKind::List(_)
            | TypeDefKind::Map(..)
            | TypeDefKind::FixedLengthList(..)
            | TypeDefKind::Future(_)
            | TypeDefKind::Stream(_)
            | TypeDefKind::Unknown => return,
        };
        self.line(&format!("\n### `{name}`\n"));
        let about = flat(&def.docs);
        self.line(&format!(
            "{}{kind}\n",
            if about.is_empty() { "A ".to_owned() } else { format!("{about} A ") }
        ));
        self.line("|  |  |\n|---|---|");
        for (item, docs) in rows {
            let docs = docs.replace('|', "\\|");
            self.line(&format!("| {item} | {docs} |"));
        }
    }

    /// Paragraphs, with a bullet for each thing that is said by its label.
    fn prose(&mut self, docs: &Docs) {
        for paragraph in docs.contents.as_deref().unwrap_or_default().split("\n\n") {
            let text = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut starts: Vec<(usize, &str)> = LABELS
                .iter()
                .filter_map(|label| {
                    let at = text.find(label)?;
                    let begins = at == 0 || text.get(..at).is_some_and(|before| before.ends_with(". "));
                    begins.then_some((at, *label))
                })
                .collect();
            starts.sort_unstable();
            let first = starts.first().map_or(text.len(), |(at, _)| *at);
            let before = text.get(..first).unwrap_or_default().trim();
            if !before.is_empty() {
                self.line(&format!("{before}\n"));
            }
            for (i, (at, label)) in starts.iter().enumerate() {
                let end = starts.get(i + 1).map_or(text.len(), |(next, _)| *next);
                let said = text.get(at + label.len()..end).unwrap_or_default().trim();
                let label = label.trim();
                let _ = match label.strip_suffix(':') {
                    Some(label) => writeln!(self.text, "- **{label}**: {said}"),
                    None => writeln!(self.text, "- **{label}** {said}"),
                };
            }
            if !starts.is_empty() {
                self.text.push('\n');
            }
        }
    }

    /// A type as a signature names it.
    fn named(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else { return plain(ty).to_owned() };
        let Some(def) = self.resolve.types.get(*id) else { return String::new() };
        if let Some(name) = &def.name {
            return name.clone();
        }
        let optional = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), |ty| self.named(ty));
        match &def.kind {
            TypeDefKind::Option(ty) => format!("option<{}>", self.named(ty)),
            TypeDefKind::List(ty) => format!("list<{}>", self.named(ty)),
            TypeDefKind::Tuple(tuple) => {
                format!(
                    "tuple<{}>",
                    tuple.types.iter().map(|ty| self.named(ty)).collect::<Vec<_>>().join(", ")
                )
            }
            TypeDefKind::Result(result) => match (&result.ok, &result.err) {
                (None, None) => "result".to_owned(),
                (ok, None) => format!("result<{}>", optional(ok)),
                (ok, err) => format!("result<{}, {}>", optional(ok), optional(err)),
            },
            other => other.as_str().to_owned(),
        }
    }
}

/// Documentation in one line of a table.
fn flat(docs: &Docs) -> String {
    docs.contents.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

const fn plain(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "",
    }
}
