//! What stands behind the door besides the conversation: appointments, memory, documents, the report.
//! Calendar, memory and documents are the tenancy's own, on a storage that ends with the conversation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::civil::DateTime;
use parloir_contract::{Appointment, Book, Booked, Contact, HostReturn, Import, Move, Refusal, SetMemory};
use parloir_store::TenantStore;
use parloir_tenancy::calendar::{Hours, References, from_local, reference};
use parloir_tenancy::{Calendar, Documents, Line, Memory};
use tempfile::TempDir;

use crate::file::{CalendarScene, Documents as Written, Scene, refusal};
use crate::vault;

/// Why a conversation could not begin.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct NoWorld(pub(crate) String);

fn no_world(error: impl std::fmt::Display) -> NoWorld {
    NoWorld(error.to_string())
}

/// References in a known order, so that a rehearsal goes the same way every time.
#[derive(Debug, Default)]
struct Numbered(AtomicU32);

impl References for Numbered {
    fn next(&self) -> Result<String, Refusal> {
        let [_, a, b, c] = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(7_919).to_be_bytes();
        Ok(reference([b'K' ^ a, 7 ^ b, b'P' ^ c, 24, a ^ 11, b ^ c]))
    }
}

/// One conversation's world.
pub(crate) struct World {
    calendar: Option<Calendar>,
    memory: Memory,
    documents: Option<Documents>,
    /// Holds the documents that were written in the file.
    _folder: Option<TempDir>,
    before: BTreeMap<String, Appointment>,
    standing: BTreeMap<String, Appointment>,
}

/// What became of the appointments.
#[derive(Debug, Clone, Default)]
pub struct Appointments {
    /// Made in this call and standing.
    pub booked: Vec<Appointment>,
    /// Moved: from where, and as they stand.
    pub moved: Vec<(DateTime, Appointment)>,
    /// Cancelled.
    pub cancelled: Vec<Appointment>,
}

impl World {
    pub(crate) async fn new(scene: &Scene, line: &Line) -> Result<Self, NoWorld> {
        let store = vault::open(line.tenant.id.clone()).await.map_err(no_world)?;
        let memory = Memory::new(store.clone());
        for (key, value) in &scene.memory {
            let set = SetMemory { key: key.clone(), value: value.clone().into_bytes() };
            memory.set(set).await.map_err(|e| NoWorld(format!("`memory`: {key}: {e}")))?;
        }
        let mut standing = BTreeMap::new();
        let calendar = match &scene.calendar {
            Some(calendar) => Some(self::calendar(scene, calendar, store, &mut standing).await?),
            None => None,
        };
        let (documents, folder) = documents(&scene.documents).await?;
        Ok(Self { calendar, memory, documents, _folder: folder, before: standing.clone(), standing })
    }

    fn calendar(&self) -> Result<&Calendar, Refusal> {
        self.calendar.as_ref().ok_or_else(|| {
            Refusal::Unavailable("the line has no calendar: add `calendar` to the conversation file".into())
        })
    }

    pub(crate) async fn free(&self, wanted: &parloir_contract::Wanted, now: DateTime) -> HostReturn {
        HostReturn::FreeSlots(match self.calendar() {
            Ok(calendar) => calendar.free(wanted, now).await,
            Err(refusal) => Err(refusal),
        })
    }

    pub(crate) async fn book(&mut self, book: Book, now: DateTime) -> HostReturn {
        let booked = match self.calendar() {
            Ok(calendar) => calendar.book(book, now).await,
            Err(refusal) => Err(refusal),
        };
        self.keep(&booked);
        HostReturn::Book(booked)
    }

    pub(crate) async fn find(&self, phone: &str, now: DateTime) -> HostReturn {
        HostReturn::FindAppointments(match self.calendar() {
            Ok(calendar) => calendar.find(phone, now).await,
            Err(refusal) => Err(refusal),
        })
    }

    pub(crate) async fn move_to(&mut self, request: &Move, now: DateTime) -> HostReturn {
        let booked = match self.calendar() {
            Ok(calendar) => calendar.move_to(request, now).await,
            Err(refusal) => Err(refusal),
        };
        self.keep(&booked);
        HostReturn::MoveAppointment(booked)
    }

    pub(crate) async fn cancel(&mut self, reference: &str) -> HostReturn {
        let cancelled = match self.calendar() {
            Ok(calendar) => calendar.cancel(reference).await,
            Err(refusal) => Err(refusal),
        };
        if cancelled == Ok(true) {
            self.standing.remove(reference);
        }
        HostReturn::CancelAppointment(cancelled)
    }

    fn keep(&mut self, booked: &Result<Booked, Refusal>) {
        match booked {
            Ok(Booked::Confirmed(appointment)) => {
                self.standing.insert(appointment.reference.clone(), appointment.clone());
            }
            Ok(Booked::Taken) | Err(_) => {}
        }
    }

    /// Somebody else was quicker: the slot is gone from now on.
    pub(crate) async fn snatch(&self, slot: &str) -> Result<(), Refusal> {
        let Some(start) = parloir_tenancy::calendar::slot_start(slot) else { return Ok(()) };
        let Some(calendar) = &self.calendar else { return Ok(()) };
        calendar.keep(&somebody_elses(start)).await.map(drop)
    }

