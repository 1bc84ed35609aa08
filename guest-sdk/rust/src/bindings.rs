//! The contract as `wit-bindgen` writes it. Nothing outside this crate uses it by this name.
#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::all,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "agent",
    pub_export_macro: true,
    export_macro_name: "__export_component",
    default_bindings_module: "parloir_agent::bindings",
    additional_derives: [PartialEq],
    generate_all,
});
