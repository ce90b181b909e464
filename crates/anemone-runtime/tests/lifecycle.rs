//! Models that come, are replaced, evicted and gone; conversations, admissions, and what is kept.

mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anemone_engine::{Array, Value};
use anemone_runtime::artificial::{
    Artificial, ArtificialEngine, ArtificialMemory, ArtificialModel, Cost, Fault, Gate, Live, When,
};
use anemone_runtime::sensors::NoSensors;
use anemone_runtime::{
    Compilation, ConfigBuilder, Demand, EngineInfo, Error, Identity, LoadError, Loaded, Loader,
    Manager, Model, ModelOptions, Preload, Queue, Resource, Unit,
};
use world::{
    config, load, manager, manager_of, numbers, plain, poll_once, settled, summary, until, wait,
};

fn held(constants: usize) -> ArtificialModel {
    let memory = ArtificialMemory { constants, arena: 64, ..ArtificialMemory::default() };
    ArtificialModel { memory, ..ArtificialModel::rows(4) }
}

fn inputs(seed: u64) -> Vec<Value> {
    held(0).request(1, 4, seed)
}

fn right(model: &Model, seed: u64) {
    let inputs = inputs(seed);
    let expected = held(0).expected(&inputs).unwrap();
    assert_eq!(model.infer_blocking(inputs, &plain()).unwrap().outputs, expected);
}

/// A budget of so many bytes beside 100 for inputs that wait.
fn tight(bytes: u64) -> ConfigBuilder {
    let queue = Queue { bytes: 100, ..Queue::default() };
    config().memory_budget(Some(bytes + 100)).queue(queue)
}

fn names(manager: &Manager) -> Vec<String> {
    let loaded = manager.models().into_iter().filter(|model| model.is_loaded);
    loaded.map(|model| model.name).collect()
}

#[test]
fn versions_count_up_and_the_last_one_is_current() {
    let world = Artificial::new();
    world.add("sum", held(1000));
    let manager = manager(&world);
    let numbered = |version| ModelOptions { version, ..ModelOptions::default() };
    let model = load(&manager, "sum", numbered(None));
    assert_eq!(model.version().unwrap(), 1);
    load(&manager, "sum", numbered(Some(7)));
    load(&manager, "sum", numbered(None));
    assert_eq!(model.version().unwrap(), 8);
    let taken = manager.load_blocking("sum", Path::new("sum"), numbered(Some(7)));
    assert!(matches!(taken, Err(Error::AlreadyLoaded { version: 7, .. })));
    let first = manager.model_version("sum", 1).unwrap();
    assert_eq!(first.infer_blocking(inputs(1), &plain()).unwrap().version, 1);
    assert_eq!(model.infer_blocking(inputs(1), &plain()).unwrap().version, 8);
    manager.unload("sum", Some(8)).unwrap();
    assert_eq!(model.version().unwrap(), 7);
    assert!(matches!(manager.unload("sum", Some(8)), Err(Error::ModelNotFound { .. })));
    manager.unload("sum", None).unwrap();
    assert!(matches!(model.infer_blocking(inputs(1), &plain()), Err(Error::ModelNotFound { .. })));
    assert_eq!((settled(&manager).bytes, world.live()), (0, Live::default()));
}

#[test]
fn one_file_under_two_names_is_one_plan() {
    let world = Artificial::new();
    world.add("sum", held(1000));
    let manager = manager(&world);
    load(&manager, "sum", ModelOptions::default());
    let other = manager.load_blocking("other", Path::new("sum"), ModelOptions::default()).unwrap();
    assert_eq!((world.loads().len(), world.live().plans), (1, 1));
    assert_eq!(settled(&manager).bytes, 1000);
    manager.unload("sum", None).unwrap();
    right(&other, 1);
    // Other contents at the same path are another plan.
    world.add("sum", ArtificialModel { version: 1, ..held(500) });
    load(&manager, "sum", ModelOptions::default());
    assert_eq!(world.live().plans, 2);
    manager.unload("other", None).unwrap();
    assert_eq!(settled(&manager).bytes, 500);
}

