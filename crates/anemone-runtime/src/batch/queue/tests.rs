//! The queue's order, its bounds, and that nothing is lost in it.

use super::*;
use proptest::prelude::*;

const BOUNDS: Bounds = Bounds { requests: 100, rows: 1000, tokens: 10_000, bytes: 100_000 };

fn key(length: usize) -> Key {
    Key::for_tests(length)
}

fn item(caller: u64, rows: usize, call: u32) -> Item<u32> {
    let size = Size { rows, tokens: 4 * rows, bytes: 16 * rows };
    Item { caller, size, since: Instant::now(), deadline: None, call }
}

fn push(queue: &mut Queue<u32>, length: usize, priority: Priority, item: Item<u32>) -> Ticket {
    queue.push(&key(length), priority, item).map_err(|(_, full)| full).unwrap()
}

fn calls(taken: Vec<Item<u32>>) -> Vec<u32> {
    taken.into_iter().map(|item| item.call).collect()
}

fn rows(most: usize) -> impl Fn(Size) -> bool {
    move |size| size.rows <= most
}

#[test]
fn the_urgent_go_first_and_take_others_of_their_shape_along() {
    let mut queue = Queue::new(BOUNDS);
    push(&mut queue, 8, Priority::Normal, item(0, 1, 1));
    push(&mut queue, 16, Priority::Normal, item(0, 1, 2));
    push(&mut queue, 16, Priority::Critical, item(0, 1, 3));
    assert_eq!(queue.head().unwrap().rows, 2);
    assert_eq!(calls(queue.take(rows(8))), [3, 2]);
    assert_eq!(calls(queue.take(rows(8))), [1]);
    assert!(queue.is_empty() && queue.head().is_none());
}

#[test]
fn a_head_that_does_not_fit_is_not_taken_and_nobody_goes_before_it() {
    let mut queue = Queue::new(BOUNDS);
    push(&mut queue, 8, Priority::Normal, item(0, 3, 1));
    push(&mut queue, 8, Priority::Background, item(0, 1, 2));
    assert!(queue.take(rows(2)).is_empty());
    assert_eq!(calls(queue.take(rows(3))), [1]);
    assert_eq!(calls(queue.take(rows(3))), [2]);
}

#[test]
fn a_caller_with_many_requests_shares_with_one_that_has_few() {
    let mut queue = Queue::new(BOUNDS);
    for call in 0..8 {
        push(&mut queue, 8, Priority::Normal, item(1, 1, call));
    }
    push(&mut queue, 8, Priority::Normal, item(2, 1, 100));
    push(&mut queue, 8, Priority::Normal, item(2, 1, 101));
    assert_eq!(calls(queue.take(rows(4))), [0, 100, 1, 101]);
}

#[test]
fn a_callers_share_is_counted_in_rows() {
    let mut queue = Queue::new(BOUNDS);
    for call in 0..4 {
        push(&mut queue, 8, Priority::Normal, item(1, 4, call));
    }
    for call in 100..108 {
        push(&mut queue, 8, Priority::Normal, item(2, 1, call));
    }
    assert_eq!(calls(queue.take(rows(8))), [0, 100, 101, 102, 103]);
}

#[test]
fn a_level_that_is_passed_over_so_often_goes_next() {
    let mut queue = Queue::new(BOUNDS);
    push(&mut queue, 8, Priority::Background, item(0, 1, 999));
    for call in 0..STARVED {
        push(&mut queue, 16, Priority::Critical, item(0, 1, call));
        assert_eq!(calls(queue.take(rows(1))), [call]);
    }
    push(&mut queue, 16, Priority::Critical, item(0, 1, 1000));
    assert_eq!(calls(queue.take(rows(1))), [999]);
    assert_eq!(calls(queue.take(rows(1))), [1000]);
}

#[test]
fn each_bound_is_told_with_what_was_needed() {
    let mut queue = Queue::new(Bounds { requests: 2, rows: 10, tokens: 48, bytes: 180 });
    push(&mut queue, 8, Priority::Normal, item(0, 5, 0));
    let (_, full) = queue.push(&key(8), Priority::Normal, item(0, 6, 1)).unwrap_err();
    assert_eq!(full, Full { resource: Resource::QueuedRows, needed: 11, limit: 10 });
    let mut large = item(0, 5, 1);
    large.size.tokens = 40;
    let (_, full) = queue.push(&key(8), Priority::Normal, large).unwrap_err();
    assert_eq!(full.resource, Resource::QueuedTokens);
    let mut large = item(0, 5, 1);
    large.size.bytes = 101;
    let (_, full) = queue.push(&key(8), Priority::Normal, large).unwrap_err();
    assert_eq!(full.resource, Resource::QueuedBytes);
    push(&mut queue, 8, Priority::Normal, item(0, 1, 1));
    let (item, full) = queue.push(&key(8), Priority::Normal, item(0, 1, 2)).unwrap_err();
    assert_eq!((item.call, full.resource), (2, Resource::QueuedRequests));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Push { length: usize, level: usize, caller: u64, rows: usize },
    Remove(usize),
    Take(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..4, 0usize..4, 0u64..3, 1usize..5)
            .prop_map(|(length, level, caller, rows)| Step::Push { length, level, caller, rows }),
        2 => any::<usize>().prop_map(Step::Remove),
        2 => (1usize..9).prop_map(Step::Take),
    ]
}

proptest! {
    #[test]
    fn whatever_goes_in_comes_out_once(steps in prop::collection::vec(step(), 1..80)) {
        let mut queue = Queue::new(BOUNDS);
        let mut inside: Vec<(u32, Ticket)> = Vec::new();
        let mut next = 0;
        for step in steps {
            match step {
                Step::Push { length, level, caller, rows } => {
                    next += 1;
                    let item = item(caller, rows, next);
                    let ticket = push(&mut queue, length, Priority::EACH[level], item);
                    inside.push((next, ticket));
                }
                Step::Remove(at) if !inside.is_empty() => {
                    let (call, ticket) = inside.swap_remove(at % inside.len());
                    prop_assert_eq!(queue.remove(&ticket).map(|item| item.call), Some(call));
                    prop_assert!(queue.remove(&ticket).is_none());
                }
                Step::Remove(_) => {}
                Step::Take(most) => {
                    let head = queue.head();
                    let taken = queue.take(rows(most));
                    let fits = head.as_ref().is_some_and(|head| head.size.rows <= most);
                    prop_assert_eq!(fits, !taken.is_empty());
                    for item in &taken {
                        let at = inside.iter().position(|(call, _)| *call == item.call);
                        prop_assert!(at.is_some(), "taken twice");
                        let (_, ticket) = inside.swap_remove(at.unwrap());
                        prop_assert_eq!(&ticket.key, &head.as_ref().unwrap().key);
                    }
                    let all: usize = taken.iter().map(|item| item.size.rows).sum();
                    prop_assert!(all <= most);
                }
            }
            prop_assert_eq!(queue.held().requests, inside.len());
        }
        prop_assert_eq!(queue.drain().len(), inside.len());
        prop_assert_eq!(queue.held(), Held::default());
        prop_assert!(queue.rows.is_empty());
    }
}
