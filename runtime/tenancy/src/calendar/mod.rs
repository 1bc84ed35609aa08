//! A tenant's appointments: opening hours say what exists, the store says what is taken.
//!
//! Two callers never get one slot: a booking is one conditional write that holds the slot, the
//! appointment and the caller's index together, or nothing.

mod hours;
mod kept;
mod settle;

use std::sync::Arc;

use jiff::civil::DateTime;
use parloir_contract::{Appointment, Book, Booked, Contact, Move, Refusal, Slot, Wanted};
use parloir_store::{Applied, Batch, Table, TenantStore};

pub use hours::{Hours, from_local, slot_id, slot_start, to_local};
pub use kept::{Correction, Kept};

use crate::Hidden;
use crate::memory::apply_within;

/// Slots looked at in one search, booked ones included.
const SEARCHED: usize = 3_000;
/// Appointments under one telephone number.
const PER_PHONE: usize = 20;
/// Times a write is tried anew when somebody else wrote the caller's index meanwhile.
const TRIES: usize = 8;

/// Where the references of new appointments come from: six letters and digits, to be read aloud.
pub trait References: std::fmt::Debug + Send + Sync {
    /// The next one. A reference that stands already is asked for anew.
    fn next(&self) -> Result<String, Refusal>;
}

/// References that nobody can guess.
#[derive(Debug)]
struct Unguessable;

impl References for Unguessable {
    fn next(&self) -> Result<String, Refusal> {
        let mut bytes = [0u8; 6];
        getrandom::fill(&mut bytes).map_err(|e| failed(&e))?;
        Ok(reference(bytes))
    }
}

/// A reference of 30 bits: letters and digits without those that sound or look alike.
pub fn reference(bytes: [u8; 6]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPRSTUVWXYZ23456789A";
    bytes.iter().filter_map(|b| ALPHABET.get(usize::from(b & 31))).map(|b| char::from(*b)).collect()
}

/// One tenant's calendar.
#[derive(Debug, Clone)]
pub struct Calendar {
    hours: Arc<Hours>,
    store: TenantStore,
    kept: Kept,
    references: Arc<dyn References>,
    hidden: Option<Arc<dyn Hidden>>,
    /// Bytes that all of the tenant's calls together may keep; `None` where nobody counts.
    most: Option<u64>,
}

impl Calendar {
    /// The calendar of the tenant whose store this is.
    pub fn new(hours: Arc<Hours>, store: TenantStore) -> Self {
        let kept = Kept::new(store.clone());
        Self { hours, store, kept, references: Arc::new(Unguessable), hidden: None, most: None }
    }

    /// The same calendar, in which nothing is booked where the tenant's appointments would take more than so many bytes with what
    /// its agents remember, as [`Memory::within`](crate::Memory::within) counts them. What stands is moved and cancelled all the same.
    #[must_use]
    pub fn within(self, most: u64) -> Self {
        Self { most: Some(most), ..self }
    }

    /// The same calendar without what is hidden: an appointment of such a person is not found, and neither moved nor cancelled.
    /// Its slot stays taken.
    #[must_use]
    pub fn hiding(self, hidden: Option<Arc<dyn Hidden>>) -> Self {
        Self { hidden, ..self }
    }

    fn hides(&self, appointment: &Appointment) -> bool {
        let Appointment { contact, motive, .. } = appointment;
        let phone = contact.phone.as_deref().unwrap_or_default();
        self.hidden
            .as_ref()
            .is_some_and(|hidden| hidden.hides(phone, motive.as_bytes()) || hidden.hides(&contact.name, &[]))
    }

    fn refuse_hidden(&self, appointment: &Appointment) -> Result<(), Refusal> {
        if self.hides(appointment) {
            return Err(Refusal::NotPermitted(
                "this appointment is restricted, as its person asked: hand the caller over to a human".into(),
            ));
        }
        Ok(())
    }

    /// The same calendar with other references: a rehearsal's come in a known order.
    #[must_use]
    pub fn with_references(self, references: Arc<dyn References>) -> Self {
        Self { references, ..self }
    }

    /// Keeps an appointment that was made elsewhere, whatever the opening hours say; false when its
    /// slot or its reference is taken.
    pub async fn keep(&self, appointment: &Appointment) -> Result<bool, Refusal> {
        check_contact(&appointment.contact)?;
        match self.place(appointment).await? {
            Applied::Done => Ok(true),
            Applied::ConditionFailed { .. } => Ok(false),
        }
    }

