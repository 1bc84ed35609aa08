//! How much a component is once each of its parts stands there as often as it is instantiated: so the engine goes through it, and
//! between parts it writes the code that passes values itself.
//!
//! Thirty lines in which each part instantiates the one before it twice are a thousand million parts. What languages really make:
//! 24 parts, each once, of 90 KB beside their modules, with 131 functions that are passed on;
//! 85 of them carry 4,220 values. Functions that carry three million keep the compiler busy for half a minute.
//!
//! That the pool has room for few memories is no bound for that code: it is written before the pool is asked, and anew for each
//! allocation that a part names, though it has one memory.

use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Payload,
};

use crate::passed::Passed;

/// Bytes of all parts beside their modules.
const BYTES: u64 = 1 << 20;
/// Functions that one part is passed by another, or by the host.
const PASSED: u64 = 1_000;
/// Values that all of those take and give.
const VALUES: u64 = 50_000;

/// What a part comes to, with all that it instantiates.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    bytes: u64,
    passed: u64,
    values: u64,
}

impl Size {
    fn add(&mut self, more: Self) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.passed = self.passed.saturating_add(more.passed);
        self.values = self.values.saturating_add(more.values);
        if self.bytes > BYTES {
            return Err(format!(
                "its parts, as often as they are instantiated, have more than {BYTES} bytes"
            ));
        }
        if self.passed > PASSED {
            return Err(format!("its parts pass one another more than {PASSED} functions"));
        }
        if self.values > VALUES {
            return Err(format!(
                "the functions that its parts pass one another carry more than {VALUES} values"
            ));
        }
        Ok(())
    }
}

/// A component or a module that is being read.
#[derive(Debug, Default)]
struct Part {
    is_module: bool,
    size: Size,
    /// The components that it can name, in their order; `None` for one that it is handed.
    known: Vec<Option<Size>>,
}

impl Part {
    fn known(&self, index: u32) -> Option<Option<Size>> {
        self.known.get(usize::try_from(index).ok()?).copied()
    }
}

/// Counts while a component is read, in its own order.
#[derive(Default)]
pub(crate) struct Unfolded {
    /// What is being read, the outermost first.
    open: Vec<Part>,
    passed: Passed,
}

impl Unfolded {
    /// Takes what comes next; or says what there is too much of. What is damaged is told where it is compiled.
    pub(crate) fn take(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        // What types functions have is known before they are counted; what is instantiated is counted before it is looked at.
        let functions = matches!(payload, Payload::ComponentCanonicalSection(_));
        if functions {
            self.passed.take(payload);
        }
        self.count(payload)?;
        if !functions {
            self.passed.take(payload);
        }
        Ok(())
    }

