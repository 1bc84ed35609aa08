//! The witness's endpoints (C2SP tlog-witness).

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use parloir_proof::note::MAX_NOTE;

use crate::{Refusal, Witness, WitnessError};

/// The endpoints: `POST /add-checkpoint`, `POST /add-rotation` (the note by which a log's key names the next), `GET /alarms` (200 for none, 503 with a line each), `GET /key`.
pub fn router(witness: Witness) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add))
        .route("/add-rotation", post(rotate))
        .route("/alarms", get(alarms))
        .route("/key", get(key))
        // A checkpoint and 63 hashes.
        .layer(DefaultBodyLimit::max(MAX_NOTE + 4_096))
        .with_state(witness)
}

async fn add(State(witness): State<Witness>, body: String) -> Response {
    // Files are for threads that may block.
    let added = tokio::task::spawn_blocking(move || witness.add(&body)).await;
    match added {
        Ok(Ok(line)) => format!("{line}\n").into_response(),
        Ok(Err(WitnessError::Refused(refusal))) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            match refusal {
                Refusal::Stale { known, .. } => {
                    (status, [(header::CONTENT_TYPE, "text/x.tlog.size")], format!("{known}\n"))
                        .into_response()
                }
                other => (status, format!("{other}\n")).into_response(),
            }
        }
        Ok(Err(WitnessError::Io(error))) => {
            tracing::error!(%error, "the witness's folder cannot be used");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn rotate(State(witness): State<Witness>, body: String) -> Response {
    match tokio::task::spawn_blocking(move || witness.rotate(&body)).await {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(WitnessError::Refused(refusal))) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, format!("{refusal}\n")).into_response()
        }
        Ok(Err(WitnessError::Io(error))) => {
            tracing::error!(%error, "the witness's folder cannot be used");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn alarms(State(witness): State<Witness>) -> Response {
    match tokio::task::spawn_blocking(move || witness.alarms()).await {
        Ok(Ok(alarms)) if alarms.is_empty() => "no alarm\n".into_response(),
        Ok(Ok(alarms)) => (StatusCode::SERVICE_UNAVAILABLE, alarms.join("\n") + "\n").into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn key(State(witness): State<Witness>) -> String {
    format!("{}\n", witness.key())
}
