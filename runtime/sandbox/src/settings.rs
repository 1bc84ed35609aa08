//! Every setting of the sandbox: its default, what it costs, and what it is against.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{CORE_INSTANCES, MEMORIES, TABLES};

/// Limits of the whole process's sandbox. The defaults fit 1,000 live calls of Rust, C,
/// JavaScript or Python agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Live instances at most; more wait for a place. Default 1,000. Costs address space, not
    /// memory: slots are reserved and only touched when used. Against: exhausting the pool.
    pub instances: u32,
    /// Linear memory of one instance, in bytes. Default 64 MiB. Against: a memory hog.
    pub memory: usize,
    /// Elements of one table. Default 20,000. Against: huge tables.
    pub table_elements: usize,
    /// Core module instances of one component. Default 48: room for Python, whose component holds one per library. Each place of
    /// the pool has so many. Against: a component that empties the pool.
    pub core_instances: u32,
    /// Memories of one component. Default 3. Each costs 4 GiB of reserved address space in each place. Against: the same.
    pub memories: u32,
    /// Tables of one component. Default 8. Against: the same.
    pub tables: u32,
    /// Bytes that one host call may make the host allocate while lifting its arguments.
    /// Default 1 MiB. Against: allocation bombs through strings and lists.
    pub host_call_bytes: usize,
    /// WebAssembly stack of one instance. Default 512 KiB. Against: deep recursion.
    pub wasm_stack: usize,
    /// The fiber's whole stack, host frames included. Default 1 MiB; must exceed `wasm_stack`.
    pub fiber_stack: usize,
    /// How often running guests are interrupted to be charged and to let others run. Default
    /// 5 ms. Costs one atomic increment per tick, and one load per loop iteration in the guest.
    /// Against: endless loops and starvation of other agents. After half a tick of one turn an agent goes on in a lane of the
    /// kernel's idle class: a thread of any other keeps its core for a slice, whoever wakes up.
    pub tick: Duration,
    /// Operating-system threads that run agents, in each of their four lanes. Default: one per core.
    pub threads: usize,
    /// CPU time since the caller's last turn after which an agent goes on in the lane of those that
    /// compute long, apart from those that will soon be done. Default 25 ms: five ticks, more than a turn
    /// of an interpreter takes. Costs two moves between threads, and two for each of its host calls. Against: an agent that
    /// delays the others' answers.
    pub long: Duration,
    /// Niceness of the other lane's threads, 0 to 19. Default 5: with agents spinning, media frames are sent
    /// as punctually as without (measured: 2.0 ms p99 at 5, 4.0 ms at 0). Against: an agent that
    /// delays anybody's frames.
    pub nice: i32,
    /// CPU time that agents of tenants of which one computed without end lately have together, while agents of other tenants are
    /// at work: of each core that those who compute long may use, in percent, 1 to 100. Default 10. Costs those tenants' callers
    /// time. Against: a neighbour whom a core that never rests answers later (measured beside 20 attackers: 1.7 times as late with all
    /// of it).
    pub noisy_percent: u32,
    /// Whether other tenants' agents are at work elsewhere on this machine, as they are before a cordon. Default false: they are in
    /// this process or nowhere. Against: the same.
    pub beside_others: bool,
    /// A component's size in bytes. Default 64 MiB. Against: compile bombs.
    pub component_bytes: usize,
    /// Bytes of one function's code. Default 1 MiB: twice the longest of an interpreter. Against: compile bombs.
    pub function_bytes: usize,
    /// Bytes of all functions' code. Default 32 MiB. Against: compile bombs.
    pub code_bytes: usize,
    /// How much work a component of that size may make for the compiler all the same. Against: compile bombs.
    pub shape: Shape,
    /// Handles of one instance that live at a time. Default 10,000. Against: host memory by handles, which an agent makes
    /// without asking the host anything.
    pub handles: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            instances: 1_000,
            memory: 64 << 20,
            table_elements: 20_000,
            core_instances: CORE_INSTANCES,
            memories: MEMORIES,
            tables: TABLES,
            host_call_bytes: 1 << 20,
            wasm_stack: 512 << 10,
            fiber_stack: 1 << 20,
            tick: Duration::from_millis(5),
            threads: std::thread::available_parallelism().map_or(2, NonZeroUsize::get),
            long: Duration::from_millis(25),
            nice: 5,
            noisy_percent: 10,
            beside_others: false,
            component_bytes: 64 << 20,
            function_bytes: 1 << 20,
            code_bytes: 32 << 20,
            shape: Shape::default(),
            handles: 10_000,
        }
    }
}

