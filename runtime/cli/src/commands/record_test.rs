//! `parloir record-test`: a recorded call becomes a conversation test.

use std::path::PathBuf;

use clap::Args;
use parloir_contract::CallId;
use parloir_rehearsal::{read, rehearse, write};
use parloir_replay::as_test;

use crate::access::WhyArgs;
use crate::commands::replay::{kept, recorded};
use crate::terminal::{BAD, DIM, GOOD, styled};
use crate::{DataArgs, Failure, Outcome, agent, private};

#[derive(Args)]
pub(crate) struct RecordTest {
    /// The call, as `parloir calls` lists it.
    call: CallId,
    /// The agent to make the test with: its folder, which is built first, or its component. Default: the one that answered.
    #[arg(long, value_name = "AGENT")]
    agent: Option<PathBuf>,
    /// The file to write. Default: CALL.yaml
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What the test shows, in words.
    #[arg(long, default_value = "As it went on the telephone")]
    name: String,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object instead of sentences.
    #[arg(long)]
    json: bool,
}

impl RecordTest {
    pub(crate) async fn run(self) -> Outcome {
        let output = self.output.clone().unwrap_or_else(|| format!("{}.yaml", self.call).into());
        if output.exists() {
            return Err(Failure::bad_input(&format!(
                "{} is there already: name another file with -o",
                output.display()
            )));
        }
        let folders = self.data.existing()?;
        let recorded = recorded(&folders, self.call, "record-test", &self.why).await?;
        let agent = match &self.agent {
            Some(other) => agent::load_into(&agent::sandbox_apart()?, other).await?,
            None => kept(&folders, &recorded).await?,
        };
        let made = as_test(&agent, &recorded, &self.name).await?;
        let text = write(&made.conversation);
        // What is written is read as `parloir test` will read it, and run once.
        let again = read(&output, text.as_bytes()).map_err(|bad| Failure::bad_input(&bad))?;
        let mut passes = true;
        for conversation in &again {
            passes &= rehearse(&agent, conversation).await?.passed();
        }
        private::write(&output, text.as_bytes())
            .map_err(|e| Failure::new(format!("{}: {e}; name another place with -o", output.display())))?;
        if self.json {
            println!(
                "{}",
                serde_json::json!({ "file": output, "passes": passes, "unused_turns": made.unused })
            );
        } else {
            anstream::println!("{} {}", styled(GOOD, "written"), output.display());
            if made.unused > 0 {
                let what = format!(
                    "{} turns of the recorded caller found no question: this agent asks otherwise",
                    made.unused
                );
                anstream::println!("  {}", styled(DIM, &what));
            }
            anstream::println!(
                "  names and numbers that the call knew as somebody's are replaced; read it before you share it"
            );
        }
        if passes {
            return Ok(());
        }
        anstream::println!("{}", styled(BAD, "the test does not pass yet"));
        Err(Failure::otherwise(format!(
            "run `parloir test` with {} to see where it goes otherwise",
            output.display()
        )))
    }
}
