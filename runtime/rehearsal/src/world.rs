//! What stands behind the door besides the conversation: appointments, memory, documents, the report.
//! Calendar, memory and documents are the tenancy's own, on a storage that ends with the conversation.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::civil::DateTime;
use parloir_contract::{
    Appointment, Book, Booked, Contact, HostCall, HostReturn, Import, Move, Refusal, SetMemory,
};
use parloir_store::TenantStore;
use parloir_tenancy::calendar::{Hours, References, from_local, reference};
use parloir_tenancy::{Calendar, Documents, Line, Memory};
use tempfile::TempDir;

use crate::file::{CalendarScene, Documents as Written, Scene, refusal};
use crate::stage::Past;
use crate::vault;

/// Why a conversation could not begin.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct NoWorld(pub(crate) String);

pub(crate) fn no_world(error: impl std::fmt::Display) -> NoWorld {
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

    /// What a call asked of the tenant's storage where it was answered before: the storage as it was left.
    pub(crate) async fn was(&mut self, past: &Past) -> Result<(), Refusal> {
        if past.answered.refusal().is_some() {
            return Ok(());
        }
        match &past.answered {
            HostReturn::Book(Ok(Booked::Confirmed(made))) => {
                if let Some(calendar) = &self.calendar {
                    calendar.keep(made).await?;
                }
                self.standing.insert(made.reference.clone(), made.clone());
            }
            HostReturn::MoveAppointment(Ok(Booked::Confirmed(made))) => {
                if let Some(calendar) = &self.calendar {
                    calendar.cancel(&made.reference).await?;
                    calendar.keep(made).await?;
                }
                // It stood before the call, though the call did not find it: where, nobody has told.
                if !self.standing.contains_key(&made.reference) {
                    self.before.insert(made.reference.clone(), made.clone());
                }
                self.standing.insert(made.reference.clone(), made.clone());
            }
            HostReturn::Book(Ok(Booked::Taken)) => {
                if let Some(HostCall::Book(book)) = &past.asked {
                    self.snatch(&book.slot).await?;
                }
            }
            HostReturn::MoveAppointment(Ok(Booked::Taken)) => {
                if let Some(HostCall::MoveAppointment(to)) = &past.asked {
                    self.snatch(&to.slot).await?;
                }
            }
            HostReturn::CancelAppointment(Ok(true)) => {
                if let Some(HostCall::CancelAppointment(reference)) = &past.asked {
                    if let Some(calendar) = &self.calendar {
                        calendar.cancel(reference).await?;
                    }
                    self.standing.remove(reference);
                }
            }
            HostReturn::SetMemory(_) => {
                if let Some(HostCall::SetMemory(set)) = &past.asked {
                    self.memory.set(set.clone()).await?;
                }
            }
            HostReturn::CompareAndSet(Ok(true)) => {
                if let Some(HostCall::CompareAndSet(set)) = &past.asked {
                    let set = SetMemory { key: set.key.clone(), value: set.value.clone() };
                    self.memory.set(set).await?;
                }
            }
            HostReturn::DeleteMemory(_) => {
                if let Some(HostCall::DeleteMemory(key)) = &past.asked {
                    self.memory.delete(key).await?;
                }
            }
            // What left the storage as it was.
            HostReturn::Book(Err(_))
            | HostReturn::MoveAppointment(Err(_))
            | HostReturn::CancelAppointment(Ok(false) | Err(_))
            | HostReturn::CompareAndSet(Ok(false) | Err(_))
            | HostReturn::Say(_)
            | HostReturn::Play(_)
            | HostReturn::Listen(_)
            | HostReturn::Ask(_)
            | HostReturn::Transfer(_)
            | HostReturn::Consent(_)
            | HostReturn::PauseRecording(_)
            | HostReturn::ResumeRecording(_)
            | HostReturn::HangUp(())
            | HostReturn::ModelAvailable(_)
            | HostReturn::Chat(_)
            | HostReturn::Reply(_)
            | HostReturn::FreeSlots(_)
            | HostReturn::FindAppointments(_)
            | HostReturn::GetMemory(_)
            | HostReturn::ListDocuments(_)
            | HostReturn::ReadDocument(_)
            | HostReturn::SearchDocuments(_)
            | HostReturn::SetReport(_)
            | HostReturn::Now(_)
            | HostReturn::Weekday(_)
            | HostReturn::Elapsed(_)
            | HostReturn::RandomBytes(_)
            | HostReturn::Log(())
            | HostReturn::ListConnectors(_)
            | HostReturn::SendRequest(_)
            | HostReturn::Understanding(_) => {}
        }
        Ok(())
    }

    /// Answers what was asked of the tenant's storage when the host was lost, and is not done twice. Gives back what does
    /// not concern the storage. `stood`: the references of the appointments that the call has seen.
    pub(crate) async fn settle(
        &mut self,
        call: HostCall,
        now: DateTime,
        stood: &HashSet<String>,
    ) -> Result<HostReturn, Box<HostCall>> {
        Ok(match call {
            HostCall::Book(book) => {
                let booked = match self.calendar() {
                    Ok(calendar) => calendar.settle_book(book, now).await,
                    Err(refusal) => Err(refusal),
                };
                self.keep(&booked);
                HostReturn::Book(booked)
            }
            HostCall::MoveAppointment(request) => {
                let booked = match self.calendar() {
                    Ok(calendar) => calendar.settle_move(&request, now).await,
                    Err(refusal) => Err(refusal),
                };
                self.keep(&booked);
                HostReturn::MoveAppointment(booked)
            }
            HostCall::CancelAppointment(reference) => {
                let cancelled = match self.calendar() {
                    Ok(calendar) => calendar.settle_cancel(&reference, stood.contains(&reference)).await,
                    Err(refusal) => Err(refusal),
                };
                if cancelled == Ok(true) {
                    self.standing.remove(&reference);
                }
                HostReturn::CancelAppointment(cancelled)
            }
            HostCall::SetMemory(set) => HostReturn::SetMemory(self.memory.settle_set(set).await),
            HostCall::CompareAndSet(request) => {
                HostReturn::CompareAndSet(self.memory.settle_compare_and_set(request).await)
            }
            HostCall::DeleteMemory(key) => HostReturn::DeleteMemory(self.memory.settle_delete(&key).await),
            // What stores nothing.
            other @ (HostCall::Say(_)
            | HostCall::Play(_)
            | HostCall::Listen(_)
            | HostCall::Ask(_)
            | HostCall::Transfer(_)
            | HostCall::Consent(_)
            | HostCall::PauseRecording
            | HostCall::ResumeRecording
            | HostCall::HangUp
            | HostCall::ModelAvailable
            | HostCall::Chat(_)
            | HostCall::Reply(_)
            | HostCall::FreeSlots(_)
            | HostCall::FindAppointments(_)
            | HostCall::GetMemory(_)
            | HostCall::ListDocuments
            | HostCall::ReadDocument(_)
            | HostCall::SearchDocuments(_)
            | HostCall::SetReport(_)
            | HostCall::Now
            | HostCall::Weekday
            | HostCall::Elapsed
            | HostCall::RandomBytes(_)
            | HostCall::Log(_)
            | HostCall::ListConnectors
            // What its service did before is not known here: it is asked again.
            | HostCall::SendRequest(_)
            | HostCall::Understanding(_)) => return Err(Box::new(other)),
        })
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
