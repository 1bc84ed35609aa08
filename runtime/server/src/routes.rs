//! The carrier's webhooks: a call arrives, a stream has ended, a transfer has ended.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use jiff::Timestamp;
use parloir_call::{Holding, TransferOutcome};
use parloir_contract::{CallId, LineId, TraceParent, Transferred};
use parloir_tenancy::Line;
use parloir_tenancy::admission::Full;
use parloir_tenancy::quota::Room;
use parloir_transport::signature::{self, Refused};
use parloir_transport::twiml::{Dial, Response, Stream};
use parloir_transport::webhook::{BadForm, ConnectEnded, DialEnded, DialStatus, Form, VoiceRequest};
use tokio::time::timeout;

use crate::calls::CallName;
use crate::places::Admitted;
use crate::serve::House;
use crate::switchboard::RINGS;
use crate::turned_away::Away;

/// How long the caller may take to come back after a transfer that nobody took.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// Why a webhook is refused.
pub(crate) enum Refusal {
    Form(BadForm),
    Signature(Refused),
    NoLine(String),
    Internal(&'static str),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> HttpResponse {
        let (status, text) = match self {
            Self::Form(error) => (StatusCode::BAD_REQUEST, error.to_string()),
            Self::Signature(refused) => (StatusCode::FORBIDDEN, refused.to_string()),
            Self::NoLine(number) => (
                StatusCode::NOT_FOUND,
                format!(
                    "no line answers the number {number}: have one made (`parloir line set`, or [[tenant.line]] where the file describes its tenant), or correct the carrier's webhook"
                ),
            ),
            Self::Internal(what) => (StatusCode::INTERNAL_SERVER_ERROR, what.to_owned()),
        };
        tracing::warn!(%status, reason = %text, "a webhook was refused");
        (status, text).into_response()
    }
}

type Answered = Result<HttpResponse, Refusal>;

fn xml(response: &Response) -> HttpResponse {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], response.to_xml()).into_response()
}

fn no_line(number: &str) -> Refusal {
    Refusal::NoLine(number.chars().take(20).collect())
}

/// A number, as a carrier writes it.
pub(crate) fn known_number(number: &str) -> Result<LineId, Refusal> {
    number.trim().parse().map_err(|_| no_line(number))
}

impl House {
    /// The line of a number, as a carrier writes it.
    fn line(&self, number: &str) -> Result<Arc<Line>, Refusal> {
        let known = self.installation.house().line(&known_number(number)?).cloned();
        known.ok_or_else(|| no_line(number))
    }

    /// The line of a call that a carrier asks about, with the call's name: as it was when the call rang, whatever became of it
    /// since. Of a call that nobody here knows, the number's line as it is.
    fn line_of(&self, number: &str, sid: &str) -> Result<(Arc<Line>, CallName), Refusal> {
        let name = CallName::new(&known_number(number)?, sid);
        let line = match self.calls.line(&name) {
            Some(line) => line,
            None => self.line(number)?,
        };
        Ok((line, name))
    }

    /// Verifies a form's signature with the token of the line's carrier.
    fn verified(&self, line: &Line, path: &str, form: &Form, headers: &HeaderMap) -> Result<(), Refusal> {
        let token = self.token(line).ok_or(Refusal::Internal("the line's carrier is not configured"))?;
        let header = headers.get(signature::HEADER).and_then(|value| value.to_str().ok());
        signature::verify(token, &self.url(path), form.fields(), header).map_err(Refusal::Signature)
    }

    /// What a caller hears whom no agent answers, and where they go then.
    pub(crate) fn fallback(&self, line: &Line) -> Response {
        Self::to_somebody_else(line, Self::apology(line))
    }

    /// What a caller is told whom no agent answers: goodbye, too, where nobody else takes them; but for the words of a line that
    /// was written without anybody else.
    fn apology(line: &Line) -> String {
        let config = &line.config;
        let own = parloir_call::written_sentence(&config.fallback_sentence, &config.language);
        match (line.fallback(), own) {
            (Some(_), _) => parloir_call::fallback_sentence(&config.fallback_sentence, &config.language),
            (None, Some(own)) if config.fallback_number.is_none() => own,
            (None, _) => parloir_call::last_words(&config.fallback_sentence, &config.language),
        }
    }

    /// What a caller hears for whom there is no place, and where they go then: in a language of which the house has no words
    /// for that, what the line says where its agent fails.
    pub(crate) fn busy(&self, line: &Line) -> Response {
        let has_fallback = line.fallback().is_some();
        let config = &line.config;
        match parloir_call::busy_sentence(&config.busy_sentence, &config.language, has_fallback) {
            Some(sentence) => Self::to_somebody_else(line, Self::full(line, sentence)),
            None => self.fallback(line),
        }
    }

    /// What a caller is told for whom there is no place: goodbye, too, where the line's own words may speak of somebody else who is
    /// not dialled.
    fn full(line: &Line, sentence: String) -> String {
        let config = &line.config;
        let own = parloir_call::written_sentence(&config.busy_sentence, &config.language).is_some();
        match own && config.fallback_number.is_some() && line.fallback().is_none() {
            true => parloir_call::with_goodbye(sentence, &config.language),
            false => sentence,
        }
    }

