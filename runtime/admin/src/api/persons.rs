//! What persons ask for: cases, and what is looked up and handed over in them. A number is in no path, and in no answer but
//! the files for the person: a case stands for it.

use std::sync::Arc;
use std::time::Instant;

use axum::response::Response;
use parloir_contract::{CallId, TenantId};

use super::answer::Answer;
use super::asked::{Asked, words};
use super::calls::{MAX_WHY, parts_of, place, reach, reading};
use super::jobs::{Job, Stage};
use super::problem::{Kind, Problem};
use super::sent::sent_from;
use super::{Api, Endpoint, repeat};
use crate::directory::{Directory, DirectoryError, Told};
use crate::persons::{CaseList, Erased, Looked, PersonError, PersonFile, PersonFiles};
use crate::reach::Reach;
use crate::resource::{
    CloseCase, EraseCase, Erasure, ExtendCase, Found, Item, LookUp, MAX_CASE_WHY, NewCase, Page, Progress,
    RectifyCase, RestrictCase,
};

/// The longest name of a field, or reference of an appointment, in characters.
const MAX_FIELD: usize = 200;

/// What was looked up, and which of its files were handed over.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    looked: Arc<Looked>,
    taken: Vec<bool>,
}

impl Answered {
    /// Notes that a file is handed over. Whether it was the last.
    fn take(&mut self, at: usize) -> bool {
        let was_left = self.taken.contains(&false);
        if let Some(taken) = self.taken.get_mut(at) {
            *taken = true;
        }
        was_left && !self.taken.contains(&false)
    }

    /// Notes that it was not, after all.
    fn leave(&mut self, at: usize) {
        if let Some(taken) = self.taken.get_mut(at) {
            *taken = false;
        }
    }
}

/// That what is done for persons is done by somebody who sees all calls: a person may have rung any line, and be named in any call.
/// Whoever is asked for something opens a case of it all the same, and learns nothing by that.
pub(super) async fn in_reach(asked: &Asked) -> Result<(), Problem> {
    if !asked.endpoint.action().is_of_persons() || asked.endpoint == Endpoint::OpenCase {
        return Ok(());
    }
    match reach(asked).await? {
        (Reach::All, _) => Ok(()),
        (Reach::HandedTo(_) | Reach::Rang(_), _) => {
            let detail = "they see some of the tenant's calls alone, and a person may be in any of them";
            let remedy =
                "ask somebody who sees all of its calls: an admin, or, where it has no teams, a supervisor";
            Err(Problem::new(Kind::Forbidden, detail, remedy).of("authorization"))
        }
    }
}

fn files(api: &Api) -> &dyn PersonFiles {
    api.directory.premises().persons()
}

/// The path of a case, or of what is below it.
fn path(asked: &Asked, case: CallId, below: &str) -> String {
    format!("/v1/tenants/{}/cases/{case}{below}", asked.realm)
}

fn no_case() -> Problem {
    Problem::not_found("case").of("case")
}

/// The case that the path names.
fn named(asked: &Asked) -> Result<CallId, Problem> {
    asked.id("case").map_err(|_| no_case())?.parse().map_err(|_| no_case())
}

/// A number that is given beside a case, in E.164 form.
fn number(api: &Api, given: Option<&str>) -> Result<Option<String>, Problem> {
    let read = given.map(|given| api.directory.premises().caller(given)).transpose();
    read.map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence).of("number"))
}

/// Tells the log what is done by whom, and does it.
async fn carried<T: Send>(
    directory: &Directory,
    realm: &TenantId,
    told: Told,
    doing: impl Future<Output = Result<T, PersonError>> + Send,
) -> Result<T, PersonError> {
    let mut done = None;
    let keep = async {
        let did = doing.await;
        let ended = if did.is_ok() { Ok(()) } else { Err(DirectoryError::Changed) };
        done = Some(did);
        ended
    };
    let told = directory.carry_out(realm, told, keep).await;
    match (done, told) {
        (Some(done), _) => done,
        (None, Err(error)) => Err(PersonError::Failed(error.to_string())),
        (None, Ok(())) => Err(PersonError::Failed(DirectoryError::Changed.to_string())),
    }
}

pub(super) async fn list(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let CaseList { cases, next } = files(api).cases(&asked.realm, after.as_deref(), limit).await?;
    Ok(Answer::ok(&Page { items: cases, next })?)
}

