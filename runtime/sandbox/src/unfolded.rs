//! How much a component is once each of its parts stands there as often as it is instantiated: so the engine goes through it, and
//! between parts it writes the code that passes values itself.
//!
//! Thirty lines in which each part instantiates the one before it twice are a thousand million parts. What languages really make:
//! 24 parts, each once, of 90 KB beside their modules, with 131 functions that are passed on;
//! 85 of them carry 4,220 values. Functions that carry three million keep the compiler busy for half a minute.
//!
//! That the pool has room for few memories is no bound for that code: it is written before the pool is asked, and anew for each
//! allocation that a part names, though it has one memory.
//!
//! An instance that is made of others, or handed on, or given another name is a copy of all that they export: a few lines double it
//! as often as there are lines. A part does not know how large what it is handed is; so it counts how often it copies that, too.

use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExport, ComponentExternalKind, ComponentInstance,
    ComponentInstantiationArg, ComponentOuterAliasKind, ComponentTypeRef, Encoding, Instance, Payload,
};

use crate::passed::Passed;
use crate::settings::Settings;
use crate::size::{Copied, Size};

/// A component that can be instantiated.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    size: Size,
    exports: Copied,
}

/// A module that can be instantiated.
#[derive(Debug, Clone, Copy, Default)]
struct Module {
    memories: u64,
    imports: u64,
}

/// A component or a module that is being read.
#[derive(Debug, Default)]
struct Part {
    is_module: bool,
    size: Size,
    /// What its exports come to.
    exports: Copied,
    /// The components that it can name, in their order; `None` for one that it is handed.
    known: Vec<Option<Known>>,
    /// The modules that it can name, in the same way.
    modules: Vec<Option<Module>>,
    /// What its instances of components export, in the same way.
    instances: Vec<Copied>,
}

impl Part {
    fn known(&self, index: u32) -> Option<Option<Known>> {
        self.known.get(usize::try_from(index).ok()?).copied()
    }

    /// What a module takes. One that it is handed counts nothing: the pool counts it.
    fn module(&self, index: u32) -> Option<Module> {
        self.modules.get(usize::try_from(index).ok()?).copied().flatten()
    }

    fn instance(&self, index: u32) -> Copied {
        let at = usize::try_from(index).ok();
        at.and_then(|at| self.instances.get(at)).copied().unwrap_or(Copied::ONE)
    }

    /// What something comes to that is handed on, exported, or named in another instance.
    fn copy(&self, kind: ComponentExternalKind, index: u32) -> Copied {
        if kind == ComponentExternalKind::Instance { self.instance(index) } else { Copied::ONE }
    }

    fn made_of(&mut self, exports: &[ComponentExport<'_>], most: &Settings) -> Result<(), String> {
        let all = exports.iter().map(|export| self.copy(export.kind, export.index));
        let copied = all.fold(Copied::default(), Copied::and);
        self.instances.push(copied.and(Copied::ONE));
        self.size.add(Size { copied, ..Size::default() }, most)
    }

    fn instantiate(
        &mut self,
        of: Known,
        handed: &[ComponentInstantiationArg<'_>],
        most: &Settings,
    ) -> Result<(), String> {
        let (mut each, mut all, mut looked_up) = (Copied::ONE, Copied::default(), Copied::default());
        for handed in handed {
            let is = self.copy(handed.kind, handed.index);
            (each, all) = (each.or(is), all.and(is));
            if handed.kind == ComponentExternalKind::Instance {
                // For each resource of it the engine copies all of it to see what that is.
                looked_up = looked_up.and(is.squared());
            }
        }
        let exports = of.exports.given(each);
        self.instances.push(exports.and(Copied::ONE));
        let copied = of.size.copied.given(each).and(exports).and(all);
        let looked_up = of.size.looked_up.given(each.squared()).and(looked_up);
        self.size.add(Size { copied, looked_up, ..of.size }, most)
    }
}

/// Counts while a component is read, in its own order.
pub(crate) struct Unfolded<'a> {
    most: &'a Settings,
    /// What is being read, the outermost first.
    open: Vec<Part>,
    passed: Passed,
    /// What all parts come to, each once: the engine reads them whether they are instantiated or not.
    all: Size,
    /// Bytes of types in all of them, and instances of components.
    types: u64,
    instances: u64,
}

impl<'a> Unfolded<'a> {
    /// For a component that may come to so much.
    pub(crate) fn new(most: &'a Settings) -> Self {
        Self {
            most,
            open: Vec::new(),
            passed: Passed::default(),
            all: Size::default(),
            types: 0,
            instances: 0,
        }
    }