    fn count(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::Version { encoding, .. } => {
                self.open.push(Part { is_module: *encoding == Encoding::Module, ..Part::default() });
                return Ok(());
            }
            Payload::End(_) => {
                let ended = self.open.pop().filter(|part| !part.is_module);
                if let (Some(ended), Some(outer)) = (ended, self.open.last_mut()) {
                    outer.known.push(Some(ended.size));
                }
                return Ok(());
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases.clone().into_iter().flatten() {
                    self.alias(&alias);
                }
            }
            _ => {}
        }
        let Some(part) = self.open.last_mut().filter(|part| !part.is_module) else { return Ok(()) };
        match payload {
            // They are compiled once, and counted apart.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } | Payload::CustomSection(_) => {}
            other => {
                let bytes = other.as_section().map_or(0, |(_, range)| range.len() as u64);
                part.size.add(Size { bytes, ..Size::default() })?;
            }
        }
        match payload {
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone().into_iter().flatten() {
                    if let ComponentTypeRef::Component(_) = import.ty {
                        part.known.push(None);
                    }
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone().into_iter().flatten() {
                    if export.kind == ComponentExternalKind::Component {
                        let exported = part.known(export.index).flatten();
                        part.known.push(exported);
                    }
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions.clone().into_iter().flatten() {
                    if let CanonicalFunction::Lower { func_index, .. } = function {
                        let values = self.passed.values(func_index);
                        part.size.add(Size { bytes: 0, passed: 1, values })?;
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone().into_iter().flatten() {
                    let ComponentInstance::Instantiate { component_index, .. } = instance else { continue };
                    match part.known(component_index) {
                        Some(Some(size)) => part.size.add(size)?,
                        // How much that is, nobody knows before it is done.
                        Some(None) => {
                            return Err("one of its parts instantiates another that it is handed".into());
                        }
                        None => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        let named = match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => None,
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let outer = self.open.iter().rev().nth(usize::try_from(*count).unwrap_or(usize::MAX));
                outer.and_then(|outer| outer.known(*index)).flatten()
            }
            ComponentAlias::InstanceExport { .. }
            | ComponentAlias::CoreInstanceExport { .. }
            | ComponentAlias::Outer { .. } => return,
        };
        if let Some(part) = self.open.last_mut() {
            part.known.push(named);
        }
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::Parser;

    use super::*;

    fn refused(text: &str) -> String {
        let (wasm, mut unfolded) = (wat::parse_str(text).unwrap(), Unfolded::default());
        let mut payloads = Parser::new(0).parse_all(&wasm);
        payloads.find_map(|payload| unfolded.take(&payload.unwrap()).err()).unwrap_or_default()
    }

    /// Each part instantiates the one before it twice; the last is instantiated.
    fn doubled(times: usize, first: &str) -> String {
        let part = |n: usize| {
            let (twice, before) = ("(instance (instantiate $before)) ".repeat(2), n - 1);
            format!("(component $c{n} (alias outer 1 $c{before} (component $before)) {twice})")
        };
        let parts: String = (1..=times).map(part).collect();
        format!("(component (component $c0 {first}) {parts} (instance (instantiate $c{times})))")
    }

    #[test]
    fn parts_count_as_often_as_they_are_instantiated() {
        assert_eq!(refused(&doubled(10, "")), "");
        assert!(refused(&doubled(20, "")).contains("1048576 bytes"));
        // As deep as nobody could count to.
        assert!(refused(&doubled(100, "")).contains("1048576 bytes"));
        let lowers = "(import \"f\" (func $f)) (core func (canon lower (func $f)))";
        let passes = format!("(component $p {lowers})");
        assert_eq!(refused(&format!("(component {passes})")), "", "what is never instantiated costs nothing");
        let instance = "(instance (instantiate $p (with \"f\" (func $f)))) ";
        let many =
            |count| format!("(component (import \"f\" (func $f)) {passes} {})", instance.repeat(count));
        assert_eq!(refused(&many(1_000)), "");
        assert!(refused(&many(1_001)).contains("more than 1000 functions"));
    }

    #[test]
    fn what_the_functions_carry_that_are_passed_is_counted() {
        let lowers = |kind: &str, function: &str, times: usize| {
            let lower = "(core func (canon lower (func $f) (memory $m \"m\") (realloc (func $m \"r\"))))";
            format!(
                "(component {kind} (component $p (alias outer 1 $t (type $t)) (import \"f\" (func $f {function})) \
                 (core module $c (memory (export \"m\") 1) \
                 (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable)) \
                 (core instance $m (instantiate $c)) {}) (import \"f\" (func $f {function})) \
                 (instance (instantiate $p (with \"f\" (func $f)))) (instance (instantiate $p (with \"f\" (func $f)))))",
                lower.repeat(times)
            )
        };
        // A thousand in each of ten, and each of those is one.
        let wide =
            format!("(type $o (tuple {})) (type $t (tuple {}))", "u8 ".repeat(1_000), "$o ".repeat(10));
        for function in ["(param \"x\" $t)", "(result $t)"] {
            assert_eq!(refused(&lowers(&wide, function, 2)), "");
            assert!(refused(&lowers(&wide, function, 3)).contains("more than 50000 values"), "{function}");
        }
        let usual = "(type $t (tuple string (list string) (option (tuple u8 (list (tuple string char))))))";
        assert_eq!(refused(&lowers(usual, "(param \"x\" $t) (result (result $t (error string)))", 150)), "");
    }

    #[test]
    fn a_part_under_another_name_is_the_same_part() {
        let inner = "(component $a (component $b) (instance (instantiate $b)) (export $c \"c\" (component $b)) \
                     (instance (instantiate $c)))";
        assert_eq!(refused(&format!("(component {inner} (instance (instantiate $a)))")), "");
    }

    #[test]
    fn parts_that_are_handed_to_one_another_are_not_instantiated() {
        for text in [
            "(component (component $a (import \"x\" (component $x)) (instance (instantiate $x))))",
            "(component (component $a (component $b) (export \"b\" (component $b))) (instance $i (instantiate $a)) \
             (alias export $i \"b\" (component $b)) (instance (instantiate $b)))",
        ] {
            assert!(refused(text).contains("that it is handed"), "{text}");
        }
    }
}
