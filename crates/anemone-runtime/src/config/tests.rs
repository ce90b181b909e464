//! Settings from every source, what may be wrong with them, and how it is told.

use std::ffi::OsString;
use std::path::Path;

use anemone_engine::ErrorKind;
use proptest::prelude::*;

use super::*;

const FILE: &str = "some/anemone.toml";

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let variables: Vec<(OsString, OsString)> =
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    sources::merge(Some((Path::new(FILE), Ok(text.to_owned()))), variables)
}

fn faults(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let errors = load(text, variables).unwrap_err();
    errors.faults().iter().map(ToString::to_string).collect()
}

fn count(n: usize) -> Option<NonZeroUsize> {
    NonZeroUsize::new(n)
}

#[test]
fn the_sample_file_has_every_key_with_its_default() {
    let text = include_str!("../../../../docs/anemone.toml");
    assert_eq!(load(text, &[]).unwrap(), Config::default());
    let mut keys = Vec::new();
    let mut table = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ") {
            keys.push(if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") });
        }
    }
    keys.sort();
    assert_eq!(keys, sources::fields());
}

#[test]
fn variables_go_before_the_file_and_the_file_before_defaults() {
    let text = "grace = '1s'\nthreads = 3\n[queue]\nrequests = 7\nbytes = '1KiB'\n";
    let variables =
        [("ANEMONE_QUEUE__REQUESTS", "500"), ("ANEMONE_THREADS", "auto"), ("PATH", "/bin")];
    let found = load(text, &variables).unwrap();
    let queue = Queue { requests: 500, bytes: 1024, ..Queue::default() };
    let grace = Duration::from_secs(1);
    assert_eq!(found, Config { grace, queue, ..Config::default() });
    assert_eq!(load("", &[]).unwrap(), Config::default());
}

#[test]
fn every_field_is_read_from_both_sources() {
    let expected = Config {
        max_concurrent_operations: count(4),
        memory_budget: Some(2_000_000_000),
        default_time_limit: None,
        shutdown_time_limit: Duration::ZERO,
        max_waiting: 0,
        queue: Queue { requests: 1, rows: 2000, tokens: 3000, bytes: 5 },
        device: Device::CpuAndGpu,
        fallback: vec![Unit::Gpu, Unit::Cpu],
        threads: count(2),
        precision: Precision::Int8,
        batching: BatchingDefaults {
            enabled: true,
            max_rows: 8,
            max_tokens: None,
            max_delay: Duration::from_micros(500),
        },
        grace: Duration::from_secs(120),
        reject_non_finite: true,
        cache_folder: Some("a folder/here".into()),
        monitoring: Monitoring { sensors: false, interval: Duration::from_millis(20) },
        idle_sessions: 0,
    };
    let text = "
        max-concurrent-operations = 4
        memory-budget = '2GB'
        default-time-limit = 'none'
        shutdown-time-limit = '0s'
        max-waiting = 0
        queue = { requests = 1, rows = '2_000', tokens = 3_000, bytes = 5 }
        device = 'cpu-and-gpu'
        fallback = ['gpu', 'cpu']
        threads = 2
        precision = 'int8'
        batching = { enabled = true, max-rows = 8, max-tokens = 'unlimited', max-delay = '500us' }
        grace = '2m'
        reject-non-finite = true
        cache-folder = 'a folder/here'
        monitoring.sensors = false
        monitoring.interval = '20ms'
        idle-sessions = 0";
    assert_eq!(load(text, &[]).unwrap(), expected);
    let variables = [
        ("ANEMONE_MAX_CONCURRENT_OPERATIONS", "4"),
        ("ANEMONE_MEMORY_BUDGET", "2 GB"),
        ("ANEMONE_DEFAULT_TIME_LIMIT", "none"),
        ("ANEMONE_SHUTDOWN_TIME_LIMIT", "0ms"),
        ("ANEMONE_MAX_WAITING", "0"),
        ("ANEMONE_QUEUE__REQUESTS", "1"),
        ("ANEMONE_QUEUE__ROWS", "2000"),
        ("ANEMONE_QUEUE__TOKENS", "3000"),
        ("ANEMONE_QUEUE__BYTES", "5"),
        ("ANEMONE_DEVICE", "CPU_AND_GPU"),
        ("ANEMONE_FALLBACK", "gpu, cpu"),
        ("ANEMONE_THREADS", "2"),
        ("ANEMONE_PRECISION", "int8"),
        ("ANEMONE_BATCHING__ENABLED", "true"),
        ("ANEMONE_BATCHING__MAX_ROWS", "8"),
        ("ANEMONE_BATCHING__MAX_TOKENS", "unlimited"),
        ("ANEMONE_BATCHING__MAX_DELAY", "500us"),
        ("ANEMONE_GRACE", "120s"),
        ("ANEMONE_REJECT_NON_FINITE", "true"),
        ("ANEMONE_CACHE_FOLDER", "a folder/here"),
        ("ANEMONE_MONITORING__SENSORS", "false"),
        ("ANEMONE_MONITORING__INTERVAL", "20ms"),
        ("ANEMONE_IDLE_SESSIONS", "0"),
    ];
    assert_eq!(load("", &variables).unwrap(), expected);
    assert_eq!(variables.len(), sources::fields().len());
}