    /// Takes what comes next; or says what there is too much of. What is damaged is told where it is compiled.
    pub(crate) fn take(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        // All of it is counted before it is looked at any closer.
        self.count(payload)?;
        self.passed.take(payload);
        Ok(())
    }

    /// How many values all functions carry that its types speak of; no further than so many.
    pub(crate) fn spoken_of(&self, most: u64) -> u64 {
        self.passed.spoken_of(most)
    }

    fn count(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::Version { encoding, .. } => {
                self.open.push(Part { is_module: *encoding == Encoding::Module, ..Part::default() });
                return Ok(());
            }
            Payload::End(_) => {
                match (self.open.pop(), self.open.last_mut()) {
                    (Some(Part { is_module: true, size, .. }), Some(outer)) => {
                        outer.modules.push(Some(Module { memories: size.memories, imports: size.imports }));
                    }
                    (Some(Part { size, exports, .. }), Some(outer)) => {
                        outer.known.push(Some(Known { size, exports }));
                    }
                    _ => {}
                }
                return Ok(());
            }
            _ => {}
        }
        let Some(part) = self.open.last_mut() else { return Ok(()) };
        if part.is_module {
            match payload {
                Payload::MemorySection(memories) => part.size.memories = memories.count().into(),
                Payload::ImportSection(imports) => {
                    part.size.imports = imports.clone().into_imports().flatten().count() as u64;
                }
                _ => {}
            }
            return Ok(());
        }
        match payload {
            // They are compiled once, and counted apart.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } | Payload::CustomSection(_) => {}
            other => {
                let bytes = other.as_section().map_or(0, |(_, range)| range.len() as u64);
                let more = Size { bytes, ..Size::default() };
                self.all.add(more, self.most)?;
                part.size.add(more, self.most)?;
                match other {
                    Payload::ComponentTypeSection(_) => self.types = self.types.saturating_add(bytes),
                    Payload::ComponentInstanceSection(instances) => {
                        self.instances = self.instances.saturating_add(instances.count().into());
                    }
                    _ => {}
                }
                let most = self.most.shape.retyped;
                if self.types.saturating_mul(self.instances) > most {
                    return Err(format!(
                        "it has more than {most} bytes of types, as often as there are instances"
                    ));
                }
            }
        }
        self.items(payload)
    }

