//! The innermost service: what really answers a host call.
//!
//! What concerns no caller (clock, random, log, report) is answered at once; what rests in the
//! store is awaited here; what concerns the conversation goes to the reactor.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use parloir_contract::{
    Ask, Chat, HostCall, HostReturn, Import, LogLevel, LogLine, Play, Refusal, Reply, Say, Transfer,
    listenable, sayable, speakable,
};
use parloir_media::RecordingPolicy as GatePolicy;
use parloir_sandbox::{DoorClosed, Sandbox, charged};
use parloir_tenancy::calendar::to_local;
use parloir_tenancy::config::RecordingPolicy;
use parloir_tenancy::permission::permit;
use parloir_tenancy::sounds::Wav;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tower::Service;

use crate::asking::{self, AbortOnDrop};
use crate::connectors;
use crate::door::Answer;
use crate::request::Request;
use crate::shared::Shared;
use crate::speaking;

/// Bytes of randomness in one call, at most.
const RANDOM_BYTES: u32 = 4_096;

/// Answers the host calls of one call.
#[derive(Clone)]
pub(crate) struct LiveCall {
    shared: Arc<Shared>,
    reactor: mpsc::Sender<Request>,
    host: Handle,
    sandbox: Sandbox,
}

impl LiveCall {
    /// `host` is the media loop's executor: providers are called there, not on the agents'. What concerns no sound is done on those
    /// of the sandbox.
    pub(crate) fn new(
        shared: Arc<Shared>,
        reactor: mpsc::Sender<Request>,
        host: Handle,
        sandbox: Sandbox,
    ) -> Self {
        Self { shared, reactor, host, sandbox }
    }

