//! The Wasm OCI Artifact layout (CNCF TAG Runtime), with an agent's signature as an annotation.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Parser, Payload};

use crate::{COMPONENT_BYTES, Digest, SIGNATURE_BYTES};

/// The media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a component.
pub const LAYER: &str = "application/wasm";
/// The media type of what is said about a component.
pub const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The annotation that is an agent's signature, in Base64.
pub const SIGNATURE: &str = "vnd.parloir.agent-signature.v1";
/// Bytes of a manifest, at most.
pub const MANIFEST_BYTES: usize = 256 << 10;

/// The layout wants a moment. This one, so that the same agent has the same digest whenever it is pushed.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// Why something is no agent in this layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAgent {
    /// No component, to begin with.
    #[error("this is no WebAssembly component: `parloir build` makes one of an agent")]
    NoComponent,
    /// More than there may be.
    #[error("a {what} has at most {most} bytes")]
    TooLong {
        /// Component or signature.
        what: &'static str,
        /// So many.
        most: usize,
    },
    /// A manifest that cannot be read.
    #[error("the registry's manifest is of no agent: {0}")]
    NoManifest(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u8,
    #[serde(default)]
    media_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// What is in a registry under its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its name.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: &'a str,
    architecture: &'a str,
    os: &'a str,
    layer_digests: [&'a Digest; 1],
    component: Surface,
}

#[derive(Serialize, Default)]
struct Surface {
    exports: Vec<String>,
    imports: Vec<String>,
}

/// What is pushed beside the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// What it says about the component.
    pub config: Vec<u8>,
    /// The component.
    pub layer: Descriptor,
}

/// Lays out a component, and its signature where it has one.
///
/// # Errors
/// Where it is no component, or one of the two is too long.
pub fn pack(component: &[u8], signature: Option<&[u8]>) -> Result<Packed, NotAnAgent> {
    if component.len() > COMPONENT_BYTES {
        return Err(NotAnAgent::TooLong { what: "component", most: COMPONENT_BYTES });
    }
    if signature.is_some_and(|signature| signature.len() > SIGNATURE_BYTES) {
        return Err(NotAnAgent::TooLong { what: "signature", most: SIGNATURE_BYTES });
    }
    let layer = descriptor(LAYER, component);
    let config = Config {
        created: CREATED,
        architecture: "wasm",
        // The layout's word for every component, whatever it imports.
        os: "wasip2",
        layer_digests: [&layer.digest],
        component: surface(component)?,
    };
    let config = written(&config)?;
    let annotations = signature.map(|signature| (SIGNATURE.to_owned(), STANDARD.encode(signature)));
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        config: descriptor(CONFIG, &config),
        layers: vec![layer.clone()],
        annotations: annotations.into_iter().collect(),
    };
    Ok(Packed { manifest: written(&manifest)?, config, layer })
}

fn written(value: &impl Serialize) -> Result<Vec<u8>, NotAnAgent> {
    serde_json::to_vec(value).map_err(|_| NotAnAgent::NoManifest("it cannot be written"))
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Descriptor {
    Descriptor { media_type: media_type.to_owned(), digest: Digest::of(bytes), size: bytes.len() as u64 }
}

/// What a component imports and exports.
fn surface(component: &[u8]) -> Result<Surface, NotAnAgent> {
    let mut surface = Surface::default();
    // Components and modules inside one another have surfaces of their own.
    let mut depth = 0_u32;
    let mut is_component = false;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|_| NotAnAgent::NoComponent)? {
            Payload::Version { encoding, .. } if depth == 0 => is_component = encoding == Encoding::Component,
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                surface
                    .imports
                    .extend(section.into_iter().flatten().map(|import| import.name.name.to_owned()));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                surface
                    .exports
                    .extend(section.into_iter().flatten().map(|export| export.name.name.to_owned()));
            }
            _ => {}
        }
    }
    if is_component { Ok(surface) } else { Err(NotAnAgent::NoComponent) }
}

