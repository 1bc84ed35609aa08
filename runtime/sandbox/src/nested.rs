//! How deep types stand within one another, and how often one holds another, before anybody else reads them. Each reader of types,
//! the engine's among them, calls itself for each level: two bytes a level are enough to run off its thread's stack, and that ends
//! the process.
//!
//! Only types of components and of instances hold other types. They are gone through here without a call; all else is read by the
//! reader that the engine has, a declaration at a time, so that it is as long here as there. What languages really make is three
//! levels deep.

use wasmparser::{
    BinaryReader, ComponentExport, ComponentImport, ComponentType, ComponentTypeDeclaration,
    ComponentTypeRef, Payload, SectionLimited,
};

use crate::settings::Shape;

/// How a type of a component begins, how one of an instance, and how a type that is declared within either.
const COMPONENT: u8 = 0x41;
const INSTANCE: u8 = 0x42;
const DECLARED_TYPE: u8 = 0x01;

/// A type that is being read.
struct Level {
    /// How much of it is left.
    left: u32,
    is_instance: bool,
}

/// Counts while a component is read, in its own order.
pub(crate) struct Nested {
    most: Shape,
    /// The longest type of an instance.
    longest: u64,
    /// Instances that something is declared to take or to give.
    declared: u64,
}

impl Nested {
    /// For a component that may have such types.
    pub(crate) fn new(most: Shape) -> Self {
        Self { most, longest: 0, declared: 0 }
    }

    /// Takes what comes next of these bytes; or says what there is too much of. What is damaged is told where it is compiled:
    /// nobody reads beyond it.
    pub(crate) fn take(&mut self, payload: &Payload<'_>, wasm: &[u8]) -> Result<(), String> {
        match payload {
            Payload::ComponentTypeSection(section) => {
                let section = wasm.get(section.range()).unwrap_or_default();
                if let Ok(Some(problem)) = self.types(section) {
                    return Err(problem);
                }
            }
            Payload::ComponentImportSection(section) => self.imports(section),
            Payload::ComponentExportSection(section) => self.exports(section),
            _ => {}
        }
        // Each time it is declared, an instance has types of its own.
        if self.declared.saturating_mul(self.longest) > self.most.declared {
            let most = self.most.declared;
            return Err(format!("the instances that its types speak of have more than {most} exports"));
        }
        Ok(())
    }

    fn imports(&mut self, section: &SectionLimited<'_, ComponentImport<'_>>) {
        let instances = section.clone().into_iter().flatten();
        let instances = instances.filter(|import| matches!(import.ty, ComponentTypeRef::Instance(_)));
        self.declared = self.declared.saturating_add(instances.count() as u64);
    }

    fn exports(&mut self, section: &SectionLimited<'_, ComponentExport<'_>>) {
        let instances = section.clone().into_iter().flatten();
        let instances = instances.filter(|export| matches!(export.ty, Some(ComponentTypeRef::Instance(_))));
        self.declared = self.declared.saturating_add(instances.count() as u64);
    }

