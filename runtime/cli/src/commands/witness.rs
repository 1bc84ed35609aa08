//! `parloir witness`: looks after other people's logs.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use parloir_proof::note::PublicKey;
use parloir_witness::{Witness as Keeper, router};

use crate::terminal::{BAD, GOOD, styled};
use crate::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Witness {
    /// Its name, which stands before its cosignatures: a host name or the like.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The key of a log it looks after, as the operator published it. May be repeated.
    #[arg(long, value_name = "KEY", required = true)]
    log: Vec<PublicKey>,
    /// Its folder: its key, all it has seen, and its evidence. For this witness alone.
    #[arg(long, value_name = "DIR", default_value = "parloir-witness")]
    state: PathBuf,
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
}

impl Witness {
    pub(crate) async fn run(self) -> Outcome {
        let witness = Keeper::open(&self.state, &self.name, self.log)
            .map_err(|error| Failure::new(format!("{}: {error}", self.state.display())))?;
        let listener = tokio::net::TcpListener::bind(self.listen).await.map_err(|error| {
            Failure::new(format!("{}: {error}; choose another with --listen", self.listen))
        })?;
        anstream::println!(
            "{} at http://{}\n  its key, for `[[journal.witness]]` and `parloir verify --witness`:\n  {}",
            styled(GOOD, "witness"),
            listener.local_addr()?,
            witness.key()
        );
        let stop = async {
            let _cannot_be_told = tokio::signal::ctrl_c().await;
        };
        axum::serve(listener, router(witness.clone())).with_graceful_shutdown(stop).await?;
        let alarms = witness.alarms()?;
        if alarms.is_empty() {
            return Ok(());
        }
        for alarm in &alarms {
            anstream::println!("{} {alarm}", styled(BAD, "ALARM"));
        }
        let message = format!("{} alarm(s): the evidence is in {}", alarms.len(), self.state.display());
        Err(Failure { message, code: 3 })
    }
}