#[test]
fn concurrent_loads_of_one_file_compile_once() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", held(1000));
    world.fault("sum", Fault::LoadHang(gate.clone()), When::Always);
    let manager = manager(&world);
    std::thread::scope(|scope| {
        let loads: Vec<_> = ["a", "a", "b", "a"]
            .into_iter()
            .map(|name| {
                let manager = &manager;
                scope.spawn(move || {
                    wait(manager.load(name, Path::new("sum"), ModelOptions::default())).map(drop)
                })
            })
            .collect();
        let is_told = |told: &str| told.matches("is being loaded").count() == 4;
        until(|| is_told(&manager.health_check().to_string()));
        gate.open();
        for load in loads {
            load.join().unwrap().unwrap();
        }
    });
    assert_eq!((world.loads().len(), gate.started()), (1, 1));
    let mut versions: Vec<_> =
        manager.models().into_iter().map(|model| (model.name, model.version)).collect();
    versions.sort();
    let expected = [("a", 1), ("a", 2), ("a", 3), ("b", 1)];
    assert_eq!(versions, expected.map(|(name, version)| (name.to_owned(), version)));
    assert_eq!(settled(&manager).bytes, 1000);
}

#[test]
fn a_preload_goes_on_after_a_failure_and_tells_how_far_it_is() {
    fn movable<T: Send>(future: T) -> T {
        future
    }
    let world = Artificial::new();
    ["a", "b", "c"].iter().for_each(|name| world.add(name, held(10)));
    world.fault("b", Fault::LoadPanic, When::Always);
    let manager = manager(&world);
    let models = ["a", "b", "nowhere", "c"].map(|name| Preload {
        name: name.to_owned(),
        path: name.into(),
        options: ModelOptions::default(),
    });
    let told = std::sync::Mutex::new(Vec::new());
    let outcomes = wait(movable(manager.preload(models.into(), |progress| {
        let name = progress.name.to_owned();
        told.lock().unwrap().push((progress.done, progress.all, name, progress.is_loaded));
    })));
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
    let told = told.into_inner().unwrap();
    let told: Vec<_> =
        told.iter().map(|(n, all, name, ok)| (*n, *all, name.as_str(), *ok)).collect();
    assert_eq!(
        told,
        [(1, 4, "a", true), (2, 4, "b", false), (3, 4, "nowhere", false), (4, 4, "c", true)]
    );
    assert_eq!(names(&manager), ["a", "c"]);
}

#[test]
fn a_warm_up_leaves_a_session_for_the_next_run() {
    let world = Artificial::new();
    world.add("sum", held(1000));
    let manager = manager(&world);
    let model = load(&manager, "sum", ModelOptions::default());
    wait(model.warm_up(inputs(1))).unwrap();
    assert_eq!((settled(&manager).bytes, world.live().sessions), (1064, 1));
    right(&model, 2);
    assert_eq!((settled(&manager).bytes, world.live().sessions), (1064, 1));
}

#[test]
fn a_replacement_loses_no_request_and_frees_the_old_one() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("sum", ArtificialModel { cost: Cost::gate(&gate), ..held(1000) });
    let one = config().max_concurrent_operations(Some(1.try_into().unwrap()));
    let manager = manager_of(&world, one);
    let model = load(&manager, "sum", ModelOptions::default());
    std::thread::scope(|scope| {
        let ask = |seed| {
            let model = &model;
            scope.spawn(move || model.infer_blocking(inputs(seed), &plain()).unwrap().version)
        };
        let running = ask(1);
        gate.wait_for_started(1);
        let waiting = [ask(2), ask(3)];
        until(|| manager.models()[0].queued == 2);
        world.add("sum", ArtificialModel { version: 1, ..held(500) });
        let new = manager.replace("sum", Path::new("sum"), ModelOptions::default());
        assert_eq!(wait(new).unwrap().version().unwrap(), 2);
        assert_eq!(manager.models().len(), 1);
        let new = ask(4);
        gate.open();
        assert_eq!(running.join().unwrap(), 1);
        waiting.into_iter().for_each(|caller| assert_eq!(caller.join().unwrap(), 1));
        assert_eq!(new.join().unwrap(), 2);
    });
    until(|| world.live().plans == 1);
    // A run keeps its session unless others wait for an operation when it ends.
    until(|| settled(&manager).bytes == 500 + 64 * world.live().sessions as u64);
}

