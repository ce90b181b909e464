//! `anemone predict --serve`: a request in each line of JSON, a reply in each line of JSON.

use std::io::{self, BufRead, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use anemone::Engines;
use serde_json::json;

use crate::arguments::PredictArguments;
use crate::cache::Cache;
use crate::exit::Failure;
use crate::predict::{answer, parse};

/// A longer request is none.
const MAX_LINE: u64 = 1 << 24;

/// Answers requests from the standard input until it ends, or nobody reads the replies.
pub(crate) fn serve(arguments: &PredictArguments) -> Result<String, Failure> {
    let mut cache = Cache::new(Engines::new(arguments.threads)?);
    let (mut requests, mut replies) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        match requests.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => return Ok(String::new()),
            Ok(_) if line.trim_ascii().is_empty() => continue,
            Ok(_) => {}
            Err(error) => return Err(Failure::new(format!("cannot read requests: {error}"))),
        }
        let reply = match reply(&mut cache, &line) {
            Ok(reply) => reply,
            Err(failure) => json!({ "ok": false, "error": failure.message() }),
        };
        let written = writeln!(replies, "{reply}").and_then(|()| replies.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(String::new()),
            Err(error) => return Err(Failure::new(format!("cannot reply: {error}"))),
            Ok(()) => {}
        }
    }
}

fn reply(cache: &mut Cache, line: &[u8]) -> Result<serde_json::Value, Failure> {
    let text = std::str::from_utf8(line).map_err(|_| Failure::new("the request is not UTF-8"))?;
    let request = parse(text).map_err(Failure::new)?;
    // A model that panics left the cache before it ran, so nothing of it is used again.
    catch_unwind(AssertUnwindSafe(|| answer(cache, &request)))
        .unwrap_or_else(|_| Err(Failure::new("a fault of this program; its trace is on stderr")))
}
