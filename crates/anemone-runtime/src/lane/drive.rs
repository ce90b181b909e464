//! A driver: waits for its turn, takes what can run together, and runs it.

use super::turn::Intent;
use crate::batch::Head;
use crate::core::Core;
use crate::models::Version;
use crate::request::{Failure, Key, Size};
use crate::sync::Arc;
use crate::timer::within;
use crate::{Error, Priority};

/// Runs what waits for a version until another driver waits for the rest. Where it is dropped before,
/// those who wait are told.
pub(crate) struct Driver {
    core: Arc<Core>,
    version: Arc<Version>,
    place: Place,
}

/// How a driver counts in its lane.
#[derive(Clone, Copy)]
enum Place {
    Waiting(Priority),
    Running,
    Gone,
}

impl Driver {
    /// A driver that counts as waiting at `level`.
    pub(crate) fn new(core: Arc<Core>, version: Arc<Version>, level: Priority) -> Driver {
        Driver { core, version, place: Place::Waiting(level) }
    }

    /// Its whole life.
    pub(crate) async fn drive(mut self) {
        while let Place::Waiting(level) = self.place {
            self.turn(level).await;
            // Now the version may count as unused.
            self.core.after_run();
        }
    }

    /// One run, or the end.
    async fn turn(&mut self, level: Priority) {
        let (core, version) = (self.core.clone(), self.version.clone());
        let Some(head) = self.head(level) else { return };
        wait_for_others(&core, &version, &head).await;
        loop {
            let Some(Head { key, size, rows, .. }) = self.head(level) else { return };
            let turn = match Intent::new(&core, &version, &key, size, rows).await {
                Ok(intent) => intent.admitted(&core, &version, level, Some(&version.lane)).await,
                Err(error) => Err(error),
            };
            let turn = match turn {
                Ok(Some(turn)) => turn,
                Ok(None) if version.lane.is_closed() => {
                    // Who may wait yet is told when it is dropped.
                    drop(version.lane.abandon(Some(level)));
                    self.place = Place::Gone;
                    return;
                }
                Ok(None) => continue,
                Err(error) => return self.refuse(level, &key, size, &error),
            };
            // The head may be another one by now, which the run was not made for.
            let (wanted, most_tokens) = (turn.intent.wanted, version.settings.max_tokens());
            let most_tokens = most_tokens.max(size.tokens);
            let fits = |all: Size| all.rows <= wanted && all.tokens <= most_tokens;
            let (taken, next) = version.lane.take(level, &key, fits);
            if taken.is_empty() {
                // Its callers went away, or something more urgent came.
                turn.give_up(&core);
                continue;
            }
            self.place = Place::Running;
            if let Some(next) = next {
                core.send_driver(&version, next);
            }
            let running = turn.begin(&core, taken).await;
            self.done();
            return drop(running);
        }
    }

    /// What goes next; where there is nothing it is gone.
    fn head(&mut self, level: Priority) -> Option<Head> {
        let head = self.version.lane.head(level);
        if head.is_none() {
            self.place = Place::Gone;
        }
        head
    }

    /// A run is over.
    fn done(&mut self) {
        self.place = self.version.lane.done().map_or(Place::Gone, Place::Waiting);
    }

    /// Tells the head, if it still has this size, that it cannot run.
    fn refuse(&mut self, level: Priority, key: &Key, size: Size, error: &Error) {
        let (taken, next) = self.version.lane.take(level, key, |all| all == size);
        if taken.is_empty() {
            return;
        }
        self.place = Place::Running;
        for item in taken {
            item.call.answer(Err(Failure::from(error.clone())));
        }
        if let Some(next) = next {
            self.core.send_driver(&self.version, next);
        }
        self.done();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let level = match self.place {
            Place::Waiting(level) => Some(level),
            Place::Running => None,
            Place::Gone => return,
        };
        drop(self.version.lane.abandon(level));
    }
}

/// Lets requests that are about to come join the head.
async fn wait_for_others(core: &Arc<Core>, version: &Arc<Version>, head: &Head) {
    let Some(batching) = &version.settings.batching else { return };
    let run = version.costs.last(&head.key);
    if let Some(until) = version.lane.patience(head, run, batching.max_delay) {
        // Whether it is full or time is up, what is there goes.
        let _ = within(&core.timer, Some(until), version.lane.full()).await;
    }
}