#[test]
fn what_waits_for_a_model_that_is_taken_out_is_served_on_any_engine() {
    let gate = Gate::new();
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    world.add("sum", ArtificialModel { cost: Cost::gate(&gate), ..held(1000) });
    let one = config().max_concurrent_operations(Some(1.try_into().unwrap()));
    let manager = manager_of(&world, one);
    let model = load(&manager, "sum", ModelOptions::default());
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..6)
            .map(|seed| {
                scope.spawn({
                    let model = &model;
                    move || right(model, seed)
                })
            })
            .collect();
        gate.wait_for_started(1);
        until(|| manager.models()[0].queued == 5);
        manager.unload("sum", None).unwrap();
        let usage = manager.performance_summary().usage;
        assert!(usage.memory.iter().any(|own| own.owner == "queued_inputs" && own.bytes == 80));
        gate.open();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    });
    assert!(world.runs().iter().any(|run| run.engine == "artificial-2"));
    until(|| world.live() == Live::default());
    assert_eq!(settled(&manager).bytes, 0);
}

#[test]
fn the_longest_unused_model_makes_room_and_comes_back_by_itself() {
    let world = Artificial::new();
    ["a", "b", "c"].iter().for_each(|name| world.add(name, held(1000)));
    let manager = manager_of(&world, tight(2200));
    let a = load(&manager, "a", ModelOptions::default());
    let b = load(&manager, "b", ModelOptions::default());
    // Times of use are whole milliseconds.
    let other = std::time::Instant::now() + Duration::from_millis(3);
    wait(anemone_runtime::Timer::default().sleep_until(other)).unwrap();
    right(&a, 1);
    load(&manager, "c", ModelOptions::default());
    assert_eq!(names(&manager), ["a", "c"]);
    right(&b, 2);
    assert!(names(&manager).contains(&"b".to_owned()));
    let activity = summary(&manager, "b").performance.since_start;
    assert_eq!((activity.loads, activity.reloads, activity.evictions), (1, 1, 1));
    assert!(settled(&manager).bytes <= 2200);
    assert_eq!(world.live().plans, 2);
}

#[test]
fn what_is_pinned_in_use_or_talked_with_is_not_evicted() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("pinned", held(1000));
    world.add("busy", ArtificialModel { cost: Cost::gate(&gate), ..held(1000) });
    world
        .add("talk", ArtificialModel { memory: held(1000).memory, ..ArtificialModel::sequence(4) });
    world.add("new", held(1000));
    let manager =
        manager_of(&world, tight(3300).default_time_limit(Some(Duration::from_millis(50))));
    load(&manager, "pinned", ModelOptions { pinned: true, ..ModelOptions::default() });
    let busy = load(&manager, "busy", ModelOptions::default());
    let talk = load(&manager, "talk", ModelOptions::default());
    let sequence = wait(talk.sequence()).unwrap();
    std::thread::scope(|scope| {
        let hour = anemone_runtime::InferenceOptions::within(Duration::from_secs(3600));
        let running = scope.spawn(|| {
            let hour = hour;
            busy.infer_blocking(inputs(1), &hour)
        });
        gate.wait_for_started(1);
        let late = wait(manager.load("new", Path::new("new"), ModelOptions::default()));
        assert!(matches!(late, Err(Error::TimedOut { .. })), "{late:?}");
        assert_eq!(names(&manager), ["busy", "pinned", "talk"]);
        // Who waits gets the memory as soon as somebody can do without it.
        let hold = manager.pool().statistics().in_use.bytes;
        assert!(hold <= 3300);
        let mut waiting = Box::pin(manager.load("new", Path::new("new"), ModelOptions::default()));
        assert!(poll_once(waiting.as_mut()).is_pending());
        until(|| manager.pool().statistics().waiting == 1);
        drop(sequence);
        assert!(wait(waiting).is_ok());
        gate.open();
        running.join().unwrap().unwrap();
    });
    assert_eq!(names(&manager), ["busy", "new", "pinned"]);
}

