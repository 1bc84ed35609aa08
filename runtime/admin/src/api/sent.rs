//! Bodies that are sent as they are, from a place that is left when the last part is taken, or when that takes too long: whoever
//! takes them slowly keeps no place from others.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long any body may take, in seconds.
const AT_LEAST: u64 = 30;
/// Bytes that are taken in each second beyond that.
const A_SECOND: u64 = 192 << 10;

/// How long a body of so many bytes may take. A recording of ten minutes has 19 MB, and some two minutes.
const fn within(length: u64) -> Duration {
    Duration::from_secs(AT_LEAST + length / A_SECOND)
}

/// A body in parts of so many bytes together, sent from a place. Whoever is between keeps one part of it; of what is not taken in
/// time the rest is given up, and the body ends in an error.
pub(super) fn sent_from<P: Into<Bytes> + Send + 'static>(
    place: impl Send + 'static,
    parts: impl Iterator<Item = P> + Send + 'static,
    media_type: &'static str,
    length: u64,
) -> Response {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    // In a task of its own: a body is asked for its next part when there is room for it, and not while nobody takes anything.
    tokio::spawn(async move {
        let sending = async move {
            for part in parts {
                if sender.send(part.into()).await.is_err() {
                    return;
                }
            }
        };
        if timeout(within(length), sending).await.is_err() {
            tracing::debug!(length, "a body was taken too slowly, and is not sent to its end");
        }
        drop(place);
    });
    let parts = stream::unfold((receiver, length), |(mut receiver, left)| async move {
        match receiver.recv().await {
            Some(part) => {
                let left = left.saturating_sub(part.len() as u64);
                Some((Ok(part), (receiver, left)))
            }
            None if left == 0 => None,
            None => Some((Err(io::Error::from(io::ErrorKind::TimedOut)), (receiver, 0))),
        }
    });
    let mut response = Response::new(Body::from_stream(parts));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::to_bytes;
    use futures_util::StreamExt;
    use tokio::sync::Semaphore;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_place_is_left_when_all_is_taken_or_nobody_is_there_or_it_takes_too_long() {
        let (room, began) = (Arc::new(Semaphore::new(1)), Instant::now());
        let sent = || {
            let place = Arc::clone(&room).try_acquire_owned().unwrap();
            sent_from(place, (0..4).map(|_| vec![b'a'; 1_000]), "audio/wav", 4_000)
        };
        let taken = sent();
        assert_eq!(room.available_permits(), 0);
        assert_eq!(to_bytes(taken.into_body(), 4_000).await.unwrap().len(), 4_000);
        drop(room.acquire().await.unwrap());
        drop(sent());
        drop(room.acquire().await.unwrap());
        assert_eq!(began.elapsed(), Duration::ZERO);

        let mut slow = sent().into_body().into_data_stream();
        assert_eq!(slow.next().await.unwrap().unwrap().len(), 1_000);
        let left = timeout(within(4_000) * 2, room.acquire()).await.expect("the place is left");
        drop(left.unwrap());
        let rest: Vec<_> = slow.collect().await;
        assert!(rest.len() < 3 && rest.last().unwrap().is_err(), "{rest:?}");
    }

    #[test]
    fn a_long_body_has_longer() {
        assert_eq!(within(0), Duration::from_secs(30));
        assert_eq!(within(19 << 20), Duration::from_secs(30 + 101));
    }
}
