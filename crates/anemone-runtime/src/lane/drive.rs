//! A driver: waits for its turn, takes what can run together, and runs it.

use super::turn::Intent;
use crate::batch::Head;
use crate::core::Core;
use crate::models::Version;
use crate::request::{Failure, Key};
use crate::sync::Arc;
use crate::timer::within;
use crate::{Error, Priority};

/// Runs what waits for `version` until another driver waits for the rest.
pub(crate) async fn drive(core: Arc<Core>, version: Arc<Version>, first: Priority) {
    let mut level = Some(first);
    while let Some(own) = level {
        level = turn(&core, &version, own).await;
    }
}

/// One run. The level at which to go on, if there is more to do.
async fn turn(core: &Arc<Core>, version: &Arc<Version>, level: Priority) -> Option<Priority> {
    let head = version.lane.head(level)?;
    wait_for_others(core, version, &head).await;
    loop {
        let Head { key, size, rows, .. } = version.lane.head(level)?;
        let turn = match Intent::new(core, version, &key, size, rows).await {
            Ok(intent) => intent.admitted(core, version, level).await,
            Err(error) => Err(error),
        };
        let turn = match turn {
            Ok(turn) => turn,
            Err(error) => return refuse(core, version, level, &key, &error),
        };
        let (wanted, most_tokens) = (turn.intent.wanted, version.settings.max_tokens());
        let fits = |all: crate::request::Size| all.rows <= wanted && all.tokens <= most_tokens;
        let (taken, next) = version.lane.take(level, &key, fits);
        if taken.is_empty() {
            // Its callers went away, or something more urgent came.
            turn.give_up(core);
            continue;
        }
        if let Some(next) = next {
            core.send_driver(version, next);
        }
        turn.begin(core, taken).await;
        return version.lane.done();
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

/// Tells the head that it cannot run.
fn refuse(
    core: &Arc<Core>,
    version: &Arc<Version>,
    level: Priority,
    key: &Key,
    error: &Error,
) -> Option<Priority> {
    let (taken, next) = version.lane.take(level, key, |_| false);
    if taken.is_empty() {
        return Some(level);
    }
    for item in taken {
        item.call.finish(Err(Failure::from(error.clone())));
    }
    if let Some(next) = next {
        core.send_driver(version, next);
    }
    version.lane.done()
}