    /// What is wrong with a section of types.
    fn types(&mut self, section: &[u8]) -> wasmparser::Result<Option<String>> {
        let mut reader = BinaryReader::new(section, 0);
        let mut levels = vec![Level { left: reader.read_var_u32()?, is_instance: false }];
        while let Some(level) = levels.last_mut() {
            let Some(left) = level.left.checked_sub(1) else {
                levels.pop();
                continue;
            };
            level.left = left;
            let is_instance = level.is_instance;
            // Within a type it is said first what is declared.
            if levels.len() > 1 {
                let mut ahead = reader.clone();
                if ahead.read_u8()? != DECLARED_TYPE {
                    let declared = match reader.read::<ComponentTypeDeclaration<'_>>()? {
                        ComponentTypeDeclaration::Import(import) => Some(import.ty),
                        ComponentTypeDeclaration::Export { ty, .. } => Some(ty),
                        _ => None,
                    };
                    if let Some(ComponentTypeRef::Instance(_)) = declared {
                        // Where instances held instances, a few lines could hold a million. No interface holds another.
                        if is_instance {
                            return Ok(Some("one of its types is of an instance that holds another".into()));
                        }
                        self.declared = self.declared.saturating_add(1);
                    }
                    continue;
                }
                reader = ahead;
            }
            let mut ahead = reader.clone();
            let begins = ahead.read_u8()?;
            if matches!(begins, COMPONENT | INSTANCE) {
                if levels.len() as u64 > u64::from(self.most.type_depth) {
                    let most = self.most.type_depth;
                    return Ok(Some(format!("it has more than {most} types within one another")));
                }
                let (left, is_instance) = (ahead.read_var_u32()?, begins == INSTANCE);
                if is_instance {
                    self.longest = self.longest.max(left.into());
                }
                levels.push(Level { left, is_instance });
                reader = ahead;
            } else {
                reader.read::<ComponentType<'_>>()?;
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::Parser;

    use super::*;

    fn read(wasm: &[u8]) -> String {
        let mut nested = Nested::new(Shape::default());
        let mut payloads = Parser::new(0).parse_all(wasm);
        // What comes after a section that cannot be read does not matter.
        payloads
            .find_map(|payload| {
                payload.map_or(Some(String::new()), |payload| nested.take(&payload, wasm).err())
            })
            .unwrap_or_default()
    }

    fn refused(text: &str) -> String {
        read(&wat::parse_str(text).unwrap())
    }

    /// So many types of instances, each in the one before.
    fn deep(levels: usize) -> Vec<u8> {
        let mut types = vec![1];
        types.extend([INSTANCE, 1, DECLARED_TYPE].repeat(levels - 1));
        types.extend([INSTANCE, 0]);
        let mut wasm = b"\0asm\x0d\0\x01\0\x07".to_vec();
        let mut length = types.len();
        while length > 0x7f {
            wasm.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        wasm.push(u8::try_from(length).unwrap());
        wasm.extend(types);
        wasm
    }

    #[test]
    fn types_are_only_so_deep() {
        assert_eq!(read(&deep(32)), "");
        assert_eq!(read(&deep(33)), "it has more than 32 types within one another");
        // As deep as would take the process with it.
        assert_eq!(read(&deep(100_000)), "it has more than 32 types within one another");
        let text = |levels: usize| {
            let (open, close) = ("(type (component ".repeat(levels), "))".repeat(levels));
            // One is beside the other, and behind all kinds of what holds none.
            let beside = "(type (record (field \"a\" (list string)))) (core type (module (type (func)) (import \"a\" \"b\" (func)))) \
                          (type (instance (export \"r\" (type (sub resource))) (export \"f\" (func (param \"x\" u8) (result u8)))))";
            format!(
                "(component {beside} {beside} {} {beside} {open} {beside} {close})",
                "(type (instance))".repeat(100)
            )
        };
        assert_eq!(refused(&text(31)), "");
        assert_eq!(refused(&text(33)), "it has more than 32 types within one another");
    }

    #[test]
    fn what_is_cut_short_is_told_where_it_is_compiled() {
        let wasm = deep(20);
        for end in 0..wasm.len() {
            assert_eq!(read(&wasm[..end]), "", "{end}");
        }
    }

    #[test]
    fn instances_are_declared_only_so_often() {
        let exports: String = (0..400).map(|n| format!("(export \"f{n}\" (func (type $f)))")).collect();
        let of = format!("(type $t (instance (type $f (func)) {exports}))");
        let many = |count: usize| {
            let imports: String =
                (0..count).map(|n| format!("(import \"i{n}\" (instance (type $t)))")).collect();
            [
                format!("(component {of} {imports})"),
                format!("(component {of} (type (component (alias outer 1 $t (type $t)) {imports})))"),
            ]
        };
        for text in many(900) {
            assert_eq!(refused(&text), "");
        }
        for text in many(1_100) {
            assert!(refused(&text).contains("more than 400000 exports"), "{}", refused(&text));
        }
        let held = "(component (type $t (instance)) (type (instance (alias outer 1 $t (type $t)) \
                    (export \"a\" (instance (type $t))))))";
        assert_eq!(refused(held), "one of its types is of an instance that holds another");
    }
}
