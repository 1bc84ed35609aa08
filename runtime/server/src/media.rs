//! The carrier's stream: a WebSocket becomes a leg, the leg becomes a call.

use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response as HttpResponse;
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use parloir_call::Setup;
use parloir_contract::LineId;
use parloir_tenancy::{Hidden, Line};
use parloir_transport::drive::{Ended, Ending, Incoming, Outbound, Patience, SOCKET_LIMIT};
use parloir_transport::signature;
use parloir_transport::{Leg, LegCommand, LegEvent, StopReason, drive};
use tokio::sync::watch;

use crate::calls::{CallName, Expected, Finished, StreamState};
use crate::places::Admitted;
use crate::routes::{Refusal, known_number};
use crate::serve::House;
use crate::switchboard::AskedSwitchboard;
use crate::versions;

/// Buffers of one socket: the usual 128 KiB each way would be most of a call's memory.
const SOCKET_BUFFER: usize = 4 << 10;

/// The upgrade: refused unless the carrier signed it.
pub(crate) async fn upgrade(
    State(house): State<Arc<House>>,
    Path(number): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<HttpResponse, Refusal> {
    let header = headers.get(signature::HEADER).and_then(|value| value.to_str().ok());
    let path = format!("/twilio/media/{number}");
    let number = known_number(&number)?;
    let carrier = house.carrier(&number, &house.stream_url(&path), header)?;
    let upgrade = upgrade
        .read_buffer_size(SOCKET_BUFFER)
        .write_buffer_size(0)
        .max_message_size(SOCKET_LIMIT)
        .max_frame_size(SOCKET_LIMIT);
    Ok(upgrade.on_upgrade(move |socket| stream(house, (number, carrier), socket)))
}

impl House {
    /// The carrier that signed a stream's request: that of the number's line, or of a call that the line was another for when it
    /// began. Which of the two it is of, the stream itself says.
    fn carrier(&self, number: &LineId, url: &str, header: Option<&str>) -> Result<String, Refusal> {
        let now = self.installation.house().line(number).cloned();
        let mut refused = None;
        let mut signed = |line: &Arc<Line>| {
            let token = self.token(line).ok_or(Refusal::Internal("the line's carrier is not configured"))?;
            match signature::verify(token, url, [], header) {
                Ok(()) => return Ok(Some(line.config.carrier.clone())),
                Err(why) => refused = Some(why),
            }
            Ok::<_, Refusal>(None)
        };
        if let Some(line) = &now
            && let Some(carrier) = signed(line)?
        {
            return Ok(carrier);
        }
        for line in self.calls.lines(number) {
            if let Some(carrier) = signed(&line)? {
                return Ok(carrier);
            }
        }
        Err(refused.map_or_else(|| Refusal::NoLine(number.to_string()), Refusal::Signature))
    }
}

async fn stream(house: Arc<House>, on: (LineId, String), socket: WebSocket) {
    let socket = socket
        .map(|message| message.map(heard))
        .with(|outbound: Outbound| ready(Ok::<_, axum::Error>(told(outbound))));
    let (state, seen) = watch::channel(StreamState::Open);
    let leg = drive::leg(socket, Patience::default(), move |ended| {
        log(&ended);
        state.send_replace(match ended.ending {
            Ending::HungUp => StreamState::HungUp,
            Ending::Carrier(_) | Ending::HandedOver { .. } | Ending::CallGone => StreamState::Left,
        });
    });
    if AssertUnwindSafe(answer(house, on, leg, seen)).catch_unwind().await.is_err() {
        // What panicked may quote the call.
        tracing::error!("a call ended unexpectedly");
    }
}

/// How a stream ended, without what it was told: a transfer's number is content.
fn log(ended: &Ended) {
    let how = match &ended.ending {
        Ending::Carrier(StopReason::CarrierStopped) => "the carrier stopped it",
        Ending::Carrier(StopReason::ConnectionLost) => "the connection was lost",
        Ending::Carrier(StopReason::ProtocolError) => "the carrier broke the protocol",
        Ending::Carrier(StopReason::CarrierSilent) => "the carrier fell silent",
        Ending::Carrier(StopReason::WeEnded) => "it was ended",
        Ending::HungUp => "the call hung up",
        Ending::HandedOver { .. } => "the caller was handed over",
        Ending::CallGone => "the call was gone",
    };
    let close = ended.close.as_ref().map(|close| close.code);
    tracing::debug!(how, close, counters = ?ended.counters, "a stream ended");
}

fn heard(message: Message) -> Incoming {
    match message {
        Message::Text(text) => Incoming::Text(Bytes::from(text)),
        Message::Binary(_) => Incoming::Binary,
        Message::Ping(_) | Message::Pong(_) => Incoming::Control,
        Message::Close(_) => Incoming::Close,
    }
}

fn told(outbound: Outbound) -> Message {
    match outbound {
        Outbound::Text(text) => Message::Text(text.into()),
        Outbound::Close(close) => {
            Message::Close(Some(CloseFrame { code: close.code, reason: close.reason.into() }))
        }
    }
}

/// The stream is open: which call is it?
async fn answer(
    house: Arc<House>,
    (number, carrier): (LineId, String),
    mut leg: Leg,
    stream: watch::Receiver<StreamState>,
) {
    let Some(LegEvent::Started(start)) = leg.next().await else { return };
    let name = CallName::new(&number, &start.carrier_call);
    if let Some(word) = start.parameter("back") {
        // The caller of a transfer that nobody took.
        let live = house.calls.live(&name).filter(|live| live.line().config.carrier == carrier);
        let waiting = live.and_then(|live| live.take_back(word, stream));
        match waiting {
            Some(back) => drop(back.send(leg)),
            None => refuse(leg, "this call does not wait for its caller"),
        }
        return;
    }
    let id = start.parameter("call").unwrap_or_default();
    match house.calls.take_expected(&name, id, &carrier) {
        Some(expected) => call(house, name, leg, stream, expected).await,
        None => refuse(leg, "this stream belongs to no announced call"),
    }
}

fn refuse(mut leg: Leg, why: &'static str) {
    tracing::warn!(why, "a stream was refused");
    // It is closed as it is let go of; one that is over needs no refusal.
    let _ = leg.send(LegCommand::Refuse { reason: why.to_owned() });
}

async fn call(
    house: Arc<House>,
    name: CallName,
    leg: Leg,
    stream: watch::Receiver<StreamState>,
    expected: Expected,
) {
    let Expected { id, line, caller, carrier, admitted, .. } = expected;
    // From here on the carrier that asks what comes next is answered by the line that rang.
    let entry = house.calls.begin(name, line.clone(), stream);
    let (leg, place, waited) = match admitted {
        Admitted::Now(place) => (leg, place, None),
        Admitted::Waits(ticket) => match house.hold(&entry.live, leg, ticket, (id, carrier)).await {
            Some((leg, place, waited)) => (leg, place, Some(waited)),
            None => return,
        },
    };
    let installation = &house.installation;
    let (Some((agent, version)), Some(rooms)) =
        (installation.answering(&line.config.agent, id), installation.rooms(&line.tenant.id))
    else {
        tracing::error!(line = %line.config.number, "the line has no agent");
        return;
    };
    let hidden = match installation.storage.restrictions(&line.tenant.id).await {
        Ok(restricted) => restricted.map(|restricted| Arc::new(restricted) as Arc<dyn Hidden>),
        Err(error) => {
            // The carrier asks what comes next and gets the fallback.
            tracing::error!(call = %id, %error, "it is not known who is restricted, so a call was not answered");
            return;
        }
    };
    let tenant = line.tenant.id.clone();
    let keeps_content = !line.tenant.retention.unkept().content;
    let agent = installation.cordons.place(&tenant, agent);
    let promised = house.webhooks.expect(&rooms.store, id, carrier).await;
    tracing::info!(call = %id, %tenant, line = %line.config.number, "a call is answered");
    // Held until the call is in its month.
    let counted = Arc::new(installation.storage.months.of(&tenant).begin(id));
    let (from, switchboard) = (line.config.number.clone(), AskedSwitchboard::new(entry.live.clone()));
    let switchboard = Arc::new(switchboard.counting(house.clone(), from, caller.clone()));
    let setup = Setup {
        id,
        leg,
        caller,
        agent,
        month: Arc::clone(&counted),
        rehearsing: installation.rehearsing.clone(),
        providers: installation.providers.clone(),
        words: installation.words.clone(),
        journal: installation.storage.journal.clone(),
        store: rooms.store.clone(),
        documents: rooms.documents.clone(),
        sounds: rooms.sounds.clone(),
        connectors: installation.connectors.of(&tenant),
        hidden,
        switchboard: switchboard.clone(),
        closing: house.closing.clone(),
        trace: house.telemetry.as_ref().map(|telemetry| telemetry.expect(id, carrier)),
        transport: "twilio",
        waited,
        line,
    };
    match parloir_call::run(setup).await {
        Ok(summary) => {
            tracing::info!(call = %id, seconds = summary.lasted.as_secs(), "a call is over");
            installation.cordons.ended(&tenant, summary.agent, summary.overstayed);
            let ledger = summary.ledger.clone();
            let ended = version.zip(versions::outcome(&summary));
            let ended = ended.map(|(version, outcome)| (version, outcome, summary.lasted));
            let live = entry.live.clone();
            entry.end(Finished { tenant: tenant.clone(), summary });
            if house.closing.is_cancelled() {
                // It is there until the carrier has heard where the caller goes: its place is still held.
                live.until_asked().await;
            }
            // Its place is free: what is written now is nobody's to wait for.
            drop(promised);
            drop(place);
            // It goes with what was said: where that is not kept, nor is this.
            let handed_to = if keeps_content { switchboard.handed_to() } else { Vec::new() };
            if let Err(error) = installation.storage.note_handed(&tenant, id, &handed_to).await {
                tracing::error!(call = %id, %tenant, %error, "it is not noted whom a caller was handed to: who answered does not see the call");
            }
            if let Some(ended) = ended {
                house.version_answered(&tenant, id, ended).await;
            }
            if let Err(error) = installation.storage.add_to_month(&tenant, id, &ledger).await {
                tracing::error!(call = %id, %tenant, %error, "what a call used is not in its month yet; it is tried again");
            }
        }
        Err(error) => {
            // The leg is gone with the call; the carrier asks what comes next and gets the fallback.
            tracing::error!(call = %id, %error, "a call could not be recorded, so it was not answered");
        }
    }
    drop(counted);
}