pub(super) async fn open(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let mut new: NewCase = asked.json()?;
    if let Some(why) = &new.why {
        words(why, MAX_CASE_WHY, "why")?;
    }
    let given = new.number.clone();
    new.number = number(api, Some(&given))?.unwrap_or(given);
    // Two requests of one idempotency key open one case.
    let _one = api.directory.opening.of(&asked.realm).await;
    if let Some(again) = repeat::told_before(api, asked).await? {
        return Ok(again);
    }
    let opening = files(api).open_case(&asked.realm, &new);
    let case = carried(&api.directory, &asked.realm, asked.told("a case: opened"), opening).await?;
    let item = files(api).case(&asked.realm, case).await?;
    let answer = Answer::made(&item, &item.etag, path(asked, case, ""))?;
    repeat::keep(api, asked, &item.etag, &answer).await?;
    Ok(answer)
}

pub(super) async fn get(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let item = files(api).case(&asked.realm, named(asked)?).await?;
    Answer::read(asked, &item)
}

pub(super) async fn extend(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (case, extend) = (named(asked)?, asked.json::<ExtendCase>()?);
    words(&extend.why, MAX_CASE_WHY, "why")?;
    if !(1..=2).contains(&extend.months) {
        let detail = format!("`months` is {}", extend.months);
        return Err(Problem::new(Kind::Invalid, detail, "write 1 or 2").of("months"));
    }
    let extending = files(api).extend_case(&asked.realm, case, &extend);
    stepped(api, asked, case, format!("case {case}: extended"), extending).await
}

pub(super) async fn close(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (case, close) = (named(asked)?, asked.json::<CloseCase>()?);
    words(&close.why, MAX_CASE_WHY, "why")?;
    let closing = files(api).close_case(&asked.realm, case, &close);
    stepped(api, asked, case, format!("case {case}: closed"), closing).await
}

pub(super) async fn restrict(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (case, mut given) = (named(asked)?, asked.json::<RestrictCase>()?);
    if let Some(why) = &given.why {
        words(why, MAX_CASE_WHY, "why")?;
    }
    given.number = number(api, given.number.as_deref())?;
    let what = if given.release { "its person released" } else { "its person restricted" };
    let restricting = files(api).restrict(&asked.realm, case, &given);
    stepped(api, asked, case, format!("case {case}: {what}"), restricting).await
}

pub(super) async fn rectify(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (case, given) = (named(asked)?, asked.json::<RectifyCase>()?);
    let call = given.call.parse::<CallId>().map_err(|_| {
        let remedy = "write it as the list of calls has it: parloir calls";
        Problem::new(Kind::Invalid, "that is no call", remedy).of("call")
    })?;
    if let Some(why) = &given.why {
        words(why, MAX_WHY, "why")?;
    }
    let appointment = given.appointment.as_ref().map(|reference| (reference, MAX_FIELD, "appointment"));
    let all = [(&given.field, MAX_FIELD, "field"), (&given.to, MAX_CASE_WHY, "to")];
    for (text, most, field) in all.into_iter().chain(appointment) {
        if text.trim().is_empty() || text.chars().count() > most {
            let remedy = format!("write 1 to {most} characters");
            let detail = format!("`{field}` is empty or too long");
            return Err(Problem::new(Kind::Invalid, detail, remedy).of(field));
        }
    }
    api.readings.take(&asked.principal.key.user, Instant::now())?;
    let _one = api.directory.opening.of(&asked.realm).await;
    asked.may_change(&files(api).case(&asked.realm, case).await?.etag)?;
    let reading = reading(asked, given.why.clone());
    let told = asked.told(format!("case {case}: call {call} put right"));
    let rectifying = files(api).rectify(&asked.realm, case, call, &given, reading);
    let spec = carried(&api.directory, &asked.realm, told, rectifying).await?;
    let etag = files(api).case(&asked.realm, case).await?.etag;
    let item = Item { id: spec.record.clone(), etag, changed: None, spec };
    Ok(Answer::made(&item, &item.etag, path(asked, case, ""))?)
}

/// Takes a step in a case that is as whoever asks knows it, and tells how it is then.
async fn stepped(
    api: &Api,
    asked: &Asked,
    case: CallId,
    subject: String,
    step: impl Future<Output = Result<(), PersonError>> + Send,
) -> Result<Answer, Problem> {
    let _one = api.directory.opening.of(&asked.realm).await;
    asked.may_change(&files(api).case(&asked.realm, case).await?.etag)?;
    carried(&api.directory, &asked.realm, asked.told(subject), step).await?;
    let item = files(api).case(&asked.realm, case).await?;
    Ok(Answer::made(&item, &item.etag, path(asked, case, ""))?)
}

