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
    ComponentTypeRef, Encoding, Instance, Payload,
};

use crate::passed::Passed;
use crate::settings::{Settings, Shape};

/// What a part comes to, with all that it instantiates.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    bytes: u64,
    passed: u64,
    values: u64,
    instances: u64,
    memories: u64,
}

impl Size {
    fn add(&mut self, more: Self, most: &Settings) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.passed = self.passed.saturating_add(more.passed);
        self.values = self.values.saturating_add(more.values);
        self.instances = self.instances.saturating_add(more.instances);
        self.memories = self.memories.saturating_add(more.memories);
        let Shape { unfolded, passed, passed_values, .. } = most.shape;
        let Settings { core_instances, memories, .. } = *most;
        if self.bytes > unfolded {
            return Err(format!(
                "its parts, as often as they are instantiated, have more than {unfolded} bytes"
            ));
        }
        if self.passed > passed {
            return Err(format!("its parts pass one another more than {passed} functions"));
        }
        if self.values > passed_values {
            return Err(format!(
                "the functions that its parts pass one another carry more than {passed_values} values"
            ));
        }
        // The pool would say so, once all of it is compiled.
        if self.instances > u64::from(core_instances) {
            return Err(format!("its parts have more than {core_instances} core module instances"));
        }
        if self.memories > u64::from(memories) {
            return Err(format!("its parts have more than {memories} memories"));
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
    /// The modules that it can name, with their memories, in the same way.
    modules: Vec<Option<u64>>,
}

impl Part {
    fn known(&self, index: u32) -> Option<Option<Size>> {
        self.known.get(usize::try_from(index).ok()?).copied()
    }

    /// The memories of a module. One that it is handed counts none: the pool counts it.
    fn module(&self, index: u32) -> Option<u64> {
        self.modules.get(usize::try_from(index).ok()?).copied().flatten()
    }
}

/// Counts while a component is read, in its own order.
pub(crate) struct Unfolded<'a> {
    most: &'a Settings,
    /// What is being read, the outermost first.
    open: Vec<Part>,
    passed: Passed,
}

impl<'a> Unfolded<'a> {
    /// For a component that may come to so much.
    pub(crate) fn new(most: &'a Settings) -> Self {
        Self { most, open: Vec::new(), passed: Passed::default() }
    }

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
                match (self.open.pop(), self.open.last_mut()) {
                    (Some(ended), Some(outer)) if ended.is_module => {
                        outer.modules.push(Some(ended.size.memories));
                    }
                    (Some(ended), Some(outer)) => outer.known.push(Some(ended.size)),
                    _ => {}
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
        let most = self.most;
        let Some(part) = self.open.last_mut() else { return Ok(()) };
        if part.is_module {
            if let Payload::MemorySection(memories) = payload {
                part.size.memories = memories.count().into();
            }
            return Ok(());
        }
        match payload {
            // They are compiled once, and counted apart.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } | Payload::CustomSection(_) => {}
            other => {
                let bytes = other.as_section().map_or(0, |(_, range)| range.len() as u64);
                part.size.add(Size { bytes, ..Size::default() }, most)?;
            }
        }
        match payload {
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone().into_iter().flatten() {
                    match import.ty {
                        ComponentTypeRef::Component(_) => part.known.push(None),
                        ComponentTypeRef::Module(_) => part.modules.push(None),
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone().into_iter().flatten() {
                    if export.kind == ComponentExternalKind::Component {
                        let exported = part.known(export.index).flatten();
                        part.known.push(exported);
                    } else if export.kind == ComponentExternalKind::Module {
                        let exported = part.module(export.index);
                        part.modules.push(exported);
                    }
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions.clone().into_iter().flatten() {
                    if let CanonicalFunction::Lower { func_index, .. } = function {
                        let values = self.passed.values(func_index);
                        part.size.add(Size { passed: 1, values, ..Size::default() }, most)?;
                    }
                }
            }
            Payload::InstanceSection(instances) => {
                for instance in instances.clone().into_iter().flatten() {
                    if let Instance::Instantiate { module_index, .. } = instance {
                        let memories = part.module(module_index).unwrap_or_default();
                        part.size.add(Size { instances: 1, memories, ..Size::default() }, most)?;
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone().into_iter().flatten() {
                    let ComponentInstance::Instantiate { component_index, .. } = instance else { continue };
                    match part.known(component_index) {
                        Some(Some(size)) => part.size.add(size, most)?,
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
        let outer = |count: u32| self.open.iter().rev().nth(usize::try_from(count).unwrap_or(usize::MAX));
        let (mut component, mut module) = (None, None);
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                component = Some(None);
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => module = Some(None),
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                component = Some(outer(*count).and_then(|outer| outer.known(*index)).flatten());
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                module = Some(outer(*count).and_then(|outer| outer.module(*index)));
            }
            ComponentAlias::InstanceExport { .. }
            | ComponentAlias::CoreInstanceExport { .. }
            | ComponentAlias::Outer { .. } => {}
        }
        if let Some(part) = self.open.last_mut() {
            part.known.extend(component);
            part.modules.extend(module);
        }
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::Parser;

    use super::*;

    fn refused(text: &str) -> String {
        let (wasm, settings) = (wat::parse_str(text).unwrap(), Settings::default());
        let mut unfolded = Unfolded::new(&settings);
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
    fn what_the_pool_has_no_room_for_is_told_before_it_is_compiled() {
        let part = "(component $p (alias outer 1 $m (core module $n)) (core instance (instantiate $n)))";
        let many = |memory: &str, count: usize| {
            let instances = "(instance (instantiate $p)) ".repeat(count);
            format!("(component (core module $m {memory}) {part} {instances})")
        };
        assert_eq!(refused(&many("", 48)), "");
        assert_eq!(refused(&many("", 49)), "its parts have more than 48 core module instances");
        assert_eq!(refused(&many("(memory 1)", 3)), "");
        assert_eq!(refused(&many("(memory 1)", 4)), "its parts have more than 3 memories");
        assert_eq!(refused(&many("(memory 1) (memory 1)", 2)), "its parts have more than 3 memories");
        let exported = "(export $x \"x\" (core module $m)) (core instance (instantiate $x)) ";
        let text = format!(
            "(component (core module $m (memory 1) (memory 1)) {exported} (core instance (instantiate $m)))"
        );
        assert_eq!(refused(&text), "its parts have more than 3 memories");
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
