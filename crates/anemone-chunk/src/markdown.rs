//! Markdown: a unit for each section and for each block in it, with the path of headings as its name.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::Kind;
use crate::outline::{Glue, Outline, Unit};
use crate::seams::Start;
use crate::source::BYTE_ORDER_MARK;

/// The sections of a document: a heading with what stands under it, deeper headings within. With
/// them where its blocks start, for cuts.
pub(crate) fn outline(text: &str) -> (Outline, Vec<Start>) {
    let mut outline = Outline::new(" > ");
    outline.push_loose(0, Outline::FILE);
    // The headings that the place stands under: their levels and scopes.
    let mut above: Vec<(usize, usize)> = Vec::new();
    let (headings, blocks) = read(text);
    for heading in headings {
        while above.last().is_some_and(|(level, _)| *level >= heading.level) {
            above.pop();
        }
        let parent = above.last().map_or(Outline::FILE, |(_, scope)| *scope);
        let name = outline.name_in(parent, Kind::Section, &heading.title);
        let scope = outline.push_scope(parent, name.clone(), true);
        above.push((heading.level, scope));
        let names = vec![name];
        outline.units.push(Unit { start: heading.start, names, scope, glue: Glue::No });
    }
    (outline, blocks)
}

struct Heading {
    start: usize,
    level: usize,
    title: String,
}

/// The headings that stand in no quote or list, and the starts of all blocks.
fn read(text: &str) -> (Vec<Heading>, Vec<Start>) {
    let mut headings: Vec<Heading> = Vec::new();
    let mut blocks = Vec::new();
    let mut depth = 0_usize;
    let mut is_in_heading = false;
    let options = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_TABLES
        | Options::ENABLE_HEADING_ATTRIBUTES;
    let marked = text.len();
    let text = text.trim_start_matches(BYTE_ORDER_MARK);
    let shift = marked - text.len();
    for (event, bytes) in Parser::new_ext(text, options).into_offset_iter() {
        let at = bytes.start + shift;
        match event {
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                is_in_heading = true;
                headings.push(Heading { start: at, level: level as usize, title: String::new() });
            }
            Event::End(TagEnd::Heading(_)) => is_in_heading = false,
            Event::Start(Tag::BlockQuote(_) | Tag::List(_) | Tag::Item) => {
                blocks.push(Start { at, depth, penalty: 0 });
                depth += 1;
            }
            Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item) => depth -= 1,
            Event::Start(Tag::Paragraph | Tag::CodeBlock(_) | Tag::Table(_) | Tag::HtmlBlock) => {
                blocks.push(Start { at, depth, penalty: 0 });
            }
            Event::Start(Tag::TableRow) => {
                blocks.push(Start { at, depth: depth + 1, penalty: 0 });
            }
            Event::Text(part) | Event::Code(part) if is_in_heading => {
                if let Some(heading) = headings.last_mut() {
                    add(&mut heading.title, &part);
                }
            }
            _ => {}
        }
    }
    (headings, blocks)
}

/// The longest title that is kept, in bytes.
const LONGEST_TITLE: usize = 200;

fn add(title: &mut String, part: &str) {
    if title.len() < LONGEST_TITLE {
        let part = &part[..part.floor_char_boundary(LONGEST_TITLE)];
        title.extend(part.chars().map(|c| if c.is_whitespace() { ' ' } else { c }));
    }
}
