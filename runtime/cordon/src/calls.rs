//! The calls that a process of agents answers, as the host has them: what their agents say in turn is theirs, what is out of turn no
//! sandbox says, and where the process ends, some of them may have had it end.

use std::collections::HashMap;
use std::time::Duration;

use parloir_contract::HostCall;
use parloir_sandbox::Answered;
use tokio::sync::mpsc;

/// What an agent's side says in one call.
pub(crate) enum Event {
    /// It asks, which took so much of the host's CPU time to read.
    Asked { cpu: Duration, asked: Box<HostCall>, read: Duration },
    /// It is over.
    Ended(Answered),
}

/// One that is answered there.
struct Live {
    events: mpsc::Sender<Event>,
    /// Its agent computes, or is loaded: it waits neither for the host nor for its caller.
    at_work: bool,
    /// Its agent was begun, and has not ended.
    answers: bool,
}

/// The calls that are answered there.
#[derive(Default)]
pub(crate) struct Calls {
    live: HashMap<u64, Live>,
    /// Calls that nobody has any more, whose agents were told to stop, and whether one has asked since.
    left: HashMap<u64, bool>,
    /// No more begin.
    closed: bool,
}

impl Calls {
    /// Begins one of this number, which hears its agent's side; `None` where no more begin.
    pub(crate) fn begin(&mut self, call: u64) -> Option<mpsc::Receiver<Event>> {
        if self.closed {
            return None;
        }
        // What it asks, and that it is over, where it was stopped meanwhile.
        let (sender, events) = mpsc::channel(2);
        self.live.insert(call, Live { events: sender, at_work: false, answers: false });
        Some(events)
    }

    /// From now on a call's agent is at work, until it says something.
    pub(crate) fn works(&mut self, call: u64) {
        if let Some(live) = self.live.get_mut(&call) {
            live.at_work = true;
        }
    }

    /// From now on a call has an agent that ends, or is stopped.
    pub(crate) fn answers(&mut self, call: u64) {
        if let Some(live) = self.live.get_mut(&call) {
            live.answers = true;
        }
    }

    /// An agent asks one thing at a time, and ends once: more is not kept.
    ///
    /// # Errors
    /// What no sandbox says, in a line.
    pub(crate) fn tell(&mut self, call: u64, event: Event) -> Result<(), &'static str> {
        let Some(live) = self.live.get_mut(&call) else { return self.last_word(call, &event) };
        live.at_work = false;
        live.answers &= !matches!(event, Event::Ended(_));
        live.events.try_send(event).map_err(|_| "an agent spoke out of turn")
    }

    /// An agent of a call that nobody has any more may have asked before it heard of it, and ends.
    fn last_word(&mut self, call: u64, event: &Event) -> Result<(), &'static str> {
        let asked = self.left.get_mut(&call).ok_or("it spoke of a call that is none")?;
        match event {
            Event::Asked { .. } if *asked => return Err("an agent spoke out of turn"),
            Event::Asked { .. } => *asked = true,
            Event::Ended(_) => {
                self.left.remove(&call);
            }
        }
        Ok(())
    }

    /// Nobody has this one any more. True where its agent goes on, and is to be stopped.
    pub(crate) fn leave(&mut self, call: u64) -> bool {
        let answers = self.live.remove(&call).is_some_and(|live| live.answers);
        let goes_on = answers && !self.closed;
        if goes_on {
            self.left.insert(call, false);
        }
        goes_on
    }

    /// No more begin.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether no more begin.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// All that there are.
    pub(crate) fn all(&self) -> Vec<u64> {
        self.live.keys().copied().collect()
    }

    /// Those that may have had the process end: the one that it was ended for; else those whose agents were at work; else any.
    pub(crate) fn culprits(&self, named: Option<u64>) -> Vec<u64> {
        if let Some(call) = named {
            return vec![call];
        }
        let nobody_works = self.live.values().all(|live| !live.at_work);
        self.live.iter().filter(|(_, live)| nobody_works || live.at_work).map(|(call, _)| *call).collect()
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::Outcome;

    use super::*;

    fn asked() -> Event {
        Event::Asked { cpu: Duration::ZERO, asked: Box::new(HostCall::Elapsed), read: Duration::ZERO }
    }

    fn ended() -> Event {
        Event::Ended(Answered { outcome: Ok(Outcome::Done), cpu: Duration::ZERO })
    }

    #[test]
    fn a_fall_is_the_doing_of_whom_it_is_ended_for_or_of_who_was_at_work_or_of_anybody() {
        let blamed = |at_work: &[(u64, bool)], named| {
            let mut calls = Calls::default();
            for (call, at_work) in at_work {
                let _hears = calls.begin(*call).unwrap();
                if *at_work {
                    calls.works(*call);
                }
            }
            let mut blamed = calls.culprits(named);
            blamed.sort_unstable();
            blamed
        };
        let some = [(1, false), (2, true), (3, true)];
        assert_eq!(blamed(&some, Some(1)), [1]);
        assert_eq!(blamed(&some, None), [2, 3]);
        assert_eq!(blamed(&[(1, false), (2, false)], None), [1, 2], "nobody knows");
        assert_eq!(blamed(&[], None), [0_u64; 0]);
    }

    #[test]
    fn an_agent_speaks_in_turn_or_its_process_is_not_believed() {
        let mut calls = Calls::default();
        let mut hears = calls.begin(7).unwrap();
        assert_eq!(calls.tell(8, asked()), Err("it spoke of a call that is none"));
        calls.works(7);
        assert_eq!(calls.tell(7, asked()), Ok(()));
        assert_eq!(calls.tell(7, ended()), Ok(()), "it was stopped meanwhile");
        assert_eq!(calls.tell(7, asked()), Err("an agent spoke out of turn"));
        assert!(matches!(hears.try_recv(), Ok(Event::Asked { .. })));
        assert!(!calls.leave(7), "its agent was never begun, or has ended");
        assert_eq!(calls.tell(7, ended()), Err("it spoke of a call that is none"));
    }

    #[test]
    fn an_agent_that_nobody_has_any_more_is_stopped_and_has_a_last_word() {
        let mut calls = Calls::default();
        let _hears = calls.begin(7).unwrap();
        calls.answers(7);
        assert!(calls.leave(7) && calls.is_empty());
        assert_eq!(calls.tell(7, asked()), Ok(()), "before it heard of it");
        assert_eq!(calls.tell(7, asked()), Err("an agent spoke out of turn"));
        assert_eq!(calls.tell(7, ended()), Ok(()));
        assert_eq!(calls.tell(7, ended()), Err("it spoke of a call that is none"));
    }

    #[test]
    fn where_no_more_begin_nobody_is_stopped() {
        let mut calls = Calls::default();
        let _hears = calls.begin(1).unwrap();
        calls.answers(1);
        calls.close();
        assert!(calls.is_closed() && calls.begin(2).is_none());
        assert_eq!(calls.all(), [1]);
        assert!(!calls.leave(1), "it ends with its process");
    }
}
