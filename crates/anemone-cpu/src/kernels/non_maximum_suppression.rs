//! The choice of boxes that overlap little.

use crate::kernel::{Io, Prepared};
use crate::prepare::PrepareCtx;

struct Suppression {
    iou_threshold: f32,
    /// None: every score will do.
    score_threshold: Option<f32>,
    per_class: bool,
    /// Boxes lie along the last axis, and their number is not told.
    last: bool,
}

pub(super) fn non_maximum_suppression(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("boxes")?;
    ctx.operand("scores")?;
    let last = ctx.node.outputs.len() == 3;
    let float = |input: &str| ctx.infer().float(input).map_err(|fault| fault.to_string());
    let per_class = ctx.infer().boolean("per_class_suppression");
    let suppression = Suppression {
        iou_threshold: float("iou_threshold")?,
        score_threshold: if last { None } else { Some(float("score_threshold")?) },
        per_class: per_class.map_err(|fault| fault.to_string())?,
        last,
    };
    Ok(Prepared::function(move |io| suppression.run(io)))
}

/// A matrix of one batch, by box and column, whichever way it lies in memory.
struct Columns<'a> {
    data: &'a [f32],
    boxes: usize,
    columns: usize,
    last: bool,
}

impl<'a> Columns<'a> {
    fn new(data: &'a [f32], batch: usize, boxes: usize, columns: usize, last: bool) -> Columns<'a> {
        let size = boxes * columns;
        Columns { data: &data[batch * size..(batch + 1) * size], boxes, columns, last }
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        match self.last {
            true => self.data[column * self.boxes + row],
            false => self.data[row * self.columns + column],
        }
    }

    /// The best column of a row, and what stands there.
    fn best(&self, row: usize) -> (usize, f32) {
        let score = |column: usize| (column, self.at(row, column));
        let better = |a: (usize, f32), b: (usize, f32)| if b.1 > a.1 { b } else { a };
        (0..self.columns).map(score).reduce(better).unwrap_or((0, f32::NEG_INFINITY))
    }
}

impl Suppression {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let (boxes, scores) = (&io.inputs[0], &io.inputs[1]);
        let unfit = || format!("boxes {:?} and scores {:?} do not fit", boxes.shape, scores.shape);
        let (&[n, b0, b1], &[m, s0, s1]) = (boxes.shape, scores.shape) else { return Err(unfit()) };
        let ((count, four), (same, classes)) =
            if self.last { ((b1, b0), (s1, s0)) } else { ((b0, b1), (s0, s1)) };
        if n != m || count != same || four != 4 || count == 0 {
            return Err(unfit());
        }
        let room = io.outputs[2].shape.last().copied().unwrap_or(0);
        let (boxes, scores) = (boxes.data.f32()?, scores.data.f32()?);
        for batch in 0..n {
            let matrix = |data, columns| Columns::new(data, batch, count, columns, self.last);
            let (boxes, scores) = (matrix(boxes, 4), matrix(scores, classes));
            let chosen = self.choose(&boxes, &scores, room);
            write(io.outputs[0].data.f32()?, batch, room, &chosen, &boxes);
            write(io.outputs[1].data.f32()?, batch, room, &chosen, &scores);
            let indices = io.outputs[2].data.i32()?;
            for (place, out) in indices[batch * room..(batch + 1) * room].iter_mut().enumerate() {
                let index = chosen.get(place).map(|&i| i32::try_from(i));
                *out = index.unwrap_or(Ok(-1)).map_err(|_| "too many boxes")?;
            }
            if let Some(counts) = io.outputs.get_mut(3) {
                counts.data.i32()?[batch] =
                    i32::try_from(chosen.len()).map_err(|_| "too many boxes")?;
            }
        }
        Ok(())
    }

    /// Boxes by falling score, without those that overlap a chosen one; one box at least.
    fn choose(&self, boxes: &Columns<'_>, scores: &Columns<'_>, room: usize) -> Vec<usize> {
        let best: Vec<(usize, f32)> = (0..boxes.boxes).map(|i| scores.best(i)).collect();
        let mut order: Vec<usize> = (0..boxes.boxes).collect();
        order.sort_by(|&a, &b| best[b].1.total_cmp(&best[a].1));
        let mut chosen: Vec<usize> = Vec::new();
        for &candidate in &order {
            if chosen.len() == room {
                break;
            }
            let suppressed = |&other: &usize| {
                (!self.per_class || best[other].0 == best[candidate].0)
                    && overlap(boxes, candidate, other) > self.iou_threshold
            };
            let wanted = self.score_threshold.is_none_or(|least| best[candidate].1 > least);
            if wanted && !chosen.iter().any(suppressed) {
                chosen.push(candidate);
            }
        }
        // Core ML never leaves a batch without a box.
        if chosen.is_empty() {
            chosen.extend(order.first().filter(|_| room > 0));
        }
        chosen
    }
}

/// Intersection over union of two boxes given by centre and size.
fn overlap(boxes: &Columns<'_>, a: usize, b: usize) -> f32 {
    let side = |i: usize, axis: usize| {
        let (centre, size) = (boxes.at(i, axis), boxes.at(i, axis + 2));
        (centre - 0.5 * size, centre + 0.5 * size)
    };
    let mut shared = 1.0;
    for axis in 0..2 {
        let ((a0, a1), (b0, b1)) = (side(a, axis), side(b, axis));
        shared *= (a1.min(b1) - a0.max(b0)).max(0.0);
    }
    let area = |i: usize| boxes.at(i, 2) * boxes.at(i, 3);
    if area(a) <= 0.0 || area(b) <= 0.0 {
        return 0.0;
    }
    shared / (area(a) + area(b) - shared)
}

/// Writes the chosen rows of one batch, and zeros after them.
fn write(out: &mut [f32], batch: usize, room: usize, chosen: &[usize], rows: &Columns<'_>) {
    let out = &mut out[batch * room * rows.columns..(batch + 1) * room * rows.columns];
    for place in 0..room {
        for column in 0..rows.columns {
            let at = if rows.last { column * room + place } else { place * rows.columns + column };
            out[at] = chosen.get(place).map_or(0.0, |&row| rows.at(row, column));
        }
    }
}
