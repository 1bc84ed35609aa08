//! What modules declare beside their code, whether they are ever instantiated or not: types and what functions take, for which the
//! engine writes a way in and out; tables and memories, which it lays out as they begin; and all that is worked out as a module
//! starts, which is one function to the compiler, however long.
//!
//! What languages really make, in CPython's component, which is the largest: 1,400 types of 4,400 values; one table of 5,700
//! elements and one memory of 13 MB; 5,300 elements of which it is known only at the start where they go. Go's has 35,000 pieces of
//! data, whose places are all known before: they are one image.

use wasmparser::{
    CompositeInnerType, ConstExpr, CoreType, Data, DataKind, Element, ElementItems, ElementKind,
    ModuleTypeDeclaration, Operator, Payload, RecGroup, SectionLimited, Table, TableInit, TypeRef,
};

use crate::settings::Settings;

/// What a function takes and gives without costing more than any.
const USUAL: u64 = 16;
/// The engine lays out an image of this many bytes however little of it is data.
const IMAGE: u64 = 16 << 20;

/// A memory of a module: how many bytes it begins with, and what of them is data.
#[derive(Debug, Clone, Copy)]
struct Memory {
    bytes: u64,
    from: u64,
    to: u64,
    data: u64,
}

/// The module that is being read.
#[derive(Debug, Default)]
struct Module {
    /// What functions of each type take and give.
    types: Vec<u64>,
    /// Elements that each table begins with; `None` for one of which nothing can be laid out.
    tables: Vec<Option<u64>>,
    /// In the same way, its memories.
    memories: Vec<Option<Memory>>,
}

/// Counts while a component's modules are read, one after another.
pub(crate) struct Declared<'a> {
    most: &'a Settings,
    module: Module,
    types: u64,
    typed: u64,
    wide: u64,
    elements: u64,
    memory: u64,
    segments: u64,
    started: u64,
}

fn place<T: Copy>(list: &[T], index: u32) -> Option<T> {
    list.get(usize::try_from(index).ok()?).copied()
}

/// The instructions of an expression, the end apart.
fn instructions(expression: &ConstExpr<'_>) -> u64 {
    let read = expression.get_operators_reader().into_iter().flatten();
    read.filter(|operator| !matches!(operator, Operator::End)).count() as u64
}

/// An expression that is one number, known before anything starts.
fn is_plain(expression: &ConstExpr<'_>) -> bool {
    let first = expression.get_operators_reader().into_iter().flatten().next();
    let number = matches!(
        first,
        Some(
            Operator::I32Const { .. }
                | Operator::I64Const { .. }
                | Operator::F32Const { .. }
                | Operator::F64Const { .. }
                | Operator::V128Const { .. }
        )
    );
    number && instructions(expression) == 1
}

/// A place that is known before anything starts.
fn known(expression: &ConstExpr<'_>) -> Option<u64> {
    match expression.get_operators_reader().into_iter().flatten().next() {
        Some(Operator::I32Const { value }) if is_plain(expression) => Some(value.cast_unsigned().into()),
        _ => None,
    }
}

impl<'a> Declared<'a> {
    /// For a component that may declare so much.
    pub(crate) fn new(most: &'a Settings) -> Self {
        Self {
            most,
            module: Module::default(),
            types: 0,
            typed: 0,
            wide: 0,
            elements: 0,
            memory: 0,
            segments: 0,
            started: 0,
        }
    }