#[test]
fn what_never_fits_is_refused_at_once_with_figures() {
    let world = Artificial::new();
    world.add("huge", held(5000));
    let manager = manager_of(&world, tight(2000));
    let error =
        manager.load_blocking("huge", Path::new("huge"), ModelOptions::default()).unwrap_err();
    assert!(matches!(
        error,
        Error::ResourceLimit { resource: Resource::Memory, needed: 5000, limit: 2000 }
    ));
    // Packed weights show only when it is compiled.
    let memory = ArtificialMemory { constants: 100, packed: 5000, ..ArtificialMemory::default() };
    world.add("packed", ArtificialModel { memory, ..ArtificialModel::rows(4) });
    let error =
        manager.load_blocking("packed", Path::new("packed"), ModelOptions::default()).unwrap_err();
    assert!(matches!(error, Error::ResourceLimit { needed: 5100, limit: 2000, .. }));
    assert_eq!((settled(&manager).bytes, world.live()), (0, Live::default()));
}

#[test]
fn idle_sessions_are_given_up_where_memory_is_short() {
    let world = Artificial::new();
    world.add("sum", held(1000));
    world.add("new", held(1000));
    let manager = manager_of(&world, tight(2100));
    let model = load(&manager, "sum", ModelOptions { pinned: true, ..ModelOptions::default() });
    wait(model.warm_up(inputs(1))).unwrap();
    settled(&manager);
    let admission = wait(model.request_admission(&[vec![1, 4]], &plain())).unwrap();
    assert_eq!(admission.bytes(), 64 + 16 + 4);
    drop(admission);
    wait(model.warm_up(inputs(1))).unwrap();
    assert_eq!(settled(&manager).bytes, 1064);
    load(&manager, "new", ModelOptions { pinned: true, ..ModelOptions::default() });
    assert_eq!(settled(&manager).bytes, 2064);
    right(&model, 1);
    world.add("more", held(90));
    load(&manager, "more", ModelOptions::default());
    assert_eq!((settled(&manager).bytes, world.live().sessions), (2090, 0));
}

fn talker(constants: usize) -> ArtificialModel {
    let memory = held(constants).memory;
    ArtificialModel { memory, ..ArtificialModel::sequence(4) }
}

#[test]
fn conversations_keep_their_own_state_whatever_replaces_the_model() {
    let world = Artificial::new();
    world.add("talk", talker(1000));
    let manager = manager(&world);
    let model = load(&manager, "talk", ModelOptions::default());
    let (mut a, mut b) = (wait(model.sequence()).unwrap(), wait(model.sequence()).unwrap());
    assert_eq!((settled(&manager).bytes, world.live().states), (1008, 2));
    let own = talker(0);
    let (one, two) = (own.request(1, 4, 1), own.request(2, 4, 2));
    let said = |outputs: &[Value]| numbers(outputs);
    let first = wait(a.infer(one.clone(), &plain())).unwrap();
    assert_eq!(first.outputs, own.expected(&one).unwrap());
    let other = wait(b.infer(two.clone(), &plain())).unwrap();
    assert_eq!(other.outputs, own.expected(&two).unwrap());
    world.add("talk", ArtificialModel { version: 1, ..talker(500) });
    wait(manager.replace("talk", Path::new("talk"), ModelOptions::default())).unwrap();
    let second = wait(a.infer(two.clone(), &plain())).unwrap();
    assert_eq!(second.version, 1);
    assert_eq!(second.outputs, own.expected_after(&[&one], &two).unwrap());
    let state = a.read(0).unwrap().to_tensor().to_f32();
    assert_eq!(state.last(), said(&second.outputs).last());
    a.write(0, &Array::from_f32(vec![1], &[0.0]).unwrap()).unwrap();
    assert_eq!(wait(a.infer(one.clone(), &plain())).unwrap().outputs, own.expected(&one).unwrap());
    assert_eq!(wait(wait(model.sequence()).unwrap().infer(one, &plain())).unwrap().version, 2);
    drop((a, b));
    until(|| world.live().states == 0 && world.live().plans == 1);
    assert_eq!(settled(&manager).bytes, 500 + manager.models()[0].idle_bytes);
}

