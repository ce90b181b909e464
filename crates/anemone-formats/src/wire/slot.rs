//! Singular messages and oneofs, which protobuf merges when a file repeats them.

use super::{View, Writer};

/// A singular message field: occurrences are joined, which merges them.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    view: Option<View>,
    joined: Vec<u8>,
}

/// The message that a oneof holds: the last member wins, and merges with itself.
#[derive(Debug, Default)]
pub(crate) struct OneOf {
    number: u32,
    slot: Slot,
}

impl Slot {
    /// Adds one occurrence.
    pub(crate) fn add(&mut self, view: &View) {
        match &self.view {
            None => self.view = Some(view.clone()),
            Some(first) => {
                if self.joined.is_empty() {
                    self.joined.extend_from_slice(first.buffer());
                }
                self.joined.extend_from_slice(view.buffer());
            }
        }
    }

    /// The merged message, if there was one.
    pub(crate) fn take(self) -> Option<View> {
        let view = self.view?;
        Some(if self.joined.is_empty() { view } else { view.replaced(&self.joined) })
    }

    /// The merged message, if it says anything. One that is present but empty goes to `extra`, so
    /// that it is present when it is written again.
    pub(crate) fn take_full(self, number: u32, extra: &mut Vec<u8>) -> Option<View> {
        let view = self.take()?;
        if !view.buffer().is_empty() {
            return Some(view);
        }
        let mut writer = Writer::default();
        writer.bytes(number, &[]);
        extra.extend_from_slice(&writer.finish());
        None
    }
}

impl OneOf {
    /// Adds one occurrence of member `number`.
    pub(crate) fn add(&mut self, number: u32, view: &View) {
        if self.number != number {
            *self = OneOf { number, slot: Slot::default() };
        }
        self.slot.add(view);
    }

    /// The member that the oneof holds at the end.
    pub(crate) fn take(self) -> Option<(u32, View)> {
        self.slot.take().map(|view| (self.number, view))
    }
}