/// What of a component costs its compiler more than its bytes say. What languages really make is far below each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Modules and components within one component, itself among them. Default 256.
    pub parts: u32,
    /// Functions of all its modules together. Default 40,000.
    pub functions: u32,
    /// Locals of one function, its parameters apart. Default 5,000.
    pub locals: u64,
    /// The same of all functions together. Default 5,000,000.
    pub all_locals: u64,
    /// Blocks within one another. Default 2,000.
    pub depth: u32,
    /// Branches of one function times the locals it has: at each branch a compiler may have to know where each local is.
    /// Default 4,000,000.
    pub tangle: u64,
    /// The same of all functions together. Default 64,000,000.
    pub tangles: u64,
    /// Bytes of all parts beside their modules, each part as often as it is instantiated. Default 1 MiB. Against: components that
    /// instantiate one another twice, and so on.
    pub unfolded: u64,
    /// Functions that one part is passed by another, or by the host: for each the engine writes code of its own. Default 1,000.
    pub passed: u64,
    /// Values that all of those take and give. Default 50,000.
    pub passed_values: u64,
    /// Values that blocks, branches and calls of one function carry without an instruction for each. Default 20,000.
    pub carried: u64,
    /// The same of all functions together. Default 200,000.
    pub all_carried: u64,
    /// Values on the stack at each branch of one function. Default 1,000,000.
    pub standing: u64,
    /// The same of all functions together. Default 8,000,000.
    pub all_standing: u64,
    /// Types of components and instances within one another. Default 32. Against: readers of types that call themselves until the
    /// process ends.
    pub type_depth: u32,
    /// Instances that its types speak of, each as long as the longest type of one. Default 400,000.
    pub declared: u64,
    /// Bytes of its types, for each instance that is made or spoken of: each has types of its own. And bytes of
    /// the contract that a module embeds, for each name that it imports or exports. Default 64 MiB.
    pub retyped: u64,
    /// Exports of instances, each as often as its instance is made, handed on or given another name. Default 100,000.
    pub copied: u64,
    /// What parts hand one another: the exports of an instance for each of its resources, and the values of types that are compared.
    /// Default 10,000,000.
    pub looked_up: u64,
    /// What modules import, as often as they are instantiated. Default 100,000.
    pub imports: u64,
    /// Types of all its modules together: for each the engine writes a way in and out. Default 10,000.
    pub types: u64,
    /// Values that the functions of all those types take and give. Default 50,000.
    pub typed: u64,
    /// What its functions take and give beyond 16 values each, all together: for each the engine writes a way in that takes them
    /// one by one. Default 20,000.
    pub wide: u64,
    /// Pieces of data and of tables of all its modules together. Default 100,000.
    pub segments: u64,
    /// What all its modules work out as they start: numbers, elements and places that are not known before, in instructions. To the
    /// compiler that is one function of each module. Default 20,000.
    pub started: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            parts: 256,
            functions: 40_000,
            locals: 5_000,
            all_locals: 5_000_000,
            depth: 2_000,
            tangle: 4_000_000,
            tangles: 64_000_000,
            unfolded: 1 << 20,
            passed: 1_000,
            passed_values: 50_000,
            carried: 20_000,
            all_carried: 200_000,
            standing: 1_000_000,
            all_standing: 8_000_000,
            type_depth: 32,
            declared: 400_000,
            retyped: 64 << 20,
            copied: 100_000,
            looked_up: 10_000_000,
            imports: 100_000,
            types: 10_000,
            typed: 50_000,
            wide: 20_000,
            segments: 100_000,
            started: 20_000,
        }
    }
}

/// What one call's agent may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// CPU time between two of the caller's turns. Default 500 ms.
    pub turn_cpu: Duration,
    /// CPU time of the whole call. Default 10 s.
    pub call_cpu: Duration,
    /// Linear memory in bytes, at most [`Settings::memory`]. Default 32 MiB.
    pub memory: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { turn_cpu: Duration::from_millis(500), call_cpu: Duration::from_secs(10), memory: 32 << 20 }
    }
}
