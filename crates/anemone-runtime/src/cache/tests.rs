//! Tests of the cache within one process: damage, strangers, room, and many at once.
#![allow(clippy::disallowed_methods, reason = "the cache is a folder of files")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use super::*;
use crate::loader::Artefacts;

/// A new folder, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("anemone-cache-{}-{count}", std::process::id());
        Place(std::env::temp_dir().join(name))
    }

    fn open(&self) -> Cache {
        Cache::open(&self.0).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn artefacts(&self) -> Vec<PathBuf> {
        let names = self.names().into_iter().filter(|name| name.ends_with(".artefact"));
        names.map(|name| self.0.join(name)).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(content: u8) -> Key {
    Key {
        content: [content; 32],
        engine: "cpu".to_owned(),
        machine: "avx2".to_owned(),
        options: "exact".to_owned(),
    }
}

fn set_age(path: &Path, seconds: u64) {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_is_put_is_there_for_the_next_process() {
    let place = Place::new();
    place.open().scope(&key(1)).put("plan", b"bytes");
    let cache = place.open();
    assert_eq!(cache.scope(&key(1)).get("plan").as_deref(), Some(&b"bytes"[..]));
    assert_eq!(cache.scope(&key(1)).get("other"), None);
    assert_eq!(cache.counts(), Counts { hits: 1, misses: 1, ..Counts::default() });
    cache.scope(&key(1)).put("plan", b"");
    assert_eq!(cache.scope(&key(1)).get("plan").as_deref(), Some(&b""[..]));
    assert_eq!(place.artefacts().len(), 1);
}

#[test]
fn an_artefact_is_for_its_key_alone() {
    let place = Place::new();
    let cache = place.open();
    let known = key(1);
    cache.scope(&known).put("plan", b"bytes");
    let text = |text: &str| text.to_owned();
    for other in [
        key(2),
        Key { engine: text("gpu"), ..known.clone() },
        Key { machine: text("avx512"), ..known.clone() },
        Key { options: text("fast"), ..known.clone() },
        Key { engine: text("cpua"), machine: text("vx2"), ..known.clone() },
    ] {
        assert_eq!(cache.scope(&other).get("plan"), None, "{other:?}");
        // Nor is it where it lies under the name of another key's.
        cache.scope(&other).put("plan", b"x");
        let [first, second] = &place.artefacts()[..] else { panic!("two artefacts") };
        let (first_bytes, second_bytes) = (fs::read(first).unwrap(), fs::read(second).unwrap());
        fs::write(first, &second_bytes).unwrap();
        fs::write(second, &first_bytes).unwrap();
        assert_eq!(cache.scope(&other).get("plan"), None, "{other:?}");
        assert_eq!(cache.scope(&known).get("plan"), None);
        fs::remove_file(first).unwrap();
        fs::remove_file(second).unwrap();
        cache.scope(&known).put("plan", b"bytes");
    }
}

#[test]
fn a_file_with_any_byte_flipped_or_cut_at_any_length_is_not_there() {
    let place = Place::new();
    let cache = place.open();
    let scope = cache.scope(&key(1));
    scope.put("plan", b"a small artefact");
    let path = place.artefacts().remove(0);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for mask in [1, 0x80, 0xff] {
            let mut file = whole.clone();
            file[at] ^= mask;
            fs::write(&path, &file).unwrap();
            assert_eq!(scope.get("plan"), None, "byte {at} with {mask:#x}");
        }
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(scope.get("plan"), None, "{at} bytes of {}", whole.len());
    }
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert_eq!(scope.get("plan"), None, "a byte too much");
    let flawed = 4 * whole.len() as u64 + 1;
    assert_eq!(cache.counts().flawed, flawed);
    assert_eq!(cache.counts().failures, 0);

    scope.put("plan", b"anew");
    assert_eq!(scope.get("plan").as_deref(), Some(&b"anew"[..]));
}

#[test]
fn what_was_not_used_for_the_longest_time_makes_room() {
    let place = Place::new();
    let one = {
        let probe = Place::new();
        probe.open().scope(&key(0)).put("plan", &[0; 1000]);
        fs::metadata(&probe.artefacts()[0]).unwrap().len()
    };
    let cache = Cache::open_with_limit(&place.0, 3 * one).unwrap();
    for content in 0..3 {
        cache.scope(&key(content)).put("plan", &[content; 1000]);
        for path in place.artefacts() {
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            let time = time - Duration::from_secs(100);
            File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }
    }
    assert!(cache.scope(&key(0)).get("plan").is_some(), "it is used again");
    cache.scope(&key(3)).put("plan", &[3; 1000]);
    let there: Vec<bool> =
        (0..4).map(|content| cache.scope(&key(content)).get("plan").is_some()).collect();
    assert_eq!(there, [true, false, true, true]);
    assert_eq!(cache.counts().removed, 1);

    cache.scope(&key(4)).put("plan", &vec![4; 4 * one as usize]);
    assert_eq!(cache.scope(&key(4)).get("plan"), None, "larger than all the room");
    assert_eq!(place.artefacts().len(), 3);
    drop(Cache::open_with_limit(&place.0, one).unwrap());
    assert_eq!(place.artefacts().len(), 1, "opening with less room makes it");
}

#[test]
fn what_dead_writers_left_is_removed_and_what_living_ones_write_is_not() {
    let place = Place::new();
    let cache = place.open();
    let [dead, young, living] = ["1-1.tmp", "1-2.tmp", "1-3.tmp"].map(|name| place.0.join(name));
    for path in [&dead, &young, &living] {
        fs::write(path, b"anemone").unwrap();
    }
    let writer = File::options().write(true).open(&living).unwrap();
    writer.try_lock().unwrap();
    set_age(&dead, 3600);
    set_age(&living, 3600);
    cache.scope(&key(1)).put("plan", b"bytes");
    assert!(!dead.exists() && young.exists() && living.exists());
    drop(writer);
    place.open();
    assert!(!living.exists());
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let place = Place::new();
    fs::create_dir(&place.0).unwrap();
    fs::write(place.0.join("thesis.txt"), "").unwrap();
    assert!(matches!(Cache::open(&place.0), Err(CacheError::Foreign { .. })));
    assert_eq!(place.names(), ["thesis.txt"]);
    fs::remove_file(place.0.join("thesis.txt")).unwrap();
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# Another program's cache.\n";
    fs::write(place.0.join("CACHEDIR.TAG"), tag).unwrap();
    assert!(matches!(Cache::open(&place.0), Err(CacheError::Foreign { .. })));
    let file = place.0.join("CACHEDIR.TAG");
    assert!(matches!(Cache::open(&file), Err(CacheError::Foreign { .. })));

    // But the start of a cache, whose making was broken off, is made whole.
    fs::write(&file, &tag[..20]).unwrap();
    fs::write(place.0.join("7-0.tmp"), "Signature").unwrap();
    place.open();
}

#[test]
fn strangers_in_a_cache_stay() {
    let place = Place::new();
    place.open();
    let names = ["notes.txt", "x.artefact", "a-b.tmp"];
    for name in names {
        fs::write(place.0.join(name), [0; 100]).unwrap();
        set_age(&place.0.join(name), 1_000_000);
    }
    let cache = Cache::open_with_limit(&place.0, 1).unwrap();
    cache.scope(&key(1)).put("plan", b"too large");
    assert_eq!(place.names(), ["CACHEDIR.TAG", "a-b.tmp", "notes.txt", "x.artefact"]);
}

#[test]
fn a_cache_that_is_gone_is_empty() {
    let place = Place::new();
    let cache = place.open();
    let scope = cache.scope(&key(1));
    scope.put("plan", b"bytes");
    fs::remove_dir_all(&place.0).unwrap();
    assert_eq!(scope.get("plan"), None);
    scope.put("plan", b"bytes");
    assert_eq!(scope.get("plan"), None);
    assert_eq!(cache.counts().failures, 1);
    fs::write(&place.0, "a file now").unwrap();
    assert_eq!(scope.get("plan"), None);
    scope.put("plan", b"bytes");
    fs::remove_file(&place.0).unwrap();
}

#[test]
fn what_cannot_be_replaced_is_not_there() {
    let place = Place::new();
    let cache = place.open();
    let scope = cache.scope(&key(1));
    scope.put("plan", b"bytes");
    let path = place.artefacts().remove(0);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), "").unwrap();
    assert_eq!(scope.get("plan"), None);
    scope.put("plan", b"bytes");
    assert_eq!(scope.get("plan"), None);
    assert!(cache.counts().failures >= 1);
    assert!(!place.names().iter().any(|name| name.ends_with(".tmp")), "{:?}", place.names());
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_read_only_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let cache = place.open();
    cache.scope(&key(1)).put("plan", b"bytes");
    fs::set_permissions(&place.0, PermissionsExt::from_mode(0o555)).unwrap();
    let cache = place.open();
    assert_eq!(cache.scope(&key(1)).get("plan").as_deref(), Some(&b"bytes"[..]));
    // Root may write all the same.
    let may_write = File::create(place.0.join("probe")).is_ok();
    cache.scope(&key(2)).put("plan", b"new");
    assert_eq!(cache.scope(&key(2)).get("plan").is_some(), may_write);
    fs::set_permissions(&place.0, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn a_hundred_writers_and_readers_see_whole_artefacts_only() {
    let place = Place::new();
    let payload = |content: u8, writer: u8| vec![content ^ writer; 1000 + usize::from(writer)];
    thread::scope(|threads| {
        for writer in 0..100u8 {
            let place = &place;
            threads.spawn(move || {
                let cache = place.open();
                for round in 0..4 {
                    let content = (writer + round) % 5;
                    let scope = cache.scope(&key(content));
                    if writer % 2 == 0 {
                        scope.put("plan", &payload(content, writer));
                    }
                    if let Some(bytes) = scope.get("plan") {
                        let by = u8::try_from(bytes.len() - 1000).unwrap();
                        assert_eq!(bytes, payload(content, by));
                    }
                }
                assert_eq!((cache.counts().flawed, cache.counts().failures), (0, 0));
            });
        }
    });
    assert_eq!(place.artefacts().len(), 5);
    assert_eq!(place.names().len(), 6, "{:?}", place.names());
}

#[test]
fn many_that_make_room_at_once_leave_what_was_put_last() {
    let place = Place::new();
    place.open();
    thread::scope(|threads| {
        for content in 0..20u8 {
            let place = &place;
            threads.spawn(move || {
                let cache = Cache::open_with_limit(&place.0, 3000).unwrap();
                cache.scope(&key(content)).put("plan", &[content; 1000]);
                assert_eq!(cache.counts().failures, 0);
            });
        }
    });
    drop(Cache::open_with_limit(&place.0, 3000).unwrap());
    let left = place.artefacts().len();
    assert!((1..=2).contains(&left), "{left}");
}

fn measured(runs: u64, mean_seconds: f64) -> Measured {
    Measured { runs, mean_seconds }
}

fn costs(costs: &[(&str, Measured)]) -> BTreeMap<String, Measured> {
    costs.iter().map(|(shape, measured)| ((*shape).to_owned(), *measured)).collect()
}

#[test]
fn costs_of_several_processes_are_averaged() {
    let place = Place::new();
    let cache = place.open();
    let first = Costs::new(&cache, [1; 32], "cpu", "avx2");
    let second = Costs::new(&place.open(), [1; 32], "cpu", "avx2");
    assert!(first.add(&costs(&[("8x16", measured(1, 4.0)), ("1x16", measured(2, 1.0))])));
    assert!(second.add(&costs(&[("8x16", measured(3, 8.0)), ("8x32", measured(1, 9.0))])));
    let expected = costs(&[
        ("1x16", measured(2, 1.0)),
        ("8x16", measured(4, 7.0)),
        ("8x32", measured(1, 9.0)),
    ]);
    assert_eq!(first.load(), expected);
    for (content, engine, machine) in [(2, "cpu", "avx2"), (1, "gpu", "avx2"), (1, "cpu", "neon")] {
        assert!(Costs::new(&cache, [content; 32], engine, machine).load().is_empty());
    }
}

#[test]
fn costs_that_make_no_sense_are_left_out() {
    let place = Place::new();
    let cache = place.open();
    let remembered = Costs::new(&cache, [1; 32], "cpu", "avx2");
    let nonsense = [
        ("a", measured(0, 1.0)),
        ("b", measured(1, f64::NAN)),
        ("c", measured(1, -1.0)),
        ("d", measured(u64::MAX, 1.0)),
    ];
    assert!(remembered.add(&costs(&nonsense)));
    assert!(remembered.add(&costs(&nonsense)));
    assert_eq!(remembered.load(), costs(&[("d", measured(u64::MAX, 1.0))]));
}

#[test]
fn the_costs_of_rare_shapes_make_room() {
    let place = Place::new();
    let remembered = Costs::new(&place.open(), [1; 32], "cpu", "avx2");
    let many: BTreeMap<_, _> =
        (0..1500).map(|shape| (format!("{shape}"), measured(shape + 1, 1.0))).collect();
    assert!(remembered.add(&many));
    let kept = remembered.load();
    assert_eq!(kept.len(), 1024);
    assert!(kept.contains_key("1499") && !kept.contains_key("0"));
}

#[test]
fn no_cost_is_lost_where_many_add_theirs() {
    let place = Place::new();
    place.open();
    thread::scope(|threads| {
        for _ in 0..10 {
            threads.spawn(|| {
                let remembered = Costs::new(&place.open(), [1; 32], "cpu", "avx2");
                for _ in 0..5 {
                    while !remembered.add(&costs(&[("1x16", measured(1, 2.0))])) {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    let remembered = Costs::new(&place.open(), [1; 32], "cpu", "avx2");
    assert_eq!(remembered.load(), costs(&[("1x16", measured(50, 2.0))]));
}