    pub(crate) const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The documents block on the disk: off the executors.
    pub(crate) async fn documents<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Documents) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let Some(documents) = self.documents.clone() else {
            return Err(Refusal::Unavailable(
                "the tenant has no documents: add `documents` to the conversation file".into(),
            ));
        };
        let done = tokio::task::spawn_blocking(move || work(&documents)).await;
        done.unwrap_or_else(|e| Err(Refusal::Unavailable(e.to_string())))
    }

    /// What became of the appointments since the call began.
    pub(crate) fn appointments(&self) -> Appointments {
        let mut all = Appointments::default();
        for (reference, appointment) in &self.standing {
            match self.before.get(reference) {
                None => all.booked.push(appointment.clone()),
                Some(before) if before.slot.id != appointment.slot.id => {
                    let from = from_local(before.slot.start).unwrap_or_default();
                    all.moved.push((from, appointment.clone()));
                }
                Some(_) => {}
            }
        }
        all.cancelled = self
            .before
            .iter()
            .filter(|(r, _)| !self.standing.contains_key(*r))
            .map(|(_, a)| a.clone())
            .collect();
        all.booked.sort_by_key(|a| a.slot.start);
        all.moved.sort_by_key(|(from, _)| *from);
        all.cancelled.sort_by_key(|a| a.slot.start);
        all
    }
}

async fn calendar(
    scene: &Scene,
    written: &CalendarScene,
    store: TenantStore,
    standing: &mut BTreeMap<String, Appointment>,
) -> Result<Calendar, NoWorld> {
    let mut hours = Hours::new(&written.config).map_err(no_world)?;
    if let Some(free) = &written.free {
        hours = hours.only(free.iter().copied());
    }
    let hours = Arc::new(hours);
    let references = Arc::new(Numbered::default());
    let calendar = Calendar::new(hours.clone(), store).with_references(references.clone());
    for start in &written.taken {
        calendar.keep(&somebody_elses(*start)).await.map_err(no_world)?;
    }
    for appointment in &written.appointments {
        let reference = match &appointment.reference {
            Some(reference) => reference.clone(),
            None => references.next().map_err(no_world)?,
        };
        let phone = appointment.phone.clone().or_else(|| scene.caller.clone());
        let appointment = Appointment {
            reference: reference.clone(),
            slot: hours.slot(appointment.start),
            contact: Contact { name: appointment.name.clone(), phone },
            motive: appointment.motive.clone(),
        };
        if !calendar.keep(&appointment).await.map_err(no_world)? {
            let at = appointment.slot.start;
            return Err(NoWorld(format!("`appointments`: two of them are at {at}, or have one reference")));
        }
        standing.insert(reference, appointment);
    }
    Ok(calendar)
}

/// An appointment of nobody the call concerns.
fn somebody_elses(start: DateTime) -> Appointment {
    let id = parloir_tenancy::calendar::slot_id(start);
    let slot = parloir_contract::Slot {
        start: parloir_tenancy::calendar::to_local(start),
        minutes: 0,
        id: id.clone(),
    };
    // Longer than any reference an agent can come by.
    let reference = format!("taken {id}");
    Appointment { reference, slot, contact: Contact { name: "-".into(), phone: None }, motive: String::new() }
}

async fn documents(written: &Written) -> Result<(Option<Documents>, Option<TempDir>), NoWorld> {
    match written.clone() {
        Written::None => Ok((None, None)),
        Written::Folder(folder) => {
            let shown = folder.display().to_string();
            let opened = tokio::task::spawn_blocking(move || Documents::open(&folder)).await;
            let documents = opened
                .map_err(no_world)?
                .map_err(|e| NoWorld(format!("`documents`: the folder {shown} cannot be read: {e}")))?;
            Ok((Some(documents), None))
        }
        Written::Written(all) => {
            let work = move || -> std::io::Result<(Documents, TempDir)> {
                let folder = tempfile::tempdir()?;
                for (name, text) in all {
                    std::fs::write(folder.path().join(name), text)?;
                }
                Ok((Documents::open(folder.path())?, folder))
            };
            let made = tokio::task::spawn_blocking(work).await.map_err(no_world)?;
            let (documents, folder) = made.map_err(|e| NoWorld(format!("`documents`: {e}")))?;
            Ok((Some(documents), Some(folder)))
        }
    }
}

/// An answer that the file injects, where it needs nothing of the world.
pub(crate) fn injected(import: Import, injected: crate::file::Injected) -> HostReturn {
    use crate::file::Injected;
    match injected {
        Injected::Unavailable => import.refused(refusal("unavailable")),
        Injected::NotPermitted => import.refused(refusal("not_permitted")),
        Injected::OverQuota => import.refused(refusal("over_quota")),
        Injected::Invalid => import.refused(refusal("invalid")),
        Injected::Taken if import == Import::MoveAppointment => {
            HostReturn::MoveAppointment(Ok(Booked::Taken))
        }
        Injected::Taken => HostReturn::Book(Ok(Booked::Taken)),
        Injected::Transfer(transferred) => HostReturn::Transfer(Ok(transferred)),
        Injected::Empty if import == Import::FreeSlots => HostReturn::FreeSlots(Ok(Vec::new())),
        Injected::Empty if import == Import::FindAppointments => HostReturn::FindAppointments(Ok(Vec::new())),
        Injected::Empty if import == Import::CancelAppointment => HostReturn::CancelAppointment(Ok(false)),
        Injected::Empty if import == Import::GetMemory => HostReturn::GetMemory(Ok(None)),
        Injected::Empty if import == Import::ListDocuments => HostReturn::ListDocuments(Ok(Vec::new())),
        Injected::Empty => HostReturn::SearchDocuments(Ok(Vec::new())),
    }
}