    /// What a caller hears where the tenant's month is used up, or its room on the disk, or it is suspended: there will be no place a little later.
    pub(crate) fn used_up(&self, line: &Line) -> Response {
        let config = &line.config;
        match parloir_call::written_sentence(&config.busy_sentence, &config.language) {
            Some(sentence) => Self::to_somebody_else(line, Self::full(line, sentence)),
            None => self.fallback(line),
        }
    }

    /// What the carrier says to a caller who has to wait, where it is not there as sound.
    fn asked_to_wait(&self, line: &Line) -> Option<String> {
        let config = &line.config;
        match Holding::is_prepared(&self.installation.words, line) {
            true => None,
            false => parloir_call::queue_sentence(&config.queue_sentence, &config.language),
        }
    }

    fn to_somebody_else(line: &Line, sentence: String) -> Response {
        let next = match line.fallback() {
            Some(number) => Response::dial(Dial { timeout_s: Some(RINGS), ..Dial::new(number.as_str()) }),
            None => Response::hangup(),
        };
        next.saying(sentence, Some(&line.config.language))
    }

    /// Opens a stream that brings one parameter with it.
    fn stream(&self, line: &Line, parameter: &str, value: String) -> Response {
        let number = line.config.number.as_str();
        let url = self.stream_url(&format!("/twilio/media/{number}"));
        let stream = Stream::new(url).parameter(parameter, value);
        Response::connect(stream, Some(&self.url(&format!("/twilio/ended/{number}"))))
    }
}

fn random() -> Result<[u8; 16], Refusal> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Refusal::Internal("the system has no randomness"))?;
    Ok(random)
}

/// A call arrives: where to stream it, or the fallback when there is no place for it.
pub(crate) async fn voice(State(house): State<Arc<House>>, headers: HeaderMap, body: Bytes) -> Answered {
    let form = Form::parse(&body).map_err(Refusal::Form)?;
    let request = VoiceRequest::from_form(&form).map_err(Refusal::Form)?;
    let line = house.line(&request.to)?;
    house.verified(&line, "/twilio/voice", &form, &headers)?;
    let tenant = &line.tenant;
    let caller = request.from.filter(|from| from.parse::<LineId>().is_ok());
    let carrier =
        headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(TraceParent::parse);
    match house.installation.storage.blocked(&tenant.id, caller.as_deref()).await {
        Ok(None) => {}
        Ok(Some(to)) => return Ok(xml(&house.turn_away(&line, Away::Blocked(to), carrier).await)),
        Err(error) => {
            tracing::error!(tenant = %tenant.id, %error, "it is not known who is blocked: the caller goes to the fallback number");
            return Ok(xml(&house.fallback(&line)));
        }
    }
    if house.suspended.has(&tenant.id) {
        return Ok(xml(&house.turn_away(&line, Away::Suspended, carrier).await));
    }
    let month = house.installation.storage.months.of(&tenant.id);
    if let Err(reached) = month.admit(Timestamp::now(), &tenant.quota) {
        return Ok(xml(&house.turn_away(&line, Away::Full(reached.into()), carrier).await));
    }
    if let Room::None(most) = tenant.quota.room(house.installation.storage.journal.kept(&tenant.id)) {
        return Ok(xml(&house.turn_away(&line, Away::Full(Full::Kept(most)), carrier).await));
    }
    let tenants = house.installation.house();
    let weights: u64 = tenants.tenants().iter().map(|tenant| u64::from(tenant.quota.weight)).sum();
    let admitted = match house.calls.admit(tenant, weights) {
        Ok(admitted) => admitted,
        Err(full) => return Ok(xml(&house.turn_away(&line, Away::Full(full), carrier).await)),
    };
    let id = CallId::from_bytes(random()?);
    let mut answer = house.stream(&line, "call", id.to_string());
    if matches!(admitted, Admitted::Waits(_))
        && let Some(sentence) = house.asked_to_wait(&line)
    {
        answer = answer.saying(sentence, Some(&line.config.language));
    }
    let name = CallName::new(&line.config.number, &request.call_sid);
    house.calls.expect(name, (id, carrier), line, caller, admitted);
    Ok(xml(&answer))
}

