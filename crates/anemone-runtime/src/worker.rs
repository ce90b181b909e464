//! The thread that runs models for async callers, so that none computes on its own executor.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use anemone_engine::RunError;

/// Something to be done.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// One thread, started with its first job; it ends when its owner is gone and its jobs are done.
#[derive(Default)]
pub(crate) struct Worker {
    jobs: OnceLock<Result<Sender<Job>, String>>,
}

impl Worker {
    /// Queues a job; jobs are done in order.
    pub(crate) fn submit(&self, job: Job) -> Result<(), RunError> {
        let jobs = self.jobs.get_or_init(start);
        let sent = jobs.as_ref().map_err(Clone::clone).map(|jobs| jobs.send(job));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(RunError::Internal("the runtime's thread is gone".to_owned())),
            Err(reason) => Err(RunError::Internal(format!("cannot start a thread: {reason}"))),
        }
    }
}

fn start() -> Result<Sender<Job>, String> {
    let (sender, receiver) = channel::<Job>();
    std::thread::Builder::new()
        .name("anemone-runtime".to_owned())
        .spawn(move || {
            for job in receiver {
                // A job that panics drops its answer, which its caller sees.
                drop(catch_unwind(AssertUnwindSafe(job)));
            }
        })
        .map_err(|error| error.to_string())?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_panics_does_not_end_the_thread() {
        let worker = Worker::default();
        let (sender, receiver) = channel();
        worker.submit(Box::new(|| panic!("planted"))).unwrap();
        worker.submit(Box::new(move || sender.send(7).unwrap())).unwrap();
        assert_eq!(receiver.recv(), Ok(7));
    }
}
