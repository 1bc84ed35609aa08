//! Where components are compiled: in this process, or in another.
//!
//! The compiler reads what strangers wrote. Whatever a component does to it, it does to the process that it runs in: so who
//! answers calls has it run elsewhere, and gets compiled code from there, or a reason.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wasmtime::Engine;

use crate::engine::{LoadError, config_of_compiler};
use crate::settings::Settings;
use crate::shape;

/// Where a sandbox has compiled what its cache does not have.
#[derive(Clone, Default)]
pub enum Compiling {
    /// In this process: for whoever answers nobody but themselves.
    #[default]
    Here,
    /// By somebody else.
    Apart(Arc<dyn Compiler>),
}

/// Has components compiled in another process.
pub trait Compiler: Send + Sync {
    /// What [`precompile`] gives there. Blocking, for as long as that takes, or until `nobody_waits`. Native code is trusted: who
    /// implements this answers for it that nobody else could write what it gives.
    ///
    /// # Errors
    /// As [`precompile`], and [`LoadError::NotCompiled`] where it was not done for a reason that is not the component's.
    fn compile(
        &self,
        component: &[u8],
        settings: &Settings,
        nobody_waits: &CancellationToken,
    ) -> Result<Vec<u8>, LoadError>;
}

/// Looks at what a component would cost the compiler, and compiles it for a sandbox of these settings. Nothing of it runs here.
///
/// # Errors
/// Where it is too large or too complex, or does not compile.
pub fn precompile(component: &[u8], settings: &Settings) -> Result<Vec<u8>, LoadError> {
    let limit = settings.component_bytes;
    if component.len() > limit {
        return Err(LoadError::TooLarge { size: component.len(), limit });
    }
    shape::check(component, settings).map_err(LoadError::TooComplex)?;
    let engine = Engine::new(&config_of_compiler(settings));
    let engine = engine.map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    engine.precompile_component(component).map_err(|error| LoadError::Compile(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::artifact::{ArtifactCache, SealKey};
    use crate::engine::Sandbox;

    /// A part of the world's; what it lacks of it is told once it is compiled.
    const COMPONENT: &str = "(component (core module $m (memory 1)) (core instance (instantiate $m)))";

    fn settings() -> Settings {
        Settings { instances: 1, ..Settings::default() }
    }

    /// Gives the same for every component.
    struct Gives(fn() -> Result<Vec<u8>, LoadError>);

    impl Compiler for Gives {
        fn compile(
            &self,
            _component: &[u8],
            _settings: &Settings,
            _nobody_waits: &CancellationToken,
        ) -> Result<Vec<u8>, LoadError> {
            (self.0)()
        }
    }

    /// Waits until nobody waits for it, and says so.
    struct Waits(mpsc::UnboundedSender<()>);

    impl Compiler for Waits {
        fn compile(
            &self,
            _component: &[u8],
            _settings: &Settings,
            nobody_waits: &CancellationToken,
        ) -> Result<Vec<u8>, LoadError> {
            while !nobody_waits.is_cancelled() {
                std::thread::yield_now();
            }
            self.0.send(()).unwrap();
            Err(LoadError::NotCompiled("nobody waits".into()))
        }
    }

    fn refusal(sandbox: &Sandbox) -> LoadError {
        sandbox.compile(&wat::parse_str(COMPONENT).unwrap()).err().unwrap()
    }

    #[test]
    fn what_is_compiled_without_a_pool_fits_the_engine_that_has_one_and_its_cache() {
        let dir = tempfile::tempdir().unwrap();
        let cache = ArtifactCache::new(dir.path(), SealKey([1; 32]));
        let given = || precompile(&wat::parse_str(COMPONENT).unwrap(), &settings());
        let apart = Compiling::Apart(Arc::new(Gives(given)));
        let sandbox = Sandbox::compiling(settings(), Some(cache.clone()), apart).unwrap();
        // It was taken as code: it is what it exports that does not fit.
        assert!(matches!(refusal(&sandbox), LoadError::World(_)));
        // From then on nobody is asked for it.
        let nobody = Gives(|| Err(LoadError::NotCompiled("nobody is there".into())));
        let sandbox =
            Sandbox::compiling(settings(), Some(cache), Compiling::Apart(Arc::new(nobody))).unwrap();
        assert!(matches!(refusal(&sandbox), LoadError::World(_)));
    }

    #[test]
    fn what_another_process_refuses_or_garbles_is_compiled_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let cache = || Some(ArtifactCache::new(dir.path(), SealKey([1; 32])));
        let complex = Gives(|| Err(LoadError::TooComplex("it takes more than 1 s".into())));
        let module = Gives(|| {
            let module = wat::parse_str("(module)").unwrap();
            Ok(Engine::default().precompile_module(&module).unwrap())
        });
        let garbled = Gives(|| Ok(vec![7; 4_000]));
        for (compiler, said) in [
            (complex, "more than 1 s"),
            (module, "no compiled component"),
            (garbled, "no compiled component"),
        ] {
            for cache in [None, cache()] {
                let apart = Compiling::Apart(Arc::new(Gives(compiler.0)));
                let problem = refusal(&Sandbox::compiling(settings(), cache, apart).unwrap()).to_string();
                assert!(problem.contains(said), "{problem}");
            }
        }
        let kept: Vec<_> = std::fs::read_dir(dir.path()).map(Iterator::collect).unwrap_or_default();
        assert!(kept.is_empty(), "{kept:?}");
    }

    #[tokio::test]
    async fn who_compiles_is_told_when_nobody_waits_any_more() {
        let (ends, mut ended) = mpsc::unbounded_channel();
        let apart = Compiling::Apart(Arc::new(Waits(ends)));
        let sandbox = Sandbox::compiling(settings(), None, apart).unwrap();
        let component = wat::parse_str(COMPONENT).unwrap();
        let mut load = Box::pin(sandbox.load(component));
        tokio::select! {
            biased;
            loaded = &mut load => panic!("{:?}", loaded.map(drop)),
            () = tokio::task::yield_now() => {}
        }
        drop(load);
        assert_eq!(ended.recv().await, Some(()));
    }

    #[test]
    fn what_is_too_large_or_too_complex_is_not_begun() {
        let small = Settings { component_bytes: 8, ..settings() };
        let component = wat::parse_str(COMPONENT).unwrap();
        assert!(matches!(precompile(&component, &small), Err(LoadError::TooLarge { limit: 8, .. })));
        let function = "(component (core module (func nop nop nop)))";
        let short = Settings { function_bytes: 4, ..settings() };
        let refused = precompile(&wat::parse_str(function).unwrap(), &short);
        assert!(matches!(refused, Err(LoadError::TooComplex(_))));
        assert!(matches!(precompile(b"\0asm\x0d\0\x01\0\xff", &settings()), Err(LoadError::Compile(_))));
    }
}
