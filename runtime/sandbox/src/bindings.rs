//! What the WIT package says, as generated Rust.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated from wit/, which is documented there"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "agent",
    imports: { default: async | trappable },
    exports: { default: async },
    require_store_data_send: true,
});

pub(crate) use parloir::agent::{
    calendar, call, clock, connectors, documents, log, memory, model, random, report, types, understanding,
};