#[test]
fn an_abandoned_run_ends_its_conversation_and_no_other() {
    let (world, gate) = (Artificial::new(), Gate::new());
    world.add("talk", ArtificialModel { cost: Cost::gate(&gate), ..talker(1000) });
    let one = config().max_concurrent_operations(Some(1.try_into().unwrap()));
    let manager = manager_of(&world, one);
    let model = load(&manager, "talk", ModelOptions::default());
    let (mut a, mut b) = (wait(model.sequence()).unwrap(), wait(model.sequence()).unwrap());
    let options = plain();
    let mut running = Box::pin(a.infer(inputs(1), &options));
    assert!(poll_once(running.as_mut()).is_pending());
    gate.wait_for_started(1);
    // What only waited goes on as if nothing had been.
    let mut waiting = Box::pin(b.infer(inputs(1), &options));
    assert!(poll_once(waiting.as_mut()).is_pending());
    drop(waiting);
    drop(running);
    gate.open();
    let lost = wait(a.infer(inputs(1), &options)).unwrap_err();
    assert!(matches!(&lost, Error::Unavailable { what, .. } if what == "sequence"), "{lost}");
    assert!(a.read(0).is_err());
    let own = talker(0);
    let answer = wait(b.infer(inputs(2), &options)).unwrap();
    assert_eq!(answer.outputs, own.expected(&inputs(2)).unwrap());
    settled(&manager);
    until(|| world.live().states == 1);
    drop((a, b));
    assert_eq!(settled(&manager).bytes, 1000 + manager.models()[0].idle_bytes);
}

#[test]
fn a_conversation_that_begins_where_memory_is_short_keeps_its_own_model() {
    let world = Artificial::new();
    world.add("talk", talker(1000));
    let manager = manager_of(&world, tight(2000));
    let model = load(&manager, "talk", ModelOptions::default());
    let others = manager.pool().try_admit(Demand { operations: 0, bytes: 999 }).unwrap();
    let mut beginning = Box::pin(model.sequence());
    assert!(poll_once(beginning.as_mut()).is_pending(), "one byte is no room for its state");
    assert_eq!(names(&manager), ["talk"]);
    drop(others);
    let mut sequence = wait(beginning).unwrap();
    let answer = wait(sequence.infer(inputs(1), &plain())).unwrap();
    assert_eq!(answer.outputs, talker(0).expected(&inputs(1)).unwrap());
}

#[test]
fn an_admission_holds_its_memory_until_it_is_used_or_dropped() {
    let world = Artificial::new();
    world.add("sum", held(1000));
    let manager = manager(&world);
    let model = load(&manager, "sum", ModelOptions::default());
    let shapes = [vec![3, 4]];
    let admission = wait(model.request_admission(&shapes, &plain())).unwrap();
    // Arena, inputs and outputs.
    assert_eq!(admission.bytes(), 64 + 48 + 12);
    assert_eq!(manager.pool().statistics().in_use.bytes, 1000 + admission.bytes());
    assert_eq!((admission.version(), manager.pool().statistics().in_use.operations), (1, 1));
    let request = held(0).request(3, 4, 1);
    let answer = wait(admission.execute(request.clone(), &plain())).unwrap();
    assert_eq!(answer.outputs, held(0).expected(&request).unwrap());
    until(|| manager.pool().statistics().in_use.operations == 0);
    until(|| manager.pool().statistics().in_use.bytes == 1064);
    drop(wait(model.request_admission(&shapes, &plain())).unwrap());
    assert_eq!(manager.pool().statistics().in_use.operations, 0);
    let admission = wait(model.request_admission(&shapes, &plain())).unwrap();
    let wrong = wait(admission.execute(inputs(1), &plain())).unwrap_err();
    assert!(wrong.to_string().contains("other shapes than were admitted"), "{wrong}");
    assert_eq!(settled(&manager).operations, 0);
    // It outlives its model's name.
    let admission = wait(model.request_admission(&shapes, &plain())).unwrap();
    manager.unload("sum", None).unwrap();
    assert!(wait(admission.execute(request, &plain())).is_ok());
    until(|| manager.pool().statistics().in_use.bytes == 0);
}

