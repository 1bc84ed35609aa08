//! How many values a function passes from one part of a component to another: the engine writes code for each, at each function
//! and anew for each memory and each allocation that it goes between.

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentValType,
};
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

    /// How many functions the component that is being read knows.
    pub(crate) fn functions(&self) -> u32 {
        self.types().map_or(0, |types| types.component_function_count())
    }

    /// How many values a function of the component that is being read passes, what it takes and what it gives.
    pub(crate) fn values(&self, function: u32) -> u64 {
        let Some(types) = self.types().filter(|types| function < types.component_function_count()) else {
            return 0;
        };
        types.get(types.component_function_at(function)).map_or(0, |is| carries(&types, is))
    }

    /// The same of a function of the type that stands there.
    pub(crate) fn values_of(&self, index: u32) -> u64 {
        let Some((types, ComponentAnyTypeId::Func(id))) = self.is(index) else { return 0 };
        types.get(id).map_or(0, |is| carries(&types, is))
    }

    /// How many exports an instance of the type that stands there has.
    pub(crate) fn exports(&self, index: u32) -> u64 {
        let Some((types, ComponentAnyTypeId::Instance(id))) = self.is(index) else { return 0 };
        types.get(id).map_or(0, |is| is.exports.len() as u64)
    }

    /// How many values all functions carry that the types speak of; no further than so many.
    pub(crate) fn spoken_of(&self, most: u64) -> u64 {
        let Some(types) = self.types() else { return 0 };
        let mut left: Vec<ComponentEntityType> = Vec::new();
        let mut found = 0_u64;
        for index in 0..types.component_type_count() {
            let is = match types.component_any_type_at(index) {
                ComponentAnyTypeId::Func(id) => ComponentEntityType::Func(id),
                ComponentAnyTypeId::Instance(id) => ComponentEntityType::Instance(id),
                ComponentAnyTypeId::Component(id) => ComponentEntityType::Component(id),
                ComponentAnyTypeId::Resource(_) | ComponentAnyTypeId::Defined(_) => continue,
            };
            left.push(is);
            while let Some(is) = left.pop() {
                found = found.saturating_add(1);
                if found > most {
                    return found;
                }
                match is {
                    ComponentEntityType::Func(id) => {
                        let carried = types.get(id).map_or(0, |is| carries(&types, is));
                        found = found.saturating_add(carried);
                    }
                    ComponentEntityType::Instance(id) => {
                        left.extend(
                            types.get(id).into_iter().flat_map(|is| is.exports.values().map(|item| item.ty)),
                        );
                    }
                    ComponentEntityType::Component(id) => {
                        let all = types
                            .get(id)
                            .into_iter()
                            .flat_map(|is| is.imports.values().chain(is.exports.values()));
                        left.extend(all.map(|item| item.ty));
                    }
                    ComponentEntityType::Module(_)
                    | ComponentEntityType::Value(_)
                    | ComponentEntityType::Type { .. } => {}
                }
            }
        }
        found
    }

    fn types(&self) -> Option<TypesRef<'_>> {
        self.known.as_ref().and_then(|known| known.types(0))
    }

    fn is(&self, index: u32) -> Option<(TypesRef<'_>, ComponentAnyTypeId)> {
        let types = self.types().filter(|types| index < types.component_type_count())?;
        let is = types.component_any_type_at(index);
        Some((types, is))
    }
}

/// What a function takes and what it gives.
fn carries(types: &TypesRef<'_>, is: &ComponentFuncType) -> u64 {
    let all = is.params.iter().map(|(_, is)| is).chain(&is.result);
    sum(all.map(|is| values(types, *is)))
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
