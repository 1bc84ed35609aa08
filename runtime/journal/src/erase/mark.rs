//! What is noted beside data of the erasures it has been through.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use parloir_contract::{CallId, TenantId};
use parloir_store::disk::{Readers, write_whole};

use super::{Eraser, ErasureNote};
use crate::read::on_own_thread;
use crate::segment::Log;
use crate::{Journal, JournalError};

/// What a tenant's journal folder notes in how many erasures it has been through, and the last of them.
pub(crate) const MARKER: &str = "erased";

impl Journal {
    /// Notes beside the data how many of the tenant's erasures it has been through, and the last of them.
    pub(super) async fn mark(&self, tenant: &TenantId, notes: &[ErasureNote]) -> Result<(), JournalError> {
        let text = match notes.last() {
            Some(last) => format!("{} {}\n", notes.len(), last.record),
            None => "0\n".to_owned(),
        };
        let Eraser { data, disk, .. } = self.eraser();
        let (path, disk) = (Log::Journal.folder(data, tenant).join(MARKER), Arc::clone(disk));
        let write = move || write_whole(&*disk, &path, text.as_bytes(), Readers::Owner);
        Ok(on_own_thread("journal-erase", write).await??)
    }
}

/// The erasures that data has been through: what [`Journal::mark`] noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marked {
    pub(super) count: usize,
    /// The last of them, by its note; `None` where an older version noted the count alone.
    pub(super) last: Option<CallId>,
}

impl Marked {
    /// Whatever it says otherwise, doing it again does no harm.
    fn parse(text: &str) -> Self {
        let mut words = text.split_ascii_whitespace();
        let count = words.next().and_then(|count| count.parse().ok()).unwrap_or(0);
        match words.next() {
            None => Self { count, last: None },
            Some(last) => match last.parse() {
                Ok(last) => Self { count, last: Some(last) },
                Err(_) => Self::default(),
            },
        }
    }

    /// Whether the data has been through none, as far as anybody noted.
    pub(crate) const fn is_none(self) -> bool {
        self.count == 0
    }

    /// How many of these the data has been through. Keys that are older than the data may note other erasures than it went
    /// through: then none counts.
    pub(crate) fn of(self, notes: &[ErasureNote]) -> usize {
        let place = |last: CallId| notes.iter().rposition(|note| note.record == last);
        match self.last {
            Some(last) => place(last).map_or(0, |place| place + 1),
            None => self.count.min(notes.len()),
        }
    }
}

/// What is noted beside data of the erasures it has been through.
pub(crate) fn marked(data: &Path, tenant: &TenantId) -> Result<Marked, JournalError> {
    match fs::read_to_string(Log::Journal.folder(data, tenant).join(MARKER)) {
        Ok(text) => Ok(Marked::parse(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Marked::default()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Purposes;
    use crate::record::Requested;

    fn note(number: u8) -> ErasureNote {
        ErasureNote {
            record: CallId::from_bytes([number; 16]),
            at: 0,
            calls: Vec::new(),
            purposes: Purposes::CONTENTS,
            requested: Requested::Calls,
        }
    }

    #[test]
    fn data_has_been_through_the_erasures_up_to_the_one_it_names_and_through_no_others() {
        let notes = [note(1), note(2), note(3)];
        let name = |number| note(number).record;
        for (text, through) in [
            ("", 0),
            ("0\n", 0),
            ("2\n", 2),
            ("7\n", 3),
            (format!("2 {}\n", name(2)).as_str(), 2),
            (format!("3 {}\n", name(3)).as_str(), 3),
            // Its third was another: these keys were older than the data then.
            (format!("3 {}\n", name(9)).as_str(), 0),
            ("3 x\n", 0),
            ("three\n", 0),
        ] {
            assert_eq!(Marked::parse(text).of(&notes), through, "{text:?}");
        }
        assert_eq!(Marked::parse(&format!("1 {}", name(1))).of(&[]), 0);
    }
}