    /// What a component itself says, an item at a time.
    fn items(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        let most = self.most;
        if let Payload::ComponentAliasSection(aliases) = payload {
            for alias in aliases.clone().into_iter().flatten() {
                self.alias(&alias)?;
            }
            return Ok(());
        }
        let Some(part) = self.open.last_mut() else { return Ok(()) };
        match payload {
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone().into_iter().flatten() {
                    match import.ty {
                        ComponentTypeRef::Component(_) => part.known.push(None),
                        ComponentTypeRef::Module(_) => part.modules.push(None),
                        ComponentTypeRef::Instance(of) => {
                            let own = self.passed.exports(of).saturating_add(1);
                            let copied = Copied { own, handed: 1 };
                            part.instances.push(copied);
                            self.all.add(Size { copied, ..Size::default() }, most)?;
                            part.size.add(Size { copied, ..Size::default() }, most)?;
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone().into_iter().flatten() {
                    let mut copied = part.copy(export.kind, export.index);
                    if let Some(ComponentTypeRef::Instance(of)) = export.ty {
                        copied = copied.and(Copied { own: self.passed.exports(of), handed: 0 });
                    }
                    part.exports = part.exports.and(copied);
                    part.size.add(Size { copied, ..Size::default() }, most)?;
                    match export.kind {
                        ComponentExternalKind::Component => {
                            let exported = part.known(export.index).flatten();
                            part.known.push(exported);
                        }
                        ComponentExternalKind::Module => {
                            let exported = part.module(export.index);
                            part.modules.push(exported);
                        }
                        ComponentExternalKind::Instance => part.instances.push(copied),
                        _ => {}
                    }
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                // What it makes can be passed on before it ends.
                let (known, mut made) = (self.passed.functions(), Vec::new());
                for function in functions.clone().into_iter().flatten() {
                    let values = match function {
                        CanonicalFunction::Lift { type_index, .. } => {
                            let values = self.passed.values_of(type_index);
                            made.push(values);
                            values
                        }
                        CanonicalFunction::Lower { func_index, .. } => match func_index.checked_sub(known) {
                            Some(at) => usize::try_from(at)
                                .ok()
                                .and_then(|at| made.get(at))
                                .copied()
                                .unwrap_or_default(),
                            None => self.passed.values(func_index),
                        },
                        CanonicalFunction::ResourceNew { .. }
                        | CanonicalFunction::ResourceDrop { .. }
                        | CanonicalFunction::ResourceRep { .. } => 0,
                        // The engine takes none of them either; but what they carry would be looked at before.
                        _ => return Err("it asks for built-in functions that no agent may have".into()),
                    };
                    let more = Size { passed: 1, values, ..Size::default() };
                    self.all.add(more, most)?;
                    part.size.add(more, most)?;
                }
            }
            Payload::InstanceSection(instances) => {
                for instance in instances.clone().into_iter().flatten() {
                    if let Instance::Instantiate { module_index, .. } = instance {
                        let Module { memories, imports } = part.module(module_index).unwrap_or_default();
                        part.size.add(Size { instances: 1, memories, imports, ..Size::default() }, most)?;
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone().into_iter().flatten() {
                    match instance {
                        ComponentInstance::FromExports(exports) => part.made_of(&exports, most)?,
                        ComponentInstance::Instantiate { component_index, args } => {
                            match part.known(component_index) {
                                Some(Some(of)) => part.instantiate(of, &args, most)?,
                                // How much that is, nobody knows before it is done.
                                Some(None) => {
                                    return Err(
                                        "one of its parts instantiates another that it is handed".into()
                                    );
                                }
                                None => {}
                            }
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<(), String> {
        let outer = |count: u32| self.open.iter().rev().nth(usize::try_from(count).unwrap_or(usize::MAX));
        let (mut component, mut module) = (None, None);
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                component = Some(None);
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => module = Some(None),
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Instance, instance_index, ..
            } => {
                // Part of that one, and no larger.
                let most = self.most;
                if let Some(part) = self.open.last_mut() {
                    let copied = part.instance(*instance_index);
                    part.instances.push(copied);
                    part.size.add(Size { copied, ..Size::default() }, most)?;
                }
                return Ok(());
            }
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
        Ok(())
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

    #[test]
    fn instances_that_are_made_of_instances_count_as_often_as_they_are_copied() {
        let first = "(instance $x0 (export \"a\" (type $t)) (export \"b\" (type $t)))";
        let bag = |n: usize| {
            let before = n - 1;
            format!(
                "(instance $x{n} (export \"a\" (instance $x{before})) (export \"b\" (instance $x{before})))"
            )
        };
        let bags = |times: usize| (1..=times).map(bag).collect::<String>();
        let component = |times: usize| refused(&format!("(component (type $t u8) {first} {})", bags(times)));
        assert_eq!(component(13), "");
        assert!(component(15).contains("more than 100000 things"), "{}", component(15));
        assert!(component(100).contains("more than 100000 things"));

        // The same by parts that are handed an instance and give it twice.
        let part = "(component $p (import \"a\" (instance $a)) \
                    (instance $both (export \"a\" (instance $a)) (export \"b\" (instance $a))) \
                    (export \"c\" (instance $both)))";
        let twice = |n: usize| {
            let before = n - 1;
            format!("(instance $x{n} (instantiate $p (with \"a\" (instance $x{before}))))")
        };
        let parts = |times: usize| {
            let all: String = (1..=times).map(twice).collect();
            refused(&format!("(component (type $t u8) {part} {first} {all})"))
        };
        assert_eq!(parts(6), "");
        // What is twice as large each time is looked through before it is copied too often.
        assert!(parts(30).contains("10000000 exports to look for"), "{}", parts(30));

        // And by names.
        let named = |times: usize| {
            let aliases = "(alias export $x11 \"a\" (instance))".repeat(times);
            refused(&format!("(component (type $t u8) {first} {} {aliases})", bags(11)))
        };
        assert_eq!(named(5), "");
        assert!(named(30).contains("more than 100000 things"));
    }

    #[test]
    fn what_is_looked_for_in_what_is_handed_on_is_counted() {
        let exports =
            |count: usize| (0..count).map(|n| format!("(export \"r{n}\" (type $t))")).collect::<String>();
        let handed = |count: usize, times: usize| {
            let instance = "(instance (instantiate $p (with \"a\" (instance $x))))".repeat(times);
            refused(&format!(
                "(component (type $t (resource (rep i32))) (component $p (import \"a\" (instance))) \
                 (instance $x {}) {instance})",
                exports(count)
            ))
        };
        assert_eq!(handed(100, 100), "");
        assert_eq!(handed(2_000, 1), "");
        assert!(handed(3_000, 1).contains("10000000 exports to look for"), "{}", handed(3_000, 1));
        assert!(handed(500, 20).contains("10000000 exports to look for"), "{}", handed(500, 20));
    }

    #[test]
    fn lifted_functions_count_before_anybody_looks_at_what_they_carry() {
        let wide = format!("(type $t (tuple {}))", "u8 ".repeat(1_000));
        let lifts = |times: usize| {
            let lift = "(func (type $f) (canon lift (core func $i \"f\") (memory $i \"m\") (realloc (func $i \"r\"))))";
            refused(&format!(
                "(component {wide} (core module $m (memory (export \"m\") 1) (func (export \"f\") (param i32)) \
                 (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable)) \
                 (core instance $i (instantiate $m)) (type $f (func (param \"x\" $t))) {})",
                lift.repeat(times)
            ))
        };
        assert_eq!(lifts(49), "");
        assert!(lifts(50).contains("more than 50000 values"), "{}", lifts(50));
        let resources = |times: usize| {
            let each = "(core func (canon resource.drop $r))".repeat(times);
            refused(&format!("(component (type $r (resource (rep i32))) {each})"))
        };
        assert_eq!(resources(1_000), "");
        assert!(resources(1_001).contains("more than 1000 functions"));
    }

    #[test]
    fn what_modules_import_counts_as_often_as_they_are_instantiated() {
        let imports = |count: usize| "(import \"a\" \"f\" (func))".repeat(count);
        let instances = |count: usize| {
            let instance = "(core instance (instantiate $m (with \"a\" (instance $a))))".repeat(2);
            refused(&format!(
                "(component (core module $f (func (export \"f\"))) (core instance $a (instantiate $f)) \
                 (core module $m {}) {instance})",
                imports(count)
            ))
        };
        assert_eq!(instances(50_000), "");
        assert!(instances(50_001).contains("import more than 100000 things"));
    }

    #[test]
    fn types_count_as_often_as_there_are_instances() {
        let names: String = (0..9_000).map(|n| format!("(field \"name{n}\" u8)")).collect();
        let many = |times: usize| {
            let instances = "(instance (instantiate $p)) ".repeat(times);
            refused(&format!("(component (type (record {names})) (component $p) {instances})"))
        };
        assert_eq!(many(500), "");
        assert!(many(900).contains("67108864 bytes of types"), "{}", many(900));
    }
}