#[test]
fn a_builder_tells_every_fault_at_once() {
    let errors = Config::builder()
        .max_concurrent_operations(count(70_000))
        .threads(count(5000))
        .memory_budget(Some(0))
        .default_time_limit(Some(Duration::ZERO))
        .shutdown_time_limit(Duration::MAX)
        .max_waiting(usize::MAX)
        .grace(Duration::ZERO)
        .idle_sessions(9999)
        .queue(Queue { requests: 0, rows: 0, tokens: 0, bytes: 0 })
        .batching(BatchingDefaults {
            enabled: false,
            max_rows: 0,
            max_tokens: Some(0),
            max_delay: Duration::from_secs(61),
        })
        .monitoring(Monitoring { sensors: true, interval: Duration::ZERO })
        .cache_folder(Some(PathBuf::new()))
        .fallback(vec![Unit::Cpu, Unit::Cpu])
        .build()
        .unwrap_err();
    let found: Vec<&str> = errors.faults().iter().filter_map(ConfigFault::field).collect();
    let expected = [
        "max-concurrent-operations",
        "threads",
        "memory-budget",
        "default-time-limit",
        "shutdown-time-limit",
        "grace",
        "max-waiting",
        "idle-sessions",
        "queue.requests",
        "queue.rows",
        "queue.tokens",
        "queue.bytes",
        "batching.max-rows",
        "batching.max-tokens",
        "batching.max-delay",
        "monitoring.interval",
        "cache-folder",
        "fallback",
    ];
    assert_eq!(found, expected);
    assert_eq!(errors.kind(), ErrorKind::Invalid);
    let text = errors.to_string();
    assert_eq!(text.lines().count(), expected.len());
    let line = "`threads` is 5000; allowed is 1 to 1024 (`auto` takes one for each core)";
    assert_eq!(text.lines().nth(1), Some(line));
    assert_eq!(Config::builder().build().unwrap(), Config::default());
}

#[test]
fn fields_that_contradict_each_other_are_told() {
    let text = "device = 'cpu-only'\nfallback = 'gpu'\ndefault-time-limit = '1ms'
        [queue]\nrows = 16\ntokens = 100";
    let found = faults(text, &[("ANEMONE_BATCHING__MAX_TOKENS", "101")]);
    let expected = [
        "`batching.max-rows` is 32; allowed is at most 16, which is `queue.rows`",
        "`batching.max-tokens` by `ANEMONE_BATCHING__MAX_TOKENS` is 101; \
         allowed is at most 100, which is `queue.tokens`",
        "`batching.max-delay` is 2ms; allowed is less than 1ms, the `default-time-limit`",
        "`fallback` in `some/anemone.toml` is gpu; \
         allowed is what `device` permits, which is `cpu-only`",
    ];
    assert_eq!(found, expected);
    assert_eq!(load("fallback = 'none'", &[]).unwrap().fallback, []);
    assert_eq!(load("fallback = []", &[]).unwrap().fallback, []);
}