/// Which component a manifest names, and its signature where there is one.
///
/// # Errors
/// Where it is no manifest of this layout, or what it names is too long.
pub fn read(manifest: &[u8]) -> Result<(Descriptor, Option<Vec<u8>>), NotAnAgent> {
    let no = NotAnAgent::NoManifest;
    let manifest: Manifest =
        serde_json::from_slice(manifest).map_err(|_| no("it is not in the OCI image layout"))?;
    if manifest.schema_version != 2 || manifest.media_type.is_some_and(|media_type| media_type != MANIFEST) {
        return Err(no("it is not in the OCI image layout"));
    }
    let Ok([layer]) = <[Descriptor; 1]>::try_from(manifest.layers) else {
        return Err(no("an agent is one layer"));
    };
    if layer.media_type != LAYER {
        return Err(no("an agent is a layer of application/wasm: is it a container?"));
    }
    if layer.size > COMPONENT_BYTES as u64 {
        return Err(NotAnAgent::TooLong { what: "component", most: COMPONENT_BYTES });
    }
    let signature = match manifest.annotations.get(SIGNATURE) {
        Some(encoded) if encoded.len() > SIGNATURE_BYTES.div_ceil(3) * 4 => {
            return Err(NotAnAgent::TooLong { what: "signature", most: SIGNATURE_BYTES });
        }
        Some(encoded) => Some(STANDARD.decode(encoded).map_err(|_| no("its signature is no Base64"))?),
        None => None,
    };
    Ok((layer, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component() -> Vec<u8> {
        wat::parse_str(
            r#"(component (import "parloir:agent/call@0.1.0" (instance)) (import "a" (func)) (export "b" (func 0)))"#,
        )
        .unwrap()
    }

    #[test]
    fn what_is_packed_is_read_again_and_has_one_digest() {
        let component = component();
        let packed = pack(&component, Some(b"signed")).unwrap();
        assert_eq!(packed, pack(&component, Some(b"signed")).unwrap());
        assert_eq!(read(&packed.manifest), Ok((packed.layer.clone(), Some(b"signed".to_vec()))));
        assert_eq!(packed.layer.digest, Digest::of(&component));
        let unsigned = pack(&component, None).unwrap();
        assert_eq!(read(&unsigned.manifest), Ok((packed.layer, None)));
        assert_eq!(unsigned.config, packed.config);
    }

    #[test]
    fn others_read_the_layout_too() {
        let component = component();
        let packed = pack(&component, None).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&packed.manifest).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&packed.config).unwrap();
        assert_eq!(manifest["schemaVersion"], 2);
        assert_eq!(manifest["mediaType"], MANIFEST);
        assert_eq!(manifest["config"]["mediaType"], CONFIG);
        assert_eq!(manifest["config"]["digest"], Digest::of(&packed.config).as_str());
        assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
        assert_eq!(manifest["layers"][0]["size"], component.len());
        assert!(manifest.get("annotations").is_none());
        assert_eq!(config["architecture"], "wasm");
        assert_eq!(config["os"], "wasip2");
        assert_eq!(config["layerDigests"][0], manifest["layers"][0]["digest"]);
        assert_eq!(config["component"]["imports"], serde_json::json!(["parloir:agent/call@0.1.0", "a"]));
        assert_eq!(config["component"]["exports"], serde_json::json!(["b"]));
    }

    #[test]
    fn what_is_no_agent_is_refused() {
        assert_eq!(pack(b"", None), Err(NotAnAgent::NoComponent));
        assert_eq!(pack(b"\0asm\x01\0\0\0", None), Err(NotAnAgent::NoComponent));
        assert_eq!(pack(b"an agent", None), Err(NotAnAgent::NoComponent));
        let long = vec![0; SIGNATURE_BYTES + 1];
        assert!(matches!(
            pack(&component(), Some(&long)),
            Err(NotAnAgent::TooLong { what: "signature", .. })
        ));
        let good = String::from_utf8(pack(&component(), Some(b"signed")).unwrap().manifest).unwrap();
        for (what, by) in [
            ("\"schemaVersion\":2", "\"schemaVersion\":1"),
            (MANIFEST, "application/vnd.oci.image.index.v1+json"),
            (LAYER, "application/vnd.oci.image.layer.v1.tar"),
            ("\"size\":", "\"size\":-"),
            ("\"size\":", "\"size\":99999999"),
            ("sha256:", "sha512:"),
            ("\"layers\":[", "\"layers\":[],\"were\":["),
            (SIGNATURE, "vnd.parloir.agent-signature.v1\":\"!\",\"x"),
        ] {
            let bad = good.replace(what, by);
            assert_ne!(bad, good, "{what}");
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