    /// Takes what comes next; or says what there is too much of. What is damaged is told where it is compiled.
    pub(crate) fn take(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::Version { .. } => self.module = Module::default(),
            Payload::TypeSection(types) => {
                for group in types.clone().into_iter().flatten() {
                    let arities = self.group(&group)?;
                    self.module.types.extend(arities);
                }
            }
            Payload::CoreTypeSection(types) => {
                for is in types.clone().into_iter().flatten() {
                    self.core_type(&is)?;
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports().flatten() {
                    match import.ty {
                        TypeRef::Func(of) | TypeRef::FuncExact(of) => self.function(of)?,
                        TypeRef::Table(_) => self.module.tables.push(None),
                        TypeRef::Memory(_) => self.module.memories.push(None),
                        TypeRef::Global(_) | TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for of in functions.clone().into_iter().flatten() {
                    self.function(of)?;
                }
            }
            Payload::TableSection(tables) => {
                for table in tables.clone().into_iter().flatten() {
                    self.table(&table)?;
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories.clone().into_iter().flatten() {
                    let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX);
                    self.memory(memory.initial.saturating_mul(page), memory.page_size_log2.is_none())?;
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals.clone().into_iter().flatten() {
                    if !is_plain(&global.init_expr) {
                        self.start(instructions(&global.init_expr))?;
                    }
                }
            }
            Payload::ElementSection(elements) => self.elements(elements)?,
            Payload::DataSection(data) => self.data(data)?,
            _ => {}
        }
        Ok(())
    }

    /// What the types of a group take and give.
    fn group(&mut self, group: &RecGroup) -> Result<Vec<u64>, String> {
        let arity = |is: &CompositeInnerType| match is {
            CompositeInnerType::Func(is) => is.params().len().saturating_add(is.results().len()) as u64,
            _ => 0,
        };
        let arities: Vec<u64> = group.types().map(|is| arity(&is.composite_type.inner)).collect();
        self.types = self.types.saturating_add(arities.len() as u64);
        self.typed = arities.iter().copied().fold(self.typed, u64::saturating_add);
        let most = &self.most.shape;
        if self.types > most.types {
            return Err(format!("its modules have more than {} types", most.types));
        }
        if self.typed > most.typed {
            return Err(format!("the types of its functions take and give more than {} values", most.typed));
        }
        Ok(arities)
    }

    fn core_type(&mut self, is: &CoreType<'_>) -> Result<(), String> {
        match is {
            CoreType::Rec(group) => self.group(group).map(drop),
            CoreType::Module(declarations) => {
                for declaration in declarations.iter() {
                    if let ModuleTypeDeclaration::Type(group) = declaration {
                        self.group(group)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn function(&mut self, of: u32) -> Result<(), String> {
        let beyond = place(&self.module.types, of).unwrap_or_default().saturating_sub(USUAL);
        self.wide = self.wide.saturating_add(beyond);
        let most = self.most.shape.wide;
        if self.wide > most {
            return Err(format!("its functions take and give more than {most} values beyond {USUAL} each"));
        }
        Ok(())
    }

    fn table(&mut self, table: &Table<'_>) -> Result<(), String> {
        let elements = table.ty.initial;
        self.elements = self.elements.saturating_add(elements);
        let each = self.most.table_elements as u64;
        if elements > each {
            return Err(format!("one of its tables begins with {elements} elements and may have {each}"));
        }
        // What can be instantiated has no more than that.
        let all = each.saturating_mul(self.most.tables.into());
        if self.elements > all {
            return Err(format!("its tables begin with more than {all} elements"));
        }
        let plain = match &table.init {
            TableInit::RefNull => true,
            TableInit::Expr(expression) => {
                self.start(instructions(expression))?;
                false
            }
        };
        self.module.tables.push((plain && table.ty.element_type.is_func_ref()).then_some(elements));
        Ok(())
    }

    fn memory(&mut self, bytes: u64, usual: bool) -> Result<(), String> {
        self.memory = self.memory.saturating_add(bytes);
        let most = self.most.memory as u64;
        // Nor has it more memory than one call's agent may have, in all its memories.
        if self.memory > most {
            return Err(format!("its memories begin with more than {most} bytes"));
        }
        self.module.memories.push(usual.then_some(Memory { bytes, from: u64::MAX, to: 0, data: 0 }));
        Ok(())
    }

    fn segment(&mut self) -> Result<(), String> {
        self.segments = self.segments.saturating_add(1);
        let most = self.most.shape.segments;
        if self.segments > most {
            return Err(format!("its modules have more than {most} pieces of data and of tables"));
        }
        Ok(())
    }

    fn start(&mut self, more: u64) -> Result<(), String> {
        self.started = self.started.saturating_add(more);
        let most = self.most.shape.started;
        if self.started > most {
            return Err(format!(
                "what its modules begin with takes more than {most} instructions to work out"
            ));
        }
        Ok(())
    }

    fn elements(&mut self, section: &SectionLimited<'_, Element<'_>>) -> Result<(), String> {
        // What cannot be laid out before has all that comes after it wait as well.
        let mut laid_out = true;
        for element in section.clone().into_iter().flatten() {
            self.segment()?;
            let (count, each) = match &element.items {
                ElementItems::Functions(functions) => (u64::from(functions.count()), None),
                ElementItems::Expressions(_, all) => {
                    let each = all.clone().into_iter().flatten();
                    (
                        u64::from(all.count()),
                        Some(each.map(|one| instructions(&one)).fold(0, u64::saturating_add)),
                    )
                }
            };
            let begins = match &element.kind {
                ElementKind::Declared => continue,
                ElementKind::Passive => {
                    self.start(each.unwrap_or(count))?;
                    continue;
                }
                ElementKind::Active { table_index, offset_expr } => {
                    let room = place(&self.module.tables, table_index.unwrap_or_default()).flatten();
                    let end = known(offset_expr).map(|from| from.saturating_add(count));
                    laid_out &= each.is_none()
                        && room.zip(end).is_some_and(|(room, end)| end <= room && room <= 1 << 20);
                    instructions(offset_expr)
                }
            };
            if !laid_out {
                self.start(each.unwrap_or(count).saturating_add(begins))?;
            }
        }
        Ok(())
    }

    /// Data of which all places are known, and that has room there, and is not far apart, is one image to the engine.
    fn data(&mut self, section: &SectionLimited<'_, Data<'_>>) -> Result<(), String> {
        let (mut is_image, mut otherwise) = (true, 0_u64);
        for data in section.clone().into_iter().flatten() {
            self.segment()?;
            let DataKind::Active { memory_index, offset_expr } = &data.kind else { continue };
            // To copy one takes several instructions of the compiler's own.
            otherwise = otherwise.saturating_add(instructions(offset_expr)).saturating_add(3);
            let at = usize::try_from(*memory_index).ok();
            let memory = at.and_then(|at| self.module.memories.get_mut(at)).and_then(Option::as_mut);
            let (Some(memory), Some(from)) = (memory, known(offset_expr)) else {
                is_image = false;
                continue;
            };
            let bytes = data.data.len() as u64;
            let to = from.saturating_add(bytes);
            is_image &= to <= memory.bytes;
            if bytes > 0 {
                memory.from = memory.from.min(from);
                memory.to = memory.to.max(to);
                memory.data = memory.data.saturating_add(bytes);
            }
        }
        let apart = |memory: &Memory| {
            let image = memory.to.saturating_sub(memory.from);
            image >= memory.data.saturating_mul(2) && image >= IMAGE
        };
        let apart = self.module.memories.iter().flatten().any(|memory| memory.data > 0 && apart(memory));
        if !is_image || apart { self.start(otherwise) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::Parser;

    use super::*;

    fn refused(modules: &str) -> String {
        let (wasm, settings) =
            (wat::parse_str(format!("(component {modules})")).unwrap(), Settings::default());
        let mut declared = Declared::new(&settings);
        let mut payloads = Parser::new(0).parse_all(&wasm);
        payloads.find_map(|payload| declared.take(&payload.unwrap()).err()).unwrap_or_default()
    }

    fn module(fields: &str) -> String {
        refused(&format!("(core module {fields})"))
    }

    #[test]
    fn tables_and_memories_are_no_larger_than_the_pool_has_room_for() {
        assert_eq!(module("(table 20000 funcref) (memory 1024)"), "");
        assert_eq!(
            module("(table 20001 funcref)"),
            "one of its tables begins with 20001 elements and may have 20000"
        );
        assert_eq!(module(&"(table 20000 externref)".repeat(8)), "");
        assert_eq!(
            module(&"(table 20000 externref)".repeat(9)),
            "its tables begin with more than 160000 elements"
        );
        assert_eq!(refused(&"(core module (table 20000 funcref))".repeat(8)), "");
        let many = refused(&"(core module (table 20000 funcref))".repeat(9));
        assert_eq!(many, "its tables begin with more than 160000 elements");
        assert_eq!(module("(memory 1025)"), "its memories begin with more than 67108864 bytes");
        let many = refused(&"(core module (memory 513))".repeat(2));
        assert_eq!(many, "its memories begin with more than 67108864 bytes");
        // One that is handed over begins elsewhere.
        assert_eq!(
            module("(import \"a\" \"t\" (table 30000 funcref)) (import \"a\" \"m\" (memory 60000))"),
            ""
        );
    }

    #[test]
    fn types_of_functions_are_counted_by_what_they_take_and_give() {
        let types = |count: usize| "(type (func (param i32 i64)))".repeat(count);
        assert_eq!(module(&types(10_000)), "");
        assert_eq!(module(&types(10_001)), "its modules have more than 10000 types");
        let halves = format!("(core module {}) (core module {})", types(5_000), types(5_001));
        assert_eq!(refused(&halves), "its modules have more than 10000 types");
        let declared = format!("(core type (module {}))", types(10_001));
        assert_eq!(refused(&declared), "its modules have more than 10000 types");
        let wide = |count: usize| {
            let of = "i64 ".repeat(500);
            format!("(type (func (param {of}) (result {of})))").repeat(count)
        };
        assert_eq!(module(&wide(50)), "");
        assert!(module(&wide(51)).contains("more than 50000 values"));
    }

    #[test]
    fn functions_that_take_more_than_is_usual_are_counted() {
        let taking = |values: usize, count: usize| {
            let type_ = format!("(type $t (func (param {})))", "i64 ".repeat(values));
            format!("{type_} (import \"a\" \"b\" (func (type $t))) {}", "(func (type $t))".repeat(count - 1))
        };
        assert_eq!(module(&taking(16, 30_000)), "");
        assert_eq!(module(&taking(116, 200)), "");
        let refused = module(&taking(116, 201));
        assert_eq!(refused, "its functions take and give more than 20000 values beyond 16 each");
    }

    #[test]
    fn what_is_worked_out_at_the_start_is_counted() {
        const SAID: &str = "what its modules begin with takes more than 20000 instructions to work out";
        let plain = "(global i32 (i32.const 1))".repeat(30_000);
        assert_eq!(module(&plain), "");
        let import = "(import \"a\" \"g\" (global $g i32))";
        let sum = "(global i32 (i32.add (global.get $g) (i32.const 1)))";
        assert_eq!(module(&format!("{import} {}", sum.repeat(6_666))), "");
        assert_eq!(module(&format!("{import} {}", sum.repeat(6_667))), SAID);
        let half = format!("(core module {import} {})", sum.repeat(3_334));
        assert_eq!(refused(&half.repeat(2)), SAID);

        let elements = |place: &str, count: usize| {
            let all = "$f ".repeat(count);
            module(&format!("{import} (table 20000 funcref) (func $f) (elem {place} func {all})"))
        };
        assert_eq!(elements("(i32.const 0)", 20_000), "");
        assert_eq!(elements("declare", 30_000), "");
        assert_eq!(elements("(global.get $g)", 19_999), "");
        // Where it is not known before; where there is no room for it; where it is only kept.
        assert_eq!(elements("(global.get $g)", 20_000), SAID);
        assert_eq!(elements("(i32.const 1)", 20_000), SAID);
        assert_eq!(elements("", 20_001), SAID);
        let each = "(item (global.get $h)) ".repeat(20_000);
        let import = format!("{import} (import \"a\" \"h\" (global $h funcref))");
        assert_eq!(
            module(&format!("{import} (table 20000 funcref) (elem (i32.const 0) funcref {each})")),
            SAID
        );
        // What comes after what is not known waits for it.
        let waits = format!(
            "{import} (table 20000 funcref) (func $f) (elem (global.get $g) func $f) (elem (i32.const 0) func {})",
            "$f ".repeat(19_999)
        );
        assert_eq!(module(&waits), SAID);
    }

    #[test]
    fn data_is_one_image_or_many_copies() {
        const SAID: &str = "what its modules begin with takes more than 20000 instructions to work out";
        let data = |place: &str, count: usize| format!("(data {place} \"x\")").repeat(count);
        let many = data("(i32.const 7)", 50_000);
        assert_eq!(module(&format!("(memory 1) {many}")), "");
        assert_eq!(module(&data("", 50_000)), "");
        assert_eq!(
            module(&data("", 100_001)),
            "its modules have more than 100000 pieces of data and of tables"
        );
        // Whose place is not known; that has no room; that is handed its memory; that is far apart.
        let get = "(import \"a\" \"g\" (global $g i32))";
        assert_eq!(module(&format!("{get} (memory 1) {}", data("(global.get $g)", 5_000))), "");
        assert_eq!(module(&format!("{get} (memory 1) {}", data("(global.get $g)", 5_001))), SAID);
        assert_eq!(module(&format!("{get} (memory 1) {} {many}", data("(global.get $g)", 1))), SAID);
        assert_eq!(module(&format!("(memory 1) {} {many}", data("(i32.const 65536)", 1))), SAID);
        assert_eq!(module(&format!("(import \"a\" \"m\" (memory 1)) {many}")), SAID);
        assert_eq!(module(&format!("(memory 1000) {} {many}", data("(i32.const 17000000)", 1))), SAID);
        assert_eq!(module(&format!("(memory 1000) {} {many}", data("(i32.const 16000000)", 1))), "");
    }
}
