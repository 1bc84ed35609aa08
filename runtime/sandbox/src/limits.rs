//! Memory and tables of one store.

use std::sync::Arc;

use wasmtime::ResourceLimiterAsync;

use crate::metering::Meter;
use crate::settings::Settings;

/// Core module instances of one component, where nothing else is set. A counter in the pool, so room for Python, whose component
/// holds one per library.
pub(crate) const CORE_INSTANCES: u32 = 48;
/// Memories of one component, likewise: its own, an adapter's, and that of what stands for the system under a
/// JavaScript engine. Each costs 4 GiB of reserved address space.
pub(crate) const MEMORIES: u32 = 3;
/// Tables of one component, likewise: its own, the one of its imports, and an adapter's.
pub(crate) const TABLES: u32 = 8;

/// The agent asked for more than it may have at instantiation, where failing softly is impossible.
#[derive(Debug, thiserror::Error)]
#[error("the agent needs {desired} bytes of memory and may have {allowed}")]
pub(crate) struct MemoryExceeded {
    desired: usize,
    allowed: usize,
}

/// Limits one store and remembers whether a limit was met.
pub(crate) struct Limits {
    memory: usize,
    table_elements: usize,
    core_instances: u32,
    memories: u32,
    tables: u32,
    used: usize,
    refused: bool,
    meter: Arc<Meter>,
}

impl Limits {
    pub(crate) fn new(memory: usize, table_elements: usize, meter: Arc<Meter>) -> Self {
        let (core_instances, memories, tables) = (CORE_INSTANCES, MEMORIES, TABLES);
        Self { memory, table_elements, core_instances, memories, tables, used: 0, refused: false, meter }
    }

    /// The same for a component of as many parts as the pool grants it.
    pub(crate) fn counting(self, settings: &Settings) -> Self {
        let Settings { core_instances, memories, tables, .. } = *settings;
        Self { core_instances, memories, tables, ..self }
    }

    /// Whether growth was ever refused.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

/// Asynchronous, because to grow takes the kernel's lock on the whole process's memory: who computes long leaves the idle
/// class first, until its next interruption.
#[async_trait::async_trait]
impl ResourceLimiterAsync for Limits {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // All memories of the component count together.
        let total = self.used.saturating_sub(current).saturating_add(desired);
        if total > self.memory {
            self.refused = true;
            if current == 0 {
                return Err(MemoryExceeded { desired: total, allowed: self.memory }.into());
            }
            return Ok(false);
        }
        self.used = total;
        self.meter.leave_computing().await;
        Ok(true)
    }

    async fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= self.table_elements;
        self.refused |= !fits;
        if fits {
            self.meter.leave_computing().await;
        }
        Ok(fits)
    }

    // A store holds one component's instance: what the pool grants it and what the store counts are
    // the same.
    fn instances(&self) -> usize {
        self.core_instances as usize
    }

    fn tables(&self) -> usize {
        self.tables as usize
    }

    fn memories(&self) -> usize {
        self.memories as usize
    }
}
