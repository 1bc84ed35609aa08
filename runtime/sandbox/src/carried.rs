//! How many values blocks and branches carry, and calls give back, without an instruction for each: three bytes of a loop that
//! carries a thousand are a thousand values for the compiler, and it looks at each at each loop.
//!
//! What languages really make carries one value, or none. Nor does it leave many where they stand while it branches: each of those
//! is in the compiler's way at each branch, as a local is.
//!
//! Where nobody gets to, after a branch or a return, what an instruction takes is looked for all the same, and nothing had to put
//! it there: there each call counts what it takes, too.

use wasmparser::{
    BlockType, ContType, FrameKind, FuncType, FunctionBody, ModuleArity, Operator, Payload, RefType, SubType,
    TypeRef,
};

use crate::settings::Shape;

/// How many values a function takes, and gives back.
#[derive(Debug, Clone, Copy, Default)]
struct Signature {
    takes: u64,
    gives: u64,
}

/// Counts while a component's modules are read, one after another.
#[derive(Debug)]
pub(crate) struct Carried {
    most: Shape,
    types: Vec<Signature>,
    whole: Vec<SubType>,
    /// The type of each function: of those from outside, then of its own.
    functions: Vec<u32>,
    /// How many of its own functions were read, and how many come from outside.
    read: usize,
    imported: usize,
    all: u64,
    standing: u64,
}

/// A block that is open.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// What a branch to it takes along.
    carries: u64,
    is: Signature,
    /// What stood on the stack before what it takes.
    base: u64,
    /// Whether what is read of it now is where nobody gets to.
    unreached: bool,
}

/// What is known of a module, for whoever asks what an instruction takes and gives.
struct Known<'a>(&'a Carried);

impl ModuleArity for Known<'_> {
    fn sub_type_at(&self, type_idx: u32) -> Option<&SubType> {
        self.0.whole.get(usize::try_from(type_idx).ok()?)
    }

    fn tag_type_arity(&self, _at: u32) -> Option<(u32, u32)> {
        None
    }

    fn type_index_of_function(&self, function_idx: u32) -> Option<u32> {
        place(&self.0.functions, function_idx)
    }

    fn func_type_of_cont_type(&self, _c: &ContType) -> Option<&FuncType> {
        None
    }

    fn sub_type_of_ref_type(&self, _rt: &RefType) -> Option<&SubType> {
        None
    }

    fn control_stack_height(&self) -> u32 {
        0
    }

    fn label_block(&self, _depth: u32) -> Option<(BlockType, FrameKind)> {
        None
    }
}

fn place<T: Copy>(list: &[T], index: u32) -> Option<T> {
    list.get(usize::try_from(index).ok()?).copied()
}

/// What goes at a time, where it is more than one.
const fn several(values: u64) -> u64 {
    if values > 1 { values } else { 0 }
}

impl Carried {
    /// For a component that may carry so much.
    pub(crate) fn new(most: Shape) -> Self {
        Self {
            most,
            types: Vec::new(),
            whole: Vec::new(),
            functions: Vec::new(),
            read: 0,
            imported: 0,
            all: 0,
            standing: 0,
        }
    }