pub(super) async fn look_up(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (case, given) = (named(asked)?, asked.json::<LookUp>()?);
    if let Some(why) = &given.why {
        words(why, MAX_WHY, "why")?;
    }
    let number = number(api, given.number.as_deref())?;
    files(api).fits(&asked.realm, case, number.as_deref()).await?;
    api.readings.take(&asked.principal.key.user, Instant::now())?;
    let (directory, realm) = (api.directory.clone(), asked.realm.clone());
    let reading = reading(asked, given.why);
    let doing = async move {
        let persons = directory.premises().persons();
        let looked = persons.look(&realm, case, reading).await?;
        if looked.files.is_empty() {
            // There is nothing to be handed over, and that is the answer.
            persons.exported(&realm, case, &looked.missing).await?;
        }
        Ok(Answered { taken: vec![false; looked.files.len()], looked: Arc::new(looked) })
    };
    api.lookups.begin(&asked.realm, case, &asked.principal.key.user, true, doing)?;
    let item = found(case, &lookup(api, asked, case).await?);
    Ok(Answer::made(&item, &item.etag, path(asked, case, "/access"))?)
}

async fn lookup(api: &Api, asked: &Asked, case: CallId) -> Result<Job<Answered>, Problem> {
    if let Some(job) = api.lookups.get(&asked.realm, case) {
        return Ok(job);
    }
    // Of another tenant's case nobody is told more than that there is none.
    files(api).case(&asked.realm, case).await?;
    Err(not_known("nothing was looked up for this case"))
}

/// That nobody here knows of something that takes long: it was never asked for, was cut off, or is long ago.
fn not_known(what: &str) -> Problem {
    let detail = format!("{what} in the last hour, since the installation was started");
    let remedy = "ask for it with POST; what was done before is in the steps of the case, GET the path without the last part";
    Problem::new(Kind::NotFound, detail, remedy).of("case")
}

fn found(case: CallId, job: &Job<Answered>) -> Item<Found> {
    let (state, looked, problem) = match &job.stage {
        Stage::Running => (Progress::Running, Looked::default(), None),
        Stage::Done(done) => (Progress::Done, Looked::clone(&done.looked), None),
        Stage::Failed(error) => (Progress::Failed, Looked::default(), Some(error.words())),
    };
    let Looked { calls, rows, cases, files, references: _, missing } = looked;
    let (by, began, ended) = (job.by.clone(), job.began, job.ended);
    let spec = Found { state, by, began, ended, calls, rows, cases, files, missing, problem };
    Item { id: case.to_string(), etag: job.etag(), changed: Some(ended.unwrap_or(began)), spec }
}

pub(super) async fn looked_up(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let case = named(asked)?;
    Answer::read(asked, &found(case, &lookup(api, asked, case).await?))
}

pub(super) async fn file(api: &Api, asked: &Asked) -> Result<Response, Problem> {
    let (case, name) = (named(asked)?, asked.name()?);
    let job = lookup(api, asked, case).await?;
    if job.by != asked.principal.key.user {
        let detail = "somebody else looked, and it is noted that they read it";
        return Err(
            Problem::new(Kind::Forbidden, detail, "look yourself: POST the path of the access").of("case")
        );
    }
    let looked = match job.stage {
        Stage::Done(Answered { looked, .. }) => looked,
        Stage::Running => {
            let remedy = "GET the path of the access until its state is `done`";
            return Err(Problem::new(Kind::Conflict, "it is still looked up", remedy).of("case"));
        }
        Stage::Failed(error) => return Err(error.into()),
    };
    let Some(at) = looked.files.iter().position(|file| file == name) else {
        let remedy = "name one of the `files` of the access: GET the path without the last two parts";
        return Err(Problem::new(Kind::NotFound, "the answer has no such file", remedy).of("name"));
    };
    let place = place(api, asked)?;
    let making = if name.ends_with(".vcon.json") { api.vcons.acquire().await.ok() } else { None };
    let PersonFile { length, parts } = files(api).file(&asked.realm, case, name, &looked.references).await?;
    drop(making);
    // Somebody may have looked again since: a file of this answer is none of that one.
    let Some(was_last) = api.lookups.change(&asked.realm, case, job.began, |done| done.take(at)) else {
        let remedy = "look yourself, and take the files of that answer: POST the path of the access";
        return Err(Problem::new(Kind::Conflict, "it was looked up again meanwhile", remedy).of("case"));
    };
    if was_last && let Err(error) = files(api).exported(&asked.realm, case, &looked.missing).await {
        // What is not noted is not handed over.
        api.lookups.change(&asked.realm, case, job.began, |done| done.leave(at));
        return Err(error.into());
    }
    let media_type = if name.ends_with(".wav") { "audio/wav" } else { "application/json" };
    Ok(sent_from(place, parts.flat_map(parts_of), media_type, length))
}

