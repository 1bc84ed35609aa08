//! Appointments that were being made, moved or cancelled when the host was lost: its journal has the question and no
//! answer, so that nobody knows whether the store was asked. What stands there decides, and nothing is done twice.

use jiff::civil::DateTime;
use parloir_contract::{Appointment, Book, Booked, Move, Refusal};
use parloir_store::Table;

use super::{Calendar, failed, slot_start};

impl Calendar {
    /// Books a slot, unless this very request has booked it already: an appointment that stands in the slot, of the same
    /// contact for the same motive, is this one.
    pub async fn settle_book(&self, book: Book, now: DateTime) -> Result<Booked, Refusal> {
        match self.standing_in(&book.slot).await? {
            Some(made)
                if made.contact == book.contact && made.motive == book.motive && !self.hides(&made) =>
            {
                Ok(Booked::Confirmed(made))
            }
            Some(_) | None => self.book(book, now).await,
        }
    }

    /// Moves an appointment, unless it has the new slot already.
    pub async fn settle_move(&self, request: &Move, now: DateTime) -> Result<Booked, Refusal> {
        match self.kept.get(&request.reference).await? {
            Some(made) if made.slot.id == request.slot && !self.hides(&made) => Ok(Booked::Confirmed(made)),
            Some(_) | None => self.move_to(request, now).await,
        }
    }

    /// Cancels an appointment, unless none stands under this reference any more. `stood` is whether the call had seen it
    /// stand: then it was this request that cancelled it.
    pub async fn settle_cancel(&self, reference: &str, stood: bool) -> Result<bool, Refusal> {
        match self.kept.get(reference).await? {
            Some(_) => self.cancel(reference).await,
            None => Ok(stood),
        }
    }

    /// The appointment that has a slot.
    async fn standing_in(&self, slot: &str) -> Result<Option<Appointment>, Refusal> {
        if slot_start(slot).is_none() {
            return Ok(None);
        }
        let found = self.store.get(Table::Slots, slot).await.map_err(|e| failed(&e))?;
        match found.map(String::from_utf8) {
            Some(Ok(reference)) => self.kept.get(&reference).await,
            Some(Err(_)) | None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::Contact;

    use super::super::tests::{PHONE, calendar, now};
    use super::*;
    use crate::testing::Rooms;

    fn request(name: &str) -> Book {
        let contact = Contact { name: name.into(), phone: Some(PHONE.into()) };
        Book { slot: "2026-11-24T09:00".into(), contact, motive: "contrôle".into() }
    }

    fn confirmed(booked: Booked) -> Appointment {
        match booked {
            Booked::Confirmed(made) => made,
            Booked::Taken => panic!("it is taken"),
        }
    }

    #[tokio::test]
    async fn what_was_booked_is_not_booked_twice_and_what_was_not_is_booked() {
        let rooms = Rooms::new().await;
        let calendar = calendar(&rooms).await;
        let first = confirmed(calendar.settle_book(request("Anne"), now()).await.unwrap());
        let again = confirmed(calendar.settle_book(request("Anne"), now()).await.unwrap());
        assert_eq!(again, first);
        assert_eq!(calendar.find(PHONE, now()).await.unwrap(), [first]);
        // Somebody else's is nobody's of ours.
        assert_eq!(calendar.settle_book(request("Paul"), now()).await, Ok(Booked::Taken));
        let nowhere = Book { slot: "tomorrow".into(), ..request("Anne") };
        assert!(matches!(calendar.settle_book(nowhere, now()).await, Err(Refusal::Invalid(_))));
    }

    #[tokio::test]
    async fn what_was_moved_or_cancelled_stays_so() {
        let rooms = Rooms::new().await;
        let calendar = calendar(&rooms).await;
        let made = confirmed(calendar.book(request("Anne"), now()).await.unwrap());
        let to = Move { reference: made.reference.clone(), slot: "2026-11-24T10:00".into() };
        let moved = confirmed(calendar.settle_move(&to, now()).await.unwrap());
        assert_eq!(moved.slot.id, to.slot);
        // Even where its notice is over meanwhile.
        let late = "2026-11-24T09:50".parse().unwrap();
        assert_eq!(calendar.settle_move(&to, late).await, Ok(Booked::Confirmed(moved)));
        assert_eq!(calendar.settle_cancel(&made.reference, true).await, Ok(true));
        assert_eq!(calendar.settle_cancel(&made.reference, true).await, Ok(true));
        assert_eq!(calendar.settle_cancel(&made.reference, false).await, Ok(false));
        assert!(calendar.find(PHONE, now()).await.unwrap().is_empty());
    }
}
