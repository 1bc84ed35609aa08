//! Core module to component, in process: neither an author nor a server needs another tool.

use wit_component::ComponentEncoder;

/// Why a file is not, and cannot be made, an agent component.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It is no WebAssembly at all.
    #[error(
        "this is not WebAssembly: it does not begin with the bytes 00 61 73 6D; give the .wasm file that the build printed"
    )]
    NotWasm,
    /// It is a core module that does not carry the contract.
    #[error(
        "the module cannot become a component: {0:#}; build it with the Parloir SDK, which embeds the contract"
    )]
    Module(String),
}

/// Turns a core module that embeds the contract into a component. A component comes back as it is.
///
/// Cost: about 12 ms for a small agent.
pub fn encode(wasm: &[u8]) -> Result<Vec<u8>, EncodeError> {
    if wasmparser::Parser::is_component(wasm) {
        return Ok(wasm.to_vec());
    }
    if !wasmparser::Parser::is_core_wasm(wasm) {
        return Err(EncodeError::NotWasm);
    }
    let failed = |error: &dyn std::fmt::Display| EncodeError::Module(error.to_string());
    ComponentEncoder::default()
        .validate(true)
        .module(wasm)
        .map_err(|e| failed(&format!("{e:#}")))?
        .encode()
        .map_err(|e| failed(&format!("{e:#}")))
}
