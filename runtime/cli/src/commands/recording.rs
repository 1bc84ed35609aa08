//! `parloir recording`: a call's sound as a WAV.

use std::path::{Path, PathBuf};

use clap::Args;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{Purpose, ReadError, list_tenants, read_recording};
use parloir_media::{RecordingBlock, SampleRate, WavFormat, write_wav};
use parloir_server::Folders;
use parloir_store::Keyring;

use crate::access::{Read, WhyArgs};
use crate::commands::admin::{Client, OneAskedArgs};
use crate::commands::calls::time;
use crate::commands::rights;
use crate::terminal::{GOOD, styled};
use crate::{DataArgs, Failure, Outcome};

/// Bytes of a WAV before its sound.
const HEAD: u64 = 44;
/// Bytes of a second of it: two voices at 8 kHz, 16 bits each.
const A_SECOND: u64 = 32_000;

#[derive(Args)]
pub(crate) struct Recording {
    /// The call, as `parloir calls` lists it.
    call: CallId,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    asked: OneAskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// The WAV to write. Default: CALL.wav
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Recording {
    pub(crate) async fn run(self) -> Outcome {
        if let Some((client, path)) = self.asked.open(self.call).await? {
            return self.ask(&client, &path).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let tenant = tenant_of(&folders, self.call).await?;
        rights::unrestricted(&folders, &tenant, self.call).await?;
        let output = self.output.unwrap_or_else(|| format!("{}.wav", self.call).into());
        let read = Read { command: "recording", purposes: &[Purpose::Recording], why: &self.why };
        read.note_of(&folders, &tenant, &[self.call]).await?;
        let seconds = export(&folders, &tenant, self.call, &output).await?;
        if seconds == 0 {
            let erased = crate::commands::erase::erased(&folders, &tenant, self.call).await?;
            if let Some(note) = erased.iter().find(|note| note.purposes.has(Purpose::Recording)) {
                return Err(Failure::new(format!("the recording was erased on {} UTC", time(note.at))));
            }
            return Err(Failure::new(
                "this call has no recording: its caller refused, or its line keeps none",
            ));
        }
        anstream::println!("{} {} ({seconds} s)", styled(GOOD, "written"), output.display());
        Ok(())
    }

    /// Has the installation give it.
    async fn ask(self, client: &Client, path: &str) -> Outcome {
        let output = self.output.unwrap_or_else(|| format!("{}.wav", self.call).into());
        let temporary = output.with_extension("part");
        let mut file = crate::private::create(&temporary)
            .map_err(|e| Failure::new(format!("{}: {e}; name another place with -o", temporary.display())))?;
        let query: Vec<_> = self.why.why.as_deref().map(|why| ("why", why)).into_iter().collect();
        let given = client.download(&format!("{path}/recording"), &query, &mut file).await;
        let bytes = match given {
            Ok((bytes, _)) => bytes,
            Err(failure) => {
                // Nothing, or a part of it.
                let _already_gone = std::fs::remove_file(&temporary);
                return Err(failure);
            }
        };
        std::fs::rename(&temporary, &output)?;
        let seconds = bytes.saturating_sub(HEAD) / A_SECOND;
        anstream::println!("{} {} ({seconds} s)", styled(GOOD, "written"), output.display());
        Ok(())
    }
}

/// Whose call this is.
pub(crate) async fn tenant_of(folders: &Folders, call: CallId) -> Result<TenantId, Failure> {
    let keyring = Keyring::open(&folders.keys)?;
    for tenant in list_tenants(&folders.data).await? {
        match parloir_journal::read_call(&folders.data, &keyring, &tenant, call, None).await {
            Ok(_) | Err(ReadError::Erased { .. }) => return Ok(tenant),
            Err(_) => {}
        }
    }
    Err(Failure::new(format!("there is no call {call} here: `parloir calls` lists them")))
}

/// Writes a call's recording; says how many seconds it has. Nothing is written where there are none.
pub(crate) async fn export(
    folders: &Folders,
    tenant: &TenantId,
    call: CallId,
    output: &Path,
) -> Result<u32, Failure> {
    let keyring = Keyring::open(&folders.keys)?;
    let sealed = read_recording(&folders.data, &keyring, tenant, call, None).await?;
    if sealed.is_empty() {
        return Ok(0);
    }
    let blocks = sealed.into_iter().map(|b| RecordingBlock { second: b.second, bytes: b.bytes.into() });
    let temporary = output.with_extension("part");
    let file = crate::private::create(&temporary)
        .map_err(|e| Failure::new(format!("{}: {e}; name another place with -o", temporary.display())))?;
    let seconds = write_wav(blocks, SampleRate::TELEPHONE, WavFormat::Pcm16, std::io::BufWriter::new(file))?;
    std::fs::rename(&temporary, output)?;
    Ok(seconds)
}
