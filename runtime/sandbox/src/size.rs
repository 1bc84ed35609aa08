//! What a part of a component comes to, and how much that may be.

use crate::settings::{Settings, Shape};

/// How much is copied: for itself, and as often as this what the part is handed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Copied {
    pub(crate) own: u64,
    pub(crate) handed: u64,
}

impl Copied {
    /// Something that holds nothing else.
    pub(crate) const ONE: Self = Self { own: 1, handed: 0 };

    /// Both.
    pub(crate) fn and(self, more: Self) -> Self {
        Self { own: self.own.saturating_add(more.own), handed: self.handed.saturating_add(more.handed) }
    }

    /// The same where each thing that is handed is no more than this.
    pub(crate) fn given(self, each: Self) -> Self {
        let own = self.own.saturating_add(self.handed.saturating_mul(each.own));
        Self { own, handed: self.handed.saturating_mul(each.handed) }
    }

    /// No less than all of it, for each of it.
    pub(crate) fn squared(self) -> Self {
        let twice = |of: u64| of.saturating_mul(of).saturating_mul(2);
        Self { own: twice(self.own), handed: twice(self.handed) }
    }

    /// What is no less than either.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { own: self.own.max(other.own), handed: self.handed.max(other.handed) }
    }

    fn exceeds(self, most: u64) -> bool {
        self.own > most || self.handed > most
    }
}

/// What a part comes to, with all that it instantiates.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
    pub(crate) passed: u64,
    pub(crate) values: u64,
    pub(crate) instances: u64,
    pub(crate) memories: u64,
    pub(crate) imports: u64,
    pub(crate) copied: Copied,
    pub(crate) looked_up: Copied,
}

impl Size {
    /// Adds what more there is; or says what there is too much of.
    pub(crate) fn add(&mut self, more: Self, most: &Settings) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.passed = self.passed.saturating_add(more.passed);
        self.values = self.values.saturating_add(more.values);
        self.instances = self.instances.saturating_add(more.instances);
        self.memories = self.memories.saturating_add(more.memories);
        self.imports = self.imports.saturating_add(more.imports);
        self.copied = self.copied.and(more.copied);
        self.looked_up = self.looked_up.and(more.looked_up);
        let Shape { unfolded, passed, passed_values, imports, copied, looked_up, .. } = most.shape;
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
        if self.imports > imports {
            return Err(format!(
                "its modules, as often as they are instantiated, import more than {imports} things"
            ));
        }
        if self.copied.exceeds(copied) {
            return Err(format!(
                "its parts make instances of one another's that export more than {copied} things"
            ));
        }
        if self.looked_up.exceeds(looked_up) {
            return Err(format!(
                "what its parts hand one another has more than {looked_up} exports to look for resources in"
            ));
        }
        Ok(())
    }
}
