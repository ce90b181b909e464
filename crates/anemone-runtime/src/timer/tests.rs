//! The timer with the true clock; what is tested does not depend on how fast it is.

use std::sync::mpsc;
use std::task::Wake;
use std::time::Duration;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_sleep_ends_no_earlier_than_its_deadline() {
    let timer = Timer::default();
    let deadline = Instant::now() + Duration::from_millis(5);
    let later = timer.sleep_until(deadline + Duration::from_millis(1));
    assert_eq!(pollster::block_on(timer.sleep_until(deadline)), Ok(()));
    assert!(Instant::now() >= deadline);
    assert_eq!(pollster::block_on(later), Ok(()));
}

#[test]
fn a_deadline_that_has_passed_needs_no_thread() {
    let timer = Timer::default();
    let mut sleep = timer.sleep_until(Instant::now());
    assert_eq!(poll(&mut sleep, Waker::noop()), Poll::Ready(Ok(())));
    assert!(timer.handle.shared.lock().thread.is_none());
}

#[test]
fn sleeps_that_are_dropped_leave_nothing_behind() {
    let timer = Timer::default();
    let deadline = Instant::now() + HOUR;
    let mut sleeps: Vec<_> = (0..1000).map(|_| timer.sleep_until(deadline)).collect();
    for sleep in &mut sleeps {
        assert!(poll(sleep, Waker::noop()).is_pending());
    }
    assert_eq!(timer.handle.shared.lock().sleepers.len(), 1000);
    sleeps.truncate(1);
    assert_eq!(timer.handle.shared.lock().sleepers.len(), 1);
    assert!(poll(&mut sleeps[0], Waker::noop()).is_pending());
}

#[test]
fn only_a_deadline_before_all_others_calls_the_thread() {
    let timer = Timer::default();
    let hours = [2, 3, 1].map(|hours| Instant::now() + hours * HOUR);
    let mut sleeps = hours.map(|deadline| timer.sleep_until(deadline));
    let awake_at = sleeps.each_mut().map(|sleep| {
        assert!(poll(sleep, Waker::noop()).is_pending());
        timer.handle.shared.lock().awake_at
    });
    assert_eq!(awake_at, [Some(hours[0]), Some(hours[0]), Some(hours[2])]);
}

#[test]
fn the_thread_ends_with_the_last_handle() {
    let timer = Timer::default();
    let mut sleep = timer.sleep_until(Instant::now() + HOUR);
    assert!(poll(&mut sleep, Waker::noop()).is_pending());
    let thread = timer.handle.shared.lock().thread.take().unwrap();
    drop(timer);
    assert!(poll(&mut sleep, Waker::noop()).is_pending());
    drop(sleep);
    thread.join().unwrap();
}

/// Drops a timer where it is woken, says so, and panics.
struct Rude(Mutex<Option<Timer>>, mpsc::Sender<()>);

impl Wake for Rude {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().take();
        self.1.send(()).unwrap();
        panic!("planted");
    }
}

#[test]
fn a_waker_may_panic_and_drop_the_timer() {
    let timer = Timer::default();
    let (sender, receiver) = mpsc::channel();
    let rude = Rude(Mutex::new(Some(timer.clone())), sender);
    let mut sleep = timer.sleep_until(Instant::now() + Duration::from_millis(2));
    if poll(&mut sleep, &Arc::new(rude).into()).is_pending() {
        receiver.recv().unwrap();
    }
    assert_eq!(poll(&mut sleep, Waker::noop()), Poll::Ready(Ok(())));
    let after = timer.sleep_until(Instant::now() + Duration::from_millis(2));
    assert_eq!(pollster::block_on(after), Ok(()));
}

#[test]
fn an_answer_that_is_there_wins_over_a_limit_that_has_passed() {
    let timer = Timer::default();
    let passed = Some(Instant::now());
    assert_eq!(pollster::block_on(within(&timer, passed, async { 7 })), Ok(7));
    let never = std::future::pending::<()>();
    let limited = pollster::block_on(within(&timer, passed, never));
    assert_eq!(limited, Err(LimitError::Elapsed));
    assert_eq!(LimitError::Elapsed.kind(), ErrorKind::TimedOut);
    assert_eq!(pollster::block_on(within(&timer, None, async { 7 })), Ok(7));
}

#[test]
fn a_limit_drops_what_it_stops() {
    let timer = Timer::default();
    let (sender, receiver) = mpsc::channel::<()>();
    let stuck = async move {
        std::future::pending::<()>().await;
        drop(sender);
    };
    let deadline = Instant::now() + Duration::from_millis(2);
    let limited = pollster::block_on(within(&timer, Some(deadline), stuck));
    assert_eq!(limited, Err(LimitError::Elapsed));
    assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}