pub(super) async fn erase(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (case, mut given) = (named(asked)?, asked.json::<EraseCase>()?);
    if let Some(reason) = &given.reason {
        words(reason, MAX_CASE_WHY, "reason")?;
    }
    given.number = number(api, given.number.as_deref())?;
    // A case that is closed is no hindrance, as what was written in it since may have to go.
    files(api).case(&asked.realm, case).await?;
    if given.dry_run {
        // Calls are read to find out which are theirs.
        api.readings.take(&asked.principal.key.user, Instant::now())?;
    }
    let (directory, realm) = (api.directory.clone(), asked.realm.clone());
    let reading = reading(asked, given.reason.clone());
    let what = if given.dry_run { "what would be erased, read" } else { "its person erased" };
    let told = asked.told(format!("case {case}: {what}"));
    let doing = async move {
        let erasing = directory.premises().persons().erase_person(&realm, case, &given, reading);
        carried(&directory, &realm, told, erasing).await
    };
    // What was only to be told is not taken for what is to be done.
    api.erasures.begin(&asked.realm, case, &asked.principal.key.user, false, doing)?;
    let item = erasure(case, &erasing(api, asked, case)?);
    Ok(Answer::made(&item, &item.etag, path(asked, case, "/erasure"))?)
}

fn erasing(api: &Api, asked: &Asked, case: CallId) -> Result<Job<Erased>, Problem> {
    api.erasures.get(&asked.realm, case).ok_or_else(|| not_known("nothing was erased in this case"))
}

pub(super) async fn erased(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let case = named(asked)?;
    files(api).case(&asked.realm, case).await?;
    Answer::read(asked, &erasure(case, &erasing(api, asked, case)?))
}

fn erasure(case: CallId, job: &Job<Erased>) -> Item<Erasure> {
    let (state, done, problem) = match &job.stage {
        Stage::Running => (Progress::Running, None, None),
        Stage::Done(done) => (Progress::Done, Some(done.clone()), None),
        Stage::Failed(error) => (Progress::Failed, None, Some(error.words())),
    };
    let dry_run = done.as_ref().map(|done| done.dry_run);
    let names = |calls: Vec<CallId>| calls.iter().map(CallId::to_string).collect();
    let Erased { dry_run: _, calls, lasting, held, rows, records, unread, left, record } =
        done.unwrap_or_default();
    let (by, began, ended) = (job.by.clone(), job.began, job.ended);
    let spec = Erasure {
        state,
        by,
        began,
        ended,
        dry_run,
        calls: names(calls),
        lasting: names(lasting),
        held: names(held),
        rows,
        records,
        unread: names(unread),
        left,
        record: record.map(|record| record.to_string()),
        problem,
    };
    Item { id: case.to_string(), etag: job.etag(), changed: Some(ended.unwrap_or(began)), spec }
}

impl From<PersonError> for Problem {
    fn from(error: PersonError) -> Self {
        match error {
            PersonError::NoSuchCase => no_case(),
            PersonError::NoSuchPlace => Self::no_such_place(),
            PersonError::Invalid { field, sentence } => Self::sentence(Kind::Invalid, &sentence).of(field),
            PersonError::Refused(sentence) => Self::sentence(Kind::Conflict, &sentence).of("case"),
            PersonError::NotThere(sentence) => Self::sentence(Kind::NotFound, &sentence),
            PersonError::Failed(ref why) => {
                tracing::error!(why, "what a person asked for could not be done for the administration");
                let detail = "it could not be done; the installation's own log says why";
                Self::new(Kind::Failed, detail, "try again later, and tell the operator")
            }
        }
    }
}
