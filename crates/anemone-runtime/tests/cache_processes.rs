//! The cache under several processes, some of which are killed or may write no more: this binary
//! starts itself, and the variable [`PART`] tells it what to play.
#![allow(clippy::disallowed_methods, reason = "the cache is a folder of files")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use anemone_runtime::Artefacts;
use anemone_runtime::cache::{Cache, Costs, Counts, Key, Measured};

const PART: &str = "ANEMONE_TEST_CACHE_PART";
const FOLDER: &str = "ANEMONE_TEST_CACHE_FOLDER";
const WRITTEN: &str = "one more was written";

/// A new folder, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        Place(env::temp_dir().join(format!("anemone-cache-{name}-{}", std::process::id())))
    }

    fn open(&self) -> Cache {
        Cache::open(&self.0).unwrap()
    }

    fn unfinished(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|e| e == "tmp")).collect()
    }

    /// This binary, as it plays `part`.
    fn command(&self, part: &str) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        self.set_up(&mut command, part);
        command
    }

    fn set_up(&self, command: &mut Command, part: &str) {
        command.args(["--exact", "a_process_plays_its_part", "--nocapture"]);
        command.env(PART, part).env(FOLDER, &self.0).stdout(Stdio::piped());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(content: u8) -> Key {
    let text = str::to_owned;
    Key { content: [content; 32], engine: text("cpu"), machine: text("m"), options: text("") }
}

/// The payload that a writer puts for `content`; its length tells `number`.
fn payload(content: u8, number: usize) -> Vec<u8> {
    (0..5000 + number).map(|i| (i * 7 + number) as u8 ^ content).collect()
}

fn is_whole(content: u8, bytes: &[u8]) -> bool {
    bytes.len() >= 5000 && bytes == payload(content, bytes.len() - 5000)
}

fn finish(children: Vec<Child>) {
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// What a process that was started by another test does; nothing where none started it.
#[test]
fn a_process_plays_its_part() {
    let (Ok(part), Some(folder)) = (env::var(PART), env::var_os(FOLDER)) else { return };
    let cache = Cache::open(Path::new(&folder)).unwrap();
    match part.as_str() {
        "put and get" => put_and_get(&cache),
        "write until killed" => write_until_killed(&cache),
        "add costs" => add_costs(&cache),
        "write too much" => write_too_much(&cache),
        _ => panic!("`{part}` is no part"),
    }
}

fn put_and_get(cache: &Cache) {
    for number in 0..40 {
        let content = (number % 5) as u8;
        let scope = cache.scope(&key(content));
        if let Some(bytes) = scope.get("plan") {
            assert!(is_whole(content, &bytes));
        }
        scope.put("plan", &payload(content, number));
        assert!(is_whole(content, &scope.get("plan").unwrap()));
    }
    let Counts { flawed, failures, .. } = cache.counts();
    assert_eq!((flawed, failures), (0, 0));
}

fn write_until_killed(cache: &Cache) {
    let scope = cache.scope(&key(0));
    for number in (0..1000).cycle() {
        scope.put("plan", &payload(0, 200_000 + number));
        println!("{WRITTEN}");
    }
}

fn add_costs(cache: &Cache) {
    let costs = Costs::new(cache, [1; 32], "cpu", "m");
    let one = Measured { runs: 1, mean_seconds: 2.0 };
    for _ in 0..10 {
        while !costs.add(&BTreeMap::from([("1x16".to_owned(), one)])) {
            thread::yield_now();
        }
    }
}

fn write_too_much(cache: &Cache) {
    let scope = cache.scope(&key(1));
    scope.put("plan", &vec![1; 1 << 20]);
    assert_eq!(scope.get("plan"), None);
    scope.put("plan", b"little");
    assert_eq!(scope.get("plan").as_deref(), Some(&b"little"[..]));
    assert_eq!(cache.counts().failures, 1);
}

#[test]
fn processes_see_whole_artefacts_only() {
    // Nobody has made the folder: the processes do it, all at once.
    let place = Place::new("whole");
    finish((0..6).map(|_| place.command("put and get").spawn().unwrap()).collect());
    let cache = place.open();
    for content in 0..5 {
        assert!(is_whole(content, &cache.scope(&key(content)).get("plan").unwrap()));
    }
    assert!(place.unfinished().is_empty());
}

#[test]
fn a_writer_that_is_killed_leaves_nothing_that_is_not_whole() {
    let place = Place::new("killed");
    for round in 0..10 {
        let mut child = place.command("write until killed").spawn().unwrap();
        // Its output stays open, or it would end by itself.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut written = lines.by_ref().filter(|line| line.as_ref().unwrap().contains(WRITTEN));
        assert!((0..=round).all(|_| written.next().is_some()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_whole(0, &place.open().scope(&key(0)).get("plan").unwrap()));
    }
    for path in place.unfinished() {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }
    place.open();
    assert!(place.unfinished().is_empty());
}

#[test]
fn costs_of_processes_add_up() {
    let place = Place::new("costs");
    finish((0..4).map(|_| place.command("add costs").spawn().unwrap()).collect());
    let costs = Costs::new(&place.open(), [1; 32], "cpu", "m").load();
    assert_eq!(costs["1x16"], Measured { runs: 40, mean_seconds: 2.0 });
}

/// A limit on the size of files is what comes nearest to a full disk without one.
#[cfg(target_os = "linux")]
#[test]
fn what_finds_no_room_on_the_disk_is_not_there() {
    let place = Place::new("full");
    place.open();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]);
    shell.arg(env::current_exe().unwrap());
    place.set_up(&mut shell, "write too much");
    finish(vec![shell.spawn().unwrap()]);
    assert_eq!(place.open().scope(&key(1)).get("plan").as_deref(), Some(&b"little"[..]));
    assert!(place.unfinished().is_empty());
}
