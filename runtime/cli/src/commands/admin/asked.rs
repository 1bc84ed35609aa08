//! Commands that read a data folder, or ask a running installation in its place.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use parloir_contract::{CallId, TenantId};
use parloir_server::Folders;
use url::Url;

use super::client::{ApiArgs, Client, HERE, address};
use super::log_in::kept::Kept;
use crate::authority::AuthorityArgs;
use crate::{DataArgs, Failure};

/// Which of the options were written, that say whether an installation is asked or a folder is read: variables may say it too, and
/// what is written goes before them.
#[derive(Clone, Copy)]
struct Written {
    /// An installation, or a key to one.
    asked: bool,
    /// By what a folder is named.
    folder: Option<ValueSource>,
}

impl FromArgMatches for Written {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let written = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let folders = ["data", "keys"].into_iter().filter_map(|name| matches.value_source(name));
        Ok(Self { asked: written("api") || written("key_file"), folder: folders.max() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Written {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

/// A running installation that is asked in place of a data folder. To be named before the folder in what a command takes: which
/// options were written is known until they are taken.
#[derive(Args, Clone)]
pub(crate) struct AskedArgs {
    #[command(flatten)]
    written: Written,
    /// Ask the running installation whose administration listens there, by your key, in place of a data folder. With --key-file it
    /// may be left out for one on this machine, on port 8081. --data goes before the variable.
    #[arg(long, value_name = "URL", env = "PARLOIR_API", value_parser = address)]
    api: Option<Url>,
    /// The file that your key is in. Default: the key itself in the variable `PARLOIR_KEY`, or that of `parloir login`.
    #[arg(long, value_name = "FILE", env = "PARLOIR_KEY_FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    authority: AuthorityArgs,
}

impl AskedArgs {
    /// Whether an installation is asked: what is written goes before what variables say.
    fn asks(&self) -> Result<bool, Failure> {
        let Written { asked, folder } = self.written;
        match (asked, folder) {
            (true, Some(ValueSource::CommandLine)) => Err(Failure::bad_input(
                &"--api and --key-file ask a running installation, and cannot be used with --data and --keys, which name folders: leave out the ones or the others",
            )),
            (true, _) => Ok(true),
            (false, Some(ValueSource::CommandLine)) => Ok(false),
            (false, Some(ValueSource::EnvVariable)) if self.api.is_some() => Err(Failure::bad_input(
                &"PARLOIR_API names an installation, and PARLOIR_DATA or PARLOIR_KEYS a folder: write --api or --data",
            )),
            (false, _) => Ok(self.api.is_some()),
        }
    }

    /// The installation, where one is asked.
    pub(crate) fn client(&self) -> Result<Option<Client>, Failure> {
        if !self.asks()? {
            return Ok(None);
        }
        let api = match self.api.clone() {
            Some(api) => api,
            None => Url::parse(HERE)?,
        };
        let (key_file, authority) = (self.key_file.clone(), self.authority.clone());
        Client::new(&ApiArgs::of(api, key_file, authority)).map(Some)
    }

    /// The folders, where no installation is asked: where there are none, it is said how one is asked.
    pub(crate) fn folders(&self, data: &DataArgs) -> Result<Folders, Failure> {
        data.existing().map_err(|Failure { message, code }| {
            let api = Kept::any().map_or_else(|| HERE.to_owned(), |kept| kept.api);
            let message = format!("{message}; a running installation is asked with --api {api}");
            Failure { message, code }
        })
    }
}

/// The same, for what is one tenant's.
#[derive(Args, Clone)]
pub(crate) struct OneAskedArgs {
    #[command(flatten)]
    asked: AskedArgs,
    /// Whose call it is, where an installation is asked. Default: your key's own tenant.
    #[arg(long)]
    tenant: Option<TenantId>,
}

impl OneAskedArgs {
    /// The installation, where one is asked, and the path of a call.
    pub(crate) async fn open(&self, call: CallId) -> Result<Option<(Client, String)>, Failure> {
        let Some(client) = self.asked.client()? else {
            return match self.tenant {
                Some(_) => Err(Failure::bad_input(
                    &"--tenant says whose call an installation is asked for: name it with --api",
                )),
                None => Ok(None),
            };
        };
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        Ok(Some((client, format!("/v1/tenants/{tenant}/calls/{call}"))))
    }

    /// As [`AskedArgs::folders`].
    pub(crate) fn folders(&self, data: &DataArgs) -> Result<Folders, Failure> {
        self.asked.folders(data)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Reads {
        #[command(flatten)]
        asked: AskedArgs,
        #[command(flatten)]
        data: DataArgs,
    }

    /// Which of the two a command goes to, as it was written.
    fn asks(words: &[&str]) -> Result<bool, Failure> {
        let words = std::iter::once("reads").chain(words.iter().copied());
        let Reads { asked, data } =
            Reads::try_parse_from(words).map_err(|error| Failure::bad_input(&error))?;
        assert!(!data.data.as_os_str().is_empty());
        asked.asks()
    }

    #[test]
    fn a_key_file_asks_an_installation_and_never_goes_with_a_folder() {
        assert!(asks(&["--key-file", "key"]).unwrap());
        assert!(asks(&["--api", "http://127.0.0.1:1"]).unwrap());
        assert!(!asks(&["--data", "there"]).unwrap());
        for folder in ["--data", "--keys"] {
            for asked in [["--key-file", "key"], ["--api", "http://127.0.0.1:1"]] {
                let refused = asks(&[asked.as_slice(), &[folder, "there"]].concat()).unwrap_err();
                assert!(
                    refused.code == 2 && refused.message.contains("cannot be used with"),
                    "{}",
                    refused.message
                );
            }
        }
    }
}
