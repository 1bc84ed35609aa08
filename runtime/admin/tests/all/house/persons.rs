//! Cases and persons for a test: what is asked of the other side is written down.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_admin::resource::{
    Case, CaseStatus, CaseStep, CloseCase, EraseCase, ExtendCase, Item, NewCase, Rectification, RectifyCase,
    RestrictCase,
};
use parloir_admin::{CaseList, Erased, Looked, PersonError, PersonFile, PersonFiles, Reading};
use parloir_contract::{CallId, TenantId};
use tokio::sync::Notify;

/// A case: whose, of which number, and what was done in it.
pub struct Known {
    pub tenant: TenantId,
    pub id: CallId,
    pub asked: NewCase,
    pub steps: Vec<String>,
    pub state: CaseStatus,
}

#[derive(Default)]
pub struct Persons {
    pub cases: Mutex<Vec<Known>>,
    /// Whoever read all of a person.
    pub read: Mutex<Vec<(CallId, Reading)>>,
    /// The next search does not end before somebody is told.
    pub held: Mutex<Option<Arc<Notify>>>,
}

impl Persons {
    fn with<A>(
        &self,
        tenant: &TenantId,
        case: CallId,
        look: impl FnOnce(&mut Known) -> A,
    ) -> Result<A, PersonError> {
        let mut all = self.cases.lock();
        let known = all.iter_mut().find(|known| known.tenant == *tenant && known.id == case);
        known.map(look).ok_or(PersonError::NoSuchCase)
    }

    fn step(&self, tenant: &TenantId, case: CallId, step: &str) -> Result<(), PersonError> {
        self.with(tenant, case, |known| match known.state {
            CaseStatus::Open => {
                known.steps.push(step.to_owned());
                Ok(())
            }
            CaseStatus::Done | CaseStatus::Refused => {
                Err(PersonError::Refused("the case is closed; open another".into()))
            }
        })?
    }
}

fn item(known: &Known) -> Item<Case> {
    let at = "2026-03-14T09:26:53Z".parse().unwrap();
    let steps = known.steps.iter().map(|step| CaseStep { at, step: step.clone(), record: None });
    let spec = Case {
        right: known.asked.right,
        received: "2026-03-14".into(),
        due: "2026-04-14".into(),
        extended: 0,
        state: known.state,
        overdue: false,
        steps: Some(steps.collect()),
    };
    Item { id: known.id.to_string(), etag: format!("{:032x}", known.steps.len()), changed: None, spec }
}

#[async_trait]
impl PersonFiles for Persons {
    async fn cases(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CaseList, PersonError> {
        let from = match after {
            Some(after) => after.parse::<usize>().map_err(|_| PersonError::NoSuchPlace)?,
            None => 0,
        };
        let all = self.cases.lock();
        let mut theirs = all.iter().filter(|known| known.tenant == *tenant).skip(from);
        let cases: Vec<_> = theirs.by_ref().take(limit).map(item).collect();
        let next = theirs.next().map(|_| (from + cases.len()).to_string());
        Ok(CaseList { cases, next })
    }

    async fn case(&self, tenant: &TenantId, case: CallId) -> Result<Item<Case>, PersonError> {
        self.with(tenant, case, |known| item(known))
    }

    async fn open_case(&self, tenant: &TenantId, case: &NewCase) -> Result<CallId, PersonError> {
        let mut all = self.cases.lock();
        let id = CallId::from_bytes([u8::try_from(all.len()).unwrap() + 1; 16]);
        let (tenant, asked, steps) = (tenant.clone(), case.clone(), vec!["opened".to_owned()]);
        all.push(Known { tenant, id, asked, steps, state: CaseStatus::Open });
        Ok(id)
    }

    async fn extend_case(
        &self,
        tenant: &TenantId,
        case: CallId,
        _extend: &ExtendCase,
    ) -> Result<(), PersonError> {
        self.step(tenant, case, "extended")
    }

    async fn close_case(
        &self,
        tenant: &TenantId,
        case: CallId,
        close: &CloseCase,
    ) -> Result<(), PersonError> {
        let (word, state) =
            if close.done { ("done", CaseStatus::Done) } else { ("refused", CaseStatus::Refused) };
        self.step(tenant, case, word)?;
        self.with(tenant, case, |known| known.state = state)
    }

    async fn fits(&self, tenant: &TenantId, case: CallId, number: Option<&str>) -> Result<(), PersonError> {
        self.with(tenant, case, |known| match number {
            _ if known.state != CaseStatus::Open => {
                Err(PersonError::Refused("the case is closed; open another".into()))
            }
            Some(number) if number != known.asked.number => {
                Err(PersonError::Refused("the case is of another person; open one".into()))
            }
            Some(_) | None => Ok(()),
        })?
    }

    async fn look(&self, tenant: &TenantId, case: CallId, reading: Reading) -> Result<Looked, PersonError> {
        let held = self.held.lock().take();
        if let Some(held) = held {
            held.notified().await;
        }
        self.with(tenant, case, |_| ())?;
        self.read.lock().push((case, reading));
        let files = ["rows.json", "cases.json"].map(str::to_owned).to_vec();
        Ok(Looked { calls: 1, rows: 2, cases: 1, files, ..Looked::default() })
    }

    async fn file(
        &self,
        tenant: &TenantId,
        case: CallId,
        name: &str,
        _references: &[String],
    ) -> Result<PersonFile, PersonError> {
        let number = self.with(tenant, case, |known| known.asked.number.clone())?;
        Ok(format!("{{\"{name}\":\"{number}\"}}").into_bytes().into())
    }

    async fn erase_person(
        &self,
        tenant: &TenantId,
        case: CallId,
        erase: &EraseCase,
        reading: Reading,
    ) -> Result<Erased, PersonError> {
        if erase.dry_run {
            self.read.lock().push((case, reading));
        } else {
            self.step(tenant, case, "erased")?;
        }
        Ok(Erased { dry_run: erase.dry_run, calls: vec![CallId::from_bytes([9; 16])], ..Erased::default() })
    }

    async fn rectify(
        &self,
        tenant: &TenantId,
        case: CallId,
        call: CallId,
        rectify: &RectifyCase,
        reading: Reading,
    ) -> Result<Rectification, PersonError> {
        if call != CallId::from_bytes([9; 16]) {
            return Err(PersonError::Invalid { field: "call", sentence: "there is none; list them".into() });
        }
        self.step(tenant, case, "rectified")?;
        self.read.lock().push((case, reading));
        Ok(Rectification {
            call: call.to_string(),
            field: rectify.field.clone(),
            recorded: vec!["Anne Durant".into()],
            appointments: 1,
            left: Vec::new(),
            record: "0a".repeat(16),
        })
    }

    async fn restrict(
        &self,
        tenant: &TenantId,
        case: CallId,
        restrict: &RestrictCase,
    ) -> Result<(), PersonError> {
        self.fits(tenant, case, restrict.number.as_deref()).await?;
        self.step(tenant, case, if restrict.release { "released" } else { "restricted" })
    }

    async fn exported(
        &self,
        tenant: &TenantId,
        case: CallId,
        _missing: &[String],
    ) -> Result<(), PersonError> {
        self.step(tenant, case, "exported")
    }
}
