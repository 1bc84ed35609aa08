//! Appointments as they rest: by their references, and by the numbers they were made under.

use parloir_contract::{Appointment, Refusal};
use parloir_store::{Applied, Batch, Table, TenantStore};

use super::{PER_PHONE, TRIES, busy, check_motive, check_name, check_phone, encode, failed};

/// The appointments of the tenant whose store this is, whatever its opening hours.
#[derive(Debug, Clone)]
pub struct Kept {
    store: TenantStore,
}

/// What is put right of an appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correction {
    /// The name it was made for.
    Name(String),
    /// The number, in E.164 form. It is found under this one from now on.
    Phone(String),
    /// What it is for.
    Motive(String),
}

impl Correction {
    /// Refuses what no appointment may say.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Name(name) => check_name(name),
            Self::Phone(phone) => check_phone(phone),
            Self::Motive(motive) => check_motive(motive),
        }
    }

    /// What an appointment says in the place of this.
    #[must_use]
    pub fn before<'a>(&self, appointment: &'a Appointment) -> &'a str {
        match self {
            Self::Name(_) => &appointment.contact.name,
            Self::Phone(_) => appointment.contact.phone.as_deref().unwrap_or_default(),
            Self::Motive(_) => &appointment.motive,
        }
    }
}

impl Kept {
    /// Those in this store.
    pub fn new(store: TenantStore) -> Self {
        Self { store }
    }

    /// An appointment; `None` where none stands under this reference.
    pub async fn get(&self, reference: &str) -> Result<Option<Appointment>, Refusal> {
        Ok(self.appointment(reference).await?.map(|(appointment, _)| appointment))
    }

    /// Puts something of an appointment right; false where none stands under this reference.
    pub async fn correct(&self, reference: &str, correction: &Correction) -> Result<bool, Refusal> {
        correction.check()?;
        for _ in 0..TRIES {
            let Some((mut appointment, stored)) = self.appointment(reference).await? else {
                return Ok(false);
            };
            let before = appointment.contact.phone.clone();
            match correction {
                Correction::Name(name) => appointment.contact.name.clone_from(name),
                Correction::Phone(phone) => appointment.contact.phone = Some(phone.clone()),
                Correction::Motive(motive) => appointment.motive.clone_from(motive),
            }
            let mut batch = Batch::new().expect_value(Table::Appointments, reference, stored).put(
                Table::Appointments,
                reference,
                encode(&appointment)?,
            );
            if before != appointment.contact.phone {
                batch = self.index(batch, before.as_deref(), None, Some(reference)).await?;
                batch =
                    self.index(batch, appointment.contact.phone.as_deref(), Some(reference), None).await?;
            }
            match self.store.apply(batch).await.map_err(|e| failed(&e))? {
                Applied::Done => return Ok(true),
                Applied::ConditionFailed { .. } => {}
            }
        }
        Err(busy())
    }

    pub(super) async fn appointment(
        &self,
        reference: &str,
    ) -> Result<Option<(Appointment, Vec<u8>)>, Refusal> {
        if reference.is_empty() || reference.len() > 32 {
            return Ok(None);
        }
        let Some(stored) = self.store.get(Table::Appointments, reference).await.map_err(|e| failed(&e))?
        else {
            return Ok(None);
        };
        let appointment = rmp_serde::from_slice(&stored).map_err(|e| failed(&e))?;
        Ok(Some((appointment, stored)))
    }

    pub(super) async fn references(&self, phone: &str) -> Result<(Vec<String>, Option<Vec<u8>>), Refusal> {
        if phone.is_empty() || phone.len() > 32 {
            return Err(Refusal::Invalid(
                "write the telephone number in E.164 form, as in +33612345678".into(),
            ));
        }
        let stored = self.store.get(Table::AppointmentsByPhone, phone).await.map_err(|e| failed(&e))?;
        let list = match &stored {
            Some(bytes) => rmp_serde::from_slice(bytes).map_err(|e| failed(&e))?,
            None => Vec::new(),
        };
        Ok((list, stored))
    }

    /// Adds the change of the caller's index to a batch.
    pub(super) async fn index(
        &self,
        batch: Batch,
        phone: Option<&str>,
        add: Option<&str>,
        remove: Option<&str>,
    ) -> Result<Batch, Refusal> {
        let Some(phone) = phone else { return Ok(batch) };
        let (mut references, stored) = self.references(phone).await?;
        references.retain(|r| Some(r.as_str()) != remove);
        if let Some(add) = add {
            references.push(add.to_owned());
            // The oldest leave the index first; the appointments themselves stay.
            let surplus = references.len().saturating_sub(PER_PHONE);
            references.drain(..surplus);
        }
        let batch = batch.expect_same(Table::AppointmentsByPhone, phone, stored);
        let bytes = rmp_serde::to_vec(&references).map_err(|e| failed(&e))?;
        Ok(if references.is_empty() {
            batch.delete(Table::AppointmentsByPhone, phone)
        } else {
            batch.put(Table::AppointmentsByPhone, phone, bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parloir_contract::{Book, Booked, Contact};

    use super::*;
    use crate::calendar::{Calendar, Hours};
    use crate::testing::Rooms;

    #[tokio::test]
    async fn an_appointment_that_is_put_right_is_found_under_its_new_number_and_keeps_its_slot() {
        let rooms = Rooms::new().await;
        let text = "notice-minutes = 60\nopen = { tuesday = [\"09:00-10:30\"] }";
        let hours = Hours::new(&toml::from_str(text).unwrap()).unwrap();
        let store = rooms.store("cabinet").await;
        let (calendar, kept) = (Calendar::new(Arc::new(hours), store.clone()), Kept::new(store));
        let now = "2026-11-23T08:00".parse().unwrap();
        let contact = Contact { name: "Anne Durant".into(), phone: Some("+33639980001".into()) };
        let book = Book { slot: "2026-11-24T09:00".into(), contact, motive: "contrôle".into() };
        let Booked::Confirmed(made) = calendar.book(book, now).await.unwrap() else { panic!() };

        for correction in [
            Correction::Name("Anne Durand".into()),
            Correction::Phone("+33639980002".into()),
            Correction::Motive("suivi".into()),
        ] {
            assert_eq!(kept.correct(&made.reference, &correction).await, Ok(true));
            assert_eq!(kept.correct(&made.reference, &correction).await, Ok(true), "twice is once");
        }
        assert!(calendar.find("+33639980001", now).await.unwrap().is_empty());
        let found = calendar.find("+33639980002", now).await.unwrap();
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((found.contact.name.as_str(), found.motive.as_str()), ("Anne Durand", "suivi"));
        assert_eq!(found.slot, made.slot);
        assert_eq!(kept.correct("ZZZZZZ", &Correction::Name("Anne".into())).await, Ok(false));
        for wrong in [
            Correction::Phone("demain".into()),
            Correction::Name(" ".into()),
            Correction::Name("n".repeat(121)),
            Correction::Motive("m".repeat(501)),
        ] {
            assert!(matches!(wrong.check(), Err(Refusal::Invalid(_))), "{wrong:?}");
            let refused = kept.correct(&made.reference, &wrong).await;
            assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
        }
        assert_eq!(
            kept.get(&made.reference).await.unwrap().unwrap().contact.phone.as_deref(),
            Some("+33639980002")
        );
    }
}