    async fn answer(self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        let shared = &self.shared;
        Ok(match call {
            HostCall::Say(Say { text, options }) => {
                HostReturn::Say(match speakable(&text).and_then(|()| sayable(&options)) {
                    Ok(()) => self.ask(|reply| Request::Say { text, options, reply }).await?,
                    Err(refusal) => Err(refusal),
                })
            }
            HostCall::Ask(Ask { question, say, listen }) => {
                let may =
                    speakable(&question).and_then(|()| sayable(&say)).and_then(|()| listenable(&listen));
                HostReturn::Ask(match may {
                    Ok(()) => self.ask(|reply| Request::Ask { question, say, listen, reply }).await?,
                    Err(refusal) => Err(refusal),
                })
            }
            HostCall::Play(Play { sound, options }) => {
                let found = match sayable(&options) {
                    Ok(()) => self.sound(&sound).await,
                    Err(refusal) => Err(refusal),
                };
                HostReturn::Play(match found {
                    Ok((samples, rate)) => {
                        self.ask(|reply| Request::Play { name: sound, samples, rate, options, reply }).await?
                    }
                    Err(refusal) => Err(refusal),
                })
            }
            HostCall::Listen(options) => HostReturn::Listen(match listenable(&options) {
                Ok(()) => self.ask(|reply| Request::Listen { options, reply }).await?,
                Err(refusal) => Err(refusal),
            }),
            HostCall::Transfer(Transfer { to, announce }) => {
                let destination = announce
                    .as_deref()
                    .map_or(Ok(()), speakable)
                    .and_then(|()| shared.line.destination(&to))
                    .and_then(|to| shared.may_transfer().map(|()| to));
                HostReturn::Transfer(match destination {
                    Ok(to) => self.ask(|reply| Request::Transfer { to, announce, reply }).await?,
                    Err(refusal) => Err(refusal),
                })
            }
            HostCall::Consent(granted) => {
                let policy = gate_policy(shared.line.config.recording);
                let moved = shared.move_gate(|gate| {
                    gate.consent(policy, granted).map_err(|e| Refusal::NotPermitted(e.to_string()))
                });
                self.gate_changed().await?;
                HostReturn::Consent(moved)
            }
            HostCall::PauseRecording => {
                let moved = shared.move_gate(|gate| Ok(gate.pause()));
                self.gate_changed().await?;
                HostReturn::PauseRecording(moved)
            }
            HostCall::ResumeRecording => {
                let moved = shared.move_gate(|gate| Ok(gate.resume()));
                self.gate_changed().await?;
                HostReturn::ResumeRecording(moved)
            }
            HostCall::HangUp => {
                let (done, wait) = oneshot::channel();
                self.send(Request::HangUp { done }).await?;
                wait.await.map_err(|_| gone())?;
                HostReturn::HangUp(())
            }
            HostCall::Chat(Chat { messages, options }) => {
                let shared = shared.clone();
                let chat = self.host.spawn(async move { asking::chat(&shared, messages, options).await });
                // An agent that is stopped stops asking.
                let _stop = AbortOnDrop(chat.abort_handle());
                HostReturn::Chat(
                    chat.await.unwrap_or_else(|_| Err(Refusal::Unavailable("the host failed".into()))),
                )
            }
            HostCall::Reply(Reply { messages, options, say }) => HostReturn::Reply(match sayable(&say) {
                Ok(()) => self.ask(|reply| Request::Converse { messages, options, say, reply }).await?,
                Err(refusal) => Err(refusal),
            }),
            HostCall::FreeSlots(wanted) => HostReturn::FreeSlots(match &shared.calendar {
                Some(calendar) => calendar.free(&wanted, shared.now().datetime()).await,
                None => Err(no_calendar()),
            }),
            HostCall::Book(book) => HostReturn::Book(match &shared.calendar {
                Some(calendar) => calendar.book(book, shared.now().datetime()).await,
                None => Err(no_calendar()),
            }),
            HostCall::FindAppointments(phone) => HostReturn::FindAppointments(match &shared.calendar {
                Some(calendar) => calendar.find(&phone, shared.now().datetime()).await,
                None => Err(no_calendar()),
            }),
            HostCall::MoveAppointment(request) => HostReturn::MoveAppointment(match &shared.calendar {
                Some(calendar) => calendar.move_to(&request, shared.now().datetime()).await,
                None => Err(no_calendar()),
            }),
            HostCall::CancelAppointment(reference) => HostReturn::CancelAppointment(match &shared.calendar {
                Some(calendar) => calendar.cancel(&reference).await,
                None => Err(no_calendar()),
            }),
            HostCall::GetMemory(key) => {
                HostReturn::GetMemory(shared.memory.get(&key).await.map(|v| v.map(Into::into)))
            }
            HostCall::SetMemory(set) => HostReturn::SetMemory({
                let bytes = (set.key.len() + set.value.len()) as u64;
                let done = shared.memory.set(set).await;
                if done.is_ok() {
                    shared.stored.fetch_add(bytes, Ordering::Relaxed);
                }
                done
            }),
            HostCall::CompareAndSet(request) => HostReturn::CompareAndSet({
                let bytes = (request.key.len() + request.value.len()) as u64;
                let done = shared.memory.compare_and_set(request).await;
                if matches!(done, Ok(true)) {
                    shared.stored.fetch_add(bytes, Ordering::Relaxed);
                }
                done
            }),
            HostCall::DeleteMemory(key) => HostReturn::DeleteMemory(shared.memory.delete(&key).await),
            HostCall::ListDocuments => HostReturn::ListDocuments(self.documents(|d| d.list()).await),
            HostCall::ReadDocument(name) => {
                HostReturn::ReadDocument(self.documents(move |d| d.read(&name)).await)
            }
            HostCall::SearchDocuments(search) => {
                let found = self.documents(move |d| d.search(&search.query, search.limit)).await;
                HostReturn::SearchDocuments(found)
            }
            HostCall::Now => HostReturn::Now(to_local(shared.now().datetime())),
            HostCall::Weekday => {
                let day = shared.now().weekday().to_monday_one_offset();
                HostReturn::Weekday(u8::try_from(day).unwrap_or(1))
            }
            HostCall::Elapsed => HostReturn::Elapsed(u32::try_from(shared.elapsed_ms()).unwrap_or(u32::MAX)),
            HostCall::RandomBytes(count) => HostReturn::RandomBytes(random(count).into()),
            HostCall::Log(line) => {
                log(&line);
                shared.noted(line);
                HostReturn::Log(())
            }
            HostCall::SetReport(field) => HostReturn::SetReport(shared.report.lock().set(field)),
            HostCall::ModelAvailable => {
                let granted = &shared.line.config.capabilities;
                let permitted = permit(Import::Chat, &shared.declared, granted).is_ok();
                HostReturn::ModelAvailable(permitted && !shared.providers.llm().is_empty())
            }
            HostCall::ListConnectors => HostReturn::ListConnectors(shared.line.config.connectors.clone()),
            HostCall::SendRequest(request) => {
                let shared = shared.clone();
                // Credentials are looked for in whole answers: no frame waits for that.
                let send = async move { connectors::send(&shared, request).await };
                let sending = self.sandbox.executor().spawn(send);
                // An agent that is stopped waits for no answer.
                let _stop = AbortOnDrop(sending.abort_handle());
                HostReturn::SendRequest(
                    sending.await.unwrap_or_else(|_| Err(Refusal::Unavailable("the host failed".into()))),
                )
            }
            HostCall::Understanding(question) => {
                HostReturn::Understanding(parloir_meaning::answer(&question))
            }
        })
    }

    async fn send(&self, request: Request) -> Result<(), DoorClosed> {
        self.reactor.send(request).await.map_err(|_| gone())
    }

