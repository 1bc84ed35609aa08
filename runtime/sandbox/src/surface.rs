//! What a component asks for and offers, read from its bytes without running it.

use wasmparser::{ComponentTypeRef, Parser, Payload};

/// A component's imports and exports, by the names it gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surface {
    /// Interfaces and functions it cannot be instantiated without; of the contract, without the
    /// package: `call`, `calendar`. Others whole: `wasi:cli/stdout@0.2.3`.
    pub imports: Vec<String>,
    /// What it offers: `describe`, `answer`.
    pub exports: Vec<String>,
}

/// Reads a component's surface; empty for what is no component.
///
/// ```
/// assert!(parloir_sandbox::surface(b"no component").imports.is_empty());
/// ```
pub fn surface(component: &[u8]) -> Surface {
    let mut surface = Surface::default();
    // Components and modules inside one another have surfaces of their own.
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::ComponentImportSection(section)) if depth == 0 => {
                // A type that an interface is spoken in is none of its own.
                let asked = section
                    .into_iter()
                    .flatten()
                    .filter(|i| matches!(i.ty, ComponentTypeRef::Instance(_) | ComponentTypeRef::Func(_)));
                surface.imports.extend(asked.map(|import| short(import.name.name)));
            }
            Ok(Payload::ComponentExportSection(section)) if depth == 0 => {
                surface.exports.extend(section.into_iter().flatten().map(|export| short(export.name.name)));
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    surface
}

/// Of the contract the interface alone; of anything else all of it.
fn short(name: &str) -> String {
    let ours = name.strip_prefix("parloir:agent/").and_then(|rest| rest.split('@').next());
    ours.unwrap_or(name).to_owned()
}