/// A stream has ended: where the caller goes now.
pub(crate) async fn ended(
    State(house): State<Arc<House>>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let form = Form::parse(&body).map_err(Refusal::Form)?;
    let ended = ConnectEnded::from_form(&form).map_err(Refusal::Form)?;
    let (line, name) = house.line_of(&number, &ended.call_sid)?;
    house.verified(&line, &format!("/twilio/ended/{number}"), &form, &headers)?;
    // A call nobody here knows, with its caller still on the line: this program was restarted.
    let known = house.calls.known(&name);
    if let Some(call) = &known {
        call.carrier_asks();
    }
    if !ended.caller_present {
        if let Some(outcome) = known.and_then(|call| call.settle()) {
            let _ = outcome.send(TransferOutcome { transferred: Transferred::CallerGone, leg: None });
        }
        return Ok(xml(&Response::hangup()));
    }
    if let Some(to) = known.as_ref().and_then(|call| call.ask()) {
        let action = house.url(&format!("/twilio/dialled/{number}"));
        return Ok(xml(&Response::dial(Dial { timeout_s: Some(RINGS), ..Dial::new(to).action(action) })));
    }
    if known.as_ref().is_some_and(|call| call.is_turned_away()) {
        return Ok(xml(&house.busy(&line)));
    }
    let let_go = match known {
        Some(call) => call.let_go().await,
        None => false,
    };
    if let_go {
        return Ok(xml(&Response::hangup()));
    }
    tracing::warn!(line = %line.config.number, "a caller was left on the line: the carrier looks after them");
    Ok(xml(&house.fallback(&line)))
}

/// A transfer has ended: whether the caller comes back.
pub(crate) async fn dialled(
    State(house): State<Arc<House>>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let form = Form::parse(&body).map_err(Refusal::Form)?;
    let dialled = DialEnded::from_form(&form).map_err(Refusal::Form)?;
    let (line, name) = house.line_of(&number, &dialled.call_sid)?;
    house.verified(&line, &format!("/twilio/dialled/{number}"), &form, &headers)?;
    let live = house.calls.live(&name);
    let transferred = match dialled.status {
        DialStatus::Completed => Transferred::Answered,
        DialStatus::Busy => Transferred::Busy,
        DialStatus::NoAnswer | DialStatus::Failed => Transferred::NoAnswer,
        DialStatus::Canceled => Transferred::CallerGone,
    };
    match transferred {
        Transferred::Answered | Transferred::CallerGone => {
            if let Some(outcome) = live.and_then(|live| live.settle()) {
                let _ = outcome.send(TransferOutcome { transferred, leg: None });
            }
            Ok(xml(&Response::hangup()))
        }
        Transferred::Busy | Transferred::NoAnswer => {
            let word = format!("{:032x}", u128::from_be_bytes(random()?));
            let Some((live, outcome)) = live.and_then(|live| live.settle().map(|outcome| (live, outcome)))
            else {
                // The call is over, but its caller is not.
                return Ok(xml(&house.fallback(&line)));
            };
            let back = live.expect_back(word.clone());
            tokio::spawn(async move {
                let leg = timeout(BACK_WITHIN, back).await.ok().and_then(Result::ok);
                let _ = outcome.send(TransferOutcome { transferred, leg });
            });
            Ok(xml(&house.stream(&line, "back", word)))
        }
    }
}

#[cfg(test)]
mod tests {
    use parloir_tenancy::config::TenantConfig;

    use super::*;

    #[test]
    fn the_carrier_is_told_to_dial_nothing_that_the_installation_does_not() {
        let told = |number: &str| {
            let line = "[[line]]\nnumber = \"+33199000001\"\nagent = \"a.wasm\"";
            let busy = "busy-sentence = { fr = \"On vous passe un collègue.\" }";
            let text = format!("id = \"cabinet\"\n{line}\nfallback-number = \"{number}\"\n{busy}");
            let tenant: TenantConfig = toml::from_str(&text).unwrap();
            let house = parloir_tenancy::House::new(vec![tenant]).unwrap();
            let line = house.lines().next().unwrap();
            let written = parloir_call::written_sentence(&line.config.busy_sentence, "fr").unwrap();
            [House::apology(line), House::full(line, written)]
                .map(|sentence| House::to_somebody_else(line, sentence).to_xml())
        };
        let [usual, full] = told("+33199009999");
        assert!(usual.contains("Un instant") && usual.contains(">+33199009999</Dial>"), "{usual}");
        assert!(full.contains("un collègue.<") && full.contains(">+33199009999</Dial>"), "{full}");
        for premium in told("+33899123456") {
            assert!(premium.contains("Au revoir.") && premium.contains("<Hangup/>"), "{premium}");
            assert!(!premium.contains("Dial") && !premium.contains("Un instant"), "{premium}");
        }
    }

    #[test]
    fn what_a_line_says_where_there_is_nobody_else_is_said_as_it_is_written() {
        let own = "fallback-sentence = { fr = \"Rappelez lundi. Bonne journée.\" }";
        let apology = |more: &str| {
            let line = "[[line]]\nnumber = \"+33199000001\"\nagent = \"a.wasm\"";
            let text = format!("id = \"cabinet\"\n{line}\n{more}");
            let tenant: TenantConfig = toml::from_str(&text).unwrap();
            let house = parloir_tenancy::House::new(vec![tenant]).unwrap();
            House::apology(house.lines().next().unwrap())
        };
        assert_eq!(apology(own), "Rappelez lundi. Bonne journée.");
        assert!(apology("").ends_with("Au revoir."));
        assert!(apology(&format!("{own}\nfallback-number = \"+33899123456\"")).ends_with("Au revoir."));
    }
}