    /// Asks the reactor and waits.
    async fn ask<T>(
        &self,
        request: impl FnOnce(crate::request::Reply<T>) -> Request,
    ) -> Result<Result<T, Refusal>, DoorClosed> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply)).await?;
        answer.await.map_err(|_| gone())
    }

    async fn gate_changed(&self) -> Result<(), DoorClosed> {
        let (done, wait) = oneshot::channel();
        self.send(Request::GateChanged { done }).await?;
        wait.await.map_err(|_| gone())
    }

    /// The tenant's documents block on the disk: off the executors.
    async fn documents<T: Send + 'static>(
        &self,
        work: impl FnOnce(&parloir_tenancy::Documents) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let shared = &self.shared;
        let opened = shared.documents.get_or_try_init(|| shared.library.open()).await?;
        let Some(documents) = opened.clone() else {
            return Err(Refusal::Unavailable(
                "the tenant has no documents: upload one (parloir document put), or set `documents` of the tenant to a folder"
                    .into(),
            ));
        };
        self.blocking(self.sandbox.patient(), move || work(&documents)).await
    }

    /// A sound that the tenant keeps, or a file of the line's folder.
    async fn sound(&self, name: &str) -> Result<(Vec<i16>, u32), Refusal> {
        speaking::is_sound(name)?;
        // One is short, and whoever is on the line waits for it: not behind what is searched and compiled.
        let on = self.sandbox.executor();
        if let Some(wav) = self.kept_sound(name).await? {
            return self.blocking(on, move || speaking::read_wav_of(wav.bytes())).await;
        }
        let Some(folder) = self.shared.line.config.sounds.clone() else {
            return Err(Refusal::Unavailable(
                "the line has no sound of this name: upload it (parloir sound add), or set `sounds` of the line to a folder"
                    .into(),
            ));
        };
        let name = name.to_owned();
        self.blocking(on, move || speaking::read_sound(&folder, &name)).await
    }

    /// A sound that the tenant keeps, as it was when the agent first asked for it.
    async fn kept_sound(&self, name: &str) -> Result<Option<Arc<Wav>>, Refusal> {
        let shared = &self.shared;
        let played = shared.played.lock().get(name).cloned();
        if played.is_some() {
            return Ok(played);
        }
        let Some(wav) = shared.sounds.open(name).await? else { return Ok(None) };
        if wav.is_shared() {
            shared.played.lock().insert(name.to_owned(), Arc::clone(&wav));
        }
        Ok(Some(wav))
    }

    /// Off the executors, on threads that are served no sooner than the agents' own, and charged by CPU time to a budget of its own
    /// that is as large as that of the agent's computing: by asking the host, nobody gets more of the machine than by computing. A call
    /// has one such piece of work at a time.
    async fn blocking<T: Send + 'static>(
        &self,
        on: &Handle,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let allowed_ms = self.shared.line.tenant.quota.call_cpu_ms;
        if self.shared.served_us.load(Ordering::Relaxed) / 1_000 >= u64::from(allowed_ms) {
            return Err(Refusal::OverQuota(format!(
                "the call has used {allowed_ms} ms of the host's time for its documents and sounds: ask for fewer, or raise \
                 `call-cpu-ms` of the tenant's quota"
            )));
        }
        let shared = self.shared.clone();
        let done = on.spawn_blocking(move || {
            let (done, took) = charged(work);
            let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            shared.served_us.fetch_add(took, Ordering::Relaxed);
            done
        });
        done.await.unwrap_or_else(|e| Err(Refusal::Unavailable(e.to_string())))
    }
}

impl Service<HostCall> for LiveCall {
    type Response = HostReturn;
    type Error = DoorClosed;
    type Future = Answer;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DoorClosed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: HostCall) -> Answer {
        Box::pin(self.clone().answer(call))
    }
}

fn gone() -> DoorClosed {
    DoorClosed("the call is over".into())
}

fn no_calendar() -> Refusal {
    Refusal::Unavailable("the line has no calendar: add [tenant.calendar] with its opening hours".into())
}

fn random(count: u32) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(count.min(RANDOM_BYTES)).unwrap_or(0)];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the system has no randomness");
        bytes.clear();
    }
    bytes
}

/// The line is in the call's journal; the host's own log only counts it, since it may hold words
/// of the caller.
fn log(line: &LogLine) {
    let characters = line.message.chars().count();
    match line.level {
        LogLevel::Debug | LogLevel::Info => tracing::trace!(characters, "the agent notes"),
        LogLevel::Warn | LogLevel::Error => tracing::debug!(characters, "the agent warns"),
    }
}

/// The line's policy in the gate's words.
pub(crate) fn gate_policy(policy: RecordingPolicy) -> GatePolicy {
    match policy {
        RecordingPolicy::Ask => GatePolicy::Ask,
        RecordingPolicy::Always => GatePolicy::Always,
        RecordingPolicy::Never => GatePolicy::Never,
    }
}