    /// Free slots, soonest first. Refused for a limit outside 1 to 50, for a bound that is no day or hour, and where the storage
    /// fails.
    pub async fn free(&self, wanted: &Wanted, now: DateTime) -> Result<Vec<Slot>, Refusal> {
        if !(1..=50).contains(&wanted.limit) {
            return Err(Refusal::Invalid("`limit` must be from 1 to 50".into()));
        }
        for bound in [wanted.from, wanted.until].into_iter().flatten() {
            if from_local(bound).is_none() {
                let bound = bound.to_string();
                return Err(Refusal::Invalid(format!("there is no such day or hour: {bound:?}")));
            }
        }
        let mut found = Vec::new();
        for start in self.hours.slots(wanted, now).take(SEARCHED) {
            if self.store.get(Table::Slots, slot_id(start)).await.map_err(|e| failed(&e))?.is_none() {
                found.push(self.hours.slot(start));
                if found.len() == usize::from(wanted.limit) {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Books a slot, or says that it is taken. Refused for a contact or a motive that cannot be kept, for a slot that is not the
    /// calendar's, past the quota of all, and where the storage fails or too many change it at once.
    pub async fn book(&self, book: Book, now: DateTime) -> Result<Booked, Refusal> {
        let Book { slot, contact, motive } = book;
        check_contact(&contact)?;
        check_motive(&motive)?;
        let slot = self.bookable(&slot, now)?;
        for _ in 0..TRIES {
            let reference = self.references.next()?;
            let appointment = Appointment {
                reference,
                slot: slot.clone(),
                contact: contact.clone(),
                motive: motive.clone(),
            };
            match self.place(&appointment).await? {
                Applied::Done => return Ok(Booked::Confirmed(appointment)),
                Applied::ConditionFailed { table: Table::Slots, .. } => return Ok(Booked::Taken),
                // The reference exists already, or the caller's index changed: once more.
                Applied::ConditionFailed { .. } => {}
            }
        }
        Err(busy())
    }

    /// Slot, appointment and the caller's index together, or nothing.
    async fn place(&self, appointment: &Appointment) -> Result<Applied, Refusal> {
        let Appointment { reference, slot, contact, .. } = appointment;
        let batch = Batch::new()
            .expect_absent(Table::Slots, &slot.id)
            .put(Table::Slots, &slot.id, reference.as_bytes())
            .expect_absent(Table::Appointments, reference)
            .put(Table::Appointments, reference, encode(appointment)?);
        let batch = self.kept.index(batch, contact.phone.as_deref(), Some(reference), None).await?;
        apply_within(&self.store, batch, self.most, failed).await
    }

    /// The coming appointments under a number, soonest first. Refused for a number that is empty or has more than 32 bytes, and
    /// where the storage fails.
    pub async fn find(&self, phone: &str, now: DateTime) -> Result<Vec<Appointment>, Refusal> {
        let (references, _) = self.kept.references(phone).await?;
        let mut found = Vec::new();
        for reference in references {
            if let Some((appointment, _)) = self.kept.appointment(&reference).await?
                && !self.hides(&appointment)
                && from_local(appointment.slot.start).is_some_and(|start| start >= now)
            {
                found.push(appointment);
            }
        }
        found.sort_by_key(|a| a.slot.start);
        Ok(found)
    }

    /// Moves an appointment: it has the new slot, or it keeps the old one. Refused for a slot that is not the calendar's, where there
    /// is no such appointment or it is restricted, and where the storage fails or too many change it at once.
    pub async fn move_to(&self, request: &Move, now: DateTime) -> Result<Booked, Refusal> {
        let slot = self.bookable(&request.slot, now)?;
        for _ in 0..TRIES {
            let Some((mut appointment, stored)) = self.kept.appointment(&request.reference).await? else {
                return Err(Refusal::Invalid("there is no appointment with this reference".into()));
            };
            self.refuse_hidden(&appointment)?;
            if appointment.slot.id == slot.id {
                return Ok(Booked::Confirmed(appointment));
            }
            let old = std::mem::replace(&mut appointment.slot, slot.clone());
            let batch = Batch::new()
                .expect_absent(Table::Slots, &slot.id)
                .put(Table::Slots, &slot.id, appointment.reference.as_bytes())
                .delete(Table::Slots, &old.id)
                .expect_value(Table::Appointments, &appointment.reference, stored)
                .put(Table::Appointments, &appointment.reference, encode(&appointment)?);
            match self.store.apply(batch).await.map_err(|e| failed(&e))? {
                Applied::Done => return Ok(Booked::Confirmed(appointment)),
                Applied::ConditionFailed { table: Table::Slots, .. } => return Ok(Booked::Taken),
                Applied::ConditionFailed { .. } => {}
            }
        }
        Err(busy())
    }

    /// Cancels an appointment; false when there is none. Refused where it is restricted, and where the storage fails or too many
    /// change it at once.
    pub async fn cancel(&self, reference: &str) -> Result<bool, Refusal> {
        for _ in 0..TRIES {
            let Some((appointment, stored)) = self.kept.appointment(reference).await? else {
                return Ok(false);
            };
            self.refuse_hidden(&appointment)?;
            let batch = Batch::new()
                .expect_value(Table::Appointments, &appointment.reference, stored)
                .delete(Table::Appointments, &appointment.reference)
                .delete(Table::Slots, &appointment.slot.id);
            let phone = appointment.contact.phone.as_deref();
            let batch = self.kept.index(batch, phone, None, Some(&appointment.reference)).await?;
            match self.store.apply(batch).await.map_err(|e| failed(&e))? {
                Applied::Done => return Ok(true),
                Applied::ConditionFailed { .. } => {}
            }
        }
        Err(busy())
    }

    fn bookable(&self, id: &str, now: DateTime) -> Result<Slot, Refusal> {
        let start = slot_start(id).filter(|start| self.hours.offers(*start, now)).ok_or_else(|| {
            Refusal::Invalid(
                "this slot is not one of the calendar's: use an `id` that `calendar.free` gave".into(),
            )
        })?;
        Ok(self.hours.slot(start))
    }
}

fn check_contact(contact: &Contact) -> Result<(), Refusal> {
    check_name(&contact.name)?;
    contact.phone.as_deref().map_or(Ok(()), check_phone)
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() || name.chars().count() > 120 {
        return Err(Refusal::Invalid("`contact.name` has 1 to 120 characters".into()));
    }
    Ok(())
}

fn check_phone(phone: &str) -> Result<(), Refusal> {
    let digits = phone.strip_prefix('+').unwrap_or_default();
    if !(3..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::Invalid("write `contact.phone` in E.164 form, as in +33612345678".into()));
    }
    Ok(())
}

fn check_motive(motive: &str) -> Result<(), Refusal> {
    if motive.chars().count() > 500 {
        return Err(Refusal::Invalid("`motive` has at most 500 characters".into()));
    }
    Ok(())
}

fn encode(appointment: &Appointment) -> Result<Vec<u8>, Refusal> {
    rmp_serde::to_vec(appointment).map_err(|e| failed(&e))
}

fn failed(error: &dyn std::fmt::Display) -> Refusal {
    tracing::error!(%error, "the calendar's storage failed");
    Refusal::Unavailable("the calendar's storage failed; the host's log says why".into())
}

fn busy() -> Refusal {
    Refusal::Unavailable("the calendar is being changed by too many callers at once: try again".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rooms;

    pub(super) const PHONE: &str = "+33612345678";

    /// Open on Tuesdays; 2026-11-24 is one.
    pub(super) async fn calendar(rooms: &Rooms) -> Calendar {
        let text = "notice-minutes = 60\nopen = { tuesday = [\"09:00-10:30\"] }";
        let hours = Hours::new(&toml::from_str(text).unwrap()).unwrap();
        Calendar::new(Arc::new(hours), rooms.store("cabinet").await)
    }

    pub(super) fn now() -> DateTime {
        "2026-11-23T08:00".parse().unwrap()
    }

    fn request(slot: &str) -> Book {
        let contact = Contact { name: "Anne".into(), phone: Some(PHONE.into()) };
        Book { slot: slot.into(), contact, motive: "contrôle".into() }
    }

    async fn booked(calendar: &Calendar, slot: &str) -> Appointment {
        match calendar.book(request(slot), now()).await.unwrap() {
            Booked::Confirmed(appointment) => appointment,
            Booked::Taken => panic!("{slot} is taken"),
        }
    }

    async fn free(calendar: &Calendar) -> Vec<String> {
        let wanted = Wanted { until: from_local_text("2026-11-25T00:00"), limit: 50, ..Wanted::default() };
        calendar.free(&wanted, now()).await.unwrap().into_iter().map(|slot| slot.id).collect()
    }

    fn from_local_text(text: &str) -> Option<parloir_contract::LocalTime> {
        Some(to_local(text.parse().unwrap()))
    }

    async fn found(calendar: &Calendar) -> Vec<(String, String)> {
        let found = calendar.find(PHONE, now()).await.unwrap();
        found.into_iter().map(|a| (a.reference, a.slot.id)).collect()
    }

    #[tokio::test]
    async fn why_a_day_is_refused_is_told_without_the_day() {
        let rooms = Rooms::new().await;
        let nowhere = parloir_contract::LocalTime { year: 2026, month: 13, day: 1, hour: 9, minute: 0 };
        let wanted = Wanted { from: Some(nowhere), limit: 50, ..Wanted::default() };
        let refused = calendar(&rooms).await.free(&wanted, now()).await.unwrap_err();
        assert!(refused.text().contains("2026-13-01 09:00"), "{refused}");
        assert_eq!(refused.reason(), "there is no such day or hour: \"…\"");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_two_callers_who_want_one_slot_one_gets_it() {
        let rooms = Rooms::new().await;
        let calendar = calendar(&rooms).await;
        for slot in ["2026-11-24T09:00", "2026-11-24T09:30", "2026-11-24T10:00"] {
            let callers = ["+33611111111", "+33622222222"].map(|phone| {
                let (calendar, mut request) = (calendar.clone(), request(slot));
                request.contact.phone = Some(phone.into());
                tokio::spawn(async move { calendar.book(request, now()).await })
            });
            let mut confirmed = 0;
            for caller in callers {
                match caller.await.unwrap().unwrap() {
                    Booked::Confirmed(_) => confirmed += 1,
                    Booked::Taken => {}
                }
            }
            assert_eq!(confirmed, 1, "{slot}");
        }
        assert!(free(&calendar).await.is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_callers_two_bookings_at_once_are_both_found() {
        let rooms = Rooms::new().await;
        let calendar = calendar(&rooms).await;
        let (one, other) =
            tokio::join!(booked(&calendar, "2026-11-24T09:30"), booked(&calendar, "2026-11-24T09:00"));
        let soonest_first = [
            (other.reference, "2026-11-24T09:00".to_owned()),
            (one.reference, "2026-11-24T09:30".to_owned()),
        ];
        assert_eq!(found(&calendar).await, soonest_first);
    }

    #[tokio::test]
    async fn a_moved_appointment_has_the_new_slot_or_keeps_the_old_one() {
        let rooms = Rooms::new().await;
        let calendar = calendar(&rooms).await;
        let ours = booked(&calendar, "2026-11-24T09:00").await;
        let mut theirs = request("2026-11-24T09:30");
        theirs.contact.phone = None;
        assert!(matches!(calendar.book(theirs, now()).await, Ok(Booked::Confirmed(_))));
        let to = |slot: &str| Move { reference: ours.reference.clone(), slot: slot.into() };

        assert_eq!(calendar.move_to(&to("2026-11-24T09:30"), now()).await, Ok(Booked::Taken));
        assert_eq!(found(&calendar).await, [(ours.reference.clone(), "2026-11-24T09:00".to_owned())]);
        assert_eq!(free(&calendar).await, ["2026-11-24T10:00"]);

        let moved = calendar.move_to(&to("2026-11-24T10:00"), now()).await;
        assert!(matches!(moved, Ok(Booked::Confirmed(_))), "{moved:?}");
        assert_eq!(found(&calendar).await, [(ours.reference.clone(), "2026-11-24T10:00".to_owned())]);
        assert_eq!(free(&calendar).await, ["2026-11-24T09:00"]);
        assert!(matches!(calendar.move_to(&to("2026-11-24T09:10"), now()).await, Err(Refusal::Invalid(_))));
    }

    #[tokio::test]
    async fn a_cancelled_slot_is_free_again() {
        let rooms = Rooms::new().await;
        let calendar = calendar(&rooms).await;
        let ours = booked(&calendar, "2026-11-24T09:00").await;
        assert_eq!(calendar.book(request("2026-11-24T09:00"), now()).await, Ok(Booked::Taken));
        assert_eq!(calendar.cancel(&ours.reference).await, Ok(true));
        assert_eq!(calendar.cancel(&ours.reference).await, Ok(false));
        assert!(found(&calendar).await.is_empty());
        assert_eq!(free(&calendar).await.first().map(String::as_str), Some("2026-11-24T09:00"));
        booked(&calendar, "2026-11-24T09:00").await;
    }

    #[tokio::test]
    async fn an_appointment_made_elsewhere_is_kept_and_its_slot_is_taken() {
        let rooms = Rooms::new().await;
        let calendar = calendar(&rooms).await;
        let slot = calendar.hours.slot("2026-11-24T09:00".parse().unwrap());
        let contact = Contact { name: "Anne".into(), phone: Some(PHONE.into()) };
        let theirs = Appointment { reference: "ABCDEF".into(), slot, contact, motive: "contrôle".into() };
        assert_eq!(calendar.keep(&theirs).await, Ok(true));
        assert_eq!(calendar.keep(&theirs).await, Ok(false));
        assert_eq!(calendar.book(request("2026-11-24T09:00"), now()).await, Ok(Booked::Taken));
        assert_eq!(found(&calendar).await, [("ABCDEF".to_owned(), "2026-11-24T09:00".to_owned())]);
    }

    #[tokio::test]
    async fn what_is_hidden_is_not_found_nor_moved_nor_cancelled_and_keeps_its_slot() {
        #[derive(Debug)]
        struct Hers;
        impl Hidden for Hers {
            fn hides(&self, key: &str, _: &[u8]) -> bool {
                key == PHONE
            }
        }
        let rooms = Rooms::new().await;
        let whole = calendar(&rooms).await;
        let hers = booked(&whole, "2026-11-24T09:00").await;
        let calendar = whole.clone().hiding(Some(Arc::new(Hers)));
        assert!(found(&calendar).await.is_empty());
        let to = Move { reference: hers.reference.clone(), slot: "2026-11-24T10:00".into() };
        let moved = calendar.move_to(&to, now()).await;
        assert!(matches!(moved, Err(Refusal::NotPermitted(_))), "{moved:?}");
        let cancelled = calendar.cancel(&hers.reference).await;
        assert!(matches!(cancelled, Err(Refusal::NotPermitted(_))), "{cancelled:?}");
        assert_eq!(free(&calendar).await, ["2026-11-24T09:30", "2026-11-24T10:00"]);
        assert_eq!(found(&whole).await, [(hers.reference, "2026-11-24T09:00".to_owned())]);
    }

    #[tokio::test]
    async fn what_is_booked_takes_of_the_bound_of_all_and_what_is_cancelled_gives_room_again() {
        let rooms = Rooms::new().await;
        let calendar = calendar(&rooms).await;
        let ours = booked(&calendar, "2026-11-24T09:00").await;
        let most = rooms.store("cabinet").await.remembered().await.unwrap();
        let calendar = calendar.within(most);
        let refused = calendar.book(request("2026-11-24T09:30"), now()).await;
        let Err(Refusal::OverQuota(why)) = &refused else { panic!("{refused:?}") };
        assert!(why.contains(&format!("{most} bytes")) && why.contains("`stored-bytes-in-all`"), "{why}");
        assert_eq!(free(&calendar).await, ["2026-11-24T09:30", "2026-11-24T10:00"]);
        // What stands may be moved, and a slot that is taken is told to be.
        let to = Move { reference: ours.reference.clone(), slot: "2026-11-24T10:00".into() };
        assert!(matches!(calendar.move_to(&to, now()).await, Ok(Booked::Confirmed(_))));
        assert_eq!(calendar.book(request("2026-11-24T10:00"), now()).await, Ok(Booked::Taken));
        assert_eq!(calendar.cancel(&ours.reference).await, Ok(true));
        booked(&calendar, "2026-11-24T09:30").await;
    }

    #[tokio::test]
    async fn only_the_coming_appointments_of_a_number_are_found() {
        let rooms = Rooms::new().await;
        let calendar = calendar(&rooms).await;
        booked(&calendar, "2026-11-24T09:00").await;
        assert_eq!(found(&calendar).await.len(), 1);
        assert_eq!(calendar.find("+33600000000", now()).await, Ok(Vec::new()));
        let afterwards = "2026-11-24T09:01".parse().unwrap();
        assert_eq!(calendar.find(PHONE, afterwards).await, Ok(Vec::new()));
    }
}