#[test]
fn bad_values_are_told_with_their_place_and_what_is_allowed() {
    for (line, allowed) in [
        ("grace = 30", "a whole number with a unit"),
        ("grace = '1.5s'", "a whole number with a unit"),
        ("grace = '-1s'", "a whole number with a unit"),
        ("grace = '5 minutes'", "a whole number with a unit"),
        ("grace = '99999999999999999999999999999999999999999d'", "a whole number with a unit"),
        ("grace = 'none'", "a whole number with a unit"),
        ("grace = 1979-05-27", "a whole number with a unit"),
        ("default-time-limit = true", "`none` or a whole number with a unit"),
        ("max-waiting = -1", "a whole number"),
        ("max-waiting = 1.0", "a whole number"),
        ("max-waiting = [1]", "a whole number"),
        ("max-waiting = ''", "a whole number"),
        ("threads = 0", "`auto` or a whole number of at least 1"),
        ("memory-budget = '1XB'", "`auto` or `unlimited` or a whole number, or one"),
        ("memory-budget = '16777216TiB'", "`auto` or `unlimited` or a whole number, or one"),
        ("queue.bytes = 'unlimited'", "a whole number, or one"),
        ("device = 'gpu'", "`all`, `cpu-only`, `cpu-and-gpu`, `cpu-and-neural-engine`"),
        ("fallback = ['cpu', 'tpu']", "`none`, or one or more of `cpu`, `gpu`, `neural-engine`"),
        ("fallback = ''", "`none`, or one or more of `cpu`, `gpu`, `neural-engine`"),
        ("fallback = [1]", "`none`, or one or more of `cpu`, `gpu`, `neural-engine`"),
        ("fallback = [{ a = 1 }]", "text, a number, a switch or a list"),
        ("precision = 'Fast'", "`exact`, `fast`, `int8`"),
        ("reject-non-finite = 1", "`true` or `false`"),
        ("cache-folder = ''", "`none` or a folder's path"),
        ("queue = 5", "a table: `queue.bytes`, `queue.requests`, `queue.rows`, `queue.tokens`"),
        ("max-waiting = 99999999999", "0 to 4294967295"),
    ] {
        let (field, _) = line.split_once(" = ").unwrap();
        let found = faults(line, &[]);
        let start = format!("`{field}` in `{FILE}` is ");
        assert!(found.len() == 1 && found[0].starts_with(&start), "{line}: {found:?}");
        assert!(found[0].contains(&format!("; allowed is {allowed}")), "{line}: {found:?}");
    }
}

#[test]
fn all_faults_of_all_sources_are_told_at_once() {
    let text = "grace = 1\nqeue = 2\n[queue]\nrequests = 0\n";
    let found = faults(text, &[("ANEMONE_THREADS", "-1"), ("ANEMONE_QUEUE__ROWS", "0")]);
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found[3].starts_with("`queue.requests` in `some/anemone.toml` is 0"), "{found:#?}");
    assert!(found[4].starts_with("`queue.rows` by `ANEMONE_QUEUE__ROWS` is 0"), "{found:#?}");
}

#[test]
fn a_misspelt_key_is_told_with_the_nearest_one() {
    for (line, field, nearest) in [
        ("max_waiting = 1", "max_waiting", "; `max-waiting` is"),
        ("[queue]\nreqeusts = 1", "queue.reqeusts", "; `queue.requests` is"),
        ("requests = 1", "requests", "; `queue.requests` is"),
        ("queue.requests.more = 1", "queue.requests.more", ""),
        ("'queue.rows' = 1", "\"queue.rows\"", "; `queue.rows` is"),
        ("colour = 1", "colour", ""),
        ("[colours]", "colours", ""),
    ] {
        let expected = format!("`{field}` in `{FILE}` is no setting{nearest}");
        assert_eq!(faults(line, &[]), [expected]);
    }
    assert!(load("[queue]\n", &[]).is_ok());
}

#[test]
fn a_variable_that_is_like_no_setting_belongs_to_somebody_else() {
    assert_eq!(load("", &[("ANEMONE_SEED", "1"), ("ANEMONE_", "")]).unwrap(), Config::default());
    for (name, field, nearest) in [
        ("ANEMONE_QUEUE_REQUESTS", "queue-requests", "; `ANEMONE_QUEUE__REQUESTS` is"),
        ("ANEMONE_GRAEC", "graec", "; `ANEMONE_GRACE` is"),
        ("ANEMONE_QUEUE__COLOUR", "queue.colour", ""),
    ] {
        let expected = format!("`{field}` by `{name}` is no setting{nearest}");
        assert_eq!(faults("", &[(name, "1")]), [expected]);
    }
}