    /// Takes what comes next; or says what there is too much of. What is damaged is told where it is compiled.
    pub(crate) fn take(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::Version { .. } => {
                *self = Self { all: self.all, standing: self.standing, ..Self::new(self.most) };
            }
            Payload::TypeSection(types) => {
                let read = types.clone().into_iter().flatten();
                self.whole.extend(read.flat_map(|group| group.into_types()));
                let known = Known(self);
                let signature = |is: &SubType| {
                    let (takes, gives) = known.sub_type_arity(is).unwrap_or_default();
                    Signature { takes: takes.into(), gives: gives.into() }
                };
                let signatures = self.whole.iter().map(signature).collect();
                self.types = signatures;
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
                let (carried, standing) = self.of(body, gives)?;
                self.all = self.all.saturating_add(carried);
                self.standing = self.standing.saturating_add(standing);
                if self.all > self.most.all_carried || self.standing > self.most.all_standing {
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

    /// What a function carries that gives back so many values, and what stands there at its branches.
    fn of(&self, body: &FunctionBody<'_>, gives: u64) -> Result<(u64, u64), String> {
        let outermost = Open { carries: gives, is: Signature { takes: 0, gives }, base: 0, unreached: false };
        let mut open = vec![outermost];
        let (mut carried, mut standing, mut height) = (several(gives), 0_u64, 0_u64);
        let known = Known(self);
        for operator in body.get_operators_reader().into_iter().flatten().flatten() {
            let label = |open: &[Open], depth: u32| {
                let depth = usize::try_from(depth).unwrap_or(usize::MAX);
                open.iter().rev().nth(depth).map_or(0, |open| several(open.carries))
            };
            let base = open.last().copied().unwrap_or(outermost);
            let mut branches = 0;
            let more = match &operator {
                Operator::Block { blockty: is }
                | Operator::Try { blockty: is }
                | Operator::If { blockty: is }
                | Operator::Loop { blockty: is } => {
                    let is = self.block(*is);
                    height = height.saturating_sub(u64::from(matches!(operator, Operator::If { .. })));
                    let carries = if matches!(operator, Operator::Loop { .. }) { is.takes } else { is.gives };
                    let base = height.saturating_sub(is.takes);
                    open.push(Open { carries, is, base, unreached: false });
                    branches = 1;
                    several(is.takes.saturating_add(is.gives))
                }
                Operator::TryTable { try_table } => {
                    let is = self.block(try_table.ty);
                    let base = height.saturating_sub(is.takes);
                    open.push(Open { carries: is.gives, is, base, unreached: false });
                    branches = 1;
                    several(is.takes.saturating_add(is.gives))
                }
                Operator::Else => {
                    height = base.base.saturating_add(base.is.takes);
                    if let Some(open) = open.last_mut() {
                        open.unreached = false;
                    }
                    0
                }
                Operator::End => {
                    height = base.base.saturating_add(base.is.gives);
                    open.pop();
                    0
                }
                Operator::BrIf { relative_depth } => {
                    height = height.saturating_sub(1);
                    branches = 1;
                    label(&open, *relative_depth)
                }
                Operator::BrOnNull { relative_depth } | Operator::BrOnNonNull { relative_depth } => {
                    branches = 1;
                    label(&open, *relative_depth)
                }
                Operator::Br { relative_depth } => {
                    branches = 1;
                    label(&open, *relative_depth)
                }
                Operator::BrTable { targets } => {
                    branches = u64::from(targets.len()).saturating_add(1);
                    let all = targets.targets().flatten().chain([targets.default()]);
                    all.fold(0, |sum: u64, depth| sum.saturating_add(label(&open, depth)))
                }
                other => {
                    let (takes, leaves) = other.operator_arity(&known).unwrap_or_default();
                    height = height.saturating_sub(takes.into()).saturating_add(leaves.into());
                    let takes = if base.unreached { several(takes.into()) } else { 0 };
                    match other {
                        Operator::Call { .. } | Operator::CallIndirect { .. } | Operator::CallRef { .. } => {
                            takes.saturating_add(several(leaves.into()))
                        }
                        // What it gives back is what this function does.
                        Operator::Return
                        | Operator::ReturnCall { .. }
                        | Operator::ReturnCallIndirect { .. }
                        | Operator::ReturnCallRef { .. } => takes.saturating_add(several(gives)),
                        _ => 0,
                    }
                }
            };
            standing = standing.saturating_add(height.saturating_mul(branches));
            if let Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. } = operator
            {
                height = base.base;
                if let Some(open) = open.last_mut() {
                    open.unreached = true;
                }
            }
            carried = carried.saturating_add(more);
            let most = &self.most;
            if carried > most.carried {
                return Err(format!(
                    "blocks and calls of one of its functions carry more than {} values",
                    most.carried
                ));
            }
            if standing > most.standing {
                return Err(
                    "one of its functions branches too often while values stand on its stack".to_owned()
                );
            }
        }
        Ok((carried, standing))
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::Parser;

    use super::*;

    fn refused(module: &str) -> String {
        let wasm = wat::parse_str(format!("(component (core module {module}))")).unwrap();
        let mut carried = Carried::new(Shape::default());
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
    fn what_is_looked_for_where_nobody_gets_to_is_counted() {
        let thousand = "i64 ".repeat(1_000);
        let known = format!(
            "(type $t (func (param {thousand}))) (type $n (func (param {thousand}) (result {thousand}))) \
             (table 1 funcref) (func $f (type $t)) (func $n (type $n) unreachable)"
        );
        let unreached = |result: &str, first: &str, what: &str, times: usize| {
            format!("{known} (func {result} {first} {})", what.repeat(times))
        };
        let result = format!("(result {thousand})");
        for (result, what) in [
            (result.as_str(), "return "),
            (result.as_str(), "return_call $n "),
            ("", "call $f "),
            ("", "call_indirect (type $t) "),
            ("", "return_call $f "),
            ("", "return_call_indirect (type $t) "),
        ] {
            for first in ["unreachable", "return_call $f", "br 0", "block br 0 end unreachable"] {
                let refused = |times: usize| refused(&unreached(result, first, what, times));
                assert_eq!(refused(7), "", "{first} {what}");
                assert!(refused(21).contains("more than 20000 values"), "{first} {what}");
            }
        }
        // Where somebody gets to, whatever a call takes was put there.
        let reached = format!("if unreachable else {} end", "call $f ".repeat(30));
        assert_eq!(refused(&unreached("(param i32)", "local.get 0", &reached, 1)), "");
    }

    #[test]
    fn what_stands_there_at_each_branch_is_counted() {
        let standing = |values: usize, loops: usize| {
            let (values, drops) = ("global.get $g ".repeat(values), "drop ".repeat(values));
            let loops = "loop i32.const 0 br_if 0 end ".repeat(loops);
            format!("(global $g i64 (i64.const 0)) (func {values} {loops} {drops})")
        };
        assert_eq!(refused(&standing(1_000, 490)), "");
        assert!(refused(&standing(1_000, 510)).contains("while values stand"));
        // What nobody reaches stands nowhere, and what a block leaves there is what it says.
        let gone =
            "(func (block (br 0) (drop (i32.add))) (drop (block (result i32) (i32.const 1))))".repeat(2_000);
        assert_eq!(refused(&gone), "");
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
