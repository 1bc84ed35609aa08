//! `parloir backup`: all that is durable of an installation, in one encrypted file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use indicatif::ProgressBar;
use parloir_backup::{BackUpError, Draft, Identities, Of, Recipient};
use parloir_server::{Folders, hand_over_back_up};

use crate::terminal::{BAD, DIM, GOOD, bytes_bar, plain, styled};
use crate::{DataArgs, Failure, Outcome, access, private};

#[derive(Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["to", "new_identity"])))]
pub(crate) struct Backup {
    /// The file to write. It has its name when it is whole and on disk, and not before.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Who can open it: age1…, as --new-identity or age-keygen prints it. May be repeated.
    #[arg(long, value_name = "AGE1…")]
    recipient: Vec<String>,
    /// The same from a file, one a line.
    #[arg(long, value_name = "FILE")]
    recipients_file: Vec<PathBuf>,
    /// The keys folder, and nothing else. Keep the newest such file alone, apart from the data's, and destroy those before it
    /// after every erasure: whoever has an old one, and a back-up of the data, can undo every erasure since.
    #[arg(long, requires = "to")]
    only_keys: bool,
    /// Put it in place of a file of this name.
    #[arg(long, requires = "to")]
    replace: bool,
    /// Make an identity that opens back-ups, and write it to this new file: keep it where neither the data nor the back-ups are.
    /// Whom to make back-ups for, so that it opens them, is printed.
    #[arg(long, value_name = "FILE")]
    new_identity: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object instead of sentences.
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(crate) async fn run(self) -> Outcome {
        if let Some(path) = &self.new_identity {
            return self.identity(path);
        }
        let Some(to) = self.to.clone() else { return Err(Failure::bad_input(&"name the file with --to")) };
        let recipients = self.recipients()?;
        if recipients.is_empty() {
            return Err(Failure::bad_input(&BackUpError::NoRecipient));
        }
        if !self.replace && to.exists() {
            return Err(Failure::bad_input(&BackUpError::Exists(to)));
        }
        let folders = self.data.existing()?;
        let of = if self.only_keys { Of::Keys } else { Of::Data };
        let stopping = Arc::new(AtomicBool::new(false));
        let job = Job {
            of,
            folders,
            to: to.clone(),
            replace: self.replace,
            recipients,
            stopping: stopping.clone(),
        };
        let (written, left_out) = tokio::select! {
            written = job.run() => written?,
            // The draft goes with what writes it.
            _ = tokio::signal::ctrl_c() => {
                stopping.store(true, Ordering::Relaxed);
                let mut part = to.clone().into_os_string();
                part.push(".part");
                wait_until_gone(Path::new(&part)).await;
                return Err(Failure::new("stopped: nothing was written"));
            }
        };
        if self.json {
            let of = if self.only_keys { "keys" } else { "data" };
            println!(
                "{}",
                serde_json::json!({ "file": to, "of": of, "bytes": written, "left_out": left_out })
            );
            return Ok(());
        }
        anstream::println!("{} {} ({} KiB)", styled(GOOD, "written"), to.display(), written.div_ceil(1_024));
        let remark = match of {
            Of::Data => "it opens nothing without the keys folder: back that up apart, with --only-keys",
            Of::Keys => "keep this one alone: whoever has an older one can undo the erasures since",
        };
        anstream::println!("  {}", styled(DIM, remark));
        for name in left_out {
            let what = "is in the keys folder and not in the back-up, for it is no key that this program knows: keep it yourself";
            anstream::println!("  {} {} {what}", styled(BAD, "!"), plain(&name));
        }
        Ok(())
    }

    fn identity(&self, path: &Path) -> Outcome {
        if path.exists() {
            return Err(Failure::bad_input(&format!("{} is there already: name a new file", path.display())));
        }
        let (text, recipient) = Identities::generate();
        private::write(path, text.as_bytes())
            .map_err(|e| Failure::new(format!("{}: {e}; name another place", path.display())))?;
        if self.json {
            println!("{}", serde_json::json!({ "file": path, "recipient": recipient.to_string() }));
        } else {
            anstream::println!("{} {}", styled(GOOD, "written"), path.display());
            anstream::println!("  make back-ups for it with: --recipient {recipient}");
        }
        Ok(())
    }

    fn recipients(&self) -> Result<Vec<Recipient>, Failure> {
        let mut all = self.recipient.clone();
        for path in &self.recipients_file {
            let text = std::fs::read_to_string(path)
                .map_err(|e| Failure::bad_input(&format!("{}: {e}", path.display())))?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            all.extend(lines.map(str::to_owned));
        }
        all.iter().map(|one| one.parse::<Recipient>().map_err(|error| Failure::bad_input(&error))).collect()
    }
}

/// A draft is removed by what writes it, as soon as that hears of the end.
async fn wait_until_gone(part: &Path) {
    for _ in 0..200 {
        if !part.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// What is to be done.
struct Job {
    of: Of,
    folders: Folders,
    to: PathBuf,
    replace: bool,
    recipients: Vec<Recipient>,
    stopping: Arc<AtomicBool>,
}

impl Job {
    /// How many bytes it has, and what of the keys folder is not in it.
    async fn run(self) -> Result<(u64, Vec<String>), Failure> {
        let Self { of, folders, to, replace, recipients, stopping } = self;
        // Before anything is asked for, and looked at on the way.
        let keys = folders.keys.clone();
        let begin = move |bytes| {
            let draft = Draft::begin(&to, &recipients, replace)?;
            Ok::<_, Failure>(Counted { draft, bar: bytes_bar(bytes, "writing"), stopping })
        };
        let served = tokio::task::spawn_blocking(move || -> Result<Result<_, _>, Failure> {
            let Some(mut incoming) = hand_over_back_up(&keys, of)? else { return Ok(Err(begin)) };
            let mut into = begin(incoming.bytes)?;
            let left_out = std::mem::take(&mut incoming.left_out);
            incoming.copy_to(&mut into).map_err(|error| {
                Failure::new(format!("the back-up broke off ({error}), and nothing is left of it: look at what `parloir serve` says and at the space here, and begin again"))
            })?;
            let written = into.finish()?;
            // Where that is not heard, the next one counts.
            let _unheard = incoming.kept();
            Ok(Ok((written, left_out)))
        });
        let begin = match served.await? {
            Ok(Ok(written)) => return Ok(written),
            Ok(Err(begin)) => begin,
            Err(failure) => return Err(failure),
        };
        // Nobody serves: the folders are this program's.
        let storage = access::storage(&folders).await?;
        let done = async {
            let (snapshot, held) = storage.snapshot(of).await?;
            let left_out = snapshot.left_out().to_vec();
            let writing = tokio::task::spawn_blocking(move || {
                let mut into = begin(snapshot.bytes())?;
                snapshot.write(&mut into)?;
                into.finish()
            });
            let written = writing.await??;
            if let Some(held) = held {
                // Where that cannot be noted, the next one counts.
                let _unnoted = held.backed_up().await;
            }
            Ok::<_, Failure>((written, left_out))
        };
        let done = done.await;
        storage.close().await;
        done
    }
}

/// A draft that is counted while it is written, and is not when it is to stop.
struct Counted {
    draft: Draft,
    bar: ProgressBar,
    stopping: Arc<AtomicBool>,
}

impl Counted {
    fn finish(self) -> Result<u64, Failure> {
        self.bar.finish_and_clear();
        Ok(self.draft.finish()?)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        let written = self.draft.write(bytes)?;
        self.bar.inc(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}
