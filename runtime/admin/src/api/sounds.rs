//! Sounds: what a tenant's agents may play. They rest in the tenant's own storage, sealed with its key, and never as a file.

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use parloir_store::{Batch, StoreError, Table, TenantStore};
use parloir_tenancy::sounds::{self, RECORDS, SOUND_BYTES, SOUNDS, Version, Written};
use sha2::{Digest, Sha256};

use super::answer::{Answer, room};
use super::asked::Asked;
use super::calls::parts_of;
use super::problem::{Kind, Problem};
use super::sent::sent_from;
use super::{Api, stored, upload};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, DirectoryError};
use crate::premises::CheckedSound;
use crate::resource::Sound;
use crate::secret::random_id;

/// What a sound may be said to be.
pub(super) const MEDIA_TYPES: [&str; 2] = ["audio/wav", "audio/x-wav"];

/// What a sound has to be, and how it is made so.
const REMEDY: &str = "upload a WAV of 16-bit PCM, µ-law or A-law, of 1 to 8 channels and 4,000 to 192,000 Hz in steps of 50, of at most 2 MiB (at 8,000 Hz two minutes of PCM, four of µ-law), as `sox in.mp3 -r 8000 -c 1 -e mu-law out.wav` writes one";

/// A sound that there is, whether its record can be read or not.
async fn there(asked: &Asked, name: &str) -> Result<Option<There<Sound>>, Problem> {
    Ok(rows::there(&asked.store, Table::Documents, &sounds::record(name)).await?)
}

fn not_found() -> Problem {
    Problem::not_found("sound").of("sound")
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    let page = rows::page::<Sound>(&asked.store, Table::Documents, RECORDS, after.as_deref(), limit);
    Ok(Answer::page(page.await?)?)
}

pub(super) async fn get(api: &Api, asked: &Asked) -> Result<Response, Problem> {
    asked.described_here()?;
    let name = asked.sound()?;
    let row = there(asked, name).await?.ok_or_else(not_found)?.row.map_err(|why| {
        let detail = format!("the sound's record cannot be read ({why})");
        let remedy = format!("upload it anew (parloir sound add {name} FILE), or remove it");
        Problem::new(Kind::Conflict, detail, remedy).of("sound")
    })?;
    if asked.has(&row.change)? {
        return Ok(Answer::same(&row.change).into_response());
    }
    let share = api.sound_shares.take(&asked.realm)?;
    // Whoever reads has a place among all requests already, and keeps it from nobody by waiting for this one.
    let place = api.sounds.take(&share).ok_or_else(|| {
        let detail = "as many sounds are under way as there is room for";
        Problem::new(Kind::Busy, detail, "wait as Retry-After says, and ask again")
    })?;
    let version = version(&asked.store, name).await?.filter(|version| version.has(&row.is.sha256));
    let wav = match version {
        Some(version) => sounds::bytes(&asked.store, &version).await.map_err(DirectoryError::from)?,
        None => None,
    };
    // Another took its place between the two.
    let wav = wav.ok_or(DirectoryError::Changed)?;
    let length = wav.len() as u64;
    let mut response = sent_from((share, place), parts_of(wav), "audio/wav", length);
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", row.change)) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let kept = take_in(api, asked).await;
    if kept.is_err() {
        upload::discard(api, asked).await;
    }
    kept
}