#[test]
fn one_setting_from_two_variables_or_two_keys_is_a_fault() {
    let found = faults("", &[("ANEMONE_GRACE", "1s"), ("ANEMONE_grace", "2s")]);
    assert_eq!(found, ["`grace` is given twice: by `ANEMONE_GRACE` by `ANEMONE_grace`"]);
    let errors = load("grace = '1s'\ngrace = '2s'", &[]).unwrap_err();
    assert!(matches!(&errors.faults()[0], ConfigFault::File { .. }));
    let found = errors.to_string();
    assert!(found.starts_with("`some/anemone.toml`: TOML parse error at line 2"), "{found}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_a_fault() {
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(vec![b'a', 0xff]);
    let variables = [("ANEMONE_CACHE_FOLDER".into(), value.clone()), ("OTHER".into(), value)];
    let errors = sources::merge(None, variables).unwrap_err();
    assert!(errors.to_string().ends_with("allowed is text in UTF-8"), "{errors}");
}

#[test]
fn a_file_that_is_not_there_is_not_found() {
    let errors = Config::load(Some(Path::new("no/such/file.toml"))).unwrap_err();
    assert_eq!(errors.kind(), ErrorKind::NotFound);
    assert!(errors.to_string().starts_with("`no/such/file.toml`: "));
    let unread = std::io::Error::from(std::io::ErrorKind::NotFound);
    let variables = [("ANEMONE_GRACE".into(), "1".into())];
    let errors = sources::merge(Some((Path::new("a"), Err(unread))), variables).unwrap_err();
    assert_eq!(errors.faults().len(), 2, "what the variables say is told as well");
}

#[test]
fn padding_has_rules_of_its_own() {
    let rule = |input: &str, axis, value| PadRule { input: input.into(), axis, value };
    let pad = vec![rule("ids", 1, 0.0), rule("mask", 1, f64::NEG_INFINITY)];
    let good = Batching { pad, ..Batching::default() };
    good.check(&Config::default()).unwrap();
    let pad = vec![
        rule("", 1, 0.0),
        rule("ids", 0, f64::NAN),
        rule("mask", 1, 0.0),
        rule("mask", 1, 1.0),
    ];
    let bad = Batching { max_rows: 70_000, max_tokens: Some(0), pad, ..Batching::default() };
    let errors = bad.check(&Config::default()).unwrap_err();
    let found: Vec<&str> = errors.faults().iter().filter_map(ConfigFault::field).collect();
    let expected = [
        "batching.max-tokens",
        "batching.max-rows",
        "batching.pad.0.input",
        "batching.pad.1.axis",
        "batching.pad.1.value",
        "batching.pad.3.axis",
    ];
    assert_eq!(found, expected);
    let text = toml::to_string(&good).unwrap();
    assert_eq!(toml::from_str::<Batching>(&text).unwrap(), good);
}

fn durations() -> impl Strategy<Value = Duration> {
    let any = (any::<u64>(), 0u32..1_000_000_000).prop_map(|(s, n)| Duration::new(s, n));
    prop_oneof![any, (0u64..10_000).prop_map(Duration::from_millis)]
}

prop_compose! {
    fn configs()(
        counts in prop::array::uniform8(0..i64::MAX as usize),
        some in prop::array::uniform6(any::<bool>()),
        times in prop::array::uniform5(durations()),
        bytes in prop::array::uniform2(prop_oneof![any::<u64>(), Just(u64::MAX), 0u64..10_000_000]),
        device in prop::sample::select(&Device::EACH[..]),
        fallback in prop::collection::vec(
            prop::sample::select(vec![Unit::Cpu, Unit::Gpu, Unit::NeuralEngine]), 0..4),
        precision in prop::sample::select(vec![Precision::Exact, Precision::Fast, Precision::Int8]),
        folder in prop::option::of("[a-z0-9 ./]{5,12}[a-z]"),
    ) -> Config {
        Config {
            max_concurrent_operations: count(counts[0]).filter(|_| some[0]),
            memory_budget: some[1].then_some(bytes[0]),
            default_time_limit: some[2].then_some(times[0]),
            shutdown_time_limit: times[1],
            max_waiting: counts[1],
            queue: Queue {
                requests: counts[2],
                rows: counts[3],
                tokens: counts[4],
                bytes: bytes[1],
            },
            device,
            fallback,
            threads: count(counts[5]).filter(|_| some[3]),
            precision,
            batching: BatchingDefaults {
                enabled: some[4],
                max_rows: counts[6],
                max_tokens: some[5].then_some(counts[7]),
                max_delay: times[2],
            },
            grace: times[3],
            reject_non_finite: some[0],
            cache_folder: folder.map(|folder| folder.trim().into()),
            monitoring: Monitoring { sensors: some[1], interval: times[4] },
            idle_sessions: counts[1],
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_the_same(config in configs()) {
        let text = toml::to_string(&config).unwrap();
        prop_assert_eq!(&toml::from_str::<Config>(&text).unwrap(), &config, "{}", text);
        let text = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Config>(&text).unwrap(), &config, "{}", text);
    }

    #[test]
    fn no_file_and_no_variable_panics(
        text in "([a-z.-]{1,9} = [0-9a-z'\\[\\]{}.,-]{0,9}\n){0,4}",
        name in "[A-Za-z_]{0,20}",
        value in "\\PC{0,12}",
    ) {
        let name = format!("ANEMONE_{name}");
        let _ = load(&text, &[(&name, &value), ("ANEMONE_GRACE", &value)]);
        let _ = load("", &[("ANEMONE_FALLBACK", &value), ("ANEMONE_QUEUE__BYTES", &value)]);
    }
}
