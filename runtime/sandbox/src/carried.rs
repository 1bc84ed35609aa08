//! How many values blocks and branches carry, and calls give back, without an instruction for each: three bytes of a loop that
//! carries a thousand are a thousand values for the compiler, and it looks at each at each loop.
//!
//! What languages really make carries one value, or none.

use wasmparser::{BlockType, FunctionBody, Operator, Payload, TypeRef};

/// Values that one function carries, where more than one goes at a time.
const OF_ONE: u64 = 20_000;
/// The same of all functions together.
const OF_ALL: u64 = 200_000;

/// How many values a function takes, and gives back.
#[derive(Debug, Clone, Copy, Default)]
struct Signature {
    takes: u64,
    gives: u64,
}

/// Counts while a component's modules are read, one after another.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    types: Vec<Signature>,
    /// The type of each function: of those from outside, then of its own.
    functions: Vec<u32>,
    /// How many of its own functions were read, and how many come from outside.
    read: usize,
    imported: usize,
    all: u64,
}

fn place<T: Copy>(list: &[T], index: u32) -> Option<T> {
    list.get(usize::try_from(index).ok()?).copied()
}

/// What goes at a time, where it is more than one.
const fn several(values: u64) -> u64 {
    if values > 1 { values } else { 0 }
}

impl Carried {
    /// Takes what comes next; or says what there is too much of. What is damaged is told where it is compiled.
    pub(crate) fn take(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::Version { .. } => *self = Self { all: self.all, ..Self::default() },
            Payload::TypeSection(types) => {
                let read = types.clone().into_iter_err_on_gc_types().flatten();
                self.types.extend(read.map(|is| Signature {
                    takes: is.params().len() as u64,
                    gives: is.results().len() as u64,
                }));
            }
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports().flatten() {
                    if let TypeRef::Func(of) | TypeRef::FuncExact(of) = import.ty {
                        self.functions.push(of);
                    }
                }
                self.imported = self.functions.len();
            }
            Payload::FunctionSection(functions) => {
                self.functions.extend(functions.clone().into_iter().flatten())
            }
            Payload::CodeSectionEntry(body) => {
                let gives = self.functions.get(self.imported.saturating_add(self.read)).copied();
                let gives = gives.map_or(0, |of| self.signature(of).gives);
                self.read = self.read.saturating_add(1);
                let carried = self.of(body, gives)?;
                self.all = self.all.saturating_add(carried);
                if self.all > OF_ALL {
                    return Err("its blocks and calls carry too many values".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn signature(&self, of: u32) -> Signature {
        place(&self.types, of).unwrap_or_default()
    }

    fn block(&self, is: BlockType) -> Signature {
        match is {
            BlockType::Empty => Signature::default(),
            BlockType::Type(_) => Signature { takes: 0, gives: 1 },
            BlockType::FuncType(of) => self.signature(of),
        }
    }

    /// What a function carries that gives back so many values.
    fn of(&self, body: &FunctionBody<'_>, gives: u64) -> Result<u64, String> {
        // What a branch to each block takes along, the outermost first.
        let mut open = vec![gives];
        let mut carried = several(gives);
        for operator in body.get_operators_reader().into_iter().flatten().flatten() {
            let label = |open: &[u64], depth: u32| {
                let depth = usize::try_from(depth).unwrap_or(usize::MAX);
                open.iter().rev().nth(depth).copied().map_or(0, several)
            };
            let more = match operator {
                Operator::Block { blockty } | Operator::If { blockty } | Operator::Try { blockty } => {
                    let Signature { takes, gives } = self.block(blockty);
                    open.push(gives);
                    several(takes.saturating_add(gives))
                }
                Operator::TryTable { try_table } => {
                    let Signature { takes, gives } = self.block(try_table.ty);
                    open.push(gives);
                    several(takes.saturating_add(gives))
                }
                Operator::Loop { blockty } => {
                    let Signature { takes, gives } = self.block(blockty);
                    open.push(takes);
                    several(takes.saturating_add(gives))
                }
                Operator::End => {
                    open.pop();
                    0
                }
                Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                    label(&open, relative_depth)
                }
                Operator::BrOnNull { relative_depth } | Operator::BrOnNonNull { relative_depth } => {
                    label(&open, relative_depth)
                }
                Operator::BrTable { targets } => {
                    let all = targets.targets().flatten().chain([targets.default()]);
                    all.fold(0, |sum: u64, depth| sum.saturating_add(label(&open, depth)))
                }
                Operator::Call { function_index } => {
                    let of = place(&self.functions, function_index);
                    of.map_or(0, |of| several(self.signature(of).gives))
                }
                Operator::CallIndirect { type_index, .. } | Operator::CallRef { type_index } => {
                    several(self.signature(type_index).gives)
                }
                _ => 0,
            };
            carried = carried.saturating_add(more);
            if carried > OF_ONE {
                return Err(format!(
                    "blocks and calls of one of its functions carry more than {OF_ONE} values"
                ));
            }
        }
        Ok(carried)
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::Parser;

    use super::*;

    fn refused(module: &str) -> String {
        let wasm = wat::parse_str(format!("(component (core module {module}))")).unwrap();
        let mut carried = Carried::default();
        let mut payloads = Parser::new(0).parse_all(&wasm);
        payloads.find_map(|payload| carried.take(&payload.unwrap()).err()).unwrap_or_default()
    }

    #[test]
    fn what_is_carried_without_an_instruction_for_each_is_counted() {
        let many = |count: usize| "i64 ".repeat(count);
        let (thousand, values) = (many(1_000), "i64.const 0 ".repeat(1_000));
        let of = format!("(type $t (func (param {thousand}) (result {thousand})))");
        let again = |what: &str, times: usize| {
            format!("{of} (func {values} {} {})", what.repeat(times), "drop ".repeat(1_000))
        };
        for what in ["loop (type $t) end ", "block (type $t) end ", "i32.const 0 if (type $t) else end "] {
            assert_eq!(refused(&again(what, 9)), "", "{what}");
            assert!(refused(&again(what, 11)).contains("more than 20000 values"), "{what}");
        }
        let calls = |times: usize| {
            let calls = "call $f ".repeat(times);
            format!(
                "{of} (import \"a\" \"f\" (func $f (type $t))) (func {values} {calls} {})",
                "drop ".repeat(1_000)
            )
        };
        assert_eq!(refused(&calls(19)), "");
        assert!(refused(&calls(21)).contains("more than 20000 values"));
        let branches = |times: usize| {
            let (branches, drops) = ("i32.const 0 br_if 0 ".repeat(times), "drop ".repeat(1_000));
            format!("(func (block (result {thousand}) {values} {branches}) {drops})")
        };
        assert_eq!(refused(&branches(18)), "");
        assert!(refused(&branches(21)).contains("more than 20000 values"));
        let table = format!("(func (result {thousand}) {values} i32.const 0 br_table {})", "0 ".repeat(21));
        assert!(refused(&table).contains("more than 20000 values"));
    }

    #[test]
    fn many_functions_that_each_carry_what_one_may_are_too_many_and_what_languages_make_is_not() {
        let one = format!("(func (result {}) unreachable)", "i64 ".repeat(900));
        assert_eq!(refused(&one.repeat(200)), "");
        assert_eq!(refused(&one.repeat(230)), "its blocks and calls carry too many values");
        let usual = "(func $f (param i32) (result i32) (block (result i32) (br 0 (call $f (local.get 0)))))";
        assert_eq!(
            refused(&format!("{usual} (func {})", "(drop (call $f (i32.const 1)))".repeat(30_000))),
            ""
        );
    }
}