/// An artificial world on another machine.
struct Elsewhere(Artificial);

impl Loader for Elsewhere {
    fn engines(&self) -> Vec<EngineInfo> {
        let mut engines = self.0.engines();
        engines.iter_mut().for_each(|engine| engine.machine.push_str(" elsewhere"));
        engines
    }

    fn identify(&self, path: &Path) -> Result<Identity, LoadError> {
        self.0.identify(path)
    }

    fn load(&self, path: &Path, options: &Compilation<'_>) -> Result<Loaded, LoadError> {
        Loader::load(&self.0, path, options)
    }
}

/// The first engine costs 10 ms a row, the second 50 ms a run.
fn two_engines() -> Artificial {
    let world = Artificial::with_engines(&[ArtificialEngine::FIRST, ArtificialEngine::SECOND]);
    let by_row = Cost { per_row: Duration::from_millis(10), ..Cost::default() };
    let by_run = Cost { fixed: Duration::from_millis(50), ..Cost::default() };
    let costs = vec![("artificial", by_row), ("artificial-2", by_run)];
    world.add("sum", ArtificialModel { costs, ..held(1000) });
    world
}

fn engines_of(world: &Artificial, model: &Model, rows: usize, runs: usize) -> Vec<&'static str> {
    world.forget();
    for seed in 0..runs {
        model.infer_blocking(held(0).request(rows, 4, seed as u64), &plain()).unwrap();
    }
    world.runs().iter().map(|run| run.engine).collect()
}

const FIRST: &str = "artificial";
const SECOND: &str = "artificial-2";

#[test]
fn each_shape_runs_where_it_is_cheapest_once_that_is_measured() {
    let world = two_engines();
    let manager = manager(&world);
    let model = load(&manager, "sum", ModelOptions::default());
    for (rows, cheaper) in [(1, FIRST), (8, SECOND)] {
        let ran = engines_of(&world, &model, rows, 8);
        assert_eq!(ran[..4], [FIRST, FIRST, SECOND, SECOND]);
        assert_eq!(ran[4..], [cheaper; 4], "{rows} rows");
    }
    // Only what may run it is compared.
    let options = ModelOptions { engines: vec![SECOND.to_owned()], ..ModelOptions::default() };
    let own = manager.load_blocking("own", Path::new("sum"), options).unwrap();
    assert_eq!(engines_of(&world, &own, 1, 4), [SECOND; 4]);
    assert_eq!(manager.models()[0].engines, [SECOND]);
    assert_eq!(ArtificialEngine::SECOND.unit, Unit::Gpu);
}

#[test]
fn what_was_measured_and_compiled_is_known_to_the_next_process_on_the_same_machine() {
    let folder = std::env::temp_dir().join(format!("anemone-lifecycle-{}", std::process::id()));
    let config = || config().cache_folder(Some(folder.clone()));
    let open = |loader: Arc<dyn Loader>| {
        let manager = Manager::with_sensors(config().build().unwrap(), loader, Box::new(NoSensors));
        let model = load(&manager, "sum", ModelOptions::default());
        (manager, model)
    };
    let world = two_engines();
    let (manager, model) = open(Arc::new(world.clone()));
    assert!(!world.loads()[0].was_kept);
    engines_of(&world, &model, 8, 4);
    wait(manager.shutdown(Duration::MAX));
    drop((manager, model));

    let world = two_engines();
    let (manager, model) = open(Arc::new(world.clone()));
    assert!(world.loads()[0].was_kept);
    assert_eq!(engines_of(&world, &model, 8, 3), [SECOND; 3]);
    let caches = manager.performance_summary().caches;
    let artefacts = caches.iter().find(|cache| cache.cache == "artefact").unwrap();
    assert_eq!((artefacts.hits, artefacts.misses), (2, 0));
    drop((manager, model));

    let world = two_engines();
    let (manager, model) = open(Arc::new(Elsewhere(world.clone())));
    assert!(!world.loads()[0].was_kept);
    assert_eq!(engines_of(&world, &model, 8, 3), [FIRST, FIRST, SECOND]);
    drop((manager, model));
    drop(std::fs::remove_dir_all(folder));
}