async fn take_in(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.sound()?;
    if !MEDIA_TYPES.iter().any(|kind| asked.media_type().eq_ignore_ascii_case(kind)) {
        let remedy = format!("{REMEDY}, with content-type: {}", MEDIA_TYPES.join(" or "));
        let problem = Problem::new(Kind::NotSound, "the body is not said to be a WAV", remedy);
        return Err(problem.of("content-type"));
    }
    // One at a time, so that what all of them take together is known.
    let _turn = api.uploads.begin(&asked.realm)?;
    let before = there(asked, name).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let _place = api.sounds.wait().await;
    let wav = Arc::new(upload::whole(asked, SOUND_BYTES, REMEDY).await?);
    let _room = api.room.acquire().await.ok();
    let checked = api.directory.premises().check_sound(Arc::clone(&wav)).await;
    let CheckedSound { rate, milliseconds } =
        checked.map_err(|why| Problem::new(Kind::Invalid, why, REMEDY).of("body"))?;
    let bytes = wav.len() as u64;
    within(api, asked, name, bytes, before.is_none()).await?;
    let sound = Sound { bytes, sha256: digest(&wav), milliseconds, rate };
    let replaced = replaced(&asked.store, name).await?;
    let version = Version::new(&sound.sha256, &random_id().map_err(DirectoryError::from)?, bytes);
    let written = sounds::write(&asked.store, &version, &wav).await.map_err(DirectoryError::from);
    let kept = match written {
        Ok(written) => keep(api, asked, (name, sound), before, (&written, replaced.as_ref())).await,
        Err(error) => Err(error),
    };
    let no_sound_now = match &kept {
        Ok(_) => replaced,
        Err(DirectoryError::Changed) => Some(version),
        // Whether it is named nobody knows but the rows: where it is not, it goes when its mark is old enough.
        Err(_) => None,
    };
    if let Some(gone) = no_sound_now {
        clear(&asked.store, &gone).await;
    }
    Ok(kept?)
}

/// Names what was written.
async fn keep(
    api: &Api,
    asked: &Asked,
    (name, sound): (&str, Sound),
    before: Option<There<Sound>>,
    (written, replaced): (&Written, Option<&Version>),
) -> Result<Answer, DirectoryError> {
    let (new, record) = (before.is_none(), sounds::record(name));
    let short = sound.sha256.get(..12).unwrap_or_default();
    let (bytes, milliseconds) = (sound.bytes, sound.milliseconds);
    let told = asked.told(format!("sound {name}: {bytes} bytes, {milliseconds} ms, SHA-256 {short}…"));
    let kept = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = match before {
            Some(before) => Batch::new().expect_value(Table::Documents, &record, before.bytes),
            None => Batch::new().expect_absent(Table::Documents, &record),
        };
        let batch = batch.put(Table::Documents, &record, stamp.bytes(&sound)?);
        let batch = sounds::keep(batch, name, written, replaced);
        let answer = Answer::written(&stamp.item(name, sound), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    kept.await
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.sound()?;
    let before = there(asked, name).await?.ok_or_else(not_found)?;
    asked.may_delete(&before.change)?;
    let was = replaced(&asked.store, name).await?;
    let record = sounds::record(name);
    let batch =
        Batch::new().expect_value(Table::Documents, &record, before.bytes).delete(Table::Documents, &record);
    let batch = sounds::remove(batch, name, was.as_ref());
    let told = asked.told(format!("sound {name}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    if let Some(was) = was {
        clear(&asked.store, &was).await;
    }
    Ok(Answer::gone())
}

async fn version(store: &TenantStore, name: &str) -> Result<Option<Version>, DirectoryError> {
    Ok(sounds::version(store, name).await?)
}

/// Which version a sound is that is put anew or removed: `None` also where that cannot be read, for what takes its place is whole.
async fn replaced(store: &TenantStore, name: &str) -> Result<Option<Version>, DirectoryError> {
    match sounds::version(store, name).await {
        Err(error @ StoreError::Damaged { .. }) => {
            tracing::error!(tenant = %store.tenant(), sound = name, %error, "the row that says which bytes a sound is was damaged: it is written anew or removed as its tenant asks, and the bytes that it named stay in the storage");
            Ok(None)
        }
        read => Ok(read?),
    }
}

/// Removes what is no sound any more. Where that fails it is found by its mark, later.
async fn clear(store: &TenantStore, version: &Version) {
    if let Err(error) = sounds::clear(store, version).await {
        tracing::warn!(tenant = %store.tenant(), %error, "the bytes of a sound that was replaced or removed are still there; it is tried again");
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// That there is room for a sound of so many bytes beside the others.
async fn within(api: &Api, asked: &Asked, name: &str, bytes: u64, new: bool) -> Result<(), Problem> {
    if new {
        room(rows::count(&asked.store, Table::Documents, RECORDS).await?, SOUNDS, "sounds")?;
    }
    let taken = stored::sounds(&asked.store, Some(name)).await?.saturating_add(bytes);
    stored::within(api, asked, [stored::documents(&asked.store, None).await?, taken]).await
}
