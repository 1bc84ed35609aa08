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
    TypeBounds,
};

use crate::passed::Passed;
use crate::settings::Settings;
use crate::size::{Copied, Size};

/// What something counts that is compared before anybody knows how large it is: what is made and used in one section.
const UNKNOWN: u64 = 100_000;

/// What is looked through once, wherever it is.
fn seen(values: u64) -> Size {
    Size { looked_up: Copied { own: values, handed: 0 }, ..Size::default() }
}

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
    /// What those are compared by where they are handed on: all values of what they export.
    compared: Vec<u64>,
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

    fn compared(&self, index: u32) -> u64 {
        let at = usize::try_from(index).ok();
        at.and_then(|at| self.compared.get(at)).copied().unwrap_or(UNKNOWN)
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
}

impl<'a> Unfolded<'a> {
    /// For a component that may come to so much.
    pub(crate) fn new(most: &'a Settings) -> Self {
        Self { most, open: Vec::new(), passed: Passed::default(), all: Size::default() }
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
            }
        }
        self.items(payload)
    }

    /// What a component itself says, an item at a time.
    fn items(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        let (most, looked) = (self.most, self.most.shape.looked_up);
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
                            let compared = self.passed.compared(ComponentExternalKind::Type, of, looked);
                            let compared = compared.unwrap_or(UNKNOWN);
                            part.compared.push(compared);
                            self.all.add(Size { copied, ..seen(compared) }, most)?;
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
                    if let Some(
                        ComponentTypeRef::Func(of)
                        | ComponentTypeRef::Instance(of)
                        | ComponentTypeRef::Component(of)
                        | ComponentTypeRef::Type(TypeBounds::Eq(of)),
                    ) = export.ty
                    {
                        let compared = self.passed.compared(ComponentExternalKind::Type, of, looked);
                        self.all.add(seen(compared.unwrap_or(UNKNOWN)), most)?;
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
                        ComponentExternalKind::Instance => {
                            part.instances.push(copied);
                            let compared = part.compared(export.index);
                            part.compared.push(compared);
                        }
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
                let passed = &self.passed;
                let compared = |part: &Part, kind: ComponentExternalKind, index: u32| match kind {
                    ComponentExternalKind::Instance => part.compared(index),
                    kind => passed.compared(kind, index, looked).unwrap_or(UNKNOWN),
                };
                for instance in instances.clone().into_iter().flatten() {
                    match instance {
                        ComponentInstance::FromExports(exports) => {
                            let mut all = 0_u64;
                            for export in exports.iter() {
                                let compared = compared(part, export.kind, export.index);
                                self.all.add(seen(compared), most)?;
                                all = all.saturating_add(compared);
                            }
                            part.compared.push(all);
                            part.made_of(&exports, most)?;
                        }
                        ComponentInstance::Instantiate { component_index, args } => {
                            for handed in args.iter() {
                                self.all.add(seen(compared(part, handed.kind, handed.index)), most)?;
                            }
                            let compared = compared(part, ComponentExternalKind::Component, component_index);
                            self.all.add(seen(compared), most)?;
                            part.compared.push(compared);
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
                    let compared = part.compared(*instance_index);
                    part.compared.push(compared);
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
mod tests;
