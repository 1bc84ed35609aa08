//! A carrier's request is looked at once all of it is here. Who signed it is told by its body, so that whoever signs nothing could
//! keep a connection for as long as that takes to come: it comes soon, or is not waited for.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parloir_transport::webhook::MAX_BODY_BYTES;
use tokio::time::timeout;

/// How long a body may take, once the head of its request is here.
const HERE_WITHIN: Duration = Duration::from_secs(10);

/// Hands on a request with all of its body, or refuses it.
pub(crate) async fn whole(request: Request, next: Next) -> Response {
    // What changes the protocol goes along with the head.
    let (head, body) = request.into_parts();
    match timeout(HERE_WITHIN, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        Ok(Err(_)) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::Router;
    use axum::body::Bytes;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use futures_util::StreamExt;
    use futures_util::stream;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    /// What is answered to a body: by its first bytes, and whether it ends with them.
    async fn answered(begins: Vec<u8>, ends: bool) -> (StatusCode, Bytes) {
        let echo = post(|body: Bytes| async move { body });
        let router: Router = Router::new().route("/", echo).layer(from_fn(whole));
        let first = stream::iter([Ok::<_, Infallible>(Bytes::from(begins))]);
        let body = match ends {
            true => Body::from_stream(first),
            false => Body::from_stream(first.chain(stream::pending())),
        };
        let request = axum::http::Request::post("/").body(body).unwrap();
        let answer = TowerToHyperService::new(router).call(request).await.unwrap();
        (answer.status(), to_bytes(answer.into_body(), 2 * MAX_BODY_BYTES).await.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_handed_on_whole_and_one_that_never_comes_is_not_waited_for() {
        assert_eq!(answered(b"CallSid=CA1".to_vec(), true).await.1, "CallSid=CA1");
        let largest = answered(vec![b'a'; MAX_BODY_BYTES], true).await;
        assert_eq!((largest.0, largest.1.len()), (StatusCode::OK, MAX_BODY_BYTES));
        for (begins, ends, status) in [
            (Vec::new(), false, StatusCode::REQUEST_TIMEOUT),
            (b"CallSid=CA1".to_vec(), false, StatusCode::REQUEST_TIMEOUT),
            (vec![b'a'; MAX_BODY_BYTES + 1], true, StatusCode::PAYLOAD_TOO_LARGE),
            (vec![b'a'; MAX_BODY_BYTES + 1], false, StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let length = begins.len();
            let answer = tokio::time::timeout(2 * HERE_WITHIN, answered(begins, ends)).await;
            assert_eq!(answer.expect("it is waited for").0, status, "{length} bytes, ends: {ends}");
        }
    }
}
