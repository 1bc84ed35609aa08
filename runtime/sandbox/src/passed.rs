//! How many values a function passes from one part of a component to another: the engine writes code for each, at each function
//! and anew for each memory and each allocation that it goes between.

use wasmparser::component_types::{ComponentDefinedType, ComponentValType};
use wasmparser::types::TypesRef;
use wasmparser::{Payload, PrimitiveValType, Validator, WasmFeatures};

/// What a text or a list counts: it is copied, checked and given room.
const OF_MANY: u64 = 10;

/// Knows the types while a component is read, in its own order.
pub(crate) struct Passed {
    /// Nothing once the component is damaged: that is told where it is compiled.
    known: Option<Validator>,
}

impl Default for Passed {
    fn default() -> Self {
        // What the engine takes is among it.
        Self { known: Some(Validator::new_with_features(WasmFeatures::all())) }
    }
}

impl Passed {
    /// Takes what comes next.
    pub(crate) fn take(&mut self, payload: &Payload<'_>) {
        if self.known.as_mut().is_some_and(|known| known.payload(payload).is_err()) {
            self.known = None;
        }
    }

    /// How many values a function of the component that is being read passes, what it takes and what it gives.
    pub(crate) fn values(&self, function: u32) -> u64 {
        let Some(types) = self.known.as_ref().and_then(|known| known.types(0)) else { return 0 };
        if function >= types.component_function_count() {
            return 0;
        }
        let Some(is) = types.get(types.component_function_at(function)) else { return 0 };
        let all = is.params.iter().map(|(_, is)| is).chain(&is.result);
        sum(all.map(|is| values(&types, *is)))
    }
}

fn sum(all: impl Iterator<Item = u64>) -> u64 {
    all.fold(0, u64::saturating_add)
}

/// How many values one of this type is, each part of it counted. Types are bounded where they are declared: a hundred within one
/// another, a million in all.
fn values(types: &TypesRef<'_>, is: ComponentValType) -> u64 {
    let of = |is: &ComponentValType| values(types, *is);
    let id = match is {
        ComponentValType::Primitive(PrimitiveValType::String) => return OF_MANY,
        ComponentValType::Primitive(_) => return 1,
        ComponentValType::Type(id) => id,
    };
    let within = match types.get(id) {
        Some(ComponentDefinedType::Primitive(is)) => of(&ComponentValType::Primitive(*is)),
        Some(ComponentDefinedType::Record(record)) => sum(record.fields.values().map(of)),
        Some(ComponentDefinedType::Tuple(tuple)) => sum(tuple.types.iter().map(of)),
        Some(ComponentDefinedType::Variant(variant)) => {
            sum(variant.cases.values().map(|case| case.ty.as_ref().map_or(0, of).saturating_add(1)))
        }
        Some(ComponentDefinedType::List { element, .. }) => of(element).saturating_add(OF_MANY),
        Some(ComponentDefinedType::Map { key, value, .. }) => sum([of(key), of(value), OF_MANY].into_iter()),
        Some(ComponentDefinedType::FixedLengthList { element, length, .. }) => {
            of(element).saturating_mul(u64::from(*length))
        }
        Some(ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names)) => names.len() as u64,
        Some(ComponentDefinedType::Option { ty, .. }) => of(ty),
        Some(ComponentDefinedType::Result { ok, err, .. }) => sum(ok.iter().chain(err).map(of)),
        Some(
            ComponentDefinedType::Own(_)
            | ComponentDefinedType::Borrow(_)
            | ComponentDefinedType::Future { .. }
            | ComponentDefinedType::Stream { .. },
        )
        | None => 0,
    };
    within.saturating_add(1)
}
